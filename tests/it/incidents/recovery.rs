//! Vulnerabilities in codes, links and password resets.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{PASSWORD, SignedIn, TestApp, wrong};

const VICTIM: &str = "victim@example.com";
const ME: &str = "{ me { role firstName address emailVerified } }";
const NEW: &str = "staple battery horse correct";

/// An account with a proven address.
async fn verified_user(app: &TestApp) -> SignedIn<'_> {
    let victim = app.register(VICTIM).await;
    app.execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
        .await;
    victim
}

async fn confirm(app: &TestApp, input: Value) -> String {
    let answer = app
        .anonymous()
        .run("ConfirmPasswordReset", json!({ "input": input }))
        .await;
    answer.typename("confirmPasswordReset").to_owned()
}

async fn forget(app: &TestApp) -> String {
    let input = json!({ "emailOrPhone": VICTIM });
    app.anonymous()
        .run("RequestPasswordReset", json!({ "input": input }))
        .await;
    app.token(VICTIM, "password_reset").await
}

/// What a squatter leaves in an account under another person's address.
async fn squat(app: &TestApp) -> SignedIn<'_> {
    let input = json!({
        "email": VICTIM, "password": PASSWORD, "firstName": "Eve", "role": "VENDOR",
    });
    let answer = app
        .anonymous()
        .run("Register", json!({ "input": input }))
        .await;
    let squatter = SignedIn::from_answer(app, &answer, "register");
    let profile = json!({ "input": { "address": "The squatter's own street" } });
    squatter.run("UpdateProfile", profile).await;
    squatter
}

/// Asserts that nothing the squatter left works or shows any more.
async fn assert_reclaimed(app: &TestApp, squatter: &SignedIn<'_>, link: &str, owner: Value) {
    assert!(
        !squatter.is_signed_in().await,
        "the squatter's session lives"
    );
    let client = app.anonymous();
    let refreshed = client.refresh(&squatter.refresh_token).await;
    assert_eq!(refreshed.typename("refreshSession"), "TokenInvalid");
    let login = client.login(VICTIM, PASSWORD).await;
    assert_eq!(login.typename("login"), "InvalidCredentials");
    let input = json!({ "token": link, "password": PASSWORD });
    let verified = client.run("VerifyEmail", json!({ "input": input })).await;
    assert_eq!(verified.typename("verifyEmail"), "TokenInvalid");
    assert_eq!(owner["role"], "CLIENT");
    assert_eq!(owner["firstName"], "");
    assert_eq!(owner["address"], "");
    let reclaimed = "SELECT COUNT(*) FROM audit_events WHERE action = 'account.reclaimed'";
    assert_eq!(app.number(reclaimed).await, 1);
    assert_eq!(app.messages(VICTIM, "account_reclaimed").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn authorizer_ghsa_29rf_a_squatter_is_out_once_the_owner_signs_in_by_code() {
    let app = TestApp::spawn().await;
    let squatter = squat(&app).await;
    let link = app.confirmation_token(VICTIM).await;
    let reset = forget(&app).await;
    let client = app.anonymous();
    client.request_otp(VICTIM, "VERIFY_EMAIL").await;
    let other = app.code(VICTIM, "verify_email").await;
    client.request_otp(VICTIM, "LOGIN").await;
    let code = app.code(VICTIM, "login_code").await;
    let answer = client.verify_otp(VICTIM, "LOGIN", &code).await;
    let owner = SignedIn::from_answer(&app, &answer, "verifyOtp");
    let me = owner.ask(ME, json!({})).await;
    assert_reclaimed(&app, &squatter, &link, me.root("me").clone()).await;
    assert_eq!(
        confirm(&app, json!({ "token": reset, "newPassword": NEW })).await,
        "TokenInvalid"
    );
    let answer = client.verify_otp(VICTIM, "VERIFY_EMAIL", &other).await;
    assert_eq!(answer.typename("verifyOtp"), "CodeInvalid");
    assert!(owner.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn better_auth_ghsa_g38m_a_squatter_is_out_once_the_owner_resets_the_password() {
    let app = TestApp::spawn().await;
    let squatter = squat(&app).await;
    let link = app.confirmation_token(VICTIM).await;
    let token = forget(&app).await;
    assert_eq!(
        confirm(&app, json!({ "token": token, "newPassword": NEW })).await,
        "PasswordChanged"
    );
    let login = app.anonymous().login(VICTIM, NEW).await;
    let owner = SignedIn::from_answer(&app, &login, "login");
    let me = owner.ask(ME, json!({})).await;
    assert_eq!(me.root("me")["emailVerified"], true);
    assert_reclaimed(&app, &squatter, &link, me.root("me").clone()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pocketbase_cve_2026_44166_a_confirmation_without_the_password_ends_it() {
    let app = TestApp::spawn().await;
    let squatter = squat(&app).await;
    let link = app.confirmation_token(VICTIM).await;
    let client = app.anonymous();
    client.request_otp(VICTIM, "VERIFY_EMAIL").await;
    let code = app.code(VICTIM, "verify_email").await;
    let answer = client.verify_otp(VICTIM, "VERIFY_EMAIL", &code).await;
    let owner = SignedIn::from_answer(&app, &answer, "verifyOtp");
    let me = owner.ask(ME, json!({})).await;
    assert_reclaimed(&app, &squatter, &link, me.root("me").clone()).await;
}

/// An unverified address may be a stranger's: it must not open an account that
/// was verified by another one.
#[tokio::test(flavor = "multi_thread")]
async fn an_unproven_second_address_opens_nothing() {
    let app = TestApp::spawn().await;
    verified_user(&app).await;
    app.execute("UPDATE users SET phone = '+16502530000'").await;
    let client = app.anonymous();
    for purpose in ["LOGIN", "RESET_PASSWORD", "VERIFY_PHONE"] {
        client.request_otp("+16502530000", purpose).await;
    }
    let input = json!({ "emailOrPhone": "+16502530000" });
    app.advance(61);
    client
        .run("RequestPasswordReset", json!({ "input": input }))
        .await;
    let mail = app.mail().await;
    assert!(
        mail.iter().all(|message| message["channel"] != "sms"),
        "{mail:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn zitadel_cve_2025_64101_no_header_chooses_where_a_reset_leads() {
    let app = TestApp::with(&[
        ("IDGATE_SERVER__PUBLIC_URL", "https://id.example.com"),
        ("IDGATE_LINKS__BASE_URL", "https://shop.example.com/account"),
        ("IDGATE_SERVER__TRUSTED_PROXIES", "127.0.0.1/32"),
    ])
    .await;
    verified_user(&app).await;
    let poisoned = app
        .anonymous()
        .with("host", "evil.test")
        .with("x-forwarded-host", "evil.test")
        .with("x-authorizer-url", "https://evil.test")
        .with("forwarded", "for=127.0.0.1;host=evil.test;proto=http");
    let input = json!({ "emailOrPhone": VICTIM });
    poisoned
        .run("RequestPasswordReset", json!({ "input": input }))
        .await;
    poisoned.request_otp(VICTIM, "LOGIN").await;
    let mail = app.mail().await;
    let printed = serde_json::to_string(&mail).unwrap();
    assert!(!printed.contains("evil.test"), "{printed}");
    let link = "https://shop.example.com/account/password_reset?token=idl_";
    assert!(printed.contains(link), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn zitadel_cve_2024_32868_five_wrong_codes_end_it_by_every_entry() {
    let app = TestApp::spawn().await;
    verified_user(&app).await;
    let client = app.anonymous();
    client.request_otp(VICTIM, "RESET_PASSWORD").await;
    let code = app.code(VICTIM, "password_reset").await;
    let guess = wrong(&code);
    let entry = |code: &str| json!({ "emailOrPhone": VICTIM, "code": code, "newPassword": NEW });
    for _ in 0..3 {
        let answer = client.verify_otp(VICTIM, "RESET_PASSWORD", &guess).await;
        assert_eq!(answer.typename("verifyOtp"), "CodeInvalid");
    }
    for _ in 0..2 {
        assert_eq!(confirm(&app, entry(&guess)).await, "CodeInvalid");
    }
    assert_eq!(confirm(&app, entry(&code)).await, "CodeInvalid");
    let elsewhere = app.second_instance().await;
    let shared = app.anonymous().at(&elsewhere);
    for client in [&client, &shared] {
        let answer = client.verify_otp(VICTIM, "RESET_PASSWORD", &code).await;
        assert_eq!(answer.typename("verifyOtp"), "CodeInvalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn better_auth_8067_and_zitadel_cve_2023_47111_parallel_codes_win_once() {
    let app = TestApp::spawn().await;
    verified_user(&app).await;
    let client = app.anonymous();
    client.request_otp(VICTIM, "RESET_PASSWORD").await;
    let code = app.code(VICTIM, "password_reset").await;
    let entry = json!({ "emailOrPhone": VICTIM, "code": code, "newPassword": NEW });
    let outcomes = join_all((0..200).map(|_| confirm(&app, entry.clone()))).await;
    let won = outcomes.iter().filter(|kind| *kind == "PasswordChanged");
    assert_eq!(won.count(), 1);
    assert_eq!(app.messages(VICTIM, "password_changed").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn better_auth_ghsa_hc7v_a_reset_is_bound_to_the_address_it_was_sent_to() {
    let app = TestApp::spawn().await;
    verified_user(&app).await;
    let token = forget(&app).await;
    app.execute("UPDATE users SET email = 'new@example.com', email_canonical = 'new@example.com'")
        .await;
    assert_eq!(
        confirm(&app, json!({ "token": token, "newPassword": NEW })).await,
        "TokenInvalid"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn authorizer_66fe488f_a_code_of_one_purpose_never_serves_another() {
    const KINDS: [(&str, &str); 4] = [
        ("LOGIN", "login_code"),
        ("RESET_PASSWORD", "password_reset"),
        ("VERIFY_EMAIL", "verify_email"),
        ("STEP_UP", "step_up_code"),
    ];
    for (purpose, kind) in KINDS {
        let app = TestApp::spawn().await;
        let victim = app.register(VICTIM).await;
        if purpose == "STEP_UP" {
            app.execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
                .await;
        }
        let ask = json!({ "input": { "emailOrPhone": VICTIM, "purpose": purpose } });
        victim.run("RequestOtp", ask).await;
        let code = app.code(VICTIM, kind).await;
        for (other, _) in KINDS.into_iter().filter(|(other, _)| *other != purpose) {
            let input = json!({ "emailOrPhone": VICTIM, "purpose": other, "code": code });
            let answer = victim.run("VerifyOtp", json!({ "input": input })).await;
            let outcome = answer.typename("verifyOtp");
            assert_eq!(outcome, "CodeInvalid", "{purpose} as {other}");
        }
        if purpose != "RESET_PASSWORD" {
            let input = json!({ "emailOrPhone": VICTIM, "code": code, "newPassword": NEW });
            assert_eq!(confirm(&app, input).await, "CodeInvalid", "{purpose}");
        }
    }
    let app = TestApp::spawn().await;
    let victim = app.register(VICTIM).await;
    let reset = forget(&app).await;
    let link = app.confirmation_token(VICTIM).await;
    assert_eq!(
        confirm(&app, json!({ "token": link, "newPassword": NEW })).await,
        "TokenInvalid"
    );
    for (document, field) in [
        ("VerifyEmail", "verifyEmail"),
        ("ConfirmEmailChange", "confirmEmailChange"),
        ("RevertEmailChange", "revertEmailChange"),
    ] {
        let answer = victim
            .run(document, json!({ "input": { "token": reset } }))
            .await;
        assert_eq!(answer.typename(field), "TokenInvalid", "{document}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keycloak_cve_2026_19607_guessing_anothers_codes_locks_no_account_out() {
    let app = TestApp::with(&[("IDGATE_THROTTLE__SCALE", "1")]).await;
    let victim = verified_user(&app).await;
    let attacker = app.anonymous();
    for _ in 0..30 {
        attacker.verify_otp(VICTIM, "LOGIN", "000000").await;
        attacker.request_otp(VICTIM, "LOGIN").await;
    }
    assert!(victim.is_signed_in().await);
    assert!(victim.refreshed().await.is_signed_in().await);
    let login = app.anonymous().login(VICTIM, PASSWORD).await;
    assert_eq!(
        login.typename("login"),
        "SignedIn",
        "a password has budgets of its own"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hanko_2739_invented_addresses_do_not_widen_the_budget_of_messages() {
    let app = TestApp::with(&[("IDGATE_THROTTLE__SCALE", "1")]).await;
    let mut refused = 0;
    for number in 0..35 {
        let client = app
            .anonymous()
            .with("x-forwarded-for", format!("203.0.113.{number}"))
            .with("x-real-ip", format!("203.0.113.{number}"))
            .with("forwarded", format!("for=203.0.113.{number}"));
        let answer = client
            .request_otp(&format!("nobody{number}@example.com"), "LOGIN")
            .await;
        refused += u32::from(answer.typename("requestOtp") == "RateLimited");
    }
    assert_eq!(refused, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn django_allauth_0_51_spellings_of_one_address_share_the_budget_of_messages() {
    let app = TestApp::with(&[("IDGATE_THROTTLE__SCALE", "1")]).await;
    let spellings = [
        "a@example.com",
        "A@EXAMPLE.COM",
        "a@example.com.",
        "\u{ff41}@example.com",
        "a\u{ff20}example.com",
        " a@example.com ",
    ];
    let mut kinds = Vec::new();
    for spelling in spellings {
        let input = json!({ "emailOrPhone": spelling });
        let answer = app
            .anonymous()
            .run("RequestPasswordReset", json!({ "input": input }))
            .await;
        kinds.push(answer.typename("requestPasswordReset").to_owned());
    }
    assert_eq!(kinds[5], "RateLimited", "{kinds:?}");
    assert!(
        kinds[..5]
            .iter()
            .all(|kind| kind == "PasswordResetRequested"),
        "{kinds:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn django_cve_2019_19844_a_look_alike_address_receives_no_message_of_another_account() {
    let app = TestApp::spawn().await;
    app.register("mike@example.com").await;
    app.execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
        .await;
    let client = app.anonymous();
    for typed in ["m\u{131}ke@example.com", "\u{ff4d}\u{ff49}ke@example.com"] {
        let input = json!({ "emailOrPhone": typed });
        client
            .run("RequestPasswordReset", json!({ "input": input }))
            .await;
        client.request_otp(typed, "LOGIN").await;
    }
    let mail = app.mail().await;
    let others = mail
        .iter()
        .filter(|message| message["to"] != "mike@example.com");
    assert_eq!(others.count(), 0, "{mail:?}");
    // Full-width letters are the same letters: one reset, one code, to the stored address.
    assert_eq!(app.messages("mike@example.com", "password_reset").await, 1);
    assert_eq!(app.messages("mike@example.com", "login_code").await, 1);
}
