//! Attacks on codes, links, addresses and ownership that go through several use cases.

use serde_json::{Value, json};

use crate::account::REQUIRED;
use crate::harness::{Anonymous, Answer, PASSWORD, SignedIn, TestApp};

const VICTIM: &str = "victim@example.com";
const THIEF: &str = "thief@example.org";
const NUMBER: &str = "+16502530000";
const NEW: &str = "staple battery horse correct";

/// An account with a proven address, and a session of it.
async fn proven<'a>(app: &'a TestApp, email: &str) -> SignedIn<'a> {
    let person = app.register(email).await;
    app.execute(&format!(
        "UPDATE users SET email_verified = TRUE, is_verified = TRUE WHERE email = '{email}'"
    ))
    .await;
    person
}

/// An account that lives on a phone number alone.
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

/// A thief who moves an account twice gets an undo link of their own for the second move.
#[tokio::test(flavor = "multi_thread")]
async fn a_thief_who_undoes_the_second_move_does_not_take_the_owners_undo_away() {
    let app = TestApp::spawn().await;
    let thief = proven(&app, VICTIM).await;
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
    // Never confirmed, so nobody proved to own it.
    client.register(VICTIM).await;
    assert_eq!(revert(&app, &undo).await, "EmailReverted");
}

/// The trojan identifier: a squatter proves an address of their own next to the victim's.
#[tokio::test(flavor = "multi_thread")]
async fn a_squatter_who_proves_a_number_does_not_keep_the_address_from_its_owner() {
    let app = TestApp::spawn().await;
    let squatter = app.register(VICTIM).await;
    let ask = json!({ "input": { "phone": NUMBER } });
    squatter.run("RequestPhoneChange", ask).await;
    let code = app.code(NUMBER, "change_phone").await;
    let input = json!({ "input": { "phone": NUMBER, "code": code } });
    let moved = squatter.run("ConfirmPhoneChange", input).await;
    assert_eq!(moved.typename("confirmPhoneChange"), "PhoneChanged");

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
    let owner = proven(&app, VICTIM).await;
    move_to(&app, &owner, "mine@example.org").await;
}

/// A registration turns a decoy into a code: the cooldown before it must not tell.
#[tokio::test(flavor = "multi_thread")]
async fn a_registration_between_two_codes_does_not_tell_who_has_an_account() {
    let app = TestApp::with(&[REQUIRED]).await;
    let client = app.anonymous();
    let known = "known@example.com";
    client.register(known).await;
    let link = app.confirmation_token(known).await;
    let input = json!({ "token": link, "password": PASSWORD });
    run(&client, "VerifyEmail", input).await;
    let mut answers = Vec::new();
    for address in [known, "unknown@example.com"] {
        client.request_otp(address, "LOGIN").await;
        client.register(address).await;
        let answer = client.request_otp(address, "LOGIN").await;
        answers.push(answer.text);
    }
    assert_eq!(answers[0], answers[1]);
}

/// The same by a phone number: the registration itself sends the code.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_cooldown_does_not_tell_who_has_a_number() {
    let app = TestApp::with(&[REQUIRED]).await;
    on_a_number(&app).await;
    let client = app.anonymous();
    app.advance(61);
    let numbers = [NUMBER, "+16502530001"];
    let register = |number: &str| {
        let input = json!({ "phone": number, "firstName": "Eve" });
        let client = client.clone();
        async move { run(&client, "Register", input).await }
    };
    for number in numbers {
        client.request_otp(number, "VERIFY_PHONE").await;
    }
    app.advance(30);
    for number in numbers {
        register(number).await;
    }
    app.advance(35);
    let known = client.request_otp(numbers[0], "VERIFY_PHONE").await;
    let unknown = client.request_otp(numbers[1], "VERIFY_PHONE").await;
    assert_eq!(known.text, unknown.text);
}

/// Keycloak's CVE-2026-19607 for those who are signed in: strangers spend no budget of theirs.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_do_not_keep_a_signed_in_person_from_a_step_up_code() {
    let app = TestApp::with(&[
        ("IDGATE_THROTTLE__SCALE", "1"),
        ("IDGATE_SERVER__TRUSTED_PROXIES", "127.0.0.1/32"),
    ])
    .await;
    let ada = proven(&app, VICTIM).await;
    let stranger = |number: u32| {
        app.anonymous()
            .with("x-forwarded-for", format!("203.0.113.{number}"))
    };
    let step_up = json!({ "emailOrPhone": VICTIM, "purpose": "STEP_UP" });
    let asked = ada.run("RequestOtp", json!({ "input": step_up })).await;
    assert_eq!(asked.typename("requestOtp"), "OtpSent");
    let code = app.code(VICTIM, "step_up_code").await;
    for number in 0..25 {
        stranger(number)
            .verify_otp(VICTIM, "STEP_UP", "000000")
            .await;
    }
    let input = json!({ "emailOrPhone": VICTIM, "purpose": "STEP_UP", "code": code });
    let answer = ada.run("VerifyOtp", json!({ "input": input })).await;
    assert_eq!(answer.typename("verifyOtp"), "SteppedUp");

    app.advance(61);
    for number in 0..10 {
        stranger(number).request_otp(VICTIM, "LOGIN").await;
    }
    let asked = ada.run("RequestOtp", json!({ "input": step_up })).await;
    assert_eq!(asked.typename("requestOtp"), "OtpSent");
}

/// NIST SP 800-63B-3 §5.2.2: no more than a hundred failures in a row.
#[tokio::test(flavor = "multi_thread")]
async fn a_patient_guesser_does_not_get_hundreds_of_codes_a_day() {
    let app = TestApp::with(&[
        ("IDGATE_THROTTLE__SCALE", "1"),
        ("IDGATE_THROTTLE__MESSAGE_ADDRESS", "100000/60"),
        ("IDGATE_THROTTLE__CODE_ADDRESS", "100000/60"),
    ])
    .await;
    proven(&app, VICTIM).await;
    let client = app.anonymous();
    let mut guesses = 0;
    for _ in 0..24 * 4 {
        client.request_otp(VICTIM, "LOGIN").await;
        for _ in 0..5 {
            let answer = client.verify_otp(VICTIM, "LOGIN", "000000").await;
            guesses += usize::from(answer.typename("verifyOtp") == "CodeInvalid");
        }
        app.advance(15 * 60);
    }
    assert!(guesses <= 100, "{guesses} guesses in a day");
}

/// Whoever asked for a move may be out again; its link must not wait for a click of the owner.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_a_move_that_was_asked_for_before() {
    let app = TestApp::spawn().await;
    let owner = proven(&app, VICTIM).await;
    let thief = app.login(VICTIM).await;
    let ask = json!({ "input": { "email": THIEF } });
    thief.run("RequestEmailChange", ask).await;
    let token = app.token(THIEF, "change_email").await;
    let input = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    let changed = owner.run("ChangePassword", json!({ "input": input })).await;
    assert_eq!(changed.typename("changePassword"), "PasswordChanged");
    assert!(!thief.is_welcome().await);
    let input = json!({ "input": { "token": token } });
    let answer = owner.run("ConfirmEmailChange", input).await;
    assert_eq!(answer.typename("confirmEmailChange"), "TokenInvalid");
}

/// Runs `change` in a transaction that locks `table`, once a request waits for that table.
async fn while_it_waits(app: &TestApp, table: &str, change: &str) {
    app.execute(&format!(
        "DO $$ BEGIN \
           SET LOCAL statement_timeout = '20s'; \
           LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; \
           PERFORM pg_advisory_xact_lock(1); \
           WHILE NOT EXISTS (SELECT 1 FROM pg_locks \
             WHERE NOT granted AND relation = '{table}'::regclass) \
           LOOP PERFORM pg_sleep(0.01); END LOOP; \
           {change} \
         END $$"
    ))
    .await;
}

/// Waits until [`while_it_waits`] holds its table.
async fn until_locked(app: &TestApp) {
    let held = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND granted \
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    while app.number(held).await == 0 {
        tokio::task::yield_now().await;
    }
}

/// What a change of the password does to the rows, as one transaction.
const CHANGED: &str = "UPDATE users SET credential_version = credential_version + 1; \
                       DELETE FROM links WHERE purpose = 'reset_password';";

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_link_that_ends_while_it_is_redeemed_sets_no_password() {
    let app = TestApp::spawn().await;
    if app.is_sqlite() {
        return; // It has no lock to hold one statement back.
    }
    proven(&app, VICTIM).await;
    let input = json!({ "emailOrPhone": VICTIM });
    run(&app.anonymous(), "RequestPasswordReset", input).await;
    let token = app.token(VICTIM, "password_reset").await;
    let redeem = async {
        until_locked(&app).await;
        reset(&app, &token).await
    };
    let (outcome, ()) = tokio::join!(redeem, while_it_waits(&app, "users", CHANGED));
    assert_eq!(outcome, "TokenInvalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_code_that_ends_while_it_is_redeemed_gives_no_token() {
    let app = TestApp::spawn().await;
    if app.is_sqlite() {
        return; // It has no lock to hold one statement back.
    }
    proven(&app, VICTIM).await;
    let client = app.anonymous();
    client.request_otp(VICTIM, "RESET_PASSWORD").await;
    let code = app.code(VICTIM, "password_reset").await;
    let redeem = async {
        until_locked(&app).await;
        client.verify_otp(VICTIM, "RESET_PASSWORD", &code).await
    };
    let change = while_it_waits(&app, "spent_proofs", CHANGED);
    let (answer, ()) = tokio::join!(redeem, change);
    if answer.typename("verifyOtp") == "PasswordResetAllowed" {
        let token = answer.root("verifyOtp")["token"].as_str().unwrap();
        assert_eq!(reset(&app, token).await, "TokenInvalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_a_number_is_told_when_somebody_adds_an_address() {
    let app = TestApp::spawn().await;
    let thief = on_a_number(&app).await;
    move_to(&app, &thief, THIEF).await;
    let input = json!({ "emailOrPhone": THIEF });
    run(&app.anonymous(), "RequestPasswordReset", input).await;
    let token = app.token(THIEF, "password_reset").await;
    assert_eq!(reset(&app, &token).await, "PasswordChanged");
    let told = [
        app.messages(NUMBER, "email_changed").await,
        app.messages(NUMBER, "password_changed").await,
    ];
    assert_eq!(told, [1, 1]);
}

/// The class of CVE-2019-19844: what is proven is the spelling that got the message.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_moves_to_the_spelling_that_the_code_was_sent_to() {
    let app = TestApp::spawn().await;
    let ada = proven(&app, VICTIM).await;
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
    proven(&app, VICTIM).await;
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

/// NIST SP 800-63B-3 §5.1.3.2: such a code is good for ten minutes at most.
#[test]
fn no_configuration_lets_a_code_live_for_an_hour() {
    let setting = ("IDGATE_OTP__LIFE_SECONDS".to_owned(), "3600".to_owned());
    assert!(idgate::config::Config::load(None, vec![setting]).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_lost_its_point_is_not_delivered_late() {
    let app = TestApp::with(&[("IDGATE_OUTBOX__ENABLED", "false")]).await;
    proven(&app, VICTIM).await;
    app.anonymous().request_otp(VICTIM, "LOGIN").await;
    app.advance(600);
    assert_eq!(app.messages(VICTIM, "login_code").await, 0);
}
