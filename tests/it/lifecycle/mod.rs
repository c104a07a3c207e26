//! Deleting, restoring and erasing accounts.

mod erase;
mod export;
mod own;
mod races;
mod records;
mod references;
mod scan;
mod ways_in;

use serde_json::{Value, json};

use crate::administration::{admin, on};
use crate::harness::{Answer, PASSWORD, SignedIn, TestApp};

pub(crate) const ADA: &str = "ada@example.com";
const DAY: i64 = 86_400;

/// Deletes an account by staff.
pub(crate) async fn delete(root: &SignedIn<'_>, user: &str) -> Answer {
    on(
        root,
        "DeleteUser",
        user,
        json!({ "reason": "asked for it" }),
    )
    .await
}

pub(crate) async fn restore(root: &SignedIn<'_>, user: &str) -> Answer {
    on(root, "RestoreUser", user, json!({ "reason": "by mistake" })).await
}

pub(crate) async fn erase(root: &SignedIn<'_>, user: &str) -> Answer {
    on(root, "EraseUser", user, json!({ "reason": "request 4711" })).await
}

async fn events(app: &TestApp, action: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM audit_events WHERE action = '{action}'");
    app.number(&sql).await
}

/// What another account has taken, according to a conflict.
fn taken(answer: &Answer, field: &str) -> Value {
    assert_eq!(answer.typename(field), "Conflict", "{}", answer.text);
    answer.root(field)["taken"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_account_is_what_it_was_without_its_sessions() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let ada = app.appoint(ADA, "vendor").await;
    let profile = json!({ "input": { "bio": "counts", "city": "London", "address": "1 Street" } });
    ada.run("UpdateProfile", profile).await;
    let note = json!({ "vendorId": "v-17", "staffNote": "pays late" });
    on(&root, "UpdateUser", &ada.user_id, note).await;
    let before = app.account(&ada.user_id).await;
    let passwords = app.printed("passwords").await;

    app.advance(60);
    let answer = delete(&root, &ada.user_id).await;
    let deleted = answer.root("deleteUser");
    assert_eq!(deleted["user"]["isDeleted"], true, "{}", answer.text);
    assert_eq!(deleted["restorableUntil"], "2026-03-31T12:01:00+00:00");
    assert!(!ada.is_signed_in().await);
    let again = delete(&root, &ada.user_id).await;
    assert_eq!(again.typename("deleteUser"), "NotFound");
    let login = app.anonymous().login(ADA, PASSWORD).await;
    assert_eq!(login.typename("login"), "InvalidCredentials");
    let notice = app.message(ADA, "deleted_by_staff").await.unwrap();
    assert!(notice["text"].as_str().unwrap().contains("30 days"));
    assert!(!notice["text"].as_str().unwrap().contains("token="));

    app.advance(60);
    let answer = restore(&root, &ada.user_id).await;
    assert_eq!(answer.typename("restoreUser"), "UserRestored");
    let after = app.account(&ada.user_id).await;
    // Only rises: codes and device tokens from before the deletion must stay invalid.
    assert!(after.credential_version > before.credential_version);
    let expected = idgate::entities::user::Model {
        credential_version: after.credential_version,
        ..before
    };
    assert_eq!(after, expected);
    assert_eq!(app.printed("passwords").await, passwords);
    assert!(!ada.is_signed_in().await);
    let refreshed = app.anonymous().refresh(&ada.refresh_token).await;
    assert_eq!(refreshed.typename("refreshSession"), "TokenInvalid");
    assert!(app.login(ADA).await.is_signed_in().await);
    assert_eq!(app.number("SELECT COUNT(*) FROM deleted_records").await, 0);
    let twice = restore(&root, &ada.user_id).await;
    assert_eq!(twice.typename("restoreUser"), "NotFound");
    for action in ["user.deleted", "user.restored"] {
        assert_eq!(events(&app, action).await, 1, "{action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_a_new_owner_is_named_and_nothing_is_restored() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let ada = app.appoint(ADA, "client").await;
    app.execute(&format!(
        "UPDATE users SET phone = '+16502530000', phone_verified = TRUE WHERE email = '{ADA}'"
    ))
    .await;
    delete(&root, &ada.user_id).await;
    let other = app.register(ADA).await;
    assert_ne!(other.user_id, ada.user_id);
    let answer = restore(&root, &ada.user_id).await;
    assert_eq!(taken(&answer, "restoreUser"), json!(["EMAIL"]));
    app.execute(
        "UPDATE users SET phone = '+16502530000' WHERE deleted_at IS NULL AND role = 'client'",
    )
    .await;
    let answer = restore(&root, &ada.user_id).await;
    assert_eq!(taken(&answer, "restoreUser"), json!(["EMAIL", "PHONE"]));
    let message = answer.root("restoreUser")["message"].as_str().unwrap();
    assert!(
        message.contains("the e-mail address and the phone number"),
        "{message}"
    );
    assert!(app.account(&ada.user_id).await.deleted_at.is_some());
    assert!(other.is_signed_in().await);

    // Once the other account is gone, this one comes back.
    delete(&root, &other.user_id).await;
    let answer = restore(&root, &ada.user_id).await;
    assert_eq!(answer.typename("restoreUser"), "UserRestored");
    assert_eq!(app.login(ADA).await.user_id, ada.user_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_deletes_above_their_reach_or_themselves_or_the_last_administrator() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let support = app.appoint("support@example.com", "staff support").await;
    let ada = app.register(ADA).await;
    for (document, field) in [
        ("DeleteUser", "deleteUser"),
        ("RestoreUser", "restoreUser"),
        ("EraseUser", "eraseUser"),
    ] {
        let answer = on(&support, document, &ada.user_id, json!({})).await;
        assert_eq!(answer.code(), "FORBIDDEN", "{document}");
        for id in ["00000000-0000-7000-8000-000000000000", "junk"] {
            let answer = on(&root, document, id, json!({})).await;
            assert_eq!(answer.typename(field), "NotFound", "{document}");
        }
        let long = json!({ "reason": "x".repeat(501) });
        let answer = on(&root, document, &ada.user_id, long).await;
        assert_eq!(answer.violations(field), ["reason TOO_LONG"], "{document}");
    }
    for (document, field) in [
        ("DeleteUser", "deleteUser"),
        ("RestoreUser", "restoreUser"),
        ("EraseUser", "eraseUser"),
    ] {
        // A text that would be read backwards.
        let hostile = json!({ "reason": "kind\u{202e}live" });
        let answer = on(&root, document, &ada.user_id, hostile).await;
        assert_eq!(answer.typename(field), "InputInvalid", "{document}");
    }
    let hostile = json!({ "input": { "reason": "kind\u{202e}live" } });
    let answer = ada.run("DeleteMyAccount", hostile).await;
    assert_eq!(answer.typename("deleteMyAccount"), "InputInvalid");
    for (document, field) in [("DeleteUser", "deleteUser"), ("EraseUser", "eraseUser")] {
        let last = on(&root, document, &root.user_id, json!({})).await;
        assert_eq!(last.typename(field), "Conflict", "{document}");
    }
    let own = root.run("DeleteMyAccount", json!({})).await;
    assert_eq!(own.typename("deleteMyAccount"), "Conflict");
    let eve = app.appoint("eve@example.com", "admin").await;
    for (document, field) in [("DeleteUser", "deleteUser"), ("EraseUser", "eraseUser")] {
        let own = on(&root, document, &root.user_id, json!({})).await;
        assert_eq!(own.typename(field), "OutOfScope", "{document}");
    }
    assert_eq!(
        delete(&root, &eve.user_id).await.typename("deleteUser"),
        "UserDeleted"
    );
    // A refused attempt is recorded.
    assert!(events(&app, "administration.refused").await >= 5);

    app.advance(901);
    let root = root.refreshed().await;
    for (document, field) in [
        ("DeleteUser", "deleteUser"),
        ("RestoreUser", "restoreUser"),
        ("EraseUser", "eraseUser"),
    ] {
        let answer = on(&root, document, &ada.user_id, json!({})).await;
        assert_eq!(answer.typename(field), "StepUpRequired", "{document}");
    }
    let ada = ada.refreshed().await;
    let answer = ada.run("DeleteMyAccount", json!({})).await;
    assert_eq!(answer.typename("deleteMyAccount"), "StepUpRequired");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_wait_are_withdrawn() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let ada = app.register(ADA).await;
    app.register("grace@example.com").await;
    app.anonymous().request_otp(ADA, "LOGIN").await;
    let waiting = "SELECT COUNT(*) FROM outbox_messages WHERE delivered_at IS NULL";
    let before = app.number(waiting).await;
    assert_eq!(before, 3, "two to Ada, one to Grace");
    delete(&root, &ada.user_id).await;
    // The address was never verified, so there is no notice either.
    assert_eq!(app.number(waiting).await, 1);
    assert!(app.mail().await.iter().all(|mail| mail["to"] != ADA));
    assert_eq!(app.messages("grace@example.com", "verify_email").await, 1);
}

/// Every message is stored with the account that it concerns, so that none is left when that is
/// deleted. A decoy concerns none.
#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_withdrawn_with_its_account() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let input = json!({ "input": { "email": ADA, "role": "CLIENT" } });
    let answer = root.run("InviteUser", input).await;
    let id = answer.root("inviteUser")["user"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let ownerless =
        "SELECT COUNT(*) FROM outbox_messages WHERE user_id IS NULL AND channel <> 'none'";
    assert_eq!(app.number(ownerless).await, 0);
    delete(&root, &id).await;
    assert_eq!(app.messages(ADA, "invitation").await, 0);
    assert_eq!(app.number("SELECT COUNT(*) FROM links").await, 0);
}

/// A thief moves an account to an address of theirs and deletes it there. Once staff restore it, the
/// owner's link to the old address still works.
#[tokio::test(flavor = "multi_thread")]
async fn a_thief_who_deletes_an_account_does_not_end_the_owners_way_back() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let thief = app.appoint(ADA, "client").await;
    let moved = json!({ "input": { "email": "eve@example.org" } });
    thief.run("RequestEmailChange", moved).await;
    let token = app.token("eve@example.org", "change_email").await;
    let confirm = json!({ "input": { "token": token } });
    let answer = thief.run("ConfirmEmailChange", confirm).await;
    assert_eq!(answer.typename("confirmEmailChange"), "EmailChanged");
    let revert = app.token(ADA, "email_changed").await;
    let revert = json!({ "input": { "token": revert } });
    let answer = thief.run("DeleteMyAccount", json!({})).await;
    assert_eq!(
        answer.typename("deleteMyAccount"),
        "AccountDeletionScheduled"
    );
    let client = app.anonymous();
    let answer = client.run("RevertEmailChange", revert.clone()).await;
    assert_eq!(answer.typename("revertEmailChange"), "TokenInvalid");
    restore(&root, &thief.user_id).await;
    let answer = client.run("RevertEmailChange", revert).await;
    assert_eq!(answer.typename("revertEmailChange"), "EmailReverted");
    let email = app.account(&thief.user_id).await.email;
    assert_eq!(email.as_deref(), Some(ADA));
}
