//! Sign-in, refresh and sign-out.

mod cookie;
mod imported;
mod legacy;
mod reuse;

use serde_json::json;

use crate::harness::{PASSWORD, SignedIn, TestApp};

const DAY: i64 = 86_400;

#[tokio::test(flavor = "multi_thread")]
async fn a_login_opens_the_account_and_tells_about_the_device() {
    let app = TestApp::spawn().await;
    app.register("ada@example.com").await;
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let client = app.anonymous().with("user-agent", firefox);
    let answer = client.login("Ada@Example.com", PASSWORD).await;
    let ada = SignedIn::from_answer(&app, &answer, "login");
    assert!(ada.is_signed_in().await);
    assert_eq!(answer.root("login")["expiresIn"], 600);
    assert!(
        answer.root("login")["deviceToken"]
            .as_str()
            .unwrap()
            .starts_with("idd_")
    );

    let sessions = ada.sessions().await;
    assert_eq!(sessions.len(), 2, "the registration began one, too");
    let current: Vec<_> = sessions
        .iter()
        .filter(|session| session["current"] == true)
        .collect();
    assert_eq!(current.len(), 1);
    assert_eq!(current[0]["browser"], "Firefox 140");
    assert_eq!(current[0]["os"], "Linux");
    assert_eq!(current[0]["device"], "desktop");
    assert_eq!(current[0]["ipAddress"], "127.0.0.1");
    assert_eq!(current[0]["amr"], json!(["pwd"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_opens_nothing() {
    let app = TestApp::spawn().await;
    app.register("ada@example.com").await;
    let answer = app
        .anonymous()
        .login("ada@example.com", "not the password")
        .await;
    assert_eq!(answer.typename("login"), "InvalidCredentials");
    assert_eq!(answer.root("login")["code"], "INVALID_CREDENTIALS");
    assert_eq!(app.number("SELECT COUNT(*) FROM sessions").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn me_is_null_when_anonymous_and_an_error_with_an_expired_token() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let anonymous = app.anonymous().run("Me", json!({})).await;
    assert_eq!(anonymous.text, r#"{"data":{"me":null}}"#);
    app.advance(599);
    assert!(ada.is_signed_in().await);
    app.advance(1);
    assert!(!ada.is_signed_in().await);
    assert!(ada.refreshed().await.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_mutation_ignores_an_expired_token() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    app.advance(3600);
    let input = json!({ "emailOrPhone": "ada@example.com", "password": PASSWORD });
    let answer = ada.run("Login", json!({ "input": input })).await;
    assert_eq!(answer.typename("login"), "SignedIn");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_expires_when_idle_and_after_half_a_year_at_most() {
    let app = TestApp::spawn().await;
    let idle = app.register("ada@example.com").await;
    app.advance(30 * DAY);
    let answer = app.anonymous().refresh(&idle.refresh_token).await;
    assert_eq!(answer.typename("refreshSession"), "TokenInvalid");

    let mut busy = app.login("ada@example.com").await;
    for _ in 0..8 {
        app.advance(20 * DAY);
        busy = busy.refreshed().await;
    }
    app.advance(20 * DAY);
    let answer = app.anonymous().refresh(&busy.refresh_token).await;
    assert_eq!(answer.typename("refreshSession"), "TokenInvalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_ends_the_access_token_and_the_refresh_token() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let answer = ada.run("Logout", json!({})).await;
    assert_eq!(answer.root("logout")["ended"], true);
    assert!(!ada.is_signed_in().await);
    let answer = app.anonymous().refresh(&ada.refresh_token).await;
    assert_eq!(answer.typename("refreshSession"), "TokenInvalid");
    let answer = app.anonymous().run("Logout", json!({})).await;
    assert_eq!(answer.code(), "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_a_session_takes_effect_at_every_instance_at_once() {
    let app = TestApp::spawn().await;
    let phone = app.register("ada@example.com").await;
    let laptop = app.login("ada@example.com").await;
    let other = app.second_instance().await;
    assert!(phone.at(&other).is_signed_in().await);

    let id = phone.session_id().await;
    let variables = json!({ "input": { "sessionId": id } });
    let answer = laptop.run("RevokeSession", variables.clone()).await;
    assert_eq!(answer.root("revokeSession")["sessionId"], id);
    assert!(!phone.at(&other).is_signed_in().await);
    assert!(!phone.is_signed_in().await);
    assert!(laptop.at(&other).is_signed_in().await);
    let answer = other.anonymous().refresh(&phone.refresh_token).await;
    assert_eq!(answer.typename("refreshSession"), "TokenInvalid");
    let again = laptop.run("RevokeSession", variables).await;
    assert_eq!(again.typename("revokeSession"), "NotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_the_others_leaves_the_session_that_asks() {
    let app = TestApp::spawn().await;
    let first = app.register("ada@example.com").await;
    let second = app.login("ada@example.com").await;
    let third = app.login("ada@example.com").await;
    let grace = app.register("grace@example.com").await;
    let answer = second.run("RevokeOtherSessions", json!({})).await;
    assert_eq!(answer.root("revokeOtherSessions")["count"], 2);
    assert!(second.is_signed_in().await);
    assert!(grace.is_signed_in().await);
    assert!(!first.is_signed_in().await);
    assert!(!third.is_signed_in().await);
    let answer = second.run("RevokeOtherSessions", json!({})).await;
    assert_eq!(answer.root("revokeOtherSessions")["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_up_renews_the_proof_of_that_session_alone() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    app.login("ada@example.com").await;
    app.advance(300);
    let wrong = ada
        .run(
            "StepUp",
            json!({ "input": { "password": "a guess at it" } }),
        )
        .await;
    assert_eq!(wrong.typename("stepUp"), "InvalidCredentials");
    let stale = "SELECT COUNT(*) FROM sessions WHERE auth_time = created_at";
    assert_eq!(app.number(stale).await, 2);

    let answer = ada
        .run("StepUp", json!({ "input": { "password": PASSWORD } }))
        .await;
    assert_eq!(answer.typename("stepUp"), "SteppedUp");
    assert_eq!(app.number(stale).await, 1);
    let token = answer.root("stepUp")["accessToken"].as_str().unwrap();
    let client = app
        .anonymous()
        .with("authorization", format!("Bearer {token}"));
    app.advance(300);
    assert_eq!(
        client.run("Me", json!({})).await.root("me")["id"],
        ada.user_id
    );
    let anonymous = app
        .anonymous()
        .run("StepUp", json!({ "input": { "password": PASSWORD } }))
        .await;
    assert_eq!(anonymous.code(), "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_live_on_at_an_instance_that_starts_later() {
    let app = TestApp::spawn().await;
    let before = app.register("ada@example.com").await;
    let (access, refresh) = (before.access_token, before.refresh_token);
    let restarted = app.second_instance().await;
    drop(app);
    let ada = ada_at(&restarted, &access, &refresh).await;
    assert!(ada.is_signed_in().await);
}

async fn ada_at<'a>(app: &'a TestApp, access: &str, refresh: &str) -> SignedIn<'a> {
    let client = app
        .anonymous()
        .with("authorization", format!("Bearer {access}"));
    assert_eq!(
        client.run("Me", json!({})).await.root("me")["email"],
        "ada@example.com"
    );
    let answer = app.anonymous().refresh(refresh).await;
    SignedIn::from_answer(app, &answer, "refreshSession")
}
