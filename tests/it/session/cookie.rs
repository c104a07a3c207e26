//! The refresh token in a cookie, for browsers of the same site.

use serde_json::json;

use crate::harness::{Anonymous, Answer, PASSWORD, TestApp};

const SECURE: &[(&str, &str)] = &[("IDGATE_SERVER__PUBLIC_URL", "https://id.example.com")];

async fn login(app: &TestApp) -> Answer {
    app.register("ada@example.com").await;
    app.anonymous()
        .with("idgate-delivery", "cookie")
        .login("ada@example.com", PASSWORD)
        .await
}

/// `name=value` of the cookie that was set.
fn pair(answer: &Answer) -> String {
    answer
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned()
}

fn browser<'a>(app: &'a TestApp, cookie: &str) -> Anonymous<'a> {
    app.anonymous()
        .with("idgate-delivery", "cookie")
        .with("cookie", cookie)
}

async fn refresh(client: Anonymous<'_>) -> Answer {
    client.run("RefreshSession", json!({ "input": {} })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn over_https_the_cookie_is_bound_to_the_host_and_out_of_reach_of_scripts() {
    let app = TestApp::with(SECURE).await;
    let answer = login(&app).await;
    assert!(answer.root("login")["refreshToken"].is_null());
    let cookie = answer.header("set-cookie");
    let mut parts: Vec<&str> = cookie.split("; ").collect();
    assert!(
        parts.remove(0).starts_with("__Host-idgate_refresh=idr_"),
        "{cookie}"
    );
    parts.sort_unstable();
    assert_eq!(
        parts,
        [
            "HttpOnly",
            "Max-Age=2592000",
            "Path=/",
            "SameSite=Lax",
            "Secure"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn on_this_machine_the_cookie_works_without_https() {
    let app = TestApp::spawn().await;
    let answer = login(&app).await;
    assert!(pair(&answer).starts_with("idgate_refresh=idr_"));
    assert!(!answer.header("set-cookie").contains("Secure"));
    let renewed = refresh(browser(&app, &pair(&answer)).with("idgate-csrf", "1")).await;
    assert_eq!(renewed.typename("refreshSession"), "SignedIn");
    assert!(renewed.root("refreshSession")["refreshToken"].is_null());
    assert_ne!(pair(&renewed), pair(&answer));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_this_machine_a_page_counts_as_ours_under_the_name_it_was_opened_by() {
    let app = TestApp::spawn().await;
    let mut cookie = pair(&login(&app).await);
    let own = [
        ("localhost:3000", "http://localhost:3000"),
        ("[::1]:3000", "http://[::1]:3000"),
    ];
    let foreign = [
        // Another program on this machine.
        ("localhost:3000", "http://localhost:3001"),
        ("localhost:3000", "https://localhost:3000"),
        // A foreign host name that resolves here (DNS rebinding).
        ("evil.test:3000", "http://evil.test:3000"),
        ("[::1].evil.test", "http://[::1].evil.test"),
        ("[::1", "http://[::1"),
    ];
    for (host, origin) in own.into_iter().chain(foreign) {
        let client = app
            .anonymous()
            .with("cookie", &cookie)
            .with("idgate-csrf", "1")
            .with("host", host)
            .with("origin", origin);
        if foreign.contains(&(host, origin)) {
            let answer = refresh(client).await;
            assert_eq!(answer.code(), "CSRF_PREVENTION_FAILED", "{host} {origin}");
        } else {
            let answer = refresh(client.with("idgate-delivery", "cookie")).await;
            assert_eq!(answer.typename("refreshSession"), "SignedIn", "{host}");
            cookie = pair(&answer);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_alone_proves_too_little() {
    let app = TestApp::with(SECURE).await;
    let cookie = pair(&login(&app).await);
    let unguarded = refresh(browser(&app, &cookie)).await;
    assert_eq!(unguarded.code(), "CSRF_PREVENTION_FAILED");
    let foreign = browser(&app, &cookie)
        .with("idgate-csrf", "1")
        .with("origin", "https://evil.test");
    assert_eq!(refresh(foreign).await.code(), "CSRF_PREVENTION_FAILED");
    let lookalike = browser(&app, &cookie)
        .with("idgate-csrf", "1")
        .with("origin", "https://id.example.com.evil.test");
    assert_eq!(refresh(lookalike).await.code(), "CSRF_PREVENTION_FAILED");
    let opaque = browser(&app, &cookie)
        .with("idgate-csrf", "1")
        .with("origin", "null");
    assert_eq!(refresh(opaque).await.code(), "CSRF_PREVENTION_FAILED");
    let own = browser(&app, &cookie)
        .with("idgate-csrf", "1")
        .with("origin", "https://id.example.com");
    assert_eq!(refresh(own).await.typename("refreshSession"), "SignedIn");
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_by_cookie_ends_the_session_and_removes_the_cookie() {
    let app = TestApp::with(SECURE).await;
    let cookie = pair(&login(&app).await);
    let answer = browser(&app, &cookie).run("Logout", json!({})).await;
    assert_eq!(answer.code(), "CSRF_PREVENTION_FAILED");
    let answer = browser(&app, &cookie)
        .with("idgate-csrf", "1")
        .run("Logout", json!({}))
        .await;
    assert_eq!(answer.root("logout")["ended"], true);
    assert!(
        answer.header("set-cookie").contains("Max-Age=0"),
        "{:?}",
        answer.headers
    );
    let answer = refresh(browser(&app, &cookie).with("idgate-csrf", "1")).await;
    assert_eq!(answer.typename("refreshSession"), "TokenInvalid");
    assert!(
        answer.header("set-cookie").contains("Max-Age=0"),
        "{:?}",
        answer.headers
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cookie_is_set_for_a_name_that_others_could_share() {
    let app = TestApp::spawn().await;
    app.register("ada@example.com").await;
    let client = app
        .anonymous()
        .with("idgate-delivery", "cookie")
        .with("host", "intranet.example");
    let answer = client.login("ada@example.com", PASSWORD).await;
    answer.assert_refusal(400, "BAD_USER_INPUT");
    assert_eq!(answer.header("set-cookie"), "");
    let client = app.anonymous().with("idgate-delivery", "pigeon");
    client
        .login("ada@example.com", PASSWORD)
        .await
        .assert_refusal(400, "BAD_USER_INPUT");
}
