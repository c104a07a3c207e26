//! Two things at once: restoring against registering, and erasing in the middle of what the person
//! does.

use futures_util::future::join_all;
use serde_json::json;

use super::{ADA, admin, delete, erase, restore};
use crate::harness::{Answer, PASSWORD, TestApp};

const LIVE: &str =
    "SELECT COUNT(*) FROM users WHERE deleted_at IS NULL AND email = 'ada@example.com'";

fn is_clean(answer: &Answer) {
    let code = answer.code();
    assert!(["", "UNAUTHENTICATED"].contains(&code), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_restoring_and_registering_at_once_one_wins() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    for _ in 0..6 {
        let ada = app.register(ADA).await;
        delete(&root, &ada.user_id).await;
        let client = app.anonymous();
        let (restored, registered, again) = tokio::join!(
            restore(&root, &ada.user_id),
            client.register(ADA),
            restore(&root, &ada.user_id),
        );
        for answer in [&restored, &registered, &again] {
            is_clean(answer);
        }
        assert_eq!(app.number(LIVE).await, 1);
        let won = |answer: &Answer| answer.typename("restoreUser") == "UserRestored";
        let is_new = registered.typename("register") == "SignedIn";
        let wins = [won(&restored), won(&again), is_new];
        assert_eq!(wins.iter().filter(|won| **won).count(), 1, "{wins:?}");
        let live = app.login(ADA).await;
        delete(&root, &live.user_id).await;
        erase(&root, &live.user_id).await;
        erase(&root, &ada.user_id).await;
    }
}

/// Whatever the person does while they are erased ends with a problem or signed out.
#[tokio::test(flavor = "multi_thread")]
async fn erasing_in_the_middle_of_requests_ends_them_cleanly() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    for round in 0..12 {
        let ada = app.appoint(ADA, "client").await;
        let phone = app.login(ADA).await;
        let client = app.anonymous();
        let asked = json!({ "input": { "emailOrPhone": ADA } });
        let email = json!({ "input": { "email": ADA } });
        let moved = json!({ "input": { "email": "new@example.com" } });
        let profile = json!({ "input": { "city": "Paris" } });
        let input = json!({ "input": { "password": PASSWORD } });
        let first: Vec<std::pin::Pin<Box<dyn Future<Output = Answer> + Send + '_>>> = vec![
            Box::pin(client.login(ADA, PASSWORD)),
            Box::pin(client.refresh(&phone.refresh_token)),
            Box::pin(client.request_otp(ADA, "LOGIN")),
            Box::pin(client.run("RequestPasswordReset", asked)),
            Box::pin(client.run("RequestEmailVerification", email)),
            Box::pin(ada.run("RequestEmailChange", moved)),
            Box::pin(ada.run("UpdateProfile", profile)),
            Box::pin(ada.run("StepUp", input)),
            Box::pin(ada.run("RevokeOtherSessions", json!({}))),
            Box::pin(client.register(ADA)),
            Box::pin(client.login(ADA, "not the password")),
        ];
        let (erased, answers) = tokio::join!(
            async {
                // Between them, a little later each time.
                for _ in 0..round * 40 {
                    tokio::task::yield_now().await;
                }
                erase(&root, &ada.user_id).await
            },
            join_all(first)
        );
        assert_eq!(
            erased.typename("eraseUser"),
            "UserErased",
            "{}",
            erased.text
        );
        answers.iter().for_each(is_clean);
        let id = app.id_literal(&ada.user_id);
        for (table, column) in [
            ("sessions", "user_id"),
            ("links", "user_id"),
            ("outbox_messages", "user_id"),
            ("person_keys", "user_id"),
        ] {
            let left = format!("SELECT COUNT(*) FROM {table} WHERE {column} = {id}");
            assert_eq!(app.number(&left).await, 0, "{table}");
        }
        // A registration may have won after the erasure.
        if app.number(LIVE).await == 1 {
            let other = app.login(ADA).await;
            erase(&root, &other.user_id).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_erasures_at_once_one_finds_the_account() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let ada = app.register(ADA).await;
    let (one, two) = tokio::join!(erase(&root, &ada.user_id), erase(&root, &ada.user_id));
    let mut kinds = [one.typename("eraseUser"), two.typename("eraseUser")];
    kinds.sort_unstable();
    assert_eq!(kinds, ["NotFound", "UserErased"]);
}
