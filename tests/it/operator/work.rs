//! Background loops: start, rounds and shutdown.

use std::time::{Duration, Instant};

use idgate::work;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::harness::TestApp;

const TIMEOUT: Duration = Duration::from_mins(1);

/// Waits until every message has left.
async fn delivered(app: &TestApp) {
    let waiting = "SELECT COUNT(*) FROM outbox_messages WHERE delivered_at IS NULL";
    until_none(app, waiting).await;
}

/// Waits until every audit event is linked.
async fn linked(app: &TestApp) {
    until_none(app, "SELECT COUNT(*) FROM audit_unlinked").await;
}

async fn until_none(app: &TestApp, count: &str) {
    let started = Instant::now();
    while app.number(count).await > 0 {
        assert!(started.elapsed() < TIMEOUT, "still there: {count}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_leave_by_themselves_until_a_stop() {
    let app = TestApp::spawn().await;
    let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
    app.register("early@example.com").await;
    work::start(&app.app, &tracker, &stop);
    delivered(&app).await;
    // This one comes while the loop rests.
    app.register("ada@example.com").await;
    delivered(&app).await;
    linked(&app).await;
    let mailbox = app.get("/dev/mailbox.json").await;
    assert_eq!(mailbox.json.as_array().unwrap().len(), 2);

    tracker.close();
    assert_eq!(tracker.len(), 10, "a loop ended before it was told to");
    stop.cancel();
    let ended = tokio::time::timeout(TIMEOUT, tracker.wait()).await;
    assert!(ended.is_ok(), "a loop goes on after a stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_may_leave_delivery_to_others() {
    let app = TestApp::with(&[("IDGATE_OUTBOX__ENABLED", "false")]).await;
    let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
    work::start(&app.app, &tracker, &stop);
    assert_eq!(tracker.len(), 8);
    stop.cancel();
    tracker.close();
    assert!(tokio::time::timeout(TIMEOUT, tracker.wait()).await.is_ok());
}
