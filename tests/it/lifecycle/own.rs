//! Deleting one's own account, and keeping it after all.

use serde_json::{Value, json};

use super::{ADA, DAY, admin, delete, events, restore, taken};
use crate::harness::{Answer, Google, PASSWORD, SignedIn, TestApp};

async fn leave(person: &SignedIn<'_>) -> Answer {
    let input = json!({ "input": { "reason": "moving" } });
    let answer = person.run("DeleteMyAccount", input).await;
    assert_eq!(
        answer.typename("deleteMyAccount"),
        "AccountDeletionScheduled",
        "{}",
        answer.text
    );
    answer
}

async fn keep(app: &TestApp, token: &str) -> Answer {
    let input = json!({ "input": { "token": token } });
    app.anonymous().run("CancelAccountDeletion", input).await
}

fn offered(answer: &Answer, field: &str) -> String {
    assert_eq!(answer.typename(field), "AccountDeleted", "{}", answer.text);
    let token = answer.root(field)["cancellationToken"].as_str();
    token.unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_of_the_message_keeps_the_account_and_works_once() {
    let app = TestApp::spawn().await;
    let ada = app.register(ADA).await;
    let answer = leave(&ada).await;
    let until = &answer.root("deleteMyAccount")["restorableUntil"];
    assert_eq!(until, "2026-03-15T12:00:00+00:00");
    assert!(!ada.is_signed_in().await);
    let mail = app.message(ADA, "account_deleted").await.unwrap();
    assert!(mail["text"].as_str().unwrap().contains("14 days"), "{mail}");
    let token = app.token(ADA, "account_deleted").await;

    app.advance(13 * DAY);
    let answer = keep(&app, &token).await;
    assert_eq!(
        answer.typename("cancelAccountDeletion"),
        "AccountDeletionCancelled"
    );
    let twice = keep(&app, &token).await;
    assert_eq!(twice.typename("cancelAccountDeletion"), "TokenInvalid");
    let live = "SELECT COUNT(*) FROM sessions WHERE revoked_at IS NULL";
    assert_eq!(app.number(live).await, 0, "a link starts no session");
    assert_eq!(app.login(ADA).await.user_id, ada.user_id);
    for action in ["account.deleted", "account.deletion_cancelled"] {
        assert_eq!(events(&app, action).await, 1, "{action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_again_offers_to_keep_the_account() {
    let app = TestApp::spawn().await;
    let ada = app.register(ADA).await;
    leave(&ada).await;
    let client = app.anonymous();
    let wrong = client.login(ADA, "not the password").await;
    assert_eq!(wrong.typename("login"), "InvalidCredentials");
    let answer = client.login(ADA, PASSWORD).await;
    let (first, second) = (
        offered(&answer, "login"),
        offered(&client.login(ADA, PASSWORD).await, "login"),
    );
    assert_eq!(answer.root("login")["code"], "ACCOUNT_DELETED");
    assert_eq!(
        answer.root("login")["restorableUntil"],
        "2026-03-15T12:00:00+00:00"
    );
    app.advance(601);
    let late = keep(&app, &first).await;
    assert_eq!(late.typename("cancelAccountDeletion"), "TokenInvalid");
    let third = offered(&client.login(ADA, PASSWORD).await, "login");
    let answer = keep(&app, &third).await;
    assert_eq!(
        answer.typename("cancelAccountDeletion"),
        "AccountDeletionCancelled"
    );
    for token in [&first, &second, &third] {
        let answer = keep(&app, token).await;
        assert_eq!(answer.typename("cancelAccountDeletion"), "TokenInvalid");
    }
    assert!(app.login(ADA).await.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_account_with_the_address_is_the_one_that_signs_in() {
    let app = TestApp::spawn().await;
    let ada = app.register(ADA).await;
    leave(&ada).await;
    let mailed = app.token(ADA, "account_deleted").await;
    let other = app.register(ADA).await;
    assert_eq!(app.login(ADA).await.user_id, other.user_id);
    let answer = keep(&app, &mailed).await;
    assert_eq!(taken(&answer, "cancelAccountDeletion"), json!(["EMAIL"]));
    // The refusal does not use the link up.
    leave(&other).await;
    let answer = keep(&app, &mailed).await;
    assert_eq!(
        answer.typename("cancelAccountDeletion"),
        "AccountDeletionCancelled"
    );
    assert_eq!(app.login(ADA).await.user_id, ada.user_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_time_and_after_a_deletion_by_staff_nothing_is_offered() {
    let app = TestApp::spawn().await;
    admin(&app).await;
    let ada = app.appoint(ADA, "client").await;
    leave(&ada).await;
    let token = app.token(ADA, "account_deleted").await;
    app.advance(14 * DAY);
    let login = app.anonymous().login(ADA, PASSWORD).await;
    assert_eq!(login.typename("login"), "InvalidCredentials");
    let answer = keep(&app, &token).await;
    assert_eq!(answer.typename("cancelAccountDeletion"), "TokenInvalid");
    let root = app.login("root@example.com").await;
    let answer = restore(&root, &ada.user_id).await;
    assert_eq!(answer.typename("restoreUser"), "NotFound");

    let grace = app.appoint("grace@example.com", "client").await;
    delete(&root, &grace.user_id).await;
    let login = app.anonymous().login("grace@example.com", PASSWORD).await;
    assert_eq!(login.typename("login"), "InvalidCredentials");
    // Staff restore what an owner has deleted, too.
    let alan = app.appoint("alan@example.com", "client").await;
    leave(&alan).await;
    let token = app.token("alan@example.com", "account_deleted").await;
    let answer = restore(&root, &alan.user_id).await;
    assert_eq!(answer.typename("restoreUser"), "UserRestored");
    let answer = keep(&app, &token).await;
    assert_eq!(answer.typename("cancelAccountDeletion"), "TokenInvalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_google_sign_in_offers_to_keep_the_account_and_its_identity_comes_back() {
    let google = Google::spawn().await;
    let app = &google.app;
    let ada = SignedIn::from_answer(app, &google.login(&json!({})).await, "loginWithGoogle");
    leave(&ada).await;
    let answer = google.login(&json!({ "jti": "2" })).await;
    let token = offered(&answer, "loginWithGoogle");
    let answer = keep(app, &token).await;
    assert_eq!(
        answer.typename("cancelAccountDeletion"),
        "AccountDeletionCancelled"
    );
    let again = google.login(&json!({ "jti": "3" })).await;
    let again = SignedIn::from_answer(app, &again, "loginWithGoogle");
    assert_eq!(again.user_id, ada.user_id);
    assert_eq!(app.number("SELECT COUNT(*) FROM users").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_that_another_account_linked_is_named() {
    let google = Google::spawn().await;
    let app = &google.app;
    let root = admin(app).await;
    let ada = SignedIn::from_answer(app, &google.login(&json!({})).await, "loginWithGoogle");
    delete(&root, &ada.user_id).await;
    // Deleted by staff: for Google the account is unknown, so there is a new one.
    let other = google.login(&json!({ "jti": "2" })).await;
    let other = SignedIn::from_answer(app, &other, "loginWithGoogle");
    assert_ne!(other.user_id, ada.user_id);
    let answer = restore(&root, &ada.user_id).await;
    assert_eq!(
        taken(&answer, "restoreUser"),
        json!(["EMAIL", "GOOGLE_IDENTITY"])
    );
    delete(&root, &other.user_id).await;
    let answer = restore(&root, &ada.user_id).await;
    assert_eq!(answer.typename("restoreUser"), "UserRestored");
    let again = google.login(&json!({ "jti": "3" })).await;
    let again = SignedIn::from_answer(app, &again, "loginWithGoogle");
    assert_eq!(again.user_id, ada.user_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_a_phone_alone_gets_the_link_by_text_message() {
    let app = TestApp::spawn().await;
    let ada = app.register(ADA).await;
    app.execute(
        "UPDATE users SET email = NULL, email_canonical = NULL, email_folded = NULL, \
                 phone = '+16502530000', phone_verified = TRUE",
    )
    .await;
    leave(&ada).await;
    let token = app.token("+16502530000", "account_deleted").await;
    let answer = keep(&app, &token).await;
    assert_eq!(
        answer.typename("cancelAccountDeletion"),
        "AccountDeletionCancelled"
    );
    let login = app.anonymous().login("+16502530000", PASSWORD).await;
    assert_eq!(login.typename("login"), "SignedIn");
}

/// Nothing tells a deleted account from an unknown address before the right password.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_costs_and_answers_what_an_unknown_one_does() {
    let app = TestApp::spawn().await;
    app.register("live@example.com").await;
    let ada = app.register(ADA).await;
    leave(&ada).await;
    let client = app.anonymous();
    let mut seen = Vec::new();
    for who in ["live@example.com", ADA, "nobody@example.com"] {
        let (answer, work) = app.work_of(client.login(who, "not the password")).await;
        let mut json: Value = answer.json.clone();
        json["extensions"] = Value::Null;
        seen.push((json.to_string(), work.as_timed()));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[1], seen[2]);
    for (document, input) in [
        ("RequestPasswordReset", json!({ "emailOrPhone": ADA })),
        (
            "RequestOtp",
            json!({ "emailOrPhone": ADA, "purpose": "LOGIN" }),
        ),
        ("RequestEmailVerification", json!({ "email": ADA })),
    ] {
        let (answer, work) = app
            .work_of(client.run(document, json!({ "input": input })))
            .await;
        let unknown = input.to_string().replace(ADA, "nobody@example.com");
        let unknown: Value = serde_json::from_str(&unknown).unwrap();
        let (other, other_work) = app
            .work_of(client.run(document, json!({ "input": unknown })))
            .await;
        assert_eq!(answer.json["data"], other.json["data"], "{document}");
        assert_eq!(work.as_timed(), other_work.as_timed(), "{document}");
    }
}
