//! Tokens that Simple JWT issued to imported accounts before the switch-over.

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Anonymous, Answer, SignedIn, TestApp};

const SECRET: &str = "django-insecure-the-secret-of-the-old-system-0123";
const KEY: (&str, &str) = ("IDGATE_MIGRATION__SIMPLEJWT_KEY", SECRET);
const ADA: &str = "ada@example.com";
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

fn now(app: &TestApp) -> DateTime<Utc> {
    app.app.clock.now()
}

/// A token issued an hour ago.
fn token(app: &TestApp, kind: &str, jti: &str, lifetime: i64) -> String {
    issued(app, kind, jti, -HOUR, lifetime)
}

/// A token issued so many seconds from now.
fn issued(app: &TestApp, kind: &str, jti: &str, seconds: i64, lifetime: i64) -> String {
    let issued = now(app).timestamp() + seconds;
    let claims = json!({
        "token_type": kind, "iat": issued, "exp": issued + lifetime, "jti": jti, "user_id": 42
    });
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
}

fn bearer<'a>(app: &'a TestApp, token: &str) -> Anonymous<'a> {
    app.anonymous()
        .with("authorization", format!("Bearer {token}"))
}

async fn is_signed_in(app: &TestApp, token: &str) -> bool {
    let answer = bearer(app, token).run("Me", json!({})).await;
    answer.json["data"]["me"]["email"] == json!(ADA)
}

/// An imported account, and a session of it that began here.
async fn imported() -> TestApp {
    let app = TestApp::with(&[KEY]).await;
    app.register(ADA).await;
    app.execute("UPDATE users SET legacy_id = 42").await;
    app
}

async fn exchanged(app: &TestApp, token: &str) -> Answer {
    app.anonymous().refresh(token).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_works_until_it_expires_and_is_a_session() {
    let app = imported().await;
    let access = token(&app, "access", "a1", 2 * HOUR);
    for _ in 0..2 {
        assert!(is_signed_in(&app, &access).await);
    }
    let begun = "SELECT COUNT(*) FROM audit_events WHERE action = 'session.legacy_begun'";
    assert_eq!(app.number(begun).await, 1);
    assert_eq!(app.number("SELECT COUNT(*) FROM sessions").await, 2);
    app.advance(HOUR);
    assert!(!is_signed_in(&app, &access).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_becomes_a_session_here() {
    let app = imported().await;
    let refresh = token(&app, "refresh", "r1", 30 * DAY);
    // Simple JWT does not rotate by default: a client may keep the old token and forget the new one.
    for _ in 0..2 {
        let answer = exchanged(&app, &refresh).await;
        let ada = SignedIn::from_answer(&app, &answer, "refreshSession");
        assert!(ada.is_signed_in().await);
    }
    assert_eq!(app.number("SELECT COUNT(*) FROM sessions").await, 2);
    let answer = exchanged(&app, &refresh).await;
    let ada = SignedIn::from_answer(&app, &answer, "refreshSession");
    ada.refreshed().await;
    let late = exchanged(&app, &refresh).await;
    assert_eq!(late.typename("refreshSession"), "TokenInvalid");
    assert!(
        !ada.is_signed_in().await,
        "a client that kept the new one was robbed"
    );
}

/// What a client of the old system sends: both its tokens to the paths it knows.
async fn rest(app: &TestApp, path: &str, access: &str, refresh: &str) -> Answer {
    let request = app
        .request(Method::POST, &format!("/api/v1/auth/{path}"))
        .bearer_auth(access)
        .json(&json!({ "refresh": refresh }));
    Answer::of(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_the_old_system_refresh_and_sign_out_with_what_they_hold() {
    let app = imported().await;
    let access = token(&app, "access", "a1", 2 * HOUR);
    let refresh = token(&app, "refresh", "r1", 30 * DAY);
    let answer = rest(&app, "refresh", &access, &refresh).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let newer = answer.json["access"].as_str().unwrap().to_owned();
    assert!(is_signed_in(&app, &newer).await);
    let answer = rest(&app, "logout", &access, &refresh).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    for ended in [&access, &newer] {
        assert!(!is_signed_in(&app, ended).await);
    }
    assert_eq!(rest(&app, "refresh", &access, &refresh).await.status, 401);
    // Signed out before the token was ever used here.
    let unseen = token(&app, "refresh", "r2", 30 * DAY);
    assert_eq!(rest(&app, "logout", "", &unseen).await.status, 200);
    assert_eq!(rest(&app, "refresh", "", &unseen).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_person_proved_long_ago_is_not_fresh() {
    let app = imported().await;
    let recent = issued(&app, "refresh", "r1", -30, 30 * DAY);
    let answer = exchanged(&app, &recent).await;
    let ada = SignedIn::from_answer(&app, &answer, "refreshSession");
    let deleted = ada.run("DeleteMyAccount", json!({})).await;
    assert_eq!(deleted.typename("deleteMyAccount"), "StepUpRequired");
}

/// Each way in which sessions end, before the token was used for the first time and after.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_ends_tokens_that_were_never_seen() {
    for is_used_before in [false, true] {
        for ending in ["others", "staff", "suspended", "deleted"] {
            let app = imported().await;
            let staff = app.appoint("root@example.com", "admin").await;
            let tokens = ["access", "refresh"].map(|kind| token(&app, kind, "t", 30 * DAY));
            if is_used_before {
                assert!(is_signed_in(&app, &tokens[0]).await);
                exchanged(&app, &tokens[1]).await;
            }
            app.advance(1);
            end(&app, &staff, ending).await;
            assert!(!is_signed_in(&app, &tokens[0]).await, "{ending}");
            let answer = exchanged(&app, &tokens[1]).await;
            assert_eq!(
                answer.typename("refreshSession"),
                "TokenInvalid",
                "{ending}"
            );
        }
    }
}

async fn end(app: &TestApp, staff: &SignedIn<'_>, ending: &str) {
    let id = app.ids("SELECT id FROM users WHERE legacy_id = 42").await[0];
    let input = json!({ "input": { "userId": id, "reason": "a test" } });
    let (document, field, variables) = match ending {
        "others" => ("RevokeOtherSessions", "revokeOtherSessions", json!({})),
        "staff" => ("RevokeUserSessions", "revokeUserSessions", input),
        "suspended" => ("SuspendUser", "suspendUser", input),
        "deleted" => ("DeleteUser", "deleteUser", input),
        other => panic!("{other}"),
    };
    let by = if ending == "others" {
        &app.login(ADA).await
    } else {
        staff
    };
    let answer: Answer = by.run(document, variables).await;
    let problem: &Value = &answer.root(field)["code"];
    assert!(problem.is_null(), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_revoked_session_is_one_token() {
    let app = imported().await;
    let [one, other] = ["a1", "a2"].map(|jti| token(&app, "access", jti, 30 * DAY));
    assert!(is_signed_in(&app, &one).await && is_signed_in(&app, &other).await);
    bearer(&app, &one).run("Logout", json!({})).await;
    assert!(!is_signed_in(&app, &one).await);
    assert!(is_signed_in(&app, &other).await);
    // Its row goes in time; the token does not come back with it.
    app.advance(29 * DAY);
    assert!(!is_signed_in(&app, &one).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_forgers_get_nothing() {
    let app = imported().await;
    let access = token(&app, "access", "a1", DAY);
    let (signed, _) = access.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", "A".repeat(43));
    assert!(!is_signed_in(&app, &forged).await);
    assert!(!is_signed_in(&app, &token(&app, "refresh", "r1", DAY)).await);
    let answer = exchanged(&app, &access).await;
    assert_eq!(answer.typename("refreshSession"), "TokenInvalid");
    app.execute("UPDATE users SET legacy_id = 43").await;
    assert!(!is_signed_in(&app, &access).await, "another account");
    app.execute("UPDATE users SET legacy_id = 42").await;
    let closed = TestApp::spawn().await;
    closed.register(ADA).await;
    closed.execute("UPDATE users SET legacy_id = 42").await;
    assert!(!is_signed_in(&closed, &access).await, "not configured");
    assert_eq!(app.number("SELECT COUNT(*) FROM sessions").await, 1);
}

/// Fifty requests with one new token at once begin one session.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_use_by_many_requests_at_once_is_one_session() {
    let app = imported().await;
    let access = token(&app, "access", "a1", DAY);
    let requests = (0..50).map(|_| is_signed_in(&app, &access));
    let signed_in = futures_util::future::join_all(requests).await;
    assert!(signed_in.into_iter().all(|signed_in| signed_in));
    assert_eq!(app.number("SELECT COUNT(*) FROM sessions").await, 2);
}

/// A client that keeps the old token leaves no row behind at each use.
#[tokio::test(flavor = "multi_thread")]
async fn forgotten_successors_do_not_pile_up() {
    let app = imported().await;
    let refresh = token(&app, "refresh", "r1", 30 * DAY);
    for _ in 0..5 {
        exchanged(&app, &refresh).await;
        app.advance(600);
    }
    assert_eq!(app.number("SELECT COUNT(*) FROM refresh_tokens").await, 2);
}

/// Account takeover: the former owner of a reclaimed account can still sign in to the old system.
#[tokio::test(flavor = "multi_thread")]
async fn a_reclaimed_account_is_not_the_one_over_there() {
    let app = imported().await;
    let access = token(&app, "access", "a1", DAY);
    assert!(is_signed_in(&app, &access).await);
    app.execute("UPDATE users SET reclaimed_at = '2026-03-01 12:00:00+00:00'")
        .await;
    for seen in [&access, &token(&app, "access", "a2", DAY)] {
        assert!(!is_signed_in(&app, seen).await);
    }
    let answer = exchanged(&app, &token(&app, "refresh", "r1", DAY)).await;
    assert_eq!(answer.typename("refreshSession"), "TokenInvalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_from_after_the_switch_are_refused() {
    let moment = (
        "IDGATE_MIGRATION__SIMPLEJWT_ISSUED_BEFORE",
        "2026-03-01T11:30:00Z",
    );
    let app = TestApp::with(&[KEY, moment]).await;
    app.register(ADA).await;
    app.execute("UPDATE users SET legacy_id = 42").await;
    assert!(is_signed_in(&app, &token(&app, "access", "a1", DAY)).await);
    assert!(!is_signed_in(&app, &issued(&app, "access", "a2", -30 * 60, DAY)).await);
}

/// A stolen phone has more than the token that was seen.
#[tokio::test(flavor = "multi_thread")]
async fn revoking_a_session_of_the_old_system_voids_what_else_its_device_holds() {
    let app = imported().await;
    let [access, refresh] = ["access", "refresh"].map(|kind| token(&app, kind, "t", 30 * DAY));
    assert!(is_signed_in(&app, &access).await);
    let ada = app.login(ADA).await;
    let sessions = ada.sessions().await;
    let stolen = sessions
        .iter()
        .find(|session| session["amr"] == json!([]))
        .unwrap();
    let input = json!({ "sessionId": stolen["id"] });
    ada.run("RevokeSession", json!({ "input": input })).await;
    assert!(!is_signed_in(&app, &access).await);
    let answer = exchanged(&app, &refresh).await;
    assert_eq!(answer.typename("refreshSession"), "TokenInvalid");
}
