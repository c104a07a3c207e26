//! Grants reach only their addressee: invitations, staff roles, and the
//! squatter who was there first.

use serde_json::{Value, json};

use crate::account::REQUIRED;
use crate::administration::{admin, on};
use crate::google::signed_in;
use crate::harness::{Anonymous, Answer, Google, PASSWORD, SignedIn, TestApp};

const INVITED: &str = "grace@example.com";
const NEW: &str = "staple battery horse correct";
const NUMBER: &str = "+16502530000";

async fn run(client: &Anonymous<'_>, document: &str, input: Value) -> Answer {
    client.run(document, json!({ "input": input })).await
}

async fn invite(by: &SignedIn<'_>, role: &str) -> Answer {
    let functions = if role == "STAFF" {
        vec!["SUPPORT"]
    } else {
        vec![]
    };
    let input = json!({
        "email": INVITED, "firstName": "Grace", "role": role, "staffFunctions": functions,
    });
    by.run("InviteUser", json!({ "input": input })).await
}

async fn accept(app: &TestApp, token: &str) -> String {
    let input = json!({ "token": token, "newPassword": NEW });
    let answer = run(&app.anonymous(), "ConfirmPasswordReset", input).await;
    answer.typename("confirmPasswordReset").to_owned()
}

/// Role and function of the account with the invited address.
async fn standing(app: &TestApp) -> (String, String) {
    let rows = "SELECT role, staff_functions FROM users \
                WHERE email_canonical = 'grace@example.com' AND deleted_at IS NULL";
    let role = format!("SELECT role || '' FROM ({rows}) AS it");
    let functions = format!("SELECT staff_functions || '' FROM ({rows}) AS it");
    (app.text(&role).await, app.text(&functions).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_does_not_run_the_address_opens_no_invited_account() {
    for (role, after_expiry) in [("ADMIN", false), ("STAFF", true), ("CLIENT", true)] {
        let google = Google::genuine().await;
        let app = &google.app;
        let root = admin(app).await;
        assert_eq!(
            invite(&root, role).await.typename("inviteUser"),
            "UserInvited"
        );
        let token = app.token(INVITED, "invitation").await;
        let weak = json!({ "sub": "666", "email": INVITED });
        assert_eq!(google.outcome(&weak).await, "Conflict", "{role}");
        if after_expiry {
            app.advance(604_801);
            assert_eq!(google.outcome(&weak).await, "Conflict", "{role}");
            continue;
        }
        assert_eq!(app.number("SELECT COUNT(*) FROM identities").await, 0);
        assert_eq!(accept(app, &token).await, "PasswordChanged");
        assert_eq!(google.outcome(&weak).await, "Conflict", "{role}");
        assert_eq!(standing(app).await.0, "admin");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_that_runs_the_address_is_as_good_as_the_invitation() {
    let google = Google::genuine().await;
    let app = &google.app;
    let root = admin(app).await;
    invite(&root, "STAFF").await;
    let token = app.token(INVITED, "invitation").await;
    let strong = json!({ "email": INVITED, "hd": "example.com" });
    let grace = signed_in(&google, &google.login(&strong).await);
    let me = grace.ask("{ me { role staffFunctions } }", json!({})).await;
    let expected = json!({ "role": "STAFF", "staffFunctions": ["SUPPORT"] });
    assert_eq!(*me.root("me"), expected);
    assert_eq!(accept(app, &token).await, "TokenInvalid");
    assert_eq!(app.messages(INVITED, "identity_linked").await, 1);
}

/// Ways to verify the invited address without the invitation, each completed.
async fn prove(app: &TestApp, way: &str) {
    let client = app.anonymous();
    let outcome = match way {
        "LOGIN" | "VERIFY_EMAIL" => {
            let kind = if way == "LOGIN" {
                "login_code"
            } else {
                "verify_email"
            };
            client.request_otp(INVITED, way).await;
            let code = app.code(INVITED, kind).await;
            let answer = client.verify_otp(INVITED, way, &code).await;
            answer.typename("verifyOtp").to_owned()
        }
        "link" => {
            let wanted = json!({ "emailOrPhone": INVITED });
            run(&client, "RequestPasswordReset", wanted).await;
            accept(app, &app.token(INVITED, "password_reset").await).await
        }
        _ => {
            client.request_otp(INVITED, "RESET_PASSWORD").await;
            let code = app.code(INVITED, "password_reset").await;
            if way == "exchanged" {
                let answer = client.verify_otp(INVITED, "RESET_PASSWORD", &code).await;
                accept(app, answer.root("verifyOtp")["token"].as_str().unwrap()).await
            } else {
                let input = json!({ "emailOrPhone": INVITED, "code": code, "newPassword": NEW });
                let answer = run(&client, "ConfirmPasswordReset", input).await;
                answer.typename("confirmPasswordReset").to_owned()
            }
        }
    };
    assert!(
        ["SignedIn", "PasswordChanged"].contains(&outcome.as_str()),
        "{way}: {outcome}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_alone_opens_no_more_than_a_registration_could_have_given() {
    for (role, left) in [
        ("ADMIN", "client"),
        ("STAFF", "client"),
        ("VENDOR", "vendor"),
    ] {
        for way in ["LOGIN", "VERIFY_EMAIL", "link", "code", "exchanged"] {
            let app = TestApp::with(&[REQUIRED]).await;
            let root = admin(&app).await;
            invite(&root, role).await;
            app.execute("UPDATE users SET vendor_id = 'v-17' WHERE role <> 'admin'")
                .await;
            let token = app.token(INVITED, "invitation").await;
            prove(&app, way).await;
            let expected = (left.to_owned(), String::new());
            assert_eq!(standing(&app).await, expected, "{role} {way}");
            let records = "SELECT COUNT(*) FROM users WHERE vendor_id IS NOT NULL";
            assert_eq!(app.number(records).await, 0, "{role} {way}");
            assert_eq!(accept(&app, &token).await, "TokenInvalid", "{role} {way}");
            assert_eq!(standing(&app).await, expected, "{role} {way}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accepting_an_invitation_ends_whatever_came_before() {
    let google = Google::spawn().await;
    let app = &google.app;
    let root = admin(app).await;
    let eve = app.register("eve@example.org").await;
    let identity = json!({ "sub": "666", "email": "eve@gmail.com" });
    let input = json!({ "idToken": google.token(&identity) });
    eve.run("LinkGoogle", json!({ "input": input }))
        .await
        .root("linkGoogle");
    let answer = invite(&root, "ADMIN").await;
    let invited = answer.root("inviteUser")["user"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let (from, to) = (app.id_literal(&eve.user_id), app.id_literal(&invited));
    // As an earlier vulnerability may have left it.
    for table in ["identities", "sessions"] {
        let stolen = format!("UPDATE {table} SET user_id = {to} WHERE user_id = {from}");
        app.execute(&stolen).await;
    }
    let client = app.anonymous();
    client.request_otp(INVITED, "LOGIN").await;
    let code = app.code(INVITED, "login_code").await;
    let wanted = json!({ "emailOrPhone": INVITED });
    run(&client, "RequestPasswordReset", wanted).await;
    let reset = app.token(INVITED, "password_reset").await;
    let token = app.token(INVITED, "invitation").await;
    assert_eq!(accept(app, &token).await, "PasswordChanged");

    let elsewhere = signed_in(&google, &google.login(&identity).await);
    assert_ne!(elsewhere.user_id, invited);
    let refreshed = client.refresh(&eve.refresh_token).await;
    assert_eq!(refreshed.typename("refreshSession"), "TokenInvalid");
    let me = eve.run("Me", json!({})).await;
    assert_eq!(me.code(), "UNAUTHENTICATED");
    let answer = client.verify_otp(INVITED, "LOGIN", &code).await;
    assert_eq!(answer.typename("verifyOtp"), "CodeInvalid");
    assert_eq!(accept(app, &reset).await, "TokenInvalid");
    assert_eq!(standing(app).await.0, "admin");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_takes_the_address_from_a_squatter() {
    let google = Google::spawn().await;
    let app = &google.app;
    let root = admin(app).await;
    let input = json!({
        "email": INVITED, "password": PASSWORD, "firstName": "Eve", "role": "VENDOR",
    });
    let answer = run(&app.anonymous(), "Register", input).await;
    let eve = SignedIn::from_answer(app, &answer, "register");
    let identity = json!({ "sub": "666", "email": "eve@gmail.com" });
    let input = json!({ "idToken": google.token(&identity) });
    eve.run("LinkGoogle", json!({ "input": input }))
        .await
        .root("linkGoogle");
    eve.run(
        "UpdateProfile",
        json!({ "input": { "bio": "Eve was here" } }),
    )
    .await;
    let link = app.confirmation_token(INVITED).await;

    assert_eq!(
        invite(&root, "STAFF").await.typename("inviteUser"),
        "UserInvited"
    );
    assert!(!eve.is_signed_in().await);
    let client = app.anonymous();
    let refreshed = client.refresh(&eve.refresh_token).await;
    assert_eq!(refreshed.typename("refreshSession"), "TokenInvalid");
    let login = client.login(INVITED, PASSWORD).await;
    assert_eq!(login.typename("login"), "InvalidCredentials");
    let verified = run(
        &client,
        "VerifyEmail",
        json!({ "token": link, "password": PASSWORD }),
    );
    assert_eq!(verified.await.typename("verifyEmail"), "TokenInvalid");
    // The closed account does not keep its identity from opening a new one.
    let elsewhere = signed_in(&google, &google.login(&identity).await);
    assert_ne!(elsewhere.user_id, eve.user_id);

    let token = app.token(INVITED, "invitation").await;
    assert_eq!(accept(app, &token).await, "PasswordChanged");
    let login = client.login(INVITED, NEW).await;
    let grace = SignedIn::from_answer(app, &login, "login");
    let me = grace
        .ask("{ me { role firstName bio identities { id } } }", json!({}))
        .await;
    let expected = json!({ "role": "STAFF", "firstName": "Grace", "bio": "", "identities": [] });
    assert_eq!(*me.root("me"), expected);
    assert_eq!(grace.sessions().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_never_takes_a_verified_address() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    app.appoint("support@example.com", "staff support").await;
    let outcome =
        async |by: &SignedIn<'_>| invite(by, "CLIENT").await.typename("inviteUser").to_owned();
    // Invited already, perhaps by a user with more permissions.
    assert_eq!(outcome(&root).await, "UserInvited");
    assert_eq!(outcome(&root).await, "Conflict");
    app.execute("UPDATE users SET role = 'admin' WHERE email = 'grace@example.com'")
        .await;
    app.advance(604_801);
    let root = app.login("root@example.com").await;
    let support = app.login("support@example.com").await;
    assert_eq!(outcome(&support).await, "OutOfScope");
    assert_eq!(outcome(&root).await, "UserInvited");
    // Proven.
    let token = app.token(INVITED, "invitation").await;
    assert_eq!(accept(&app, &token).await, "PasswordChanged");
    assert_eq!(outcome(&root).await, "Conflict");
    // One's own.
    app.execute("UPDATE users SET email_verified = FALSE").await;
    let own = json!({ "email": "root@example.com", "role": "CLIENT" });
    let answer = root.run("InviteUser", json!({ "input": own })).await;
    assert_eq!(answer.typename("inviteUser"), "Conflict");
    // An account with a verified number loses only the address it never verified.
    app.execute(&format!(
        "UPDATE users SET phone = '{NUMBER}', phone_verified = TRUE WHERE email = '{INVITED}'"
    ))
    .await;
    assert_eq!(outcome(&root).await, "UserInvited");
    let login = app.anonymous().login(NUMBER, NEW).await;
    let left = SignedIn::from_answer(&app, &login, "login");
    let me = left.ask("{ me { email phone } }", json!({})).await;
    assert_eq!(*me.root("me"), json!({ "email": null, "phone": NUMBER }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unverified_user_cannot_become_staff() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let eve = app.register("victim@example.org").await;
    let set = async |user: &str, document: &str, more: Value| {
        let answer = on(&root, document, user, more).await;
        let field = format!("s{}", &document[1..]);
        answer.typename(&field).to_owned()
    };
    for role in ["STAFF", "ADMIN"] {
        let outcome = set(&eve.user_id, "SetUserRole", json!({ "role": role })).await;
        assert_eq!(outcome, "EmailNotVerified", "{role}");
        assert!(eve.is_signed_in().await);
    }
    // A verified number is no address for staff mail.
    app.execute(&format!(
        "UPDATE users SET phone = '{NUMBER}', phone_verified = TRUE, is_verified = TRUE \
         WHERE email = 'victim@example.org'"
    ))
    .await;
    let staff = json!({ "role": "STAFF" });
    assert_eq!(
        set(&eve.user_id, "SetUserRole", staff.clone()).await,
        "EmailNotVerified"
    );
    assert_eq!(
        set(&eve.user_id, "SetUserRole", json!({ "role": "VENDOR" })).await,
        "UserRoleChanged"
    );
    app.execute("UPDATE users SET email_verified = TRUE WHERE email = 'victim@example.org'")
        .await;
    assert_eq!(
        set(&eve.user_id, "SetUserRole", staff).await,
        "UserRoleChanged"
    );
    // Functions grant permissions as well; removing them needs no verified address.
    app.execute(
        "UPDATE users SET email_verified = FALSE, staff_functions = 'support,sales' \
                 WHERE email = 'victim@example.org'",
    )
    .await;
    for (functions, outcome) in [
        (json!(["SUPPORT", "EDITOR"]), "EmailNotVerified"),
        (json!(["SUPPORT"]), "StaffFunctionsChanged"),
        (json!(["SALES"]), "EmailNotVerified"),
        (json!([]), "StaffFunctionsChanged"),
    ] {
        let more = json!({ "staffFunctions": functions });
        let found = set(&eve.user_id, "SetStaffFunctions", more).await;
        assert_eq!(found, outcome, "{functions}");
    }
}

/// Roles that an earlier version, or a manual change of the row, gave to an unverified account.
#[tokio::test(flavor = "multi_thread")]
async fn no_later_proof_keeps_a_role_of_the_staff_that_was_there_before() {
    for way in ["password", "another address", "LOGIN", "link"] {
        let app = TestApp::spawn().await;
        let input = json!({ "email": INVITED, "password": PASSWORD });
        let answer = run(&app.anonymous(), "Register", input).await;
        let eve = SignedIn::from_answer(&app, &answer, "register");
        app.execute("UPDATE users SET role = 'staff', staff_functions = 'support'")
            .await;
        match way {
            "password" => {
                let token = app.confirmation_token(INVITED).await;
                let input = json!({ "token": token, "password": PASSWORD });
                let answer = run(&app.anonymous(), "VerifyEmail", input).await;
                assert_eq!(answer.typename("verifyEmail"), "SignedIn");
            }
            "another address" => {
                let eve = eve.refreshed().await;
                let ask = json!({ "input": { "email": "eve@example.org" } });
                eve.run("RequestEmailChange", ask).await;
                let token = app.token("eve@example.org", "change_email").await;
                let input = json!({ "input": { "token": token } });
                let answer = eve.run("ConfirmEmailChange", input).await;
                assert_eq!(answer.typename("confirmEmailChange"), "EmailChanged");
            }
            way => prove(&app, way).await,
        }
        let staff = "SELECT COUNT(*) FROM users WHERE role = 'staff' OR staff_functions <> ''";
        assert_eq!(app.number(staff).await, 0, "{way}");
        let proven = "SELECT COUNT(*) FROM users WHERE email_verified";
        assert_eq!(app.number(proven).await, 1, "{way}");
    }
}
