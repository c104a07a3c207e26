//! Rate limits that attackers turned against others, or evaded.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::sdl;
use crate::harness::{Anonymous, PASSWORD, TestApp, queries};

const PROXY: (&str, &str) = ("IDGATE_SERVER__TRUSTED_PROXIES", "127.0.0.1/32");
const REAL: (&str, &str) = ("IDGATE_THROTTLE__SCALE", "1");

/// Every mutation that an anonymous caller can call, with its input; `{}` is
/// the victim's e-mail address.
const ANONYMOUS: [(&str, &str); 11] = [
    (
        "confirmPasswordReset",
        r#"{"emailOrPhone": "{}", "code": "123456", "newPassword": "staple battery horse correct"}"#,
    ),
    ("login", r#"{"emailOrPhone": "{}", "password": "guess"}"#),
    (
        "loginWithGoogle",
        r#"{"idToken": "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"}"#,
    ),
    ("refreshSession", r#"{"refreshToken": "idr_unknown"}"#),
    (
        "register",
        r#"{"email": "{}", "password": "correct horse battery staple", "firstName": "Eve"}"#,
    ),
    ("requestEmailVerification", r#"{"email": "{}"}"#),
    (
        "requestOtp",
        r#"{"emailOrPhone": "{}", "purpose": "LOGIN"}"#,
    ),
    ("requestPasswordReset", r#"{"emailOrPhone": "{}"}"#),
    ("cancelAccountDeletion", r#"{"token": "idl_unknown"}"#),
    ("revertEmailChange", r#"{"token": "idl_unknown"}"#),
    (
        "verifyEmail",
        r#"{"token": "idl_unknown", "password": "guess"}"#,
    ),
];
/// `verifyOtp` is anonymous for every purpose but `STEP_UP`.
const VERIFY_OTP: (&str, &str) = (
    "verifyOtp",
    r#"{"emailOrPhone": "{}", "purpose": "LOGIN", "code": "123456"}"#,
);

/// The document for a mutation: its only argument is `input`, of the type that the SDL says.
fn document(mutation: &str) -> String {
    let arguments = sdl::arguments_of("Mutation", mutation);
    let (_, kind) = arguments.iter().find(|(name, _)| name == "input").unwrap();
    format!(
        "mutation($input: {kind}!) {{ {mutation}(input: $input) {{ __typename \
         ... on RateLimited {{ retryAfter }} }} }}"
    )
}

async fn call(client: &Anonymous<'_>, mutation: &str, input: &str, victim: &str) -> String {
    let input: Value = serde_json::from_str(&input.replace("{}", victim)).unwrap();
    let document = document(mutation);
    let answer = client.ask(&document, json!({ "input": input })).await;
    let data = &answer.json["data"][mutation];
    data["__typename"].as_str().unwrap_or("error").to_owned()
}

fn from<'a>(app: &'a TestApp, address: &str) -> Anonymous<'a> {
    app.anonymous().with("x-forwarded-for", address)
}

/// The contents of the store, sorted.
async fn store(app: &TestApp) -> Vec<String> {
    let dump = app.shared_store_dump().await;
    let mut lines: Vec<String> = dump.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_address_charges_no_budget_and_leaves_nothing_behind() {
    let budgets = [
        "LOGIN_ADDRESS",
        "REGISTER_ADDRESS",
        "REFRESH_ADDRESS",
        "VERIFY_ADDRESS",
        "MESSAGE_ADDRESS",
        "CODE_ADDRESS",
        "GOOGLE_ADDRESS",
    ];
    let narrow: Vec<String> = budgets
        .iter()
        .map(|name| format!("IDGATE_THROTTLE__{name}"))
        .collect();
    let mut settings = vec![
        REAL,
        PROXY,
        ("IDGATE_THROTTLE__LOGIN_IDENTIFIER", "3/86400"),
        ("IDGATE_THROTTLE__REGISTER_IDENTIFIER", "3/86400"),
        ("IDGATE_THROTTLE__MESSAGE_IDENTIFIER", "3/86400"),
        ("IDGATE_THROTTLE__CODE_IDENTIFIER", "3/86400"),
        ("IDGATE_OTP__RESEND_SECONDS", "1"),
    ];
    settings.extend(narrow.iter().map(|name| (name.as_str(), "1/86400")));
    let app = TestApp::with(&settings).await;
    let attacker = from(&app, "203.0.113.1");
    let rows = ANONYMOUS.into_iter().chain([VERIFY_OTP]);
    for (row, (mutation, input)) in rows.enumerate() {
        for known in [true, false] {
            let victim = format!("victim-{row}-{known}@example.com");
            if known {
                let setup = from(&app, &format!("100.64.{row}.1"));
                let answer = setup.register(&victim).await;
                assert_eq!(answer.typename("register"), "SignedIn", "{}", answer.text);
            }
            let mut outcome = String::new();
            for _ in 0..2 {
                outcome = call(&attacker, mutation, input, &victim).await;
            }
            assert_eq!(outcome, "RateLimited", "{mutation} has no address budget");
            let before = store(&app).await;
            for _ in 0..4 {
                let outcome = call(&attacker, mutation, input, &victim).await;
                assert_eq!(outcome, "RateLimited", "{mutation}");
                let other = format!("other-{row}@example.com");
                call(&attacker, mutation, input, &other).await;
            }
            assert_eq!(store(&app).await, before, "{mutation}");
            app.advance(1);
            let elsewhere = from(&app, &format!("198.51.{row}.{}", u8::from(known)));
            let outcome = call(&elsewhere, mutation, input, &victim).await;
            assert_ne!(outcome, "RateLimited", "{mutation} of {victim}");
        }
    }
}

/// The table above is every mutation that does not ask for a session.
#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_anonymous_mutations_is_complete() {
    let app = TestApp::spawn().await;
    let mut anonymous = BTreeSet::new();
    for text in queries::DOCUMENTS.values() {
        let Some((_, rest)) = text.split_once("\nmutation ") else {
            continue;
        };
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("# variables: "));
        let variables = serde_json::from_str(line.unwrap_or("{}")).unwrap();
        let answer = app.anonymous().ask(text, variables).await;
        if answer.code() != "UNAUTHENTICATED" {
            let body = rest.split_once('{').unwrap().1.trim_start();
            let name = body.split(|letter: char| !letter.is_alphanumeric()).next();
            anonymous.insert(name.unwrap().to_owned());
        }
    }
    let rows = ANONYMOUS.into_iter().chain([VERIFY_OTP]);
    let listed: BTreeSet<String> = rows.map(|(name, _)| name.to_owned()).collect();
    assert_eq!(anonymous, listed);
}

/// How many of these addresses are let through, each with its own identifier.
async fn allowed(app: &TestApp, addresses: impl Iterator<Item = String>) -> usize {
    let mut count = 0;
    for (number, address) in addresses.enumerate() {
        let identifier = format!("person{number}@example.com");
        let answer = from(app, &address).login(&identifier, "guess").await;
        count += usize::from(answer.typename("login") == "InvalidCredentials");
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn rotating_addresses_within_a_network_shares_one_budget() {
    let app = TestApp::with(&[REAL, PROXY, ("IDGATE_THROTTLE__LOGIN_ADDRESS", "2/3600")]).await;
    let of_one_56 = (0..40).map(|number| format!("2001:db8:1:{number:x}::1"));
    assert_eq!(allowed(&app, of_one_56).await, 4);
    let of_one_48 = (0..40).map(|number| format!("2001:db8:1:{number:x}00::1"));
    assert_eq!(allowed(&app, of_one_48).await, 8 - 4, "the /48 as a whole");
    let of_one_24 = (0..40).map(|number| format!("198.51.100.{number}"));
    assert_eq!(allowed(&app, of_one_24).await, 16);
    let elsewhere = ["2001:db8:2::1".to_owned(), "198.51.101.1".to_owned()];
    assert_eq!(allowed(&app, elsewhere.into_iter()).await, 2);
}

/// An account with two verified identifiers, and an unrelated second one.
const MAIL: &str = "ada@example.com";
const PHONE: &str = "+16502530000";

async fn with_two_identifiers(settings: &[(&str, &str)]) -> TestApp {
    let mut settings = settings.to_vec();
    settings.extend([
        REAL,
        ("IDGATE_THROTTLE__LOGIN_ADDRESS", "1000/60"),
        ("IDGATE_THROTTLE__CODE_ADDRESS", "1000/60"),
    ]);
    let app = TestApp::with(&settings).await;
    app.register(MAIL).await;
    app.execute(&format!(
        "UPDATE users SET email_verified = TRUE, is_verified = TRUE, phone = '{PHONE}', \
         phone_verified = TRUE"
    ))
    .await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_identifier_gives_no_second_round_of_guesses() {
    let app = with_two_identifiers(&[]).await;
    let client = app.anonymous();
    let (mut passwords, mut codes) = (0, 0);
    for _ in 0..30 {
        for identifier in [MAIL, PHONE] {
            let answer = client.login(identifier, "guess").await;
            passwords += usize::from(answer.typename("login") == "InvalidCredentials");
            let answer = client.verify_otp(identifier, "LOGIN", "000000").await;
            codes += usize::from(answer.typename("verifyOtp") == "CodeInvalid");
        }
    }
    assert_eq!((passwords, codes), (10, 20));
    let right = client.login(MAIL, PASSWORD).await;
    assert_eq!(right.typename("login"), "RateLimited");
    // Unknown identifiers are counted separately, as if each had an account.
    for unknown in ["eve@example.com", "+16502530001"] {
        for _ in 0..10 {
            let answer = client.login(unknown, "guess").await;
            assert_eq!(answer.typename("login"), "InvalidCredentials");
        }
        let answer = client.login(unknown, "guess").await;
        assert_eq!(answer.typename("login"), "RateLimited");
    }
}
