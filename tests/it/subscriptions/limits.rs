//! Limits of subscriptions: connections, memory and database connections.

use std::time::{Duration, Instant};

use idgate::domain::event::DomainEvent;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::TestApp;

const PROTOCOL: (&str, &str) = ("sec-websocket-protocol", "graphql-transport-ws");
/// The limit for anything that should happen at once.
const TIMEOUT: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn strangers_of_one_network_share_their_places() {
    let few = [
        ("IDGATE_SUBSCRIPTIONS__MAX_UNKNOWN", "2"),
        ("IDGATE_SERVER__TRUSTED_PROXIES", "127.0.0.1/32"),
    ];
    let app = TestApp::with(&few).await;
    let mut open = Vec::new();
    for (address, is_taken) in [
        ("2001:db8:0:7::1", true),
        ("2001:db8:0:7:a:b:c:d", true),
        ("2001:db8:0:7::2", false),
        ("2001:db8:0:8::2", true),
    ] {
        let forwarded = ("x-forwarded-for", address);
        match app.handshake(&[PROTOCOL, forwarded]).await {
            Ok(socket) if is_taken => open.push(socket),
            Err(429) if !is_taken => {}
            other => panic!("{address}: {:?}", other.err()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_keeps_little_memory() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let mut socket = ada.socket().await;
    let fine = "subscription { sessionEvents { at } }";
    let long = format!("{fine} #{}", "x".repeat(40_000));
    let large = json!({ "unused": "x".repeat(40_000) });
    for (text, variables) in [(long.as_str(), Value::Null), (fine, large)] {
        socket.ask("a", text, variables).await;
        assert_eq!(socket.refusal("a").await, "QUERY_TOO_EXPENSIVE");
    }
    socket.ask("a", fine, json!({ "unused": "x" })).await;
    socket.settle().await;
    app.login("ada@example.com").await;
    socket.event("sessionEvents").await;
}

/// Publishes audit events that cannot be read before `COMMIT`, and waits until a reader blocks.
async fn block_reader(app: &TestApp, events: &[DomainEvent]) {
    app.execute("BEGIN").await;
    app.execute("LOCK TABLE audit_events").await;
    app.publish(events);
    let begun = Instant::now();
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    while app.number(waiting).await == 0 {
        assert!(begun.elapsed() < TIMEOUT, "no reader blocks");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_leave_connections_to_the_database_to_others() {
    let app = TestApp::with(&[("IDGATE_DATABASE__MAX_CONNECTIONS", "4")]).await;
    if app.is_sqlite() {
        return;
    }
    let root = app.appoint("root@example.com", "admin").await;
    let mut sockets = Vec::new();
    for _ in 0..6 {
        sockets.push(root.listen("AuditStream", json!({})).await);
    }
    let again = app.audited().await;
    block_reader(&app, &again).await;
    for _ in 0..20 {
        assert!(root.is_signed_in().await);
    }
    app.execute("COMMIT").await;
    for socket in &mut sockets {
        socket.event("auditEvents").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_connection_frees_its_slots_before_it_closes() {
    let app = TestApp::with(&[("IDGATE_DATABASE__MAX_CONNECTIONS", "4")]).await;
    if app.is_sqlite() {
        return;
    }
    let root = app.appoint("root@example.com", "admin").await;
    let ada = app.register("ada@example.com").await;
    let laptop = app.login("ada@example.com").await;
    let mut events = ada.listen("SessionEvents", json!({})).await;
    let mut rejected = root.listen("AuditStream", json!({})).await;
    let again = app.audited().await;
    // The only database permit of the subscriptions.
    block_reader(&app, &again).await;
    rejected.send_raw(Message::Text("{".into())).await;
    assert_eq!(rejected.end().await, 4400);
    let user = ada.user_id.parse().unwrap();
    let session = laptop.session_id().await.parse().unwrap();
    app.publish(&[DomainEvent::SignedIn { user, session }]);
    events.event("sessionEvents").await;
    // The close handshake of the other connection is still pending.
    let both = "idgate_subscription_connections{over=\"websocket\"} 2";
    assert!(app.app.metrics.render().contains(both));
    app.execute("COMMIT").await;
}
