//! Subscriptions: who receives which events.

mod cost;
mod endings;
mod instances;
mod limits;
mod protocol;
mod stream;

use serde_json::{Value, json};

use crate::harness::{Received, TestApp};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// A document with long events, so that a few of them fill the socket buffers of clients
/// that do not read.
fn long_events() -> String {
    let fields = (0..28).map(|number| format!("a{number}: action"));
    let fields = fields.collect::<Vec<_>>().join(" ");
    format!("subscription {{ auditEvents {{ id {fields} }} }}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_elsewhere_is_told_with_its_device_and_so_is_its_end() {
    let app = TestApp::spawn().await;
    let phone = app.register("ada@example.com").await;
    let mut socket = phone.listen("SessionEvents", json!({})).await;

    let client = app.anonymous().with("user-agent", FIREFOX);
    let input = json!({ "emailOrPhone": "ada@example.com", "password": crate::harness::PASSWORD });
    let answer = client.run("Login", json!({ "input": input })).await;
    let laptop = crate::harness::SignedIn::from_answer(&app, &answer, "login");
    let id = laptop.session_id().await;
    let event = socket.event("sessionEvents").await;
    assert_eq!(event["kind"], "SIGNED_IN");
    assert_eq!(event["at"], "2026-03-01T12:00:00+00:00");
    assert!(event["reason"].is_null());
    assert_eq!(event["session"]["id"], id);
    assert_eq!(event["session"]["browser"], "Firefox 140");
    assert_eq!(event["session"]["current"], false);

    app.advance(7);
    laptop.run("Logout", json!({})).await;
    let event = socket.event("sessionEvents").await;
    assert_eq!(event["kind"], "ENDED");
    assert_eq!(event["at"], "2026-03-01T12:00:07+00:00");
    assert_eq!(event["reason"], "SIGNED_OUT");
    assert_eq!(event["session"]["id"], id);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_other_users_are_not_delivered() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let mut socket = ada.listen("SessionEvents", json!({})).await;
    let eve = app.register("eve@example.com").await;
    app.login("eve@example.com").await;
    eve.run("RevokeOtherSessions", json!({})).await;
    let own = app.login("ada@example.com").await;
    let event = socket.event("sessionEvents").await;
    assert_eq!(event["session"]["id"], own.session_id().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_event_that_the_rows_do_not_confirm_yields_nothing() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let eve = app.register("eve@example.com").await;
    let mut socket = ada.listen("SessionEvents", json!({})).await;
    // A forged event, as an attacker with write access to Redis could publish.
    let user = ada.user_id.parse().unwrap();
    let own = ada.session_id().await.parse().unwrap();
    let hers = eve.session_id().await.parse().unwrap();
    let unknown = eve.user_id.parse().unwrap();
    app.publish(&[
        idgate::domain::event::DomainEvent::SessionEnded { user, session: own },
        idgate::domain::event::DomainEvent::SignedIn {
            user,
            session: hers,
        },
        idgate::domain::event::DomainEvent::SignedIn {
            user,
            session: unknown,
        },
        idgate::domain::event::DomainEvent::SignedIn { user, session: own },
    ]);
    let other = app.login("ada@example.com").await;
    let event = socket.event("sessionEvents").await;
    assert_eq!(event["session"]["id"], other.session_id().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn auditors_receive_the_events_they_filter_for_and_others_are_refused() {
    let app = TestApp::spawn().await;
    for (what, may) in [
        ("client", false),
        ("vendor", false),
        ("staff", false),
        ("staff editor", false),
        ("staff sales", false),
        ("staff support", true),
        ("admin", true),
    ] {
        let email = format!("{}@example.com", what.replace(' ', "-"));
        let person = app.appoint(&email, what).await;
        let mut socket = person.socket().await;
        let filter = json!({ "filter": { "actions": ["login.failed"] } });
        socket.subscribe("a", "AuditStream", filter).await;
        if !may {
            assert_eq!(socket.refusal("a").await, "FORBIDDEN", "{what}");
            continue;
        }
        socket.settle().await;
        app.login("client@example.com").await;
        app.anonymous()
            .login("client@example.com", "not the password")
            .await;
        let event = socket.event("auditEvents").await;
        assert_eq!(event["action"], "login.failed", "{what}");
        assert_eq!(event["subject"]["email"], "client@example.com");
        assert_eq!(event["ipAddress"], "127.0.0.1");
        assert_eq!(event["operationName"], "Login");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_are_validated_on_subscribe() {
    let app = TestApp::spawn().await;
    let root = app.appoint("root@example.com", "admin").await;
    let mut socket = root.socket().await;
    let filter = json!({ "filter": { "ipAddress": "nowhere" } });
    socket.subscribe("a", "AuditStream", filter).await;
    assert_eq!(socket.refusal("a").await, "BAD_USER_INPUT");
    let unknown = "subscription { auditEvents { secret } }";
    socket.ask("a", unknown, json!({})).await;
    assert_eq!(socket.refusal("a").await, "GRAPHQL_VALIDATION_FAILED");
    let text = "subscription ($f: AuditEventFilter!) { auditEvents(filter: $f) { id } }";
    socket.ask("a", text, json!({})).await;
    assert_eq!(socket.refusal("a").await, "BAD_USER_INPUT");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_costs_two_statements_however_many_listen_on_the_connection() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let (_, alone) = app.work_of(app.login("ada@example.com")).await;
    let mut socket = ada.socket().await;
    for id in ["a", "b", "c"] {
        socket.subscribe(id, "SessionEvents", json!({})).await;
    }
    socket.settle().await;
    let three = async |socket: &mut crate::harness::Socket| {
        for _ in 0..3 {
            assert!(matches!(socket.receive().await, Received::Message(_)));
        }
    };
    app.login("ada@example.com").await;
    three(&mut socket).await;
    let listened = async {
        app.login("ada@example.com").await;
        three(&mut socket).await;
    };
    let ((), work) = app.work_of(listened).await;
    // The subscriber, and the session.
    assert_eq!(work.statements, alone.statements + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_wait_are_read_together() {
    let app = TestApp::spawn().await;
    let root = app.appoint("root@example.com", "admin").await;
    let text = "subscription { auditEvents { id action subject { id } } }";
    let mut socket = root.socket().await;
    socket.ask("a", text, json!({})).await;
    socket.settle().await;
    app.login("root@example.com").await;
    socket.event("auditEvents").await;
    let again = app.audited().await;
    let ((), work) = app
        .work_of(async {
            app.publish(&again);
            for _ in &again {
                socket.event("auditEvents").await;
            }
        })
        .await;
    assert!(again.len() >= 3, "{again:?}");
    // The subscriber, the events, and the users in them; the subscriber's own account is loaded.
    assert!(work.statements <= 3, "{work:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rolled_back_changes_are_not_delivered() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let mut socket = ada.listen("SessionEvents", json!({})).await;
    let (refuse, allow) = if app.is_sqlite() {
        let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON refresh_tokens \
                      BEGIN SELECT RAISE(ABORT, 'refused'); END";
        (refuse, "DROP TRIGGER refuse")
    } else {
        let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
                      $$ BEGIN RAISE EXCEPTION 'refused'; END $$; \
                      CREATE TRIGGER refuse BEFORE INSERT ON refresh_tokens \
                      FOR EACH ROW EXECUTE FUNCTION refuse()";
        (refuse, "DROP TRIGGER refuse ON refresh_tokens")
    };
    let mut delivered = app.app.event_bus.subscribe();
    app.execute(refuse).await;
    let answer = app
        .anonymous()
        .login("ada@example.com", crate::harness::PASSWORD)
        .await;
    assert_eq!(answer.code(), "INTERNAL_SERVER_ERROR", "{}", answer.text);
    app.execute(allow).await;
    let laptop = app.login("ada@example.com").await;
    let event = socket.event("sessionEvents").await;
    let id = laptop.session_id().await;
    assert_eq!(event["session"]["id"], id);
    // Not even as a domain event, which the rows would not confirm.
    let first = delivered.recv().await.unwrap();
    let (user, session) = (ada.user_id.parse().unwrap(), id.parse().unwrap());
    assert!(first.contains(&idgate::domain::event::DomainEvent::SignedIn { user, session }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completed_subscription_hears_nothing_and_its_id_is_free_again() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let mut socket = ada.listen("SessionEvents", json!({})).await;
    socket.send(json!({ "type": "complete", "id": "a" })).await;
    socket.settle().await;
    app.login("ada@example.com").await;
    app.caught_up().await;
    socket.settle().await;
    socket.subscribe("a", "SessionEvents", Value::Null).await;
    socket.settle().await;
    let laptop = app.login("ada@example.com").await;
    let event = socket.event("sessionEvents").await;
    assert_eq!(event["session"]["id"], laptop.session_id().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn trusted_documents_are_required_of_listeners_too() {
    let app = TestApp::with(&[("IDGATE_GRAPHQL__TRUSTED_DOCUMENTS", "required")]).await;
    let text = crate::harness::queries::text;
    let id = |name: &str| crate::harness::document_id(text(name));
    let post = |name: &str, variables: Value| {
        let body = json!({ "documentId": id(name), "variables": variables });
        let client = app.anonymous();
        async move { client.send(&body).await }
    };
    let input = json!({
        "email": "ada@example.com", "password": crate::harness::PASSWORD, "firstName": "Ada",
        "lastName": "Lovelace",
    });
    let answer = post("Register", json!({ "input": input })).await;
    let ada = crate::harness::SignedIn::from_answer(&app, &answer, "register");
    let mut socket = ada.socket().await;
    socket.subscribe("a", "SessionEvents", json!({})).await;
    assert_eq!(socket.refusal("a").await, "PERSISTED_DOCUMENT_REQUIRED");
    let unknown = json!({ "documentId": format!("sha256:{}", "0".repeat(64)) });
    socket
        .send(json!({ "type": "subscribe", "id": "a", "payload": unknown }))
        .await;
    assert_eq!(socket.refusal("a").await, "PERSISTED_DOCUMENT_NOT_FOUND");
    let known = json!({ "documentId": id("SessionEvents") });
    socket
        .send(json!({ "type": "subscribe", "id": "a", "payload": known }))
        .await;
    let hash = id("SessionEvents").replace("sha256:", "");
    let known = json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash } } });
    socket
        .send(json!({ "type": "subscribe", "id": "b", "payload": known }))
        .await;
    socket.settle().await;
    let input = json!({ "emailOrPhone": "ada@example.com", "password": crate::harness::PASSWORD });
    post("Login", json!({ "input": input })).await;
    socket.event("sessionEvents").await;
}
