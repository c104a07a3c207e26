//! What an idle instance asks of the database, and how it notices what it did not write itself.

use std::time::Duration;

use futures_util::FutureExt as _;
use idgate::services::operator::{audit_linking, delivery, keys, waiting};
use idgate::work::Round;

use crate::harness::TestApp;

const TIMEOUT: Duration = Duration::from_mins(1);
const DAY: i64 = 86_400;

/// Which loops were woken: the delivery of messages and the linking of audit events.
fn woken(app: &TestApp) -> (bool, bool) {
    let messages = app.app.outbox_woken().now_or_never().is_some();
    let events = app.app.linking_woken().now_or_never().is_some();
    (messages, events)
}

async fn look(app: &TestApp) -> (bool, bool) {
    waiting::look(&app.app).await.unwrap();
    woken(app)
}

/// Does what the loops would.
async fn catch_up(app: &TestApp) {
    delivery::deliver_due(&app.app).await.unwrap();
    audit_linking::link_waiting(&app.app).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_instance_runs_less_than_one_statement_a_second() {
    let app = TestApp::spawn().await;
    app.register("ada@example.com").await;
    catch_up(&app).await;
    let mut an_hour = 0;
    for round in Round::ALL {
        // What the start left is found by the first one.
        round.run(&app.app).await.unwrap();
        let (found, work) = app.work_of(Box::pin(round.run(&app.app))).await;
        assert!(!found.unwrap(), "{round:?} found something");
        an_hour += work.statements * 3600 / round.pause(false).as_secs();
    }
    // A fifth is left for what is not counted, such as BEGIN and COMMIT, and for health checks.
    assert!(an_hour < 3600 * 4 / 5, "{an_hour} statements an hour");
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_for_work_costs_one_statement() {
    let app = TestApp::spawn().await;
    for _ in 0..2 {
        let (_, work) = app.work_of(look(&app)).await;
        assert_eq!(work.statements, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_leaves_is_noticed() {
    let app = TestApp::spawn().await;
    assert_eq!(look(&app).await, (false, false));
    let other = app.second_instance().await;
    other.register("ada@example.com").await;
    assert_eq!(woken(&app), (false, false), "it was not told");
    assert_eq!(look(&app).await, (true, true));
    assert_eq!(look(&app).await, (true, true), "it stays until it is done");
    catch_up(&app).await;
    assert_eq!(look(&app).await, (false, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_noticed_when_it_is_due_and_a_decoy_at_once() {
    let app = TestApp::spawn().await;
    app.register("ada@example.com").await;
    audit_linking::link_waiting(&app.app).await.unwrap();
    assert!(look(&app).await.0);
    let due = app.app.clock.now() + chrono::Duration::minutes(5);
    let postponed = format!(
        "UPDATE outbox_messages SET available_at = '{}'",
        due.to_rfc3339()
    );
    app.execute(&postponed).await;
    assert!(!look(&app).await.0);
    app.advance(300);
    assert!(look(&app).await.0);
    app.advance(-300);
    app.execute("UPDATE outbox_messages SET channel = 'none'")
        .await;
    assert!(look(&app).await.0, "a decoy is completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_day_is_noticed() {
    let app = TestApp::spawn().await;
    let other = app.second_instance().await;
    other.register("ada@example.com").await;
    catch_up(&app).await;
    app.advance(DAY);
    assert!(look(&app).await.1);
    let linked = audit_linking::link_waiting(&app.app).await.unwrap();
    assert!(linked.checkpoint);
    assert!(!look(&app).await.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_another_process_publishes_or_withdraws_are_loaded() {
    let app = TestApp::spawn().await;
    let other = app.second_instance().await;
    for compromised in [false, true, true] {
        keys::rotate(&other.app, compromised).await.unwrap();
        look(&app).await;
        let kids = |app: &TestApp| {
            let published = app.app.signing_keys();
            let kids = published.keys().iter().map(|key| key.kid().to_owned());
            kids.collect::<Vec<_>>()
        };
        assert_eq!(kids(&app), kids(&other));
        let (_, work) = app.work_of(look(&app)).await;
        assert_eq!(work.statements, 1, "they are not loaded again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_this_process_wakes_its_linking_at_once() {
    let app = TestApp::spawn().await;
    assert_eq!(woken(&app), (false, false));
    let client = app.anonymous();
    client
        .login("stranger@example.com", "not the password")
        .await;
    let linking = tokio::time::timeout(TIMEOUT, app.app.linking_woken()).await;
    assert!(linking.is_ok(), "nothing woke it");
}
