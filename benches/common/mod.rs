//! What benchmarks share.

use std::time::{Duration, Instant};

/// The medians of two kinds of work that take turns, so that what else the machine does meets both
/// alike. A ratio of them holds on a busy machine, where two measurements one after the other do not.
pub(crate) fn medians_in_turn(
    rounds: usize,
    mut first: impl FnMut(),
    mut second: impl FnMut(),
) -> (Duration, Duration) {
    let mut timings = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        timings.0.push(timed(&mut first));
        timings.1.push(timed(&mut second));
    }
    (median(timings.0), median(timings.1))
}

fn timed(work: &mut impl FnMut()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

fn median(mut timings: Vec<Duration>) -> Duration {
    timings.sort_unstable();
    timings.get(timings.len() / 2).copied().unwrap_or_default()
}
