//! Housekeeping: expired rows are deleted, everything else stays.

use chrono::Duration;
use idgate::services::operator::housekeeping::{self, Tidied};
use idgate::services::operator::retention::DataKind;
use idgate::stores::expired::ExpiredRows;
use serde_json::json;

use crate::harness::{PASSWORD, SignedIn, TestApp};

const SEALED: &str = "SELECT COUNT(*) FROM refresh_tokens WHERE sealed_successor IS NOT NULL";
const DAY: i64 = 86_400;
const SESSIONS: DataKind = DataKind::Rows(ExpiredRows::Sessions);
const TOKENS: DataKind = DataKind::Rows(ExpiredRows::RefreshTokens);

async fn tidied(app: &TestApp) -> Tidied {
    housekeeping::tidy(&app.app).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_removed_that_is_still_of_use() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let next = ada.refreshed().await;
    let token = app.confirmation_token("ada@example.com").await;
    app.advance(9);
    assert_eq!(tidied(&app).await, Tidied::default());

    assert_eq!(ada.refreshed().await.refresh_token, next.refresh_token);
    let input = json!({ "token": token, "password": PASSWORD });
    let answer = app
        .anonymous()
        .run("VerifyEmail", json!({ "input": input }))
        .await;
    assert_eq!(answer.typename("verifyEmail"), "SignedIn");
    assert!(next.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_successor_goes_when_its_window_is_over() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let next = ada.refreshed().await;
    app.advance(app.app.config.sessions.grace_seconds);
    // In its last second it is still valid.
    assert_eq!(tidied(&app).await, Tidied::default());
    assert_eq!(app.number(SEALED).await, 1);
    app.advance(1);
    let removed = Tidied {
        successors: 1,
        ..Tidied::default()
    };
    assert_eq!(tidied(&app).await, removed);
    assert_eq!(app.number(SEALED).await, 0);
    assert_eq!(tidied(&app).await, Tidied::default());

    // The family goes on, and the token that was used is still known as used.
    assert!(next.refreshed().await.is_signed_in().await);
    let answer = app.anonymous().refresh(&ada.refresh_token).await;
    assert_eq!(answer.typename("refreshSession"), "TokenInvalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn links_and_redemptions_go_when_they_could_not_be_presented_any_more() {
    let app = TestApp::spawn().await;
    app.register("ada@example.com").await;
    let token = app.confirmation_token("ada@example.com").await;
    let input = json!({ "token": token, "password": PASSWORD });
    let input = json!({ "input": input });
    let answer = app.anonymous().run("VerifyEmail", input.clone()).await;
    SignedIn::from_answer(&app, &answer, "verifyEmail");
    let life = Duration::seconds(app.app.config.links.confirmation_seconds);
    app.advance(life.num_seconds() - 60);
    app.register("grace@example.com").await;
    app.advance(61);

    let links = app.number("SELECT COUNT(*) FROM links").await;
    let removed = tidied(&app).await;
    assert_eq!(removed.of(DataKind::Rows(ExpiredRows::Redemptions)), 1);
    assert_eq!(app.number("SELECT COUNT(*) FROM redemptions").await, 0);
    // The link of the second person is still fresh.
    assert_eq!(app.number("SELECT COUNT(*) FROM links").await, 1);
    assert_eq!(
        removed.of(DataKind::Rows(ExpiredRows::Links)),
        u64::try_from(links - 1).unwrap()
    );
    // Deleting a redeemed link does not make it redeemable again.
    let answer = app.anonymous().run("VerifyEmail", input).await;
    assert_eq!(answer.typename("verifyEmail"), "TokenInvalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_ended_long_ago_go_with_their_tokens() {
    let app = TestApp::with(&[("IDGATE_RETENTION__ENDED_SESSIONS_DAYS", "1")]).await;
    let ended = app.register("ada@example.com").await;
    let lives = app.login("ada@example.com").await;
    ended.run("Logout", json!({})).await;
    app.advance(DAY);
    assert_eq!(tidied(&app).await.of(SESSIONS), 0);
    app.advance(1);
    assert_eq!(tidied(&app).await.of(SESSIONS), 1);
    assert_eq!(app.number("SELECT COUNT(*) FROM sessions").await, 1);
    assert_eq!(app.number("SELECT COUNT(*) FROM refresh_tokens").await, 1);
    let next = lives.refreshed().await;
    app.advance(app.app.config.sessions.refresh_idle_seconds - 10);
    let later = next.refreshed().await;
    app.advance(11);
    let removed = tidied(&app).await;
    assert_eq!((removed.of(TOKENS), removed.of(SESSIONS)), (2, 0));
    assert!(later.refreshed().await.is_signed_in().await);
    app.advance(app.app.config.sessions.absolute_seconds + DAY);
    assert_eq!(tidied(&app).await.of(SESSIONS), 1);
    assert_eq!(app.number("SELECT COUNT(*) FROM refresh_tokens").await, 0);
}
