//! Refresh token reuse: a retry within the window is accepted, reuse ends the family.

use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{SignedIn, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn fifty_refreshes_at_once_give_one_usable_successor() {
    let app = TestApp::spawn().await;
    let other = app.second_instance().await;
    let ada = app.register("ada@example.com").await;
    let answers = join_all((0..50).map(|number| {
        let instance = if number % 2 == 0 { &app } else { &other };
        let token = ada.refresh_token.clone();
        async move { instance.anonymous().refresh(&token).await }
    }))
    .await;
    let mut successors: Vec<String> = answers
        .iter()
        .map(|answer| SignedIn::from_answer(&app, answer, "refreshSession").refresh_token)
        .collect();
    successors.sort();
    successors.dedup();
    assert_eq!(successors.len(), 1);
    assert_eq!(app.number("SELECT COUNT(*) FROM refresh_tokens").await, 2);

    let next = SignedIn::from_answer(&app, &answers[0], "refreshSession");
    assert!(next.is_signed_in().await);
    assert!(
        next.refreshed()
            .await
            .refreshed()
            .await
            .is_signed_in()
            .await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_can_be_asked_for_again_within_the_window() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let first = ada.refreshed().await;
    app.advance(9);
    let again = ada.refreshed().await;
    assert_eq!(first.refresh_token, again.refresh_token);
    assert!(again.refreshed().await.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_presented_after_the_window_ends_its_family_and_no_other() {
    let app = TestApp::spawn().await;
    let stolen = app.register("ada@example.com").await;
    let elsewhere = app.login("ada@example.com").await;
    let current = stolen.refreshed().await;
    app.advance(10);
    assert_token_invalid(&app, &stolen.refresh_token).await;
    assert!(!current.is_signed_in().await);
    assert_token_invalid(&app, &current.refresh_token).await;
    assert!(elsewhere.refreshed().await.is_signed_in().await);
    let reused = "SELECT COUNT(*) FROM audit_events \
                  WHERE action = 'session.refresh_token_reused'";
    assert_eq!(app.number(reused).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_predecessor_of_a_used_successor_ends_the_family_inside_the_window() {
    let app = TestApp::spawn().await;
    let first = app.register("ada@example.com").await;
    let third = first.refreshed().await.refreshed().await;
    assert!(third.is_signed_in().await);
    assert_token_invalid(&app, &first.refresh_token).await;
    assert!(!third.is_signed_in().await);
    assert_token_invalid(&app, &third.refresh_token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_token_and_a_malformed_one_are_refused_alike() {
    let app = TestApp::spawn().await;
    let unknown = format!("idr_{}", "A".repeat(43));
    let answers = [
        app.anonymous().refresh(&unknown).await,
        app.anonymous().refresh("idr_short").await,
        app.anonymous().refresh("").await,
        app.anonymous()
            .run("RefreshSession", json!({ "input": {} }))
            .await,
    ];
    for answer in &answers {
        assert_eq!(answer.text, answers[0].text);
        assert_eq!(answer.typename("refreshSession"), "TokenInvalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_refresh_token_is_no_usable_token() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let next = ada.refreshed().await;
    let printed = app
        .printed("refresh_tokens")
        .await
        .join("\n")
        .to_lowercase();
    for token in [&ada.refresh_token, &next.refresh_token] {
        let bytes = hex::encode(token.as_bytes());
        assert!(!printed.contains(&token.to_lowercase()) && !printed.contains(&bytes));
    }
}

async fn assert_token_invalid(app: &TestApp, token: &str) {
    let answer = app.anonymous().refresh(token).await;
    assert_eq!(
        answer.typename("refreshSession"),
        "TokenInvalid",
        "{}",
        answer.text
    );
    assert_eq!(answer.root("refreshSession")["code"], "TOKEN_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_moves_to_another_device_leaves_a_trace() {
    let app = TestApp::spawn().await;
    let linux = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let newer = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0";
    let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
    let changes = "SELECT COUNT(*) FROM audit_events WHERE action = 'session.device_changed'";
    let first = app.anonymous().with("user-agent", linux);
    let answer = first.register("ada@example.com").await;
    let mut ada = SignedIn::from_answer(&app, &answer, "register");
    // A newer program on the same system is no other device.
    for (agent, expected) in [(linux, 0), (newer, 0), (phone, 1), (phone, 1)] {
        let client = app.anonymous().with("user-agent", agent);
        let answer = client.refresh(&ada.refresh_token).await;
        ada = SignedIn::from_answer(&app, &answer, "refreshSession");
        assert_eq!(app.number(changes).await, expected, "after {agent}");
    }
    assert_eq!(ada.sessions().await[0]["device"], "mobile");
}
