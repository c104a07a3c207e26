//! The loop itself; the work is tested where it is implemented.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::every;
use crate::fault::Fault;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_failed_round_does_not_end_the_loop_and_a_stop_does() {
    let (rounds, third) = (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
    let stop = CancellationToken::new();
    let (counted, reached) = (Arc::clone(&rounds), Arc::clone(&third));
    let going = every(
        "a test",
        Duration::from_millis(1),
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
    let going = every("a test", Duration::from_hours(1), stop.clone(), || async {
        panic!("no round is due")
    });
    stop.cancel();
    let ended = tokio::time::timeout(PATIENCE, going).await;
    assert!(ended.is_ok());
}
