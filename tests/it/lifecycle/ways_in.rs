//! INCIDENTS 21 and 32: a deleted or erased account keeps nothing that works. Every way in is tried
//! after each way of ending an account.

use serde_json::{Value, json};

use super::{admin, delete, erase};
use crate::harness::{Answer, Google, PASSWORD, SignedIn, TestApp};

const NEW: &str = "staple battery horse correct";
const SIGNED_OUT: u16 = 4401;
/// At Google, so that both ways of signing in lead to one account.
const EMAIL: &str = "ada@gmail.com";

/// Everything that a person holds, valid until the account ends.
struct Holdings<'a> {
    person: SignedIn<'a>,
    cookie: String,
    device: Value,
    code: String,
    reset: String,
    verify: String,
}

async fn gather(google: &Google) -> Holdings<'_> {
    let app = &google.app;
    let registered = app.register(EMAIL).await;
    let verify = app.confirmation_token(EMAIL).await;
    app.execute(&format!(
        "UPDATE users SET email_verified = TRUE, is_verified = TRUE WHERE email = '{EMAIL}'"
    ))
    .await;
    let identity = json!({ "input": { "idToken": google.token(&json!({ "jti": "0" })) } });
    let linked = registered.run("LinkGoogle", identity).await;
    assert_eq!(
        linked.typename("linkGoogle"),
        "GoogleLinked",
        "{}",
        linked.text
    );
    let client = app.anonymous();
    let login = client.login(EMAIL, PASSWORD).await;
    let device = login.root("login")["deviceToken"].clone();
    let person = SignedIn::from_answer(app, &login, "login");
    let in_cookie = app.anonymous().with("idgate-token-delivery", "cookie");
    let login = in_cookie.login(EMAIL, PASSWORD).await;
    let cookie = login.header("set-cookie");
    let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
    client.request_otp(EMAIL, "LOGIN").await;
    let code = app.code(EMAIL, "login_code").await;
    let input = json!({ "input": { "emailOrPhone": EMAIL } });
    client.run("RequestPasswordReset", input).await;
    let reset = app.token(EMAIL, "password_reset").await;
    Holdings {
        person,
        cookie,
        device,
        code,
        reset,
        verify,
    }
}

async fn refused_everywhere(google: &Google, held: &Holdings<'_>, how: &str) {
    let app = &google.app;
    let client = app.anonymous();
    let run =
        async |document: &str, input: Value| client.run(document, json!({ "input": input })).await;
    assert!(!held.person.is_signed_in().await, "{how}: access token");
    for (document, field) in [("RequestEmailChange", "input"), ("MySessions", "first")] {
        let variables = match field {
            "input" => json!({ "input": { "email": "x@example.com" } }),
            _ => json!({ "first": 1 }),
        };
        let answer = held.person.run(document, variables).await;
        assert_eq!(
            answer.code(),
            "UNAUTHENTICATED",
            "{how}: {document} {}",
            answer.text
        );
    }
    let answer = client.refresh(&held.person.refresh_token).await;
    assert_eq!(
        answer.typename("refreshSession"),
        "TokenInvalid",
        "{how}: refresh"
    );
    let by_cookie = app
        .anonymous()
        .with("cookie", held.cookie.clone())
        .with("idgate-csrf", "1")
        .with("origin", app.url(""));
    let answer = by_cookie
        .run("RefreshSession", json!({ "input": {} }))
        .await;
    assert_eq!(
        answer.typename("refreshSession"),
        "TokenInvalid",
        "{how}: cookie {}",
        answer.text
    );
    let login = json!({
        "emailOrPhone": EMAIL, "password": PASSWORD, "deviceToken": held.device,
    });
    let refused = |answer: &Answer, field: &str| {
        let kind = answer.typename(field).to_owned();
        assert_ne!(kind, "SignedIn", "{how}: {field}");
        assert_ne!(kind, "PasswordChanged", "{how}: {field}");
        kind
    };
    let answer = run("Login", login).await;
    assert_eq!(refused(&answer, "login"), "InvalidCredentials", "{how}");
    let answer = client.verify_otp(EMAIL, "LOGIN", &held.code).await;
    assert_eq!(refused(&answer, "verifyOtp"), "CodeInvalid", "{how}");
    let reset = json!({ "token": held.reset, "newPassword": NEW });
    let answer = run("ConfirmPasswordReset", reset).await;
    assert_eq!(
        refused(&answer, "confirmPasswordReset"),
        "TokenInvalid",
        "{how}"
    );
    let verify = json!({ "token": held.verify, "password": PASSWORD });
    let answer = run("VerifyEmail", verify).await;
    assert_eq!(refused(&answer, "verifyEmail"), "TokenInvalid", "{how}");
    let socket = held.person.stream_answer("SessionEvents").await;
    assert_ne!(socket.status, 500, "{how}: {}", socket.text);
    assert!(
        socket.text.contains("UNAUTHENTICATED"),
        "{how}: {}",
        socket.text
    );
}

async fn end(root: &SignedIn<'_>, held: &Holdings<'_>, how: &str) -> String {
    let answer = match how {
        "delete" => delete(root, &held.person.user_id).await,
        "erase" => erase(root, &held.person.user_id).await,
        _ => held.person.run("DeleteMyAccount", json!({})).await,
    };
    assert!(answer.json["errors"].is_null(), "{}", answer.text);
    answer.text
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_in_refuses_after_the_end_of_an_account() {
    for how in ["delete", "erase"] {
        let google = Google::spawn().await;
        let app = &google.app;
        let root = admin(app).await;
        let held = gather(&google).await;
        let mut socket = held.person.listen("SessionEvents", json!({})).await;
        let mut stream = held.person.stream("SessionEvents").await;
        end(&root, &held, how).await;
        assert_eq!(socket.end().await, SIGNED_OUT, "{how}");
        while stream.next().await.is_some() {}
        refused_everywhere(&google, &held, how).await;
        // Google opens another account: this one is unknown.
        let answer = google.login(&json!({ "jti": "9" })).await;
        let other = SignedIn::from_answer(app, &answer, "loginWithGoogle");
        assert_ne!(other.user_id, held.person.user_id, "{how}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_deletion_ends_everything_but_the_way_back() {
    let google = Google::spawn().await;
    let held = gather(&google).await;
    let mut socket = held.person.listen("SessionEvents", json!({})).await;
    held.person.run("DeleteMyAccount", json!({})).await;
    assert_eq!(socket.end().await, SIGNED_OUT);
    assert!(!held.person.is_signed_in().await);
    let client = google.app.anonymous();
    let answer = client.refresh(&held.person.refresh_token).await;
    assert_eq!(answer.typename("refreshSession"), "TokenInvalid");
    let answer = client.verify_otp(EMAIL, "LOGIN", &held.code).await;
    assert_eq!(answer.typename("verifyOtp"), "CodeInvalid");
    let reset = json!({ "input": { "token": held.reset, "newPassword": NEW } });
    let answer = client.run("ConfirmPasswordReset", reset).await;
    assert_eq!(answer.typename("confirmPasswordReset"), "TokenInvalid");
    let answer = client.login(EMAIL, PASSWORD).await;
    assert_eq!(answer.typename("login"), "AccountDeleted");
    let answer = google.login(&json!({ "jti": "9" })).await;
    assert_eq!(answer.typename("loginWithGoogle"), "AccountDeleted");
    assert_eq!(google.app.number("SELECT COUNT(*) FROM users").await, 1);
}

/// A gateway asks with a token that is still fresh.
#[tokio::test(flavor = "multi_thread")]
async fn another_instance_refuses_at_once() {
    let app = TestApp::spawn().await;
    let other = app.second_instance().await;
    let root = admin(&app).await;
    for how in ["delete", "erase"] {
        let ada = app.register("ada@example.com").await;
        assert!(ada.at(&other).is_signed_in().await);
        if how == "delete" {
            delete(&root, &ada.user_id).await;
        } else {
            erase(&root, &ada.user_id).await;
        }
        assert!(!ada.at(&other).is_signed_in().await, "{how}");
        let refreshed = other.anonymous().refresh(&ada.refresh_token).await;
        assert_eq!(refreshed.typename("refreshSession"), "TokenInvalid");
    }
}
