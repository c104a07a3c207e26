//! The loop itself; the work is tested where it is implemented.

use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{every, when_woken};
use crate::fault::Fault;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_failed_round_does_not_end_the_loop_and_a_stop_does() {
    let (rounds, third) = (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
    let stop = CancellationToken::new();
    let (counted, reached) = (Arc::clone(&rounds), Arc::clone(&third));
    let going = every(
        "a test",
        |_| Duration::from_millis(1),
        stop.clone(),
        move || {
            let round = counted.fetch_add(1, Ordering::SeqCst) + 1;
            if round == 3 {
                reached.notify_one();
            }
            async { Err(Fault::new("this round fails")) }
        },
    );
    tokio::pin!(going);
    tokio::select! {
        () = &mut going => panic!("the loop ended by itself"),
        () = third.notified() => {}
        () = tokio::time::sleep(PATIENCE) => panic!("no third round"),
    }
    stop.cancel();
    let ended = tokio::time::timeout(PATIENCE, going).await;
    assert!(ended.is_ok(), "the loop goes on after a stop");
    assert!(rounds.load(Ordering::SeqCst) >= 3);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_the_next_round() {
    let stop = CancellationToken::new();
    let going = every(
        "a test",
        |_| Duration::from_hours(1),
        stop.clone(),
        || async { panic!("no round is due") },
    );
    stop.cancel();
    let ended = tokio::time::timeout(PATIENCE, going).await;
    assert!(ended.is_ok());
}

/// What a loop waits for, and what it did.
#[derive(Default)]
struct Script {
    wake: Notify,
    pause: Notify,
    rounds: AtomicU32,
}

impl Script {
    /// A loop whose rounds return these outcomes, then that nothing is left. It is polled by hand, so
    /// that no time passes.
    fn start(
        self: &Arc<Self>,
        outcomes: Vec<Result<bool, Fault>>,
    ) -> Pin<Box<impl Future<Output = ()>>> {
        let [woken, paused, counted] = [(); 3].map(|()| Arc::clone(self));
        let mut outcomes = outcomes.into_iter();
        Box::pin(when_woken(
            "a test",
            CancellationToken::new(),
            move || {
                let script = Arc::clone(&woken);
                async move { script.wake.notified().await }
            },
            move || {
                let script = Arc::clone(&paused);
                async move { script.pause.notified().await }
            },
            move || {
                counted.rounds.fetch_add(1, Ordering::SeqCst);
                let outcome = outcomes.next().unwrap_or(Ok(false));
                async { outcome }
            },
        ))
    }

    /// The rounds once the loop has gone as far as it can.
    fn rounds(&self, going: &mut (impl Future<Output = ()> + Unpin)) -> u32 {
        assert!(going.now_or_never().is_none(), "the loop ended by itself");
        self.rounds.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_woken_loop_runs_once_for_all_that_woke_it() {
    let script = Arc::new(Script::default());
    let mut going = script.start(Vec::new());
    assert_eq!(script.rounds(&mut going), 0, "nothing woke it");
    for _ in 0..10 {
        script.wake.notify_one();
    }
    assert_eq!(script.rounds(&mut going), 0, "it pauses first");
    script.pause.notify_one();
    assert_eq!(script.rounds(&mut going), 1);
    assert_eq!(script.rounds(&mut going), 1);
    script.wake.notify_one();
    script.pause.notify_one();
    assert_eq!(script.rounds(&mut going), 2);
}

#[tokio::test]
async fn a_woken_loop_tries_again_what_failed_and_what_is_left() {
    let script = Arc::new(Script::default());
    let mut going = script.start(vec![Err(Fault::new("this round fails")), Ok(true)]);
    script.wake.notify_one();
    for round in 1..=3 {
        script.pause.notify_one();
        assert_eq!(script.rounds(&mut going), round);
    }
    script.pause.notify_one();
    assert_eq!(script.rounds(&mut going), 3, "nothing is left");
}

#[tokio::test]
async fn a_loop_says_after_each_round_whether_it_found_something() {
    let found = Arc::new(Mutex::new(Vec::new()));
    let (asked, fourth) = (Arc::clone(&found), Arc::new(Notify::new()));
    let reached = Arc::clone(&fourth);
    let pause = move |is_found| {
        let mut asked = asked.lock().unwrap();
        asked.push(is_found);
        if asked.len() == 4 {
            reached.notify_one();
        }
        Duration::ZERO
    };
    let mut outcomes = vec![Ok(true), Ok(false), Err(Fault::new("this round fails"))].into_iter();
    let round = move || {
        let outcome = outcomes.next().unwrap_or(Ok(false));
        async { outcome }
    };
    let going = every("a test", pause, CancellationToken::new(), round);
    tokio::select! {
        () = going => panic!("the loop ended by itself"),
        () = fourth.notified() => {}
        () = tokio::time::sleep(PATIENCE) => panic!("no fourth pause"),
    }
    assert_eq!(found.lock().unwrap()[..4], [true, true, false, true]);
}
