//! What listeners may not take: places, memory and connections that others need.

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
