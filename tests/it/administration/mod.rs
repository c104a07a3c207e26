//! What those with the right do to accounts of others.

pub(crate) mod closed;
mod directory;
pub(crate) mod matrix;
mod outage;
mod scope;
mod search;

use serde_json::{Value, json};

use crate::harness::{Answer, PASSWORD, SignedIn, TestApp};

const ROOT: &str = "root@example.com";

/// Runs a mutation on another user's account, with more input.
pub(crate) async fn on(by: &SignedIn<'_>, document: &str, user: &str, more: Value) -> Answer {
    let mut input = more;
    input["userId"] = json!(user);
    by.run(document, json!({ "input": input })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_sets_a_password_once_and_gives_the_invited_role() {
    let app = TestApp::with(&[crate::account::REQUIRED]).await;
    let root = admin(&app).await;
    let input = json!({
        "email": "grace@example.com", "firstName": "Grace", "role": "STAFF",
        "staffFunctions": ["SUPPORT"], "reason": "joins",
    });
    let answer = root.run("InviteUser", json!({ "input": input })).await;
    assert_eq!(answer.typename("inviteUser"), "UserInvited");
    let again = root.run("InviteUser", json!({ "input": input })).await;
    assert_eq!(again.typename("inviteUser"), "Conflict");
    assert_eq!(app.number("SELECT COUNT(*) FROM passwords").await, 1);

    let client = app.anonymous();
    let login = client.login("grace@example.com", PASSWORD).await;
    assert_eq!(login.typename("login"), "InvalidCredentials");
    let text = app
        .message("grace@example.com", "invitation")
        .await
        .unwrap();
    let text = text["text"].as_str().unwrap();
    assert!(text.contains(&app.url("/invitation?token=idl_")), "{text}");
    assert!(text.contains("7 days"), "{text}");
    let token = app.token("grace@example.com", "invitation").await;
    let proof = json!({ "input": { "token": token, "newPassword": PASSWORD } });
    let set = client.run("ConfirmPasswordReset", proof.clone()).await;
    assert_eq!(set.typename("confirmPasswordReset"), "PasswordChanged");
    let twice = client.run("ConfirmPasswordReset", proof).await;
    assert_eq!(twice.typename("confirmPasswordReset"), "TokenInvalid");
    assert_eq!(
        app.messages("grace@example.com", "password_changed").await,
        0
    );

    let grace = app.login("grace@example.com").await;
    let me = grace.ask("{ me { role staffFunctions emailVerified } }", json!({}));
    let expected = json!({ "role": "STAFF", "staffFunctions": ["SUPPORT"], "emailVerified": true });
    assert_eq!(*me.await.root("me"), expected);
    for action in ["user.invited", "user.invitation_accepted"] {
        assert_eq!(events(&app, action).await, 1, "{action}");
    }
}

/// The first administrator, made as an operator makes one.
pub(crate) async fn admin(app: &TestApp) -> SignedIn<'_> {
    let created = idgate::services::operator::admin::create(&app.app, ROOT, PASSWORD.into());
    created.await.unwrap();
    app.login(ROOT).await
}

async fn events(app: &TestApp, action: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM audit_events WHERE action = '{action}'");
    app.number(&sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_expires_and_a_forgotten_password_takes_its_place() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let input = json!({ "email": "grace@example.com", "role": "VENDOR" });
    root.run("InviteUser", json!({ "input": input })).await;
    let token = app.token("grace@example.com", "invitation").await;
    app.advance(604_801);
    let client = app.anonymous();
    let late = json!({ "input": { "token": token, "newPassword": PASSWORD } });
    let answer = client.run("ConfirmPasswordReset", late).await;
    assert_eq!(answer.typename("confirmPasswordReset"), "TokenInvalid");
    let wanted = json!({ "input": { "emailOrPhone": "grace@example.com" } });
    client.run("RequestPasswordReset", wanted).await;
    let token = app.token("grace@example.com", "password_reset").await;
    let proof = json!({ "input": { "token": token, "newPassword": PASSWORD } });
    let answer = client.run("ConfirmPasswordReset", proof).await;
    assert_eq!(answer.typename("confirmPasswordReset"), "PasswordChanged");
    let grace = app.login("grace@example.com").await;
    let me = grace.ask("{ me { role } }", json!({})).await;
    assert_eq!(me.root("me")["role"], "VENDOR");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_role_ends_access_tokens_everywhere_and_the_session_goes_on() {
    let app = TestApp::spawn().await;
    let other = app.second_instance().await;
    let root = admin(&app).await;
    let eve = app.appoint("eve@example.com", "admin").await;
    assert_eq!(read_all(&eve.at(&other)).await.code(), "");
    let role = json!({ "role": "STAFF", "reason": "moves on" });
    let answer = on(&root, "SetUserRole", &eve.user_id, role).await;
    assert_eq!(answer.typename("setUserRole"), "UserRoleChanged");
    assert_eq!(read_all(&eve.at(&other)).await.code(), "UNAUTHENTICATED");
    let eve = eve.refreshed().await;
    assert!(eve.is_signed_in().await);
    assert_eq!(read_all(&eve.at(&other)).await.code(), "FORBIDDEN");

    let functions = json!({ "staffFunctions": ["SUPPORT"] });
    on(&root, "SetStaffFunctions", &eve.user_id, functions).await;
    assert!(!eve.at(&other).is_signed_in().await);
    let eve = eve.refreshed().await;
    assert_eq!(read_all(&eve).await.code(), "");
    // Out of the staff and back again: what one did there does not come back by itself.
    for role in ["CLIENT", "STAFF"] {
        on(&root, "SetUserRole", &eve.user_id, json!({ "role": role })).await;
    }
    let eve = eve.refreshed().await;
    assert_eq!(read_all(&eve).await.code(), "FORBIDDEN");
    assert_eq!(events(&app, "user.role_changed").await, 3);
}

async fn read_all(by: &SignedIn<'_>) -> Answer {
    by.run("Users", json!({ "first": 1 })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_person_is_out_at_once_and_comes_back_by_signing_in() {
    let app = TestApp::spawn().await;
    let other = app.second_instance().await;
    let support = app.appoint("support@example.com", "staff support").await;
    let ada = app.register("ada@example.com").await;
    let why = json!({ "reason": "stolen" });
    let answer = on(&support, "SuspendUser", &ada.user_id, why).await;
    assert_eq!(answer.root("suspendUser")["user"]["isSuspended"], true);
    assert!(!ada.at(&other).is_signed_in().await);
    let refreshed = other.anonymous().refresh(&ada.refresh_token).await;
    assert_eq!(refreshed.typename("refreshSession"), "TokenInvalid");
    let login = app.anonymous().login("ada@example.com", PASSWORD).await;
    assert_eq!(login.typename("login"), "AccountSuspended");

    let answer = on(&support, "UnsuspendUser", &ada.user_id, json!({})).await;
    assert_eq!(answer.root("unsuspendUser")["user"]["isSuspended"], false);
    assert!(!ada.is_signed_in().await, "the old session stays ended");
    assert!(app.login("ada@example.com").await.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_sessions_end_everywhere_and_are_counted() {
    let app = TestApp::spawn().await;
    let support = app.appoint("support@example.com", "staff support").await;
    let ada = app.register("ada@example.com").await;
    let phone = app.login("ada@example.com").await;
    let answer = on(&support, "RevokeUserSessions", &ada.user_id, json!({})).await;
    assert_eq!(answer.root("revokeUserSessions")["count"], 2);
    assert!(!ada.is_signed_in().await && !phone.is_signed_in().await);
    assert!(support.is_signed_in().await);
    assert!(app.login("ada@example.com").await.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_changes_only_the_given_fields_and_the_note_is_for_staff_only() {
    let app = TestApp::spawn().await;
    let support = app.appoint("support@example.com", "staff support").await;
    let ada = app.appoint("ada@example.com", "vendor").await;
    let input = json!({ "city": "London", "vendorId": "v-17", "staffNote": "pays late" });
    let answer = on(&support, "UpdateUser", &ada.user_id, input).await;
    assert_eq!(answer.root("updateUser")["user"]["staffNote"], "pays late");
    let me = "{ me { city firstName vendorId staffNote } }";
    let answer = ada.ask(me, json!({})).await;
    let expected = json!({
        "city": "London", "firstName": "Ada", "vendorId": "v-17", "staffNote": null,
    });
    assert_eq!(answer.json["data"]["me"], expected);
    assert_eq!(answer.code(), "FORBIDDEN");
    assert_eq!(answer.json["errors"].as_array().unwrap().len(), 1);

    let wrong = json!({ "vendorId": "x".repeat(101), "staffNote": "x".repeat(2001) });
    let answer = on(&support, "UpdateUser", &ada.user_id, wrong).await;
    let expected = ["vendorId TOO_LONG", "staffNote TOO_LONG"];
    assert_eq!(answer.violations("updateUser"), expected);
    let forget = json!({ "vendorId": null, "reason": "x".repeat(501) });
    let answer = on(&support, "UpdateUser", &ada.user_id, forget).await;
    assert_eq!(answer.violations("updateUser"), ["reason TOO_LONG"]);
    let answer = on(
        &support,
        "UpdateUser",
        &ada.user_id,
        json!({ "vendorId": null }),
    )
    .await;
    assert_eq!(answer.root("updateUser")["user"]["vendorId"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn sensitive_operations_require_a_recent_sign_in() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let ada = app.register("ada@example.com").await;
    app.advance(901);
    let root = root.refreshed().await;
    let invite = json!({ "input": { "email": "grace@example.com", "role": "CLIENT" } });
    let answer = root.run("InviteUser", invite).await;
    assert_eq!(answer.typename("inviteUser"), "StepUpRequired");
    for (document, field, more, needed) in [
        (
            "SetUserRole",
            "setUserRole",
            json!({ "role": "VENDOR" }),
            true,
        ),
        (
            "SetStaffFunctions",
            "setStaffFunctions",
            json!({ "staffFunctions": [] }),
            true,
        ),
        ("SuspendUser", "suspendUser", json!({}), true),
        ("UnsuspendUser", "unsuspendUser", json!({}), true),
        ("UpdateUser", "updateUser", json!({}), false),
        ("RevokeUserSessions", "revokeUserSessions", json!({}), false),
    ] {
        let answer = on(&root, document, &ada.user_id, more).await;
        let refused = answer.typename(field) == "StepUpRequired";
        assert_eq!(refused, needed, "{document}: {}", answer.text);
    }
    root.run("StepUp", json!({ "input": { "password": PASSWORD } }))
        .await;
    let answer = on(&root, "SuspendUser", &ada.user_id, json!({})).await;
    assert_eq!(answer.typename("suspendUser"), "UserSuspended");
}
