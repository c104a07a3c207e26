//! Violations of the graphql-transport-ws protocol.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{PASSWORD, TestApp};

const PROTOCOL: (&str, &str) = ("sec-websocket-protocol", "graphql-transport-ws");

#[tokio::test(flavor = "multi_thread")]
async fn only_pages_that_are_allowed_may_open_a_socket() {
    let named = [("IDGATE_SERVER__CORS_ORIGINS", "https://app.example.com")];
    let app = TestApp::with(&named).await;
    let own = app.url("");
    for origin in [own.as_str(), "https://app.example.com"] {
        assert!(
            app.handshake(&[PROTOCOL, ("origin", origin)]).await.is_ok(),
            "{origin}"
        );
    }
    for origin in [
        "https://evil.example.com",
        "https://app.example.com.evil.example",
        "http://app.example.com",
        "null",
        "",
    ] {
        let refused = app.handshake(&[PROTOCOL, ("origin", origin)]).await;
        assert_eq!(refused.err(), Some(403), "{origin}");
    }
    let plain = app.get("/graphql/ws").await;
    plain.assert_refusal(400, "BAD_USER_INPUT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_opens_nothing_and_neither_does_a_token_that_does_not_hold() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let gone = app.login("ada@example.com").await;
    gone.run("Logout", json!({})).await;
    let cookie = format!("idgate-refresh={}", ada.refresh_token);
    let authorization = format!("Bearer {}", ada.access_token);
    for (name, value) in [("cookie", &cookie), ("authorization", &authorization)] {
        let mut socket = app.handshake(&[PROTOCOL, (name, value)]).await.unwrap();
        socket.send(json!({ "type": "connection_init" })).await;
        assert_eq!(socket.end().await, 4403, "{name}");
    }
    for payload in [
        json!({}),
        json!({ "Authorization": ada.access_token }),
        json!({ "Authorization": format!("Basic {}", ada.access_token) }),
        json!({ "Authorization": "Bearer x" }),
        json!({ "Authorization": format!("Bearer {}", gone.access_token) }),
        json!({ "Authorization": { "Bearer": ada.access_token } }),
        json!({ "token": format!("Bearer {}", ada.access_token) }),
    ] {
        let mut socket = app.socket().await;
        let init = json!({ "type": "connection_init", "payload": payload });
        socket.send(init).await;
        assert_eq!(socket.end().await, 4403, "{payload}");
    }
    let mut socket = app.socket().await;
    let payload = json!({ "authorization": format!("bearer {}", ada.access_token) });
    socket
        .send(json!({ "type": "connection_init", "payload": payload }))
        .await;
    let ack = json!({ "type": "connection_ack" });
    assert_eq!(
        socket.receive().await,
        crate::harness::Received::Message(ack)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn protocol_violations_have_their_close_codes() {
    let app = TestApp::spawn().await;
    let hasty = app
        .over(&[("IDGATE_SUBSCRIPTIONS__INIT_SECONDS", "1")])
        .await;
    let ada = app.register("ada@example.com").await;
    let subscribe = json!({
        "type": "subscribe", "id": "a",
        "payload": { "query": "subscription { sessionEvents { at } }" },
    });

    let mut early = app.socket().await;
    early.send(subscribe.clone()).await;
    assert_eq!(early.end().await, 4401);

    let mut silent = hasty.socket().await;
    assert_eq!(silent.end().await, 4408);

    let mut other = app.handshake(&[]).await.unwrap();
    assert_eq!(other.end().await, 4406);

    let mut twice = ada.socket().await;
    twice.send(json!({ "type": "connection_init" })).await;
    assert_eq!(twice.end().await, 4429);

    let mut same = ada.socket().await;
    same.send(subscribe.clone()).await;
    same.send(subscribe).await;
    assert_eq!(same.end().await, 4409);

    let garbage = [
        Message::Text("{".into()),
        Message::Text(r#"{"type":"start","id":"a"}"#.into()),
        Message::Text(r#"{"type":"subscribe","payload":{}}"#.into()),
        Message::Binary(br#"{"type":"ping"}"#.to_vec().into()),
        Message::Text(" ".repeat(app.app.config.server.body_limit + 1).into()),
        Message::Text(
            format!(
                "{{\"type\":\"ping\",\"payload\":[{}0]}}",
                "0,".repeat(20_000)
            )
            .into(),
        ),
    ];
    for message in garbage {
        let mut socket = ada.socket().await;
        let shown = message.to_string().chars().take(40).collect::<String>();
        socket.send_raw(message).await;
        assert_eq!(socket.end().await, 4400, "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_operations_are_refused_and_the_connection_stays() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let mut socket = ada.socket().await;
    let deep = format!(
        "subscription {{ sessionEvents {} }}",
        "{ a ".repeat(20) + &"}".repeat(20)
    );
    for (text, code) in [
        ("{ me { id } }", "BAD_USER_INPUT"),
        ("mutation { logout { __typename } }", "BAD_USER_INPUT"),
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        (
            "subscription { sessionEvents { at } auditEvents { id } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("subscription { __typename }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { unknown }", "GRAPHQL_VALIDATION_FAILED"),
        (deep.as_str(), "QUERY_TOO_EXPENSIVE"),
    ] {
        socket.ask("a", text, Value::Null).await;
        assert_eq!(socket.refusal("a").await, code, "{text}");
    }
    let wrong = json!({ "type": "subscribe", "id": "a", "payload": { "query": 1 } });
    socket.send(wrong).await;
    assert_eq!(socket.refusal("a").await, "BAD_USER_INPUT");
    assert!(ada.is_signed_in().await, "nothing was run");
    let answer = ada
        .ask("subscription { sessionEvents { at } }", json!({}))
        .await;
    answer.assert_refusal(400, "BAD_USER_INPUT");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_and_subscriptions_are_limited_per_user() {
    let few = [
        ("IDGATE_SUBSCRIPTIONS__MAX_CONNECTIONS", "2"),
        ("IDGATE_SUBSCRIPTIONS__MAX_UNKNOWN", "2"),
        ("IDGATE_SUBSCRIPTIONS__MAX_PER_CONNECTION", "2"),
    ];
    let app = TestApp::with(&few).await;
    let ada = app.register("ada@example.com").await;
    let mut first = ada.socket().await;
    let second = ada.socket().await;
    let mut third = app.socket().await;
    let payload = json!({ "Authorization": format!("Bearer {}", ada.access_token) });
    third
        .send(json!({ "type": "connection_init", "payload": payload }))
        .await;
    assert_eq!(third.end().await, 1013);
    let answer = ada.stream_answer("SessionEvents").await;
    answer.assert_refusal(429, "TOO_MANY_REQUESTS");
    drop(second);
    app.until(
        "idgate_subscription_connections{over=\"websocket\"} 1",
        || {},
    )
    .await;
    ada.socket().await;

    for id in ["a", "b", "c"] {
        first.subscribe(id, "SessionEvents", json!({})).await;
    }
    assert_eq!(first.refusal("c").await, "TOO_MANY_REQUESTS");
    first.send(json!({ "type": "complete", "id": "a" })).await;
    first.subscribe("c", "SessionEvents", json!({})).await;
    first.settle().await;

    let unknown = [app.socket().await, app.socket().await];
    assert_eq!(app.handshake(&[PROTOCOL]).await.err(), Some(429));
    drop(unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_turned_off_there_is_nothing() {
    let app = TestApp::with(&[("IDGATE_SUBSCRIPTIONS__ENABLED", "false")]).await;
    assert_eq!(app.handshake(&[PROTOCOL]).await.err(), Some(404));
    let ada = app.register("ada@example.com").await;
    let answer = ada.stream_answer("SessionEvents").await;
    answer.assert_refusal(404, "BAD_USER_INPUT");
    let input = json!({ "emailOrPhone": "ada@example.com", "password": PASSWORD });
    let answer = app
        .anonymous()
        .run("Login", json!({ "input": input }))
        .await;
    assert_eq!(answer.typename("login"), "SignedIn");
}
