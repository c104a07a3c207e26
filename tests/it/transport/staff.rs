//! The staff listener: who is let through, and which cookies and origins it accepts.

use reqwest::Method;
use serde_json::json;

use crate::harness::{Anonymous, Answer, PASSWORD, TestApp, queries};

const SIGNED_IN: (&str, &str) = ("IDGATE_GRAPHQL__STAFF_INTROSPECTION", "signed-in");
const SCHEMA: &str = "{ __schema { queryType { name } } }";
const APP: &str = "https://app.example.com";
const PUBLIC: &str = "https://id.example.com";
const STAFF: &str = "https://staff.example.com";

#[tokio::test(flavor = "multi_thread")]
async fn strangers_run_trusted_documents_and_learn_nothing_of_the_schema() {
    let app = TestApp::with(&[SIGNED_IN]).await;
    app.register("ada@example.com").await;
    let staff = app.staff().await;
    for text in [SCHEMA, "{ me { emai } }", "{", "", queries::text("Me")] {
        for client in [
            staff.anonymous(),
            // An expired token counts as none.
            staff.anonymous().with("authorization", "Bearer junk"),
        ] {
            let answer = client.ask(text, json!({})).await;
            answer.assert_refusal(401, "UNAUTHENTICATED");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
            assert!(!answer.text.contains("Did you mean"), "{}", answer.text);
        }
    }
    let get = staff.get("/graphql?query=%7B__typename%7D").await;
    get.assert_refusal(401, "UNAUTHENTICATED");

    let client = staff.anonymous();
    let answer = client.run_by_id("AuthConfig", json!({})).await;
    assert_eq!(answer.root("authConfig")["passwordMinLength"], 8);
    let input = json!({ "emailOrPhone": "ada@example.com", "password": PASSWORD });
    let answer = client.run_by_id("Login", json!({ "input": input })).await;
    assert_eq!(answer.typename("login"), "SignedIn");
    let unknown = json!({ "documentId": "sha256:00" });
    let answer = client.send(&unknown).await;
    answer.assert_refusal(400, "PERSISTED_DOCUMENT_NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_run_any_document_as_long_as_they_are_staff() {
    let app = TestApp::with(&[SIGNED_IN, ("IDGATE_GRAPHQL__INTROSPECTION", "false")]).await;
    let staff = app.staff().await;
    for (what, allowed) in [
        ("client", false),
        ("vendor", false),
        ("staff", true),
        ("staff sales", true),
        ("admin", true),
    ] {
        let email = format!("{}@example.com", what.replace(' ', "-"));
        let person = app.appoint(&email, what).await;
        let there = person.at(&staff);
        let (answer, work) = staff.work_of(there.ask(SCHEMA, json!({}))).await;
        assert_eq!(work.statements, 1, "who asks is read once");
        if allowed {
            assert_eq!(answer.root("__schema")["queryType"]["name"], "Query");
            let near = there.ask("{ me { emai } }", json!({})).await;
            assert!(near.text.contains("Did you mean"), "{}", near.text);
        } else {
            answer.assert_refusal(403, "FORBIDDEN");
            there
                .run("Me", json!({}))
                .await
                .assert_refusal(403, "FORBIDDEN");
        }
        // The public surface never shows the schema.
        let public = person.ask(SCHEMA, json!({})).await;
        public.assert_refusal(200, "GRAPHQL_VALIDATION_FAILED");
    }
    // A user who leaves the staff is refused from the next request on.
    let former = app.login("admin@example.com").await;
    app.execute("UPDATE users SET role = 'client'").await;
    let answer = former.at(&staff).ask(SCHEMA, json!({})).await;
    answer.assert_refusal(401, "UNAUTHENTICATED");
    let answer = former
        .refreshed()
        .await
        .at(&staff)
        .ask(SCHEMA, json!({}))
        .await;
    answer.assert_refusal(403, "FORBIDDEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_ones_own_machine_the_listener_is_trusted() {
    let app = TestApp::spawn().await;
    let staff = app.staff().await;
    let answer = staff.anonymous().ask(SCHEMA, json!({})).await;
    assert_eq!(answer.root("__schema")["queryType"]["name"], "Query");
    let setting = staff.get("/graphiql/setting.json").await;
    assert_eq!(setting.json["staffOnly"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_staff_page_runs_its_own_documents_without_a_sign_in() {
    let app = TestApp::with(&[SIGNED_IN]).await;
    let staff = app.staff().await;
    let setting = staff.get("/graphiql/setting.json").await.json;
    assert_eq!(setting["staffOnly"], true);
    let tabs = setting["tabs"].as_array().unwrap();
    assert!(
        tabs[0]["query"]
            .as_str()
            .unwrap()
            .contains("query SearchUsers(")
    );
    assert!(tabs.len() >= 10 && tabs.len() < queries::DOCUMENTS.len());
    for (name, of_the_page) in setting["documents"].as_object().unwrap() {
        assert_eq!(*of_the_page, queries::id(name), "{name}");
        let body = json!({ "documentId": of_the_page, "variables": { "input": {} } });
        let answer = staff.anonymous().send(&body).await;
        assert_ne!(answer.status, 401, "{name}: {}", answer.text);
        assert_ne!(answer.code(), "PERSISTED_DOCUMENT_NOT_FOUND", "{name}");
    }
}

/// A gateway with a front end, and the staff listener beside it, all behind https.
async fn behind_proxies() -> (TestApp, TestApp) {
    let app = TestApp::with(&[
        SIGNED_IN,
        ("IDGATE_SERVER__PUBLIC_URL", PUBLIC),
        ("IDGATE_SERVER__STAFF_URL", STAFF),
        ("IDGATE_SERVER__CORS_ORIGINS", APP),
    ])
    .await;
    let staff = app.staff().await;
    (app, staff)
}

/// Signs in by cookie and returns the cookie, with its attributes.
async fn login(app: &TestApp) -> String {
    let input = json!({ "emailOrPhone": "ada@example.com", "password": PASSWORD });
    let client = app.anonymous().with("idgate-delivery", "cookie");
    let answer = client.run_by_id("Login", json!({ "input": input })).await;
    assert!(answer.root("login")["refreshToken"].is_null());
    answer.header("set-cookie").to_owned()
}

fn browser<'a>(app: &'a TestApp, cookie: &str, origin: &str) -> Anonymous<'a> {
    let pair = cookie.split(';').next().unwrap();
    let client = app.anonymous().with("cookie", pair);
    client.with("idgate-csrf", "1").with("origin", origin)
}

async fn refresh(app: &TestApp, cookie: &str, origin: &str) -> Answer {
    let client = browser(app, cookie, origin).with("idgate-delivery", "cookie");
    client
        .run_by_id("RefreshSession", json!({ "input": {} }))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_surface_takes_cookies_from_its_own_pages_alone() {
    let (app, staff) = behind_proxies().await;
    app.register("ada@example.com").await;
    for (surface, own, foreign) in [
        (&staff, &[STAFF][..], &[PUBLIC, APP, "null"][..]),
        (&app, &[PUBLIC, APP], &[STAFF, "null"]),
    ] {
        let mut cookie = login(surface).await;
        assert!(cookie.starts_with("__Host-idgate_refresh=idr_"), "{cookie}");
        assert!(cookie.contains("; Secure"), "{cookie}");
        for origin in foreign {
            let answer = refresh(surface, &cookie, origin).await;
            assert_eq!(answer.code(), "CSRF_PREVENTION_FAILED", "{origin}");
        }
        for origin in own {
            let answer = refresh(surface, &cookie, origin).await;
            assert_eq!(answer.typename("refreshSession"), "SignedIn", "{origin}");
            answer.header("set-cookie").clone_into(&mut cookie);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_of_a_front_end_read_no_answer_of_the_staff_listener() {
    let (app, staff) = behind_proxies().await;
    for (surface, allowed) in [(&app, APP), (&staff, "")] {
        let preflight = surface
            .request(Method::OPTIONS, "/graphql")
            .header("origin", APP)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "idgate-csrf");
        let answer = Answer::of(preflight).await;
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
        if allowed.is_empty() {
            assert_eq!(answer.header("access-control-allow-credentials"), "");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_served_under_the_name_of_its_surface() {
    let (app, staff) = behind_proxies().await;
    for (surface, host, status) in [
        (&app, "id.example.com", 200),
        (&app, "staff.example.com", 403),
        (&staff, "staff.example.com", 200),
        (&staff, "id.example.com", 403),
        (&staff, "localhost", 200),
    ] {
        let request = surface.request(Method::GET, "/graphiql");
        let answer = Answer::of(request.header("host", host)).await;
        assert_eq!(answer.status, status, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn through_a_tunnel_the_cookie_is_for_this_machine() {
    let app = TestApp::with(&[SIGNED_IN, ("IDGATE_SERVER__PUBLIC_URL", PUBLIC)]).await;
    app.register("ada@example.com").await;
    let staff = app.staff().await;
    let cookie = login(&staff).await;
    assert!(cookie.starts_with("idgate_refresh=idr_"), "{cookie}");
    assert!(!cookie.contains("Secure"), "{cookie}");
    let answer = refresh(&staff, &cookie, &staff.url("")).await;
    assert_eq!(answer.typename("refreshSession"), "SignedIn");
    let client = staff.anonymous().with("idgate-delivery", "cookie");
    let answer = client
        .with("host", "staff.intranet")
        .run_by_id("Logout", json!({}))
        .await;
    answer.assert_refusal(400, "BAD_USER_INPUT");
}
