//! What a thief leaves in an account, and what survives the owner's recovery.

use serde_json::{Value, json};

use crate::administration::{admin, on};
use crate::google::signed_in;
use crate::harness::{Anonymous, Answer, Google, PASSWORD, SignedIn, TestApp};

const OWNER: &str = "owner@example.com";
const THIEF: &str = "thief@example.org";
const NUMBER: &str = "+16502530000";
const NEW: &str = "staple battery horse correct";
const DAY: i64 = 86_400;

async fn run(client: &Anonymous<'_>, document: &str, input: Value) -> Answer {
    client.run(document, json!({ "input": input })).await
}

/// A verified account; the session may be the thief's.
async fn verified_user(app: &TestApp) -> SignedIn<'_> {
    let owner = app.register(OWNER).await;
    app.execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
        .await;
    owner
}

fn of(name: &str) -> Value {
    json!({ "sub": name, "email": format!("{name}@gmail.com") })
}

async fn link(google: &Google, person: &SignedIn<'_>, name: &str) {
    let input = json!({ "idToken": google.token(&of(name)) });
    let answer = person.run("LinkGoogle", json!({ "input": input })).await;
    assert_eq!(
        answer.typename("linkGoogle"),
        "GoogleLinked",
        "{}",
        answer.text
    );
}

/// The account that an identity opens.
async fn opens(google: &Google, name: &str) -> String {
    signed_in(google, &google.login(&of(name)).await).user_id
}

async fn set(app: &TestApp, proof: Value) -> String {
    let mut input = proof;
    input["newPassword"] = json!(NEW);
    let answer = run(&app.anonymous(), "ConfirmPasswordReset", input).await;
    answer.typename("confirmPasswordReset").to_owned()
}

async fn move_to(app: &TestApp, person: &SignedIn<'_>, email: &str) {
    let ask = json!({ "input": { "email": email } });
    person.run("RequestEmailChange", ask).await;
    let token = app.token(email, "change_email").await;
    let input = json!({ "input": { "token": token } });
    let answer = person.run("ConfirmEmailChange", input).await;
    assert_eq!(answer.typename("confirmEmailChange"), "EmailChanged");
}

async fn move_to_number(app: &TestApp, person: &SignedIn<'_>) {
    let ask = json!({ "input": { "phone": NUMBER } });
    person.run("RequestPhoneChange", ask).await;
    let code = app.code(NUMBER, "change_phone").await;
    let input = json!({ "input": { "phone": NUMBER, "code": code } });
    let moved = person.run("ConfirmPhoneChange", input).await;
    assert_eq!(moved.typename("confirmPhoneChange"), "PhoneChanged");
}

/// Recovers the account through this address in one of the ways.
async fn recover(app: &TestApp, address: &str, way: &str) {
    let client = app.anonymous();
    let outcome = match way {
        "link" => {
            run(
                &client,
                "RequestPasswordReset",
                json!({ "emailOrPhone": address }),
            )
            .await;
            let token = app.token(address, "password_reset").await;
            set(app, json!({ "token": token })).await
        }
        "code" => {
            client.request_otp(address, "RESET_PASSWORD").await;
            let code = app.code(address, "password_reset").await;
            set(app, json!({ "emailOrPhone": address, "code": code })).await
        }
        "exchanged code" => {
            client.request_otp(address, "RESET_PASSWORD").await;
            let code = app.code(address, "password_reset").await;
            let answer = client.verify_otp(address, "RESET_PASSWORD", &code).await;
            set(app, json!({ "token": answer.root("verifyOtp")["token"] })).await
        }
        _ => {
            let token = app.token(address, "email_changed").await;
            let answer = run(&client, "RevertEmailChange", json!({ "token": token })).await;
            answer.typename("revertEmailChange").to_owned()
        }
    };
    assert!(
        ["PasswordChanged", "EmailReverted"].contains(&outcome.as_str()),
        "{way}: {outcome}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_that_a_thief_linked_survives_no_recovery() {
    for way in ["link", "code", "exchanged code", "undo"] {
        let google = Google::genuine().await;
        let app = &google.app;
        let owner = verified_user(app).await;
        link(&google, &owner, "old").await;
        app.advance(30 * DAY);
        let thief = app.login(OWNER).await;
        link(&google, &thief, "thief").await;
        app.advance(6 * DAY);
        let thief = app.login(OWNER).await;
        link(&google, &thief, "second").await;
        if way == "undo" {
            move_to(app, &thief, THIEF).await;
        } else {
            let ask = json!({ "input": { "email": THIEF } });
            thief.run("RequestEmailChange", ask).await;
        }
        let waiting = app.token(THIEF, "change_email").await;
        recover(app, OWNER, way).await;
        for name in ["thief", "second"] {
            assert_ne!(opens(&google, name).await, owner.user_id, "{way} {name}");
        }
        assert_eq!(opens(&google, "old").await, owner.user_id, "{way}");
        assert_eq!(app.messages(OWNER, "identities_ended").await, 1, "{way}");
        assert_eq!(app.messages(THIEF, "identities_ended").await, 0, "{way}");
        assert!(!thief.is_signed_in().await);
        if way != "undo" {
            let login = app.anonymous().login(OWNER, NEW).await;
            let owner = SignedIn::from_answer(app, &login, "login");
            let input = json!({ "input": { "token": waiting } });
            let answer = owner.run("ConfirmEmailChange", input).await;
            assert_eq!(answer.typename("confirmEmailChange"), "TokenInvalid");
            // The owner can link their own identity again.
            link(&google, &owner, "mine").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_of_a_recovery_is_measured_back_from_it() {
    let google = Google::genuine().await;
    let app = &google.app;
    let owner = verified_user(app).await;
    link(&google, &owner, "before").await;
    app.advance(1);
    link(&google, &owner, "within").await;
    app.advance(7 * DAY);
    recover(app, OWNER, "link").await;
    assert_eq!(opens(&google, "before").await, owner.user_id);
    assert_ne!(opens(&google, "within").await, owner.user_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_remembers_unlinked_identities_even_if_they_open_another_account() {
    let google = Google::genuine().await;
    let app = &google.app;
    let owner = app.register("ada@gmail.com").await;
    app.execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
        .await;
    let ada = json!({ "sub": "ada", "email": "ada@gmail.com" });
    assert_eq!(
        signed_in(&google, &google.login(&ada).await).user_id,
        owner.user_id
    );
    let unlink = async |person: &SignedIn<'_>| {
        let answer = person.run("UnlinkGoogle", json!({ "input": {} })).await;
        assert_eq!(
            answer.typename("unlinkGoogle"),
            "GoogleUnlinked",
            "{}",
            answer.text
        );
    };
    unlink(&owner).await;
    assert_eq!(google.outcome(&ada).await, "Conflict");
    let other = app.register("other@example.com").await;
    let input = json!({ "idToken": google.token(&ada) });
    let linked = other.run("LinkGoogle", json!({ "input": input })).await;
    assert_eq!(linked.typename("linkGoogle"), "GoogleLinked");
    assert_eq!(
        signed_in(&google, &google.login(&ada).await).user_id,
        other.user_id
    );
    unlink(&other).await;
    assert_eq!(google.outcome(&ada).await, "Conflict");
    assert_eq!(app.number("SELECT COUNT(*) FROM identities").await, 2);
}

/// An address of the thief is a way in, whether e-mail or phone.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_a_thief_put_in_survives_no_recovery_by_the_other() {
    let app = TestApp::spawn().await;
    let client = app.anonymous();
    run(&client, "Register", json!({ "phone": NUMBER })).await;
    let code = app.code(NUMBER, "verify_phone").await;
    let answer = client.verify_otp(NUMBER, "VERIFY_PHONE", &code).await;
    let thief = SignedIn::from_answer(&app, &answer, "verifyOtp");
    move_to(&app, &thief, THIEF).await;
    app.advance(61);
    move_to(&app, &thief, "second@example.org").await;
    let undo = app.token(THIEF, "email_changed").await;
    app.advance(61);
    recover(&app, NUMBER, "code").await;
    for address in [THIEF, "second@example.org"] {
        let wanted = json!({ "emailOrPhone": address });
        run(&client, "RequestPasswordReset", wanted).await;
        client.request_otp(address, "LOGIN").await;
        assert_eq!(app.messages(address, "password_reset").await, 0);
        assert_eq!(app.messages(address, "login_code").await, 0);
    }
    // The only revert link leads to an address that the owner never had.
    let answer = run(&client, "RevertEmailChange", json!({ "token": undo })).await;
    let reverted = answer.typename("revertEmailChange").to_owned();
    assert_eq!(reverted, "TokenInvalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_younger_address_does_not_shake_the_older_one() {
    let app = TestApp::spawn().await;
    let owner = verified_user(&app).await;
    move_to(&app, &owner, "new@example.com").await;
    app.advance(DAY);
    let thief = app.login("new@example.com").await;
    move_to_number(&app, &thief).await;
    recover(&app, NUMBER, "code").await;
    app.advance(61);
    recover(&app, "new@example.com", "link").await;
    // Now the number is the unverified one.
    let client = app.anonymous();
    app.advance(61);
    client.request_otp(NUMBER, "LOGIN").await;
    assert_eq!(app.messages(NUMBER, "login_code").await, 0);
}

/// A suspension must not let the recovery window run out for the owner.
#[tokio::test(flavor = "multi_thread")]
async fn a_thiefs_additions_before_a_suspension_are_gone_after_it() {
    let google = Google::genuine().await;
    let app = &google.app;
    let first = signed_in(&google, &google.login(&of("ada")).await);
    let root = admin(app).await;
    app.advance(60);
    link(&google, &first, "thief").await;
    let client = app.anonymous();
    client.request_otp("ada@gmail.com", "RESET_PASSWORD").await;
    let code = app.code("ada@gmail.com", "password_reset").await;
    on(&root, "SuspendUser", &first.user_id, json!({}))
        .await
        .root("suspendUser");
    app.advance(10);
    on(&root, "UnsuspendUser", &first.user_id, json!({}))
        .await
        .root("unsuspendUser");
    let proof = json!({ "emailOrPhone": "ada@gmail.com", "code": code });
    assert_eq!(set(app, proof).await, "CodeInvalid");
    assert_ne!(opens(&google, "thief").await, first.user_id);
    // The account's first identity is no addition, and may be the only way in.
    assert_eq!(opens(&google, "ada").await, first.user_id);
    assert_eq!(app.messages("ada@gmail.com", "identities_ended").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_sessions_as_an_administrator_revokes_pending_codes_and_links() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let owner = verified_user(&app).await;
    let client = app.anonymous();
    run(
        &client,
        "RequestPasswordReset",
        json!({ "emailOrPhone": OWNER }),
    )
    .await;
    let token = app.token(OWNER, "password_reset").await;
    client.request_otp(OWNER, "LOGIN").await;
    let code = app.code(OWNER, "login_code").await;
    let ended = on(&root, "RevokeUserSessions", &owner.user_id, json!({})).await;
    assert_eq!(ended.root("revokeUserSessions")["count"], 1);
    assert_eq!(set(&app, json!({ "token": token })).await, "TokenInvalid");
    let answer = client.verify_otp(OWNER, "LOGIN", &code).await;
    assert_eq!(answer.typename("verifyOtp"), "CodeInvalid");
    assert!(app.login(OWNER).await.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_link_and_its_end_is_told_at_every_proven_address() {
    let google = Google::genuine().await;
    let app = &google.app;
    let owner = verified_user(app).await;
    move_to_number(app, &owner).await;
    link(&google, &owner, "mine").await;
    let answer = owner.run("UnlinkGoogle", json!({ "input": {} })).await;
    assert_eq!(answer.typename("unlinkGoogle"), "GoogleUnlinked");
    for address in [OWNER, NUMBER] {
        for kind in ["identity_linked", "identity_unlinked"] {
            assert_eq!(app.messages(address, kind).await, 1, "{address} {kind}");
        }
    }
    // Also the first one, which takes over what a squatter had registered.
    app.register("grace@gmail.com").await;
    opens(&google, "grace").await;
    assert_eq!(app.messages("grace@gmail.com", "identity_linked").await, 1);
}

/// In either order, the identity of a concurrent link request opens nothing after the recovery.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_meets_a_recovery_does_not_outlive_it() {
    let google = Google::genuine().await;
    let app = &google.app;
    let owner = verified_user(app).await;
    for round in 0..8 {
        let password = if round == 0 { PASSWORD } else { NEW };
        let login = app.anonymous().login(OWNER, password).await;
        let thief = SignedIn::from_answer(app, &login, "login");
        app.advance(61);
        let wanted = json!({ "emailOrPhone": OWNER });
        run(&app.anonymous(), "RequestPasswordReset", wanted).await;
        let token = app.token(OWNER, "password_reset").await;
        let name = format!("thief{round}");
        let input = json!({ "input": { "idToken": google.token(&of(&name)) } });
        let linking = thief.run("LinkGoogle", input);
        let (_, outcome) = tokio::join!(linking, set(app, json!({ "token": token })));
        assert_eq!(outcome, "PasswordChanged");
        assert_ne!(opens(&google, &name).await, owner.user_id, "{round}");
        assert!(!thief.is_signed_in().await);
    }
}
