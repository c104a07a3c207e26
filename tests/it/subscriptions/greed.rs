//! What listeners may not take: places, memory and connections that others need.

use serde_json::{Value, json};

use crate::harness::TestApp;

const PROTOCOL: (&str, &str) = ("sec-websocket-protocol", "graphql-transport-ws");

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
async fn what_is_kept_for_a_subscription_is_small() {
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
