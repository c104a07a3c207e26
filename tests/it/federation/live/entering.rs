//! Authentication: the router by its secret, the user by their own token.

use serde_json::{Value, json};
use url::Url;

use super::{PROOF, PROTOCOL, Way, ways, with_router};
use crate::federation::{HEADER, ROUTER, SECRET};
use crate::harness::{PASSWORD, SignedIn, Socket, TestApp, queries};

#[tokio::test(flavor = "multi_thread")]
async fn without_router_proof_no_connection_is_accepted() {
    let (app, router) = with_router(&[]).await;
    let ada = app.register("ada@example.com").await;
    let bearer = format!("Bearer {}", ada.access_token);
    let (longer, other) = (format!("{SECRET}0"), SECRET.to_uppercase());
    let secrets: [&[&str]; 7] = [
        &[],
        &[""],
        &["wrong"],
        &[&SECRET[1..]],
        &[&longer],
        &[&other],
        &[SECRET, SECRET],
    ];
    for way in ways() {
        for secrets in secrets {
            for token in [None, Some("Bearer x"), Some(bearer.as_str())] {
                let mut headers: Vec<_> = secrets.iter().map(|secret| (HEADER, *secret)).collect();
                headers.extend(token.map(|token| ("authorization", token)));
                // The place of the secret is the handshake alone.
                let payload = json!({ "Authorization": token, "idgate-router-secret": SECRET });
                let asked = way.ask(router.address, &headers, payload).await;
                assert_eq!(asked.err(), Some(403), "{way:?} {secrets:?} {token:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_router_secret_alone_authenticates_no_user() {
    let (app, router) = with_router(&[]).await;
    let ada = app.register("ada@example.com").await;
    let suspended = app.register("eve@example.com").await;
    let gone = app.login("ada@example.com").await;
    gone.run("Logout", json!({})).await;
    let root = app.appoint("root@example.com", "admin").await;
    let input = json!({ "input": { "userId": suspended.user_id } });
    root.run("SuspendUser", input).await;
    let expired = app.login("ada@example.com").await;
    app.advance(600);
    let bearer = |token: &str| format!("Bearer {token}");
    for (what, tokens) in [
        ("none", vec![]),
        ("no token", vec!["Bearer x".to_owned()]),
        ("the secret", vec![bearer(SECRET)]),
        (
            "another scheme",
            vec![format!("Basic {}", ada.access_token)],
        ),
        ("two of them", vec![bearer(&ada.access_token); 2]),
        ("a session that ended", vec![bearer(&gone.access_token)]),
        ("a suspended account", vec![bearer(&suspended.access_token)]),
        ("expired", vec![bearer(&expired.access_token)]),
    ] {
        let tokens = tokens.iter().map(|token| ("authorization", token.as_str()));
        let headers: Vec<_> = std::iter::once(PROOF).chain(tokens).collect();
        for way in ways() {
            let asked = way.ask(router.address, &headers, json!({})).await;
            let mut listening = asked.unwrap_or_else(|status| panic!("{way:?} {what}: {status}"));
            let end = if listening.is_socket() {
                "4403"
            } else {
                "UNAUTHENTICATED complete"
            };
            assert_eq!(listening.end().await, end, "{way:?} {what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_takes_the_persons_token_from_either_place_and_not_two_different_ones() {
    let (app, router) = with_router(&[]).await;
    let ada = app.register("ada@example.com").await;
    let other = app.login("ada@example.com").await;
    let own = format!("Bearer {}", ada.access_token);
    let different = format!("Bearer {}", other.access_token);
    for (header, payload, is_let_in) in [
        (None, json!({ "Authorization": own }), true),
        (None, json!({ "authorization": own }), true),
        (Some(&own), json!({}), true),
        (Some(&own), json!({ "authorization": own }), true),
        // As Apollo's router repeats the header.
        (Some(&own), json!({ "token": own }), true),
        (None, json!({ "token": own }), false),
        (Some(&own), json!({ "authorization": different }), false),
        (Some(&own), json!({ "authorization": "" }), false),
        (Some(&own), json!({ "authorization": null }), false),
        (Some(&own), json!({ "authorization": [own] }), false),
        (
            Some(&own),
            json!({ "authorization": own, "Authorization": different }),
            false,
        ),
    ] {
        for path in ["/graphql/ws", "/graphql"] {
            let mut headers = vec![PROOF];
            headers.extend(header.map(|token| ("authorization", token.as_str())));
            let way = Way::Socket(path);
            let asked = way.ask(router.address, &headers, payload.clone()).await;
            let mut listening = asked.ok().unwrap();
            if is_let_in {
                listening.begin().await;
            } else {
                assert_eq!(listening.end().await, "4403", "{header:?} {payload}");
            }
        }
    }
}

async fn by_id(app: &TestApp, document: &str, input: Value) -> crate::harness::Answer {
    let input = json!({ "input": input });
    app.anonymous().run_by_id(document, input).await
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_public_listener_the_secret_gives_the_router_surface() {
    let required = ("IDGATE_GRAPHQL__TRUSTED_DOCUMENTS", "required");
    let app = TestApp::with(&[ROUTER, required]).await;
    let address = app.address();
    let email = "ada@example.com";
    let input = json!({ "email": email, "password": PASSWORD, "firstName": "A", "lastName": "L" });
    let answer = by_id(&app, "Register", input).await;
    let ada = SignedIn::from_answer(&app, &answer, "register");
    let bearer = format!("Bearer {}", ada.access_token);
    let authorization = ("authorization", bearer.as_str());
    app.caught_up().await;
    let mut all = Vec::new();
    for way in ways() {
        let wrong = [(HEADER, "wrong"), authorization];
        let asked = way.ask(address, &wrong, json!({})).await;
        assert_eq!(asked.err(), Some(403), "{way:?}");
        // Texts of its own, as over HTTP.
        let asked = way.ask(address, &[PROOF, authorization], json!({})).await;
        let mut listening = asked.unwrap_or_else(|status| panic!("{way:?}: {status}"));
        listening.begin().await;
        all.push(listening);
        // Without the secret it is the public, with the public's rules.
        let public = way.ask(address, &[authorization], json!({})).await;
        match (way, public) {
            (Way::Socket("/graphql/ws"), Ok(mut public)) => assert_eq!(public.end().await, "4403"),
            (_, Err(status)) => assert!((400..500).contains(&status), "{status}"),
            (way, Ok(_)) => panic!("{way:?} let the public in"),
        }
    }
    let input = json!({ "emailOrPhone": email, "password": PASSWORD });
    by_id(&app, "Login", input).await;
    for listening in &mut all {
        assert_eq!(listening.event().await["kind"], "SIGNED_IN");
    }
}

/// A router that asks where it is not served must not become the public by that.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_opens_no_events_where_no_router_is_expected() {
    let without = TestApp::spawn().await;
    let (elsewhere, _router) = with_router(&[]).await;
    let staff = TestApp::with(&[ROUTER]).await.staff().await;
    for app in [&without, &elsewhere, &staff] {
        let address = app.address();
        for way in ways() {
            let asked = way.ask(address, &[PROOF], json!({})).await;
            assert_eq!(asked.err(), Some(403), "{way:?}");
        }
    }
    // Nor one whose listener has neither secret nor certificate.
    let unauthenticated = super::Listener::open(&without).await;
    for way in ways() {
        let asked = way.ask(unauthenticated.address, &[PROOF], json!({})).await;
        assert_eq!(asked.err(), Some(403), "{way:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_live_events_are_turned_off_a_router_gets_none() {
    let (app, router) = with_router(&[("IDGATE_SUBSCRIPTIONS__ENABLED", "false")]).await;
    let ada = app.register("ada@example.com").await;
    let bearer = format!("Bearer {}", ada.access_token);
    for way in ways() {
        let headers = [PROOF, ("authorization", bearer.as_str())];
        let status = way.ask(router.address, &headers, json!({})).await.err();
        assert!(matches!(status, Some(404..=406)), "{way:?}: {status:?}");
    }
}

/// Routers forward a browser's `Origin`; checking it is the router's task.
#[tokio::test(flavor = "multi_thread")]
async fn an_origin_header_forwarded_by_a_router_is_ignored() {
    let (_app, router) = with_router(&[]).await;
    let foreign = ("origin", "https://app.example.com");
    let socket = Socket::open(router.address, "/graphql/ws", &[PROTOCOL, PROOF, foreign]).await;
    assert!(socket.is_ok());
}

/// A stream asked for by the address alone is for routers: it needs no script of any page.
#[tokio::test(flavor = "multi_thread")]
async fn a_router_asks_for_streams_by_get_and_for_nothing_else() {
    let (app, router) = with_router(&[]).await;
    let ada = app.register("ada@example.com").await;
    let get = |query: &str, accept: &str| {
        let url = format!("http://{}/graphql", router.address);
        let url = Url::parse_with_params(&url, [("query", query)]).unwrap();
        let request = crate::harness::http().get(url);
        let request = request.header(HEADER, SECRET).header("accept", accept);
        crate::harness::Answer::of(request.bearer_auth(&ada.access_token))
    };
    let events = "text/event-stream";
    let (query, subscription) = ("{ me { id } }", queries::text("SessionEvents"));
    get(query, events)
        .await
        .assert_refusal(400, "BAD_USER_INPUT");
    let logout = "mutation { logout { __typename } }";
    get(logout, events)
        .await
        .assert_refusal(400, "BAD_USER_INPUT");
    for accept in [
        "application/json",
        "application/json, text/event-stream",
        "*/*",
    ] {
        let answer = get(subscription, accept).await;
        answer.assert_refusal(405, "METHOD_NOT_ALLOWED");
    }
    assert!(ada.is_signed_in().await);
}
