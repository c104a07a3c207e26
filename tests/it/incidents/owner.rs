//! Who owns an account once its address is verified: the owner who never registered it, or the
//! user who mistyped an address.

use serde_json::{Value, json};

use crate::google::signed_in;
use crate::harness::{Anonymous, Answer, Google, PASSWORD, SignedIn, TestApp};

const VICTIM: &str = "victim@example.com";
const NUMBER: &str = "+16502530000";
const NEW: &str = "staple battery horse correct";

async fn run(client: &Anonymous<'_>, document: &str, input: Value) -> Answer {
    client.run(document, json!({ "input": input })).await
}

async fn by(person: &SignedIn<'_>, document: &str, input: Value) -> Answer {
    person.run(document, json!({ "input": input })).await
}

fn eve() -> Value {
    json!({ "sub": "666", "email": "eve@gmail.com" })
}

/// What an attacker who registered the victim's address can still use.
struct Left<'a> {
    session: SignedIn<'a>,
    second: SignedIn<'a>,
    device: Value,
    links: Vec<(&'static str, String)>,
}

/// Registers the victim's address and leaves everything there that an attacker can.
async fn squat(google: &Google) -> Left<'_> {
    let app = &google.app;
    let input = json!({
        "email": VICTIM, "password": PASSWORD, "firstName": "Eve", "lastName": "Evil",
        "role": "VENDOR",
    });
    let answer = run(&app.anonymous(), "Register", input).await;
    let session = SignedIn::from_answer(app, &answer, "register");
    let answer = app.anonymous().login(VICTIM, PASSWORD).await;
    let device = answer.root("login")["deviceToken"].clone();
    let second = SignedIn::from_answer(app, &answer, "login");
    let identity = json!({ "idToken": google.token(&eve()) });
    let linked = by(&session, "LinkGoogle", identity).await;
    assert_eq!(linked.typename("linkGoogle"), "GoogleLinked");
    let profile = json!({
        "address": "evil street", "bio": "evil", "city": "evil", "country": "DE", "state": "evil",
        "locale": "de",
    });
    let changed = by(&session, "UpdateProfile", profile).await;
    assert!(changed.json["errors"].is_null(), "{}", changed.text);
    let mut links = vec![("VerifyEmail", app.confirmation_token(VICTIM).await)];
    let forgotten = json!({ "emailOrPhone": VICTIM });
    run(&app.anonymous(), "RequestPasswordReset", forgotten).await;
    links.push((
        "ConfirmPasswordReset",
        app.token(VICTIM, "password_reset").await,
    ));
    let elsewhere = json!({ "email": "eve@example.org" });
    let asked = by(&session, "RequestEmailChange", elsewhere).await;
    assert_eq!(asked.typename("requestEmailChange"), "EmailChangeRequested");
    let token = app.token("eve@example.org", "change_email").await;
    links.push(("ConfirmEmailChange", token));
    // A number cannot be left there: it takes a proven address to ask for one.
    let asked = by(&session, "RequestPhoneChange", json!({ "phone": NUMBER })).await;
    assert_eq!(asked.typename("requestPhoneChange"), "EmailNotVerified");
    app.advance(120);
    Left {
        session,
        second,
        device,
        links,
    }
}

/// The owner verifies the address with a code or link sent there, and is signed in.
async fn claim<'a>(google: &'a Google, way: &str) -> SignedIn<'a> {
    let app = &google.app;
    let client = app.anonymous();
    let code = async |purpose: &str, kind: &str| {
        client.request_otp(VICTIM, purpose).await;
        app.code(VICTIM, kind).await
    };
    let proof = match way {
        "Google" => {
            let token = json!({ "email": VICTIM, "hd": "example.com" });
            return signed_in(google, &google.login(&token).await);
        }
        "login code" => {
            let code = code("LOGIN", "login_code").await;
            let answer = client.verify_otp(VICTIM, "LOGIN", &code).await;
            return SignedIn::from_answer(app, &answer, "verifyOtp");
        }
        "confirmation code" => {
            let code = code("VERIFY_EMAIL", "verify_email").await;
            let answer = client.verify_otp(VICTIM, "VERIFY_EMAIL", &code).await;
            return SignedIn::from_answer(app, &answer, "verifyOtp");
        }
        "reset code" => {
            let code = code("RESET_PASSWORD", "password_reset").await;
            json!({ "emailOrPhone": VICTIM, "code": code, "newPassword": NEW })
        }
        _ => {
            let forgotten = json!({ "emailOrPhone": VICTIM });
            run(&client, "RequestPasswordReset", forgotten).await;
            let token = app.token(VICTIM, "password_reset").await;
            json!({ "token": token, "newPassword": NEW })
        }
    };
    let answer = run(&client, "ConfirmPasswordReset", proof).await;
    assert_eq!(answer.typename("confirmPasswordReset"), "PasswordChanged");
    let answer = client.login(VICTIM, NEW).await;
    SignedIn::from_answer(app, &answer, "login")
}

const WAYS: [&str; 5] = [
    "login code",
    "confirmation code",
    "reset link",
    "reset code",
    "Google",
];

/// The owner's own code or link confirmed the row as it was, and the attacker's additions
/// were in a verified account from then on.
#[tokio::test(flavor = "multi_thread")]
async fn better_auth_11023_the_owners_own_proof_leaves_nothing_of_an_attackers_row() {
    for way in WAYS {
        let google = Google::genuine().await;
        let app = &google.app;
        let left = squat(&google).await;
        let owner = claim(&google, way).await;

        let client = app.anonymous();
        let guess = json!({
            "emailOrPhone": VICTIM, "password": PASSWORD, "deviceToken": left.device,
        });
        let login = run(&client, "Login", guess).await;
        assert_eq!(login.typename("login"), "InvalidCredentials", "{way}");
        for session in [&left.session, &left.second] {
            assert!(!session.is_signed_in().await, "{way}");
            let refreshed = client.refresh(&session.refresh_token).await;
            assert_eq!(refreshed.typename("refreshSession"), "TokenInvalid");
        }
        let elsewhere = signed_in(&google, &google.login(&eve()).await);
        assert_ne!(elsewhere.user_id, owner.user_id, "{way}");
        for (document, token) in &left.links {
            let mut input = json!({ "token": token });
            if *document == "VerifyEmail" {
                input["password"] = json!(PASSWORD);
            }
            if *document == "ConfirmPasswordReset" {
                input["newPassword"] = json!("a password of the attacker");
            }
            // The mail came to the owner, so that the owner's session tries it as well.
            let answer = by(&owner, document, input).await;
            let field = format!("{}{}", document[..1].to_lowercase(), &document[1..]);
            assert_eq!(answer.typename(&field), "TokenInvalid", "{way} {document}");
        }
        let me = owner
            .ask(
                "{ me { email emailVerified phone role staffFunctions address bio city country \
                 state lastName identities { email } sessions(first: 9) { nodes { current } } } }",
                json!({}),
            )
            .await;
        let me = me.root("me");
        assert_eq!(
            (&me["email"], &me["emailVerified"], &me["role"]),
            (&json!(VICTIM), &json!(true), &json!("CLIENT")),
            "{way}"
        );
        assert!(me["phone"].is_null(), "{way}: {me}");
        let printed = me.to_string().to_lowercase();
        assert!(
            !printed.contains("evil") && !printed.contains("eve"),
            "{way}: {me}"
        );
        for field in ["address", "bio", "city", "country", "state"] {
            assert!(
                me[field].is_null() || me[field] == "",
                "{way} {field}: {me}"
            );
        }
        let identities = me["identities"].as_array().unwrap().len();
        assert_eq!(identities, usize::from(way == "Google"), "{way}");
        assert_eq!(
            me["sessions"]["nodes"],
            json!([{ "current": true }]),
            "{way}"
        );
    }
}

/// Only the account's owner changes its address, not the reader of the new mailbox.
#[tokio::test(flavor = "multi_thread")]
async fn better_auth_7196_a_typo_in_a_changed_address_hands_nothing_over() {
    const TYPO: &str = "vicitm@example.com";
    let google = Google::spawn().await;
    let app = &google.app;
    let owner = app.register(VICTIM).await;
    app.execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
        .await;
    let asked = by(&owner, "RequestEmailChange", json!({ "email": TYPO })).await;
    assert_eq!(asked.typename("requestEmailChange"), "EmailChangeRequested");
    // All that the stranger gets.
    let token = app.token(TYPO, "change_email").await;
    let code = app.code(TYPO, "change_email").await;

    let stranger = app.anonymous();
    let account = app.register("stranger@example.com").await;
    for input in [
        json!({ "token": token }),
        json!({ "email": TYPO, "code": code }),
    ] {
        let answer = run(&stranger, "ConfirmEmailChange", input.clone()).await;
        assert_eq!(answer.code(), "UNAUTHENTICATED", "{input}");
        let answer = by(&account, "ConfirmEmailChange", input.clone()).await;
        let outcome = answer.typename("confirmEmailChange");
        assert!(
            ["TokenInvalid", "CodeInvalid"].contains(&outcome),
            "{input}"
        );
    }
    for (document, extra) in [
        ("VerifyEmail", ("password", "a guess at the password")),
        ("ConfirmPasswordReset", ("newPassword", NEW)),
        ("RevertEmailChange", ("token", token.as_str())),
    ] {
        let mut input = json!({ "token": token });
        input[extra.0] = json!(extra.1);
        let answer = run(&stranger, document, input).await;
        let field = format!("{}{}", document[..1].to_lowercase(), &document[1..]);
        assert_eq!(answer.typename(&field), "TokenInvalid", "{document}");
    }
    // The address belongs to no account: no code, link or provider opens the account by it.
    for purpose in ["LOGIN", "RESET_PASSWORD", "VERIFY_EMAIL"] {
        stranger.request_otp(TYPO, purpose).await;
        let answer = stranger.verify_otp(TYPO, purpose, &code).await;
        assert_eq!(answer.typename("verifyOtp"), "CodeInvalid", "{purpose}");
    }
    run(
        &stranger,
        "RequestPasswordReset",
        json!({ "emailOrPhone": TYPO }),
    )
    .await;
    for kind in ["login_code", "password_reset", "verify_email"] {
        assert_eq!(app.messages(TYPO, kind).await, 0, "{kind}");
    }
    let login = stranger.login(TYPO, PASSWORD).await;
    assert_eq!(login.typename("login"), "InvalidCredentials");
    let of_google = signed_in(&google, &google.login(&json!({ "email": TYPO })).await);
    assert_ne!(of_google.user_id, owner.user_id);
    let me = owner.ask("{ me { email emailVerified } }", json!({})).await;
    assert_eq!(
        *me.root("me"),
        json!({ "email": VICTIM, "emailVerified": true })
    );
    let sessions = owner.sessions().await;
    assert_eq!(sessions.len(), 1, "{sessions:?}");
}

/// The owner opens the link of the mistyped address after all: the right one takes it back.
#[tokio::test(flavor = "multi_thread")]
async fn better_auth_7196_the_old_address_undoes_a_move_to_a_strangers() {
    const TYPO: &str = "vicitm@example.com";
    let app = TestApp::spawn().await;
    let owner = app.register(VICTIM).await;
    app.execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
        .await;
    by(&owner, "RequestEmailChange", json!({ "email": TYPO })).await;
    let token = app.token(TYPO, "change_email").await;
    let answer = by(&owner, "ConfirmEmailChange", json!({ "token": token })).await;
    assert_eq!(answer.typename("confirmEmailChange"), "EmailChanged");
    // The stranger begins to take it over by the address that they read.
    let stranger = app.anonymous();
    stranger.request_otp(TYPO, "LOGIN").await;
    let code = app.code(TYPO, "login_code").await;
    let answer = stranger.verify_otp(TYPO, "LOGIN", &code).await;
    let opened = SignedIn::from_answer(&app, &answer, "verifyOtp");
    run(
        &stranger,
        "RequestPasswordReset",
        json!({ "emailOrPhone": TYPO }),
    )
    .await;
    let reset = app.token(TYPO, "password_reset").await;

    let undo = app.token(VICTIM, "email_changed").await;
    let answer = run(&stranger, "RevertEmailChange", json!({ "token": undo })).await;
    assert_eq!(answer.typename("revertEmailChange"), "EmailReverted");
    assert!(!opened.is_signed_in().await);
    let refreshed = stranger.refresh(&opened.refresh_token).await;
    assert_eq!(refreshed.typename("refreshSession"), "TokenInvalid");
    let input = json!({ "token": reset, "newPassword": NEW });
    let answer = run(&stranger, "ConfirmPasswordReset", input).await;
    assert_eq!(answer.typename("confirmPasswordReset"), "TokenInvalid");
    app.advance(120);
    stranger.request_otp(TYPO, "LOGIN").await;
    assert_eq!(app.messages(TYPO, "login_code").await, 1);
    let token = app.token(VICTIM, "email_reverted").await;
    let input = json!({ "token": token, "newPassword": NEW });
    let answer = run(&stranger, "ConfirmPasswordReset", input).await;
    assert_eq!(answer.typename("confirmPasswordReset"), "PasswordChanged");
    let login = stranger.login(VICTIM, NEW).await;
    let back = SignedIn::from_answer(&app, &login, "login");
    assert_eq!(back.user_id, owner.user_id);
}
