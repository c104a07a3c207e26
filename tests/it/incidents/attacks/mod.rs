//! Attacks on codes, links, addresses and ownership across several use cases.

mod limits;
mod races;

use serde_json::{Value, json};

use crate::account::REQUIRED;
use crate::harness::{Anonymous, Answer, PASSWORD, SignedIn, TestApp};

const VICTIM: &str = "victim@example.com";
const THIEF: &str = "thief@example.org";
const NUMBER: &str = "+16502530000";
const NEW: &str = "staple battery horse correct";

/// An account with a verified address, and a session of it.
async fn verified_user<'a>(app: &'a TestApp, email: &str) -> SignedIn<'a> {
    let person = app.register(email).await;
    app.execute(&format!(
        "UPDATE users SET email_verified = TRUE, is_verified = TRUE WHERE email = '{email}'"
    ))
    .await;
    person
}

/// An account with a phone number only.
async fn on_a_number(app: &TestApp) -> SignedIn<'_> {
    let input = json!({ "phone": NUMBER, "firstName": "Ada" });
    let client = app.anonymous();
    client.run("Register", json!({ "input": input })).await;
    let code = app.code(NUMBER, "verify_phone").await;
    let answer = client.verify_otp(NUMBER, "VERIFY_PHONE", &code).await;
    SignedIn::from_answer(app, &answer, "verifyOtp")
}

async fn run(client: &Anonymous<'_>, document: &str, input: Value) -> Answer {
    client.run(document, json!({ "input": input })).await
}

/// Moves the account of a session to an address whose mail the mover reads.
async fn move_to(app: &TestApp, person: &SignedIn<'_>, email: &str) {
    let ask = json!({ "input": { "email": email } });
    let asked = person.run("RequestEmailChange", ask).await;
    assert_eq!(asked.typename("requestEmailChange"), "EmailChangeRequested");
    let token = app.token(email, "change_email").await;
    let input = json!({ "input": { "token": token } });
    let answer = person.run("ConfirmEmailChange", input).await;
    assert_eq!(answer.typename("confirmEmailChange"), "EmailChanged");
}

/// Moves the account of a session to a number whose messages the mover reads.
async fn move_to_number(app: &TestApp, person: &SignedIn<'_>) {
    let ask = json!({ "input": { "phone": NUMBER } });
    person.run("RequestPhoneChange", ask).await;
    let code = app.code(NUMBER, "change_phone").await;
    let input = json!({ "input": { "phone": NUMBER, "code": code } });
    let moved = person.run("ConfirmPhoneChange", input).await;
    assert_eq!(moved.typename("confirmPhoneChange"), "PhoneChanged");
}

async fn revert(app: &TestApp, token: &str) -> String {
    let answer = run(
        &app.anonymous(),
        "RevertEmailChange",
        json!({ "token": token }),
    )
    .await;
    answer.typename("revertEmailChange").to_owned()
}

async fn reset(app: &TestApp, token: &str) -> String {
    let input = json!({ "token": token, "newPassword": NEW });
    let answer = run(&app.anonymous(), "ConfirmPasswordReset", input).await;
    answer.typename("confirmPasswordReset").to_owned()
}

/// A thief who moves an account twice gets a revert link for the second move.
#[tokio::test(flavor = "multi_thread")]
async fn a_thief_who_undoes_the_second_move_does_not_take_the_owners_undo_away() {
    let app = TestApp::spawn().await;
    let thief = verified_user(&app, VICTIM).await;
    move_to(&app, &thief, THIEF).await;
    let owners = app.token(VICTIM, "email_changed").await;
    app.advance(61);
    move_to(&app, &thief, "second@example.org").await;
    let thiefs = app.token(THIEF, "email_changed").await;
    revert(&app, &thiefs).await;
    assert_eq!(revert(&app, &owners).await, "EmailReverted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thief_who_registers_the_old_address_does_not_block_the_undo() {
    let app = TestApp::with(&[REQUIRED]).await;
    let client = app.anonymous();
    client.register(VICTIM).await;
    let link = app.confirmation_token(VICTIM).await;
    let input = json!({ "token": link, "password": PASSWORD });
    let answer = run(&client, "VerifyEmail", input).await;
    let thief = SignedIn::from_answer(&app, &answer, "verifyEmail");
    move_to(&app, &thief, THIEF).await;
    let undo = app.token(VICTIM, "email_changed").await;
    // Never confirmed, so never verified.
    client.register(VICTIM).await;
    assert_eq!(revert(&app, &undo).await, "EmailReverted");
}

/// Trojan identifier: a squatter verifies their own address next to the victim's.
#[tokio::test(flavor = "multi_thread")]
async fn a_squatter_who_proves_a_number_does_not_keep_the_address_from_its_owner() {
    let app = TestApp::spawn().await;
    let squatter = app.register(VICTIM).await;
    let ask = json!({ "input": { "phone": NUMBER } });
    let asked = squatter.run("RequestPhoneChange", ask).await;
    assert_eq!(asked.typename("requestPhoneChange"), "EmailNotVerified");

    let client = app.anonymous();
    client.request_otp(VICTIM, "LOGIN").await;
    let codes = app.messages(VICTIM, "login_code").await;
    let again = run(
        &client,
        "Register",
        json!({ "email": VICTIM, "password": NEW }),
    )
    .await;
    let outcome = again.typename("register");
    assert!(
        codes > 0 || outcome == "SignedIn",
        "neither a code nor a registration works for the owner: {outcome}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_squatter_does_not_keep_an_account_from_moving_to_an_address_it_proves() {
    let app = TestApp::spawn().await;
    app.register("mine@example.org").await;
    let owner = verified_user(&app, VICTIM).await;
    move_to(&app, &owner, "mine@example.org").await;
}

/// The thief who requested the change may be signed out; the link must not wait for the
/// owner's click.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_a_move_that_was_asked_for_before() {
    let app = TestApp::spawn().await;
    let owner = verified_user(&app, VICTIM).await;
    let thief = app.login(VICTIM).await;
    let ask = json!({ "input": { "email": THIEF } });
    thief.run("RequestEmailChange", ask).await;
    let token = app.token(THIEF, "change_email").await;
    let input = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    let changed = owner.run("ChangePassword", json!({ "input": input })).await;
    assert_eq!(changed.typename("changePassword"), "PasswordChanged");
    assert!(!thief.is_signed_in().await);
    let input = json!({ "input": { "token": token } });
    let answer = owner.run("ConfirmEmailChange", input).await;
    assert_eq!(answer.typename("confirmEmailChange"), "TokenInvalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_a_number_is_notified_when_an_address_is_added() {
    let app = TestApp::spawn().await;
    let thief = on_a_number(&app).await;
    move_to(&app, &thief, THIEF).await;
    let input = json!({ "emailOrPhone": THIEF });
    run(&app.anonymous(), "RequestPasswordReset", input).await;
    let token = app.token(THIEF, "password_reset").await;
    assert_eq!(reset(&app, &token).await, "PasswordChanged");
    let notices = [
        app.messages(NUMBER, "email_changed").await,
        app.messages(NUMBER, "password_changed").await,
    ];
    assert_eq!(notices, [1, 1]);
}

/// The class of CVE-2019-19844: only the spelling that received the message is verified.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_moves_to_the_spelling_that_the_code_was_sent_to() {
    let app = TestApp::spawn().await;
    let ada = verified_user(&app, VICTIM).await;
    let sent_to = "Ada.Lovelace@example.org";
    let ask = json!({ "input": { "email": sent_to } });
    ada.run("RequestEmailChange", ask).await;
    let code = app.code(sent_to, "change_email").await;
    let input = json!({ "email": "aDA.lOVELACE@example.org", "code": code });
    let answer = ada
        .run("ConfirmEmailChange", json!({ "input": input }))
        .await;
    assert_eq!(answer.root("confirmEmailChange")["user"]["email"], sent_to);
}

#[tokio::test(flavor = "multi_thread")]
async fn exchanging_a_code_for_a_reset_and_a_refused_reset_leave_a_trace() {
    let app = TestApp::spawn().await;
    verified_user(&app, VICTIM).await;
    let client = app.anonymous();
    client.request_otp(VICTIM, "RESET_PASSWORD").await;
    let code = app.code(VICTIM, "password_reset").await;
    let verify = client.verify_otp(VICTIM, "RESET_PASSWORD", &code);
    let (answer, work) = app.work_of(verify).await;
    let token = answer.root("verifyOtp")["token"].as_str().unwrap();
    let exchanged = work.events;
    app.execute("UPDATE users SET suspended_at = created_at")
        .await;
    let (outcome, work) = app.work_of(reset(&app, token)).await;
    assert_eq!(outcome, "AccountSuspended");
    assert_eq!((exchanged, work.events), (1, 1));
}

/// A number added by the thief is a way in that survives the owner's recovery.
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_by_mail_ends_a_number_that_a_thief_has_just_put_in() {
    let app = TestApp::spawn().await;
    let thief = verified_user(&app, VICTIM).await;
    move_to_number(&app, &thief).await;
    assert_eq!(app.messages(VICTIM, "phone_changed").await, 1);
    let client = app.anonymous();
    let input = json!({ "emailOrPhone": VICTIM });
    run(&client, "RequestPasswordReset", input).await;
    let token = app.token(VICTIM, "password_reset").await;
    assert_eq!(reset(&app, &token).await, "PasswordChanged");
    client.request_otp(NUMBER, "LOGIN").await;
    assert_eq!(app.messages(NUMBER, "login_code").await, 0);
}

/// A mistyped second address blocks no registration: its code works, or none is sent.
#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_a_number_that_another_account_never_proved_can_register_it() {
    let app = TestApp::spawn().await;
    verified_user(&app, VICTIM).await;
    app.execute(&format!("UPDATE users SET phone = '{NUMBER}'"))
        .await;
    let registered = on_a_number(&app).await;
    assert!(registered.is_signed_in().await);
}
