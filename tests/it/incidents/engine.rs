//! Attacks through the graph: bulk guessing, forgery, exhaustion.

use reqwest::Method;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::sdl;
use crate::administration::closed::{FOR_ANYBODY, document, proposed};
use crate::harness::{Answer, PASSWORD, TestApp, queries};

#[tokio::test(flavor = "multi_thread")]
async fn vilnacrm_315_every_mutation_has_a_budget_that_bites() {
    for (mutation, result) in sdl::mutations() {
        let members = sdl::members(&result);
        assert!(
            members.contains(&"RateLimited".to_owned()),
            "{mutation} has no budget"
        );
    }
    // One attempt of each kind, whatever its aliases and operation name.
    let attempts = [
        "login(input: { emailOrPhone: \"a@example.com\", password: \"x\" })",
        "register(input: { email: \"a@example.com\", password: \"x\" })",
        "refreshSession(input: { refreshToken: \"x\" })",
        "verifyEmail(input: { token: \"x\" })",
        "loginWithGoogle(input: { idToken: \"x\" })",
        "requestEmailVerification(input: { email: \"a@example.com\" })",
        "requestOtp(input: { emailOrPhone: \"a@example.com\", purpose: LOGIN })",
        "verifyOtp(input: { emailOrPhone: \"a@example.com\", purpose: LOGIN, code: \"123456\" })",
        "requestPasswordReset(input: { emailOrPhone: \"a@example.com\" })",
        "confirmPasswordReset(input: { token: \"x\", newPassword: \"long enough to count\" })",
        "revertEmailChange(input: { token: \"x\" })",
        "cancelAccountDeletion(input: { token: \"x\" })",
    ];
    let mut tried = attempts.map(|attempt| attempt.split('(').next().unwrap());
    tried.sort_unstable();
    assert_eq!(tried, FOR_ANYBODY);
    for attempt in attempts {
        let app = TestApp::with(&[("IDGATE_THROTTLE__SCALE", "0.001")]).await;
        let mut kinds = Vec::new();
        for name in ["Innocent", "Me"] {
            let query = format!("mutation {name} {{ me: {attempt} {{ __typename }} }}");
            let answer = app.anonymous().ask(&query, json!({})).await;
            kinds.push(answer.typename("me").to_owned());
        }
        assert_ne!(kinds[0], "RateLimited", "{attempt}");
        assert_eq!(kinds[1], "RateLimited", "{attempt}");
    }
}

/// The same for those that take a sign-in, with the variables that their documents propose.
#[tokio::test(flavor = "multi_thread")]
async fn vilnacrm_315_signed_in_users_have_budgets_too() {
    for (mutation, _) in sdl::mutations() {
        if FOR_ANYBODY.contains(&mutation.as_str()) {
            continue;
        }
        let app = TestApp::with(&[("IDGATE_THROTTLE__SCALE", "0.001")]).await;
        let ada = app.register("ada@example.com").await;
        app.execute("UPDATE users SET role = 'admin', email_verified = TRUE, is_verified = TRUE")
            .await;
        let ada = ada.refreshed().await;
        let document = document(&mutation);
        let mut kinds = Vec::new();
        for _ in 0..3 {
            let answer = ada.run(&document, proposed(&document)).await;
            if answer.code() == "UNAUTHENTICATED" {
                // It ended its own session.
                break;
            }
            kinds.push(answer.typename(&mutation).to_owned());
        }
        assert_ne!(kinds[0], "RateLimited", "{mutation}");
        let limited = kinds.contains(&"RateLimited".to_owned());
        assert_eq!(limited, mutation != "logout", "{mutation}: {kinds:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn opencti_6898_one_credential_in_one_request_however_it_is_hidden() {
    let app = TestApp::spawn().await;
    let login = |alias: &str| {
        format!(
            "{alias}: login(input: {{ emailOrPhone: \"a@example.com\", password: \"{alias}\" }}) \
             {{ __typename }}"
        )
    };
    let documents = [
        format!("mutation {{ {} {} }}", login("a"), login("b")),
        format!(
            "mutation {{ {} ...f }} fragment f on Mutation {{ {} }}",
            login("a"),
            login("b")
        ),
        format!(
            "mutation {{ ...f ... on Mutation {{ {} }} }} fragment f on Mutation {{ {} }}",
            login("a"),
            login("b")
        ),
        format!(
            "mutation {{ {} ... @include(if: true) {{ {} }} }}",
            login("a"),
            login("b")
        ),
    ];
    for document in documents {
        let (answer, work) = app.work_of(app.anonymous().ask(&document, json!({}))).await;
        answer.assert_refusal(400, "QUERY_TOO_EXPENSIVE");
        assert_eq!((work.hashes, work.statements), (0, 0));
    }
}

/// Parts of the names of credentials, or of where one is sent. A mutation that takes
/// one of them can be used to guess or to flood, so that there is one in a document at most.
const SECRETS: [&str; 12] = [
    "assertion",
    "challenge",
    "code",
    "credential",
    "hash",
    "nonce",
    "otp",
    "passkey",
    "password",
    "pin",
    "secret",
    "token",
];
/// The same for mutations that send a message to an address from the input.
const SENDING: &str = "request";

/// Whether an input takes a secret, at any depth.
fn takes_secret(input: &str) -> bool {
    let fields = sdl::fields_of_input(input);
    fields.iter().any(|(name, kind)| {
        let words = words(name);
        words.iter().any(|word| SECRETS.contains(&word.as_str())) || takes_secret(kind)
    })
}

/// `newPassword` as `new`, `password`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for letter in name.chars() {
        if letter.is_uppercase() {
            words.push(String::new());
        }
        words.last_mut().unwrap().extend(letter.to_lowercase());
    }
    words
}

/// The list in `src/schema/document/measure.rs` follows the schema: a mutation counts as a
/// credential attempt exactly if it takes a secret.
#[tokio::test(flavor = "multi_thread")]
async fn opencti_6898_a_mutation_that_takes_a_secret_cannot_be_forgotten() {
    let app = TestApp::spawn().await;
    let mut credentials = Vec::new();
    for (mutation, _) in sdl::mutations() {
        let arguments = sdl::arguments_of("Mutation", &mutation);
        let secret = match arguments.as_slice() {
            [] => false,
            [(name, input)] if name == "input" => takes_secret(input),
            other => panic!("{mutation} takes {other:?} in place of one input"),
        };
        let sends = mutation.starts_with(SENDING)
            && ["email", "phone", "emailOrPhone"].iter().any(|name| {
                let inputs = sdl::inputs_named(name);
                let input = format!("{mutation}Input.{name}");
                inputs
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(&input))
            });
        let twice = format!("mutation {{ a: {mutation} {{ x }} b: {mutation} {{ x }} }}");
        let answer = app.anonymous().ask(&twice, json!({})).await;
        let once = answer.code() == "QUERY_TOO_EXPENSIVE";
        assert_eq!(once, secret || sends, "{mutation}: {}", answer.text);
        if once {
            credentials.push(mutation);
        }
    }
    // Two different kinds are refused as well.
    let pairs = credentials.iter().zip(credentials.iter().skip(1));
    for (one, other) in pairs {
        let both = format!("mutation {{ {one} {{ x }} ... on Mutation {{ {other} {{ x }} }} }}");
        let answer = app.anonymous().ask(&both, json!({})).await;
        assert_eq!(answer.code(), "QUERY_TOO_EXPENSIVE", "{both}");
    }
    assert!(credentials.len() >= 19, "{credentials:?}");
}

/// A value the engine can reject only during execution would be rejected after earlier mutations
/// of the document. No mutation takes such a value: numbers out of range, instants.
#[test]
fn mutation_arguments_are_validated_before_anything_runs() {
    for (input, field, kind) in sdl::inputs() {
        let mutates = sdl::mutations()
            .iter()
            .any(|(name, _)| input.eq_ignore_ascii_case(&format!("{name}Input")));
        for late in ["Int", "Float", "DateTime"] {
            assert!(!(mutates && kind.contains(late)), "{input}.{field}: {kind}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn appwrite_13257_another_site_cannot_make_a_browser_change_anything() {
    let app = TestApp::spawn().await;
    let input = json!({ "email": "eve@example.com", "password": PASSWORD });
    let variables = json!({ "input": input }).to_string();
    let id = hex::encode(Sha256::digest(queries::text("Register")));
    let link = |parameters: &[(&str, &str)]| {
        let mut encoded = url::form_urlencoded::Serializer::new(String::new());
        encoded
            .extend_pairs(parameters)
            .append_pair("variables", &variables);
        format!("/graphql?{}", encoded.finish())
    };
    let by_text = link(&[("query", queries::text("Register"))]);
    let by_id = link(&[("documentId", &id)]);
    for path in [&by_text, &by_id] {
        app.get(path)
            .await
            .assert_refusal(405, "METHOD_NOT_ALLOWED");
        let head = Answer::of(app.request(Method::HEAD, path)).await;
        assert_eq!(head.status, 405);
    }
    // What a form can send without a CORS preflight.
    let body = json!({ "query": queries::text("Register"), "variables": { "input": input } });
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ] {
        let request = app
            .request(Method::POST, "/graphql")
            .header("content-type", kind);
        let answer = Answer::of(request.body(body.to_string())).await;
        answer.assert_refusal(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    assert_eq!(app.number("SELECT COUNT(*) FROM users").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn async_graphql_ghsa_5gc2_7c65_8fq8_directives_cannot_be_piled_up() {
    let app = TestApp::spawn().await;
    for count in [21, 2_000, 20_000] {
        for directive in ["@x ", "@skip(if: false) "] {
            let query = format!("{{ __typename {} }}", directive.repeat(count));
            let answer = app.anonymous().ask(&query, json!({})).await;
            answer.assert_refusal(400, "QUERY_TOO_EXPENSIVE");
        }
    }
    let query = format!("query {} {{ __typename }}", "@x ".repeat(21));
    app.anonymous()
        .ask(&query, json!({}))
        .await
        .assert_refusal(400, "QUERY_TOO_EXPENSIVE");
    let errors = format!("{{ {} }}", "nothing ".repeat(2_000));
    let answer = app.anonymous().ask(&errors, json!({})).await;
    assert!(
        answer.text.len() < 64 * 1024,
        "{} bytes of errors",
        answer.text.len()
    );
}
