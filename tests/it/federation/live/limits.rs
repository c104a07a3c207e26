//! Limits hold for a router, too: its secret lifts none.

use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use super::{PROOF, PROTOCOL, Way, ways, with_router};
use crate::federation::{HEADER, SECRET};
use crate::harness::{Socket, narrow_connection};

/// All of a router's connections come from its own address. What it says of others' counts where
/// the router is a trusted proxy, and otherwise for nothing, as over HTTP.
#[tokio::test(flavor = "multi_thread")]
async fn sockets_are_counted_by_the_address_that_a_trusted_router_tells() {
    let few = ("IDGATE_SUBSCRIPTIONS__MAX_UNKNOWN", "2");
    for (trusted, is_believed) in [("127.0.0.1/32", true), ("10.0.0.0/8", false)] {
        let proxies = ("IDGATE_SERVER__TRUSTED_PROXIES", trusted);
        let (_app, router) = with_router(&[few, proxies]).await;
        let mut open = Vec::new();
        for (address, is_let_in) in [
            ("203.0.113.9", true),
            ("203.0.113.9", true),
            ("203.0.113.9", false),
            ("203.0.113.10", is_believed),
            ("203.0.113.11", is_believed),
        ] {
            let headers = [PROTOCOL, PROOF, ("x-forwarded-for", address)];
            match Socket::open(router.address, "/graphql", &headers).await {
                Ok(socket) if is_let_in => open.push(socket),
                Err(429) if !is_let_in => {}
                other => panic!("{trusted} {address}: {:?}", other.err()),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_holds_no_more_connections_through_a_router() {
    let (app, router) = with_router(&[("IDGATE_SUBSCRIPTIONS__MAX_CONNECTIONS", "2")]).await;
    let ada = app.register("ada@example.com").await;
    let eve = app.register("eve@example.com").await;
    let held = (
        ways()[0].listen(&router, &ada).await,
        ways()[2].listen(&router, &ada).await,
    );
    let bearer = format!("Bearer {}", ada.access_token);
    for way in ways() {
        let headers = [PROOF, ("authorization", bearer.as_str())];
        match way.ask(router.address, &headers, json!({})).await {
            Ok(mut socket) if socket.is_socket() => assert_eq!(socket.end().await, "1013"),
            other => assert_eq!(other.err(), Some(429), "{way:?}"),
        }
    }
    // Another user has their own slots, also at the router's address.
    ways()[0].listen(&router, &eve).await;
    drop(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_of_a_socket_hold_for_a_router() {
    let hasty = [("IDGATE_SUBSCRIPTIONS__INIT_SECONDS", "1")];
    let (_other, hasty) = with_router(&hasty).await;
    let short = [
        ("IDGATE_SUBSCRIPTIONS__MAX_PER_CONNECTION", "2"),
        ("IDGATE_SERVER__BODY_LIMIT", "20000"),
    ];
    let (app, router) = with_router(&short).await;
    let ada = app.register("ada@example.com").await;
    for path in ["/graphql/ws", "/graphql"] {
        let silent = Socket::open(hasty.address, path, &[PROTOCOL, PROOF]).await;
        let mut silent = silent.unwrap();
        let open = async |headers: &[(&str, &str)]| {
            let socket = Socket::open(router.address, path, headers).await;
            socket.unwrap()
        };
        assert_eq!(silent.end().await, 4408);
        let mut other = open(&[PROOF]).await;
        assert_eq!(other.end().await, 4406);
        let mut early = open(&[PROTOCOL, PROOF]).await;
        early.subscribe("a", "SessionEvents", json!({})).await;
        assert_eq!(early.end().await, 4401);
        let mut large = open(&[PROTOCOL, PROOF]).await;
        let text = "x".repeat(20_000);
        large
            .send(json!({ "type": "ping", "payload": { "a": text } }))
            .await;
        assert_eq!(large.end().await, 4400);

        let super::Listening::Socket(mut socket) = Way::Socket(path).listen(&router, &ada).await
        else {
            unreachable!()
        };
        let query = "{ me { id } }";
        socket.ask("b", query, json!({})).await;
        assert_eq!(socket.refusal("b").await, "BAD_USER_INPUT");
        let entities = "query($of: [_Any!]!) { _entities(representations: $of) { __typename } }";
        socket.ask("b", entities, json!({ "of": [] })).await;
        assert_eq!(socket.refusal("b").await, "BAD_USER_INPUT");
        socket
            .ask("b", "subscription { auditEvents { id } }", json!({}))
            .await;
        assert_eq!(socket.refusal("b").await, "FORBIDDEN");
        socket.subscribe("b", "SessionEvents", json!({})).await;
        socket.subscribe("c", "SessionEvents", json!({})).await;
        assert_eq!(socket.refusal("c").await, "TOO_MANY_REQUESTS");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_that_does_not_read_is_given_up() {
    let strict = [
        ("IDGATE_SUBSCRIPTIONS__QUEUE", "64"),
        ("IDGATE_SUBSCRIPTIONS__WRITE_SECONDS", "1"),
    ];
    let (app, router) = with_router(&strict).await;
    let root = app.appoint("root@example.com", "admin").await;
    let bearer = format!("Bearer {}", root.access_token);
    let again: Vec<_> = app.audited().await.into_iter().cycle().take(16).collect();

    let headers = [PROTOCOL, PROOF, ("authorization", bearer.as_str())];
    let socket = Socket::open(router.address, "/graphql", &headers).await;
    let mut socket = socket.unwrap();
    socket.send(json!({ "type": "connection_init" })).await;
    socket.receive().await;
    socket.subscribe("a", "AuditStream", json!({})).await;
    socket.settle().await;
    app.until("ended_total{why=\"slow\"} 1", || app.publish(&again))
        .await;
    drop(socket);

    let body = json!({ "query": crate::harness::queries::text("AuditStream") }).to_string();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: {bearer}\r\n{HEADER}: {SECRET}\r\n\
         accept: text/event-stream\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len(),
    );
    let mut stream = narrow_connection(router.address).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let listens = "idgate_subscription_connections{over=\"stream\"} 1";
    app.until(listens, || {}).await;
    app.until("ended_total{why=\"slow\"} 2", || app.publish(&again))
        .await;
}
