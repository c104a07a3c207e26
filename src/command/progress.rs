//! The progress of long work, on standard error: a bar on a terminal, a line every few seconds
//! elsewhere.

use std::time::Duration;

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};

use super::say_error;

/// The pause between two lines.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// Work of known size in progress. Dropped, it clears its bar.
pub(super) struct Progress {
    bar: ProgressBar,
    what: &'static str,
    said: Duration,
}

impl Progress {
    /// Begins; `what` is what is counted, in the plural.
    pub(super) fn of(total: u64, what: &'static str) -> Self {
        let bar = ProgressBar::new(total);
        // The default style, if this one could not be parsed, shows the same without the rate.
        if let Ok(style) = ProgressStyle::with_template(
            "{bar:32} {human_pos} of {human_len} {msg}, {per_sec}, {eta} left",
        ) {
            bar.set_style(style);
        }
        bar.set_message(what);
        Self {
            bar,
            what,
            said: Duration::ZERO,
        }
    }

    /// Says how far the work is.
    pub(super) fn is_at(&mut self, done: u64) {
        // More may have become due meanwhile.
        if self.bar.length().is_some_and(|total| total < done) {
            self.bar.set_length(done);
        }
        self.bar.set_position(done);
        let elapsed = self.bar.elapsed();
        if self.bar.is_hidden() && elapsed.saturating_sub(self.said) >= BETWEEN_LINES {
            self.said = elapsed;
            let total = self.bar.length().unwrap_or(done);
            say_error(&format!(
                "{} of {} {} after {}",
                HumanCount(done),
                HumanCount(total),
                self.what,
                HumanDuration(elapsed),
            ));
        }
    }

    /// Says that so much more is done.
    pub(super) fn advance(&mut self, more: u64) {
        self.is_at(self.bar.position() + more);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
