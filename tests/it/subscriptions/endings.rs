//! When subscriptions end: with the session or permission behind them, and on shutdown.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::harness::{SignedIn, TestApp};

/// Unauthorized: the client must sign in.
const SIGNED_OUT: u16 = 4401;
/// Forbidden: the client must reconnect with another token.
const FORBIDDEN: u16 = 4403;

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_session_stops_listening_at_once_and_the_others_are_told_why() {
    let app = TestApp::spawn().await;
    let phone = app.register("ada@example.com").await;
    let laptop = app.login("ada@example.com").await;
    let mut on_phone = phone.listen("SessionEvents", json!({})).await;
    let mut on_laptop = laptop.listen("SessionEvents", json!({})).await;
    // With any subscription, and with none.
    let mut idle = phone.socket().await;

    let id = phone.session_id().await;
    let input = json!({ "input": { "sessionId": id } });
    laptop.run("RevokeSession", input).await;
    assert_eq!(on_phone.end().await, SIGNED_OUT);
    assert_eq!(idle.end().await, SIGNED_OUT);
    let event = on_laptop.event("sessionEvents").await;
    assert_eq!(
        (&event["kind"], &event["reason"]),
        (&json!("ENDED"), &json!("REVOKED"))
    );
    assert_eq!(event["session"]["id"], id);
}

#[tokio::test(flavor = "multi_thread")]
async fn administrative_changes_end_subscriptions_at_once() {
    let app = TestApp::spawn().await;
    let root = app.appoint("root@example.com", "admin").await;
    let by_root = async |person: &SignedIn<'_>, document: &str, mut input: Value| {
        input["userId"] = json!(person.user_id);
        let answer = root.run(document, json!({ "input": input })).await;
        assert!(answer.json["errors"].is_null(), "{}", answer.text);
    };
    for (document, input) in [
        ("SuspendUser", json!({})),
        ("RevokeUserSessions", json!({})),
        ("SetUserRole", json!({ "role": "VENDOR" })),
    ] {
        let person = app.register(&format!("{document}@example.com")).await;
        let mut socket = person.listen("SessionEvents", json!({})).await;
        by_root(&person, document, input).await;
        assert_eq!(socket.end().await, SIGNED_OUT, "{document}");
    }
    // Losing the auditor's permission ends their subscription.
    let auditor = app.appoint("support@example.com", "staff support").await;
    let mut socket = auditor.listen("AuditStream", json!({})).await;
    by_root(
        &auditor,
        "SetStaffFunctions",
        json!({ "staffFunctions": [] }),
    )
    .await;
    assert_eq!(socket.end().await, SIGNED_OUT);
}

#[tokio::test(flavor = "multi_thread")]
async fn unannounced_changes_end_subscriptions_at_the_next_check() {
    let often = [("IDGATE_SUBSCRIPTIONS__RECHECK_SECONDS", "1")];
    let app = TestApp::with(&often).await;
    let ada = app.register("ada@example.com").await;
    let mut socket = ada.listen("SessionEvents", json!({})).await;
    app.execute("UPDATE users SET suspended_at = created_at")
        .await;
    assert_eq!(socket.end().await, SIGNED_OUT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_cannot_be_verified_is_told_to_retry() {
    let often = [("IDGATE_SUBSCRIPTIONS__RECHECK_SECONDS", "1")];
    let app = TestApp::with(&often).await;
    if app.is_sqlite() {
        return;
    }
    let ada = app.register("ada@example.com").await;
    let mut socket = ada.listen("SessionEvents", json!({})).await;
    let mut stream = ada.stream("SessionEvents").await;
    app.forbid_connections(true).await;
    assert_eq!(socket.end().await, 1013);
    let (_, data) = stream.next().await.unwrap();
    let code = &data["errors"][0]["extensions"]["code"];
    assert_eq!(*code, "SERVICE_UNAVAILABLE");
    app.forbid_connections(false).await;
    ada.listen("SessionEvents", json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_ends_it_so_that_clients_come_back_with_another() {
    let often = [("IDGATE_SUBSCRIPTIONS__RECHECK_SECONDS", "1")];
    let app = TestApp::with(&often).await;
    let ada = app.register("ada@example.com").await;
    let mut socket = ada.listen("SessionEvents", json!({})).await;
    app.advance(600);
    assert_eq!(socket.end().await, FORBIDDEN);
    let mut socket = ada
        .refreshed()
        .await
        .listen("SessionEvents", json!({}))
        .await;
    app.login("ada@example.com").await;
    socket.event("sessionEvents").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_after_the_end_of_the_token_is_not_told() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let mut socket = ada.listen("SessionEvents", json!({})).await;
    app.advance(600);
    app.login("ada@example.com").await;
    assert_eq!(
        socket.receive().await,
        crate::harness::Received::Closed(FORBIDDEN)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_closes_sockets_and_ends_streams() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let mut socket = ada.listen("SessionEvents", json!({})).await;
    let mut stream = ada.stream("SessionEvents").await;
    app.stop();
    assert_eq!(socket.end().await, 1001);
    // Without `complete`, so that clients reconnect.
    assert_eq!(stream.next().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_outlive_the_idle_timeout() {
    let short = [
        ("IDGATE_SERVER__HEAD_TIMEOUT_SECONDS", "1"),
        ("IDGATE_SERVER__IDLE_TIMEOUT_SECONDS", "1"),
        ("IDGATE_SUBSCRIPTIONS__KEEP_ALIVE_SECONDS", "1"),
    ];
    let app = TestApp::with(&short).await;
    let ada = app.register("ada@example.com").await;
    let mut socket = ada.listen("SessionEvents", json!({})).await;
    let mut stream = ada.stream("SessionEvents").await;
    // Three keep-alives are three seconds.
    for _ in 0..3 {
        stream.sign_of_life().await;
        socket.settle().await;
    }
    app.login("ada@example.com").await;
    socket.event("sessionEvents").await;
    let (event, _) = stream.next().await.unwrap();
    assert_eq!(event, "next");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_disconnected() {
    let strict = [
        ("IDGATE_SUBSCRIPTIONS__QUEUE", "64"),
        ("IDGATE_SUBSCRIPTIONS__WRITE_SECONDS", "1"),
    ];
    let app = TestApp::with(&strict).await;
    let root = app.appoint("root@example.com", "admin").await;
    let socket = root.listen("AuditStream", json!({})).await;
    let again: Vec<_> = app.audited().await.into_iter().cycle().take(16).collect();
    app.until(
        "idgate_subscription_connections{over=\"websocket\"} 0",
        || app.publish(&again),
    )
    .await;
    app.until("ended_total{why=\"slow\"} 1", || {}).await;
    drop(socket);

    // Unread pongs count like unread events.
    let mut socket = root.socket().await;
    let ping = Message::Text(r#"{"type":"ping"}"#.into());
    socket.flood(ping).await;
    app.until("ended_total{why=\"slow\"} 2", || {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_is_stuck_ends_the_connection_however_much_may_wait() {
    let settings = [
        ("IDGATE_SUBSCRIPTIONS__QUEUE", "10000"),
        ("IDGATE_SUBSCRIPTIONS__WRITE_SECONDS", "1"),
        ("IDGATE_SUBSCRIPTIONS__MAX_CONNECTIONS", "1"),
        ("IDGATE_SERVER__IDLE_TIMEOUT_SECONDS", "1"),
    ];
    let app = TestApp::with(&settings).await;
    let root = app.appoint("root@example.com", "admin").await;
    let text = super::long_events();
    let mut socket = root.socket().await;
    socket.ask("a", &text, json!({})).await;
    socket.settle().await;
    let again: Vec<_> = app
        .audited()
        .await
        .into_iter()
        .cycle()
        .take(9_000)
        .collect();
    app.publish(&again);
    app.until("ended_total{why=\"slow\"} 1", || {}).await;
    app.until(
        "idgate_subscription_connections{over=\"websocket\"} 0",
        || {},
    )
    .await;
    drop(socket);
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_pongs_do_not_fill_memory() {
    let strict = [
        ("IDGATE_SUBSCRIPTIONS__INIT_SECONDS", "300"),
        ("IDGATE_SUBSCRIPTIONS__KEEP_ALIVE_SECONDS", "300"),
        ("IDGATE_SUBSCRIPTIONS__WRITE_SECONDS", "1"),
    ];
    let app = TestApp::with(&strict).await;
    let ping = Message::Ping(vec![b'x'; 125].into());
    // No authentication is needed for it.
    let mut socket = app.socket().await;
    socket.flood(ping).await;
    app.until("ended_total{why=\"slow\"} 1", || {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_goodbye_is_answered() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let mut socket = ada.listen("SessionEvents", json!({})).await;
    let (code, reason) = (CloseCode::Normal, Utf8Bytes::default());
    let goodbye = Message::Close(Some(CloseFrame { code, reason }));
    socket.send_raw(goodbye).await;
    assert_eq!(socket.end().await, 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_without_a_word_has_broken_no_rule() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    drop(ada.listen("SessionEvents", json!({})).await);
    app.until("ended_total{why=\"gone\"} 1", || {}).await;
}
