//! Vulnerabilities of federated graphs.

use serde_json::{Value, json};

use crate::administration::matrix;
use crate::federation::{HEADER, ROUTER, SECRET};
use crate::harness::{Answer, TestApp};

const MANY: &str = "query($of: [_Any!]!) { _entities(representations: $of) { __typename } }";

fn references(count: usize) -> Vec<Value> {
    (0..count)
        .map(|number| json!({ "__typename": "User", "id": number.to_string() }))
        .collect()
}

/// The schema and the entities are for the router alone; neither an open nor a closed schema, and
/// no other header, gives them to the public.
#[tokio::test(flavor = "multi_thread")]
async fn apollo_ghsa_q2f9_x4p4_7xmh_only_the_router_reaches_its_fields() {
    for introspection in ["true", "false"] {
        let settings = [ROUTER, ("IDGATE_GRAPHQL__INTROSPECTION", introspection)];
        let app = TestApp::with(&settings).await;
        let ada = app.appoint("ada@example.com", "admin").await;
        let one = format!(
            "{{ _entities(representations: [{{ __typename: \"User\", id: \"{}\" }}]) {{ __typename }} }}",
            ada.user_id
        );
        for query in ["{ _service { sdl } }", one.as_str()] {
            for client in [
                app.anonymous(),
                app.anonymous().with("idgate-router", SECRET),
                app.anonymous()
                    .with("authorization", format!("Bearer {SECRET}")),
                app.anonymous()
                    .with("apollo-federation-include-trace", "ftv1"),
            ] {
                let answer = client.ask(query, json!({})).await;
                assert_eq!(
                    answer.code(),
                    "GRAPHQL_VALIDATION_FAILED",
                    "{}",
                    answer.text
                );
                assert!(answer.json["data"].is_null() && !answer.text.contains("@key"));
            }
            let answer = ada.ask(query, json!({})).await;
            assert_eq!(
                answer.code(),
                "GRAPHQL_VALIDATION_FAILED",
                "{}",
                answer.text
            );
        }
        let types = "{ __schema { types { name } } }";
        let answer = ada.ask(types, json!({})).await;
        for name in ["_Entity", "_Service", "_Any", "Principal"] {
            assert!(!answer.text.contains(&format!("\"{name}\"")), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn apollo_ghsa_p2q6_pwh5_m6jr_references_are_counted_before_anything_is_read() {
    let app = TestApp::with(&[ROUTER]).await;
    let ada = app.register("ada@example.com").await.with(HEADER, SECRET);
    let half = "a: _entities(representations: $of) { __typename } ";
    let both = format!("query($of: [_Any!]!) {{ {half} b{} }}", &half[1..]);
    let default = format!(
        "query($of: [_Any!]! = [{}]) {{ {half} }}",
        "{} ".repeat(1_001)
    );
    let literal = format!(
        "{{ _entities(representations: [{}]) {{ __typename }} }}",
        "1 ".repeat(1_001)
    );
    let cases = [
        (MANY, json!({ "of": references(20_000) })),
        (MANY, json!({ "of": references(1_001) })),
        (both.as_str(), json!({ "of": references(501) })),
        (&default, json!({})),
        (&literal, json!({})),
        // The selection of each counts too.
        (
            "query($of: [_Any!]!) { _entities(representations: $of) { ... on User { \
             sessions(first: 50) { nodes { id } } } } }",
            json!({ "of": references(1_000) }),
        ),
    ];
    for (place, (query, variables)) in cases.into_iter().enumerate() {
        let (answer, work) = app.work_of(ada.ask(query, variables)).await;
        answer.assert_refusal(400, "QUERY_TOO_EXPENSIVE");
        // That of the caller, whose name the audit of a refusal would need.
        assert!(work.statements <= 1, "{place}: {}", work.statements);
    }
    let anonymous = app.anonymous().with(HEADER, SECRET);
    let (answer, work) = app
        .work_of(anonymous.ask(MANY, json!({ "of": references(20_000) })))
        .await;
    answer.assert_refusal(400, "QUERY_TOO_EXPENSIVE");
    assert_eq!(work.statements, 0);
    let answer = anonymous
        .ask(MANY, json!({ "of": references(1_000) }))
        .await;
    assert_eq!(answer.root("_entities").as_array().unwrap().len(), 1_000);
}

/// Guards of fields were skipped there for entities; here each key is tried, with and without the
/// right. `administration/matrix.rs` tries every field for every role.
#[tokio::test(flavor = "multi_thread")]
async fn nestjs_graphql_1188_a_reference_goes_around_no_guard() {
    let app = TestApp::with(&[ROUTER]).await;
    let ada = app.register("ada@example.com").await;
    let eve = app.register("eve@example.com").await;
    let support = app.appoint("support@example.com", "staff support").await;
    let query = "query($of: [_Any!]!) { _entities(representations: $of) { __typename \
                 ... on User { email sessions(first: 1) { nodes { id } } auditEvents(first: 1) \
                 { nodes { id } } staffNote } ... on Session { ipAddress } } }";
    let session = ada.session_id().await;
    let keys = [
        json!({ "__typename": "User", "id": ada.user_id }),
        json!({ "__typename": "Principal", "id": ada.user_id }),
        json!({ "__typename": "User", "email": "ada@example.com" }),
        json!({ "__typename": "Session", "id": session }),
    ];
    for key in keys {
        let ask = async |client: crate::harness::SignedIn<'_>| {
            let router = client.with(HEADER, SECRET);
            router.ask(query, json!({ "of": [key] })).await
        };
        let stranger = ask(eve.clone()).await;
        assert_eq!(stranger.code(), "FORBIDDEN", "{key}");
        assert!(
            !stranger.text.contains("ada@example.com"),
            "{}",
            stranger.text
        );
        assert!(!stranger.text.contains("127.0.0.1"), "{}", stranger.text);
        let owner = ask(ada.clone()).await;
        let staff = ask(support.clone()).await;
        let entity = &staff.json["data"]["_entities"][0];
        if entity["__typename"] == "User" {
            // She cannot read the note about her.
            assert_eq!(
                owner.json["errors"][0]["path"],
                json!(["_entities", 0, "staffNote"])
            );
            assert_eq!(owner.json["errors"].as_array().unwrap().len(), 1);
            assert_eq!(entity["email"], "ada@example.com");
        } else {
            assert_eq!(owner.root("_entities")[0]["ipAddress"], "127.0.0.1");
        }
        assert!(staff.json["errors"].is_null(), "{}", staff.text);
    }
}

/// What an anonymous caller may read about a user whom another subgraph refers to.
const PUBLIC: [&str; 5] = ["id", "pid", "firstName", "avatarUrl", "role"];

/// Asserts that the entity is there and this field of it is not, and returns nothing of the owner.
fn assert_guarded(answer: &Answer, field: &str, path: &str) {
    let errors = answer.json["errors"].as_array();
    let errors = errors.unwrap_or_else(|| panic!("{field} by {path}: {}", answer.text));
    assert!(!errors.is_empty(), "{field} by {path}");
    for error in errors {
        let code = &error["extensions"]["code"];
        assert_eq!(code, "FORBIDDEN", "{field} by {path}: {}", answer.text);
    }
    for entity in answer.json["data"]["_entities"].as_array().unwrap() {
        for (name, value) in entity.as_object().into_iter().flatten() {
            let is_told = !["__typename", "id"].contains(&name.as_str()) && !value.is_null();
            assert!(!is_told, "{field} by {path}: {}", answer.text);
        }
    }
    for secret in ["ada@example.com", "Lovelace", "127.0.0.1"] {
        assert!(!answer.text.contains(secret), "{field} by {path}");
    }
}

/// Routers checked directives on types, and fields reached through interfaces, aliases or
/// `@requires` bypassed them. Here no router checks anything: a caller who reaches the gateway as a
/// router does meets the guard of every field, whichever way the field is written.
#[tokio::test(flavor = "multi_thread")]
async fn apollo_ghsa_mx7m_j9xf_62hw_and_m8jr_fxqx_8xx6_fields_are_guarded_without_a_router() {
    let app = TestApp::with(&[ROUTER]).await;
    let ada = app.register("ada@example.com").await;
    let eve = app.register("eve@example.com").await;
    let router = eve.clone().with(HEADER, SECRET);
    let anonymous = app.anonymous().with(HEADER, SECRET);
    let head = "query($of: [_Any!]!) { _entities(representations: $of) { __typename";
    let mut tried = 0;
    for (field, selected) in matrix::fields() {
        if PUBLIC.contains(&field.as_str()) {
            continue;
        }
        tried += 1;
        let aliased = format!("innocent: {selected}");
        let paths = [
            (
                "fragment",
                format!("{head} ... on User {{ id {selected} }} }} }}"),
            ),
            (
                "alias",
                format!("{head} ... on User {{ id {aliased} }} }} }}"),
            ),
            (
                "two aliases",
                format!("{head} ... on User {{ a: {selected} b: {selected} }} }} }}"),
            ),
            (
                "interface",
                format!("{head} ... on Principal {{ id ... on User {{ {selected} }} }} }} }}"),
            ),
            (
                "named fragments",
                format!(
                    "{head} ...outer }} }} fragment outer on Principal {{ ...inner }} \
                     fragment inner on User {{ {selected} }}"
                ),
            ),
            (
                "directives of a client",
                format!(
                    "{head} ... on User @include(if: true) {{ {selected} @skip(if: false) }} }} }}"
                )
                .replace("{ id } @skip(if: false)", "@skip(if: false) { id }")
                .replace(
                    "{ nodes { id } } @skip(if: false)",
                    "@skip(if: false) { nodes { id } }",
                ),
            ),
        ];
        // Fields a router sends for `@requires` are not trusted.
        let keys = [
            json!({ "__typename": "User", "id": ada.user_id }),
            json!({ "__typename": "Principal", "id": ada.user_id }),
            json!({
                "__typename": "User", "id": ada.user_id, "role": "ADMIN", "current": true,
                "isOwner": true, "email": "ada@example.com", "permissions": ["users:read"],
            }),
        ];
        for (path, query) in &paths {
            for key in &keys {
                let of = json!({ "of": [key] });
                assert_guarded(&router.ask(query, of.clone()).await, &field, path);
                assert_guarded(&anonymous.ask(query, of).await, &field, path);
            }
        }
    }
    assert!(tried > 25, "{tried}");

    // Sessions resolve for their owner only: there is no entity to read a field of.
    let key = json!({ "of": [{ "__typename": "Session", "id": ada.session_id().await }] });
    let query = format!("{head} ... on Session {{ id innocent: ipAddress userAgent }} }} }}");
    for answer in [
        router.ask(&query, key.clone()).await,
        anonymous.ask(&query, key).await,
    ] {
        let entity = &answer.json["data"]["_entities"][0];
        assert!(entity.is_null(), "{}", answer.text);
    }

    // Subscriptions apply the guards of their fields and of subscribing.
    let mut socket = eve.socket().await;
    socket.subscribe("a", "AuditStream", json!({})).await;
    assert_eq!(socket.refusal("a").await, "FORBIDDEN");
    let aliased = "subscription { innocent: auditEvents { id actor { id } subject { id } } }";
    socket.ask("b", aliased, json!({})).await;
    assert_eq!(socket.refusal("b").await, "FORBIDDEN");
}
