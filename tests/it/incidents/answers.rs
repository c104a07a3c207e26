//! No response depends on whether a stranger's write took effect: every pair of mutations that
//! need no sign-in, one after the other, on addresses in every state.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::public::SIGNED_IN_ONLY;
use super::sdl;
use crate::account::REQUIRED;
use crate::account::no_oracle::visible;
use crate::harness::{Answer, PASSWORD, TestApp, Work};

/// The stranger's own password.
const OWN: &str = "staple battery horse correct";
const UNKNOWN_TOKEN: &str = "idl_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The states of an address before the attack.
const STATES: [&str; 6] = ["free", "pending", "invited", "proven", "noted", "suspended"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Email,
    Phone,
}

impl Kind {
    fn address(self, number: usize) -> String {
        match self {
            Self::Email => format!("x{number}@example.com"),
            Self::Phone => format!("+1650253{number:04}"),
        }
    }
}

/// A mutation with its input; `ADDRESS` stands for the address.
#[derive(Clone, Debug)]
struct Step {
    document: &'static str,
    input: Value,
}

impl Step {
    async fn take(&self, app: &TestApp, address: &str) -> Answer {
        let text = self.input.to_string().replace("ADDRESS", address);
        let input: Value = serde_json::from_str(&text).unwrap();
        let variables = json!({ "input": input });
        app.anonymous().run(self.document, variables).await
    }
}

/// What a stranger can send of each mutation. All others must require a sign-in.
fn steps(kind: Kind) -> BTreeMap<&'static str, Vec<Step>> {
    let step = |document, input| Step { document, input };
    let contact = match kind {
        Kind::Email => "email",
        Kind::Phone => "phone",
    };
    let verify = match kind {
        Kind::Email => "VERIFY_EMAIL",
        Kind::Phone => "VERIFY_PHONE",
    };
    let purposes = ["LOGIN", "RESET_PASSWORD", verify, "STEP_UP"];
    let registration = json!({ contact: "ADDRESS", "password": OWN, "firstName": "Eve" });
    let mut registrations = vec![step("Register", registration)];
    if kind == Kind::Phone {
        registrations.push(step("Register", json!({ "phone": "ADDRESS" })));
    }
    let asked = purposes.map(|purpose| {
        let input = json!({ "emailOrPhone": "ADDRESS", "purpose": purpose });
        step("RequestOtp", input)
    });
    let typed = purposes.iter().flat_map(|purpose| {
        let code = json!({ "emailOrPhone": "ADDRESS", "purpose": purpose, "code": "000000" });
        let mut with_password = code.clone();
        with_password["password"] = json!(OWN);
        [step("VerifyOtp", code), step("VerifyOtp", with_password)]
    });
    BTreeMap::from([
        ("register", registrations),
        (
            "login",
            [OWN, "not the password"]
                .map(|password| {
                    let input = json!({ "emailOrPhone": "ADDRESS", "password": password });
                    step("Login", input)
                })
                .into(),
        ),
        ("requestOtp", asked.into()),
        ("verifyOtp", typed.collect()),
        (
            "requestEmailVerification",
            vec![step(
                "RequestEmailVerification",
                json!({ "email": "ADDRESS" }),
            )],
        ),
        (
            "cancelAccountDeletion",
            vec![step(
                "CancelAccountDeletion",
                json!({ "token": UNKNOWN_TOKEN }),
            )],
        ),
        (
            "verifyEmail",
            vec![step(
                "VerifyEmail",
                json!({ "token": UNKNOWN_TOKEN, "password": OWN }),
            )],
        ),
        (
            "requestPasswordReset",
            vec![step(
                "RequestPasswordReset",
                json!({ "emailOrPhone": "ADDRESS" }),
            )],
        ),
        (
            "confirmPasswordReset",
            vec![
                step(
                    "ConfirmPasswordReset",
                    json!({ "token": UNKNOWN_TOKEN, "newPassword": OWN }),
                ),
                step(
                    "ConfirmPasswordReset",
                    json!({ "emailOrPhone": "ADDRESS", "code": "000000", "newPassword": OWN }),
                ),
            ],
        ),
        (
            "refreshSession",
            vec![step(
                "RefreshSession",
                json!({ "refreshToken": "idr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }),
            )],
        ),
        (
            "revertEmailChange",
            vec![step("RevertEmailChange", json!({ "token": UNKNOWN_TOKEN }))],
        ),
        (
            "loginWithGoogle",
            vec![step("LoginWithGoogle", json!({ "idToken": "in.ven.ted" }))],
        ),
    ])
}

/// An input of this type that any schema would read.
fn some_input(input: &str) -> Value {
    let fields = sdl::fields_of_input(input).into_iter();
    let some = |kind: &str| match kind {
        "EmailAddress" => json!("a@example.com"),
        "PhoneNumber" => json!("+16502530000"),
        "Role" => json!("CLIENT"),
        "StaffFunction" => json!("SALES"),
        "ByteCount" => json!(1),
        "ID" => json!("01890a5d-ac96-774b-bcce-b302099a8057"),
        _ => json!("000000"),
    };
    Value::Object(fields.map(|(name, kind)| (name, some(&kind))).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mutation_asks_for_a_sign_in_or_is_tried_here() {
    let app = TestApp::with(&[REQUIRED]).await;
    let tried = steps(Kind::Email);
    for (mutation, result) in sdl::mutations() {
        if tried.contains_key(mutation.as_str()) {
            continue;
        }
        assert!(
            SIGNED_IN_ONLY.contains(&mutation.as_str()),
            "{mutation} is new"
        );
        let arguments = sdl::arguments_of("Mutation", &mutation);
        let (head, call, variables) = match arguments.first() {
            Some((_, kind)) => (
                format!("mutation($input: {kind}!)"),
                "(input: $input)",
                json!({ "input": some_input(kind) }),
            ),
            None => ("mutation".to_owned(), "", json!({})),
        };
        let query = format!("{head} {{ {mutation}{call} {{ ... on {result} {{ __typename }} }} }}");
        let answer = app.anonymous().ask(&query, variables).await;
        assert_eq!(
            answer.code(),
            "UNAUTHENTICATED",
            "{mutation}: {}",
            answer.text
        );
    }
}

/// Accounts of a test, made by copying rows: registering thousands would take minutes.
struct Accounts<'a> {
    app: &'a TestApp,
    kind: Kind,
    template: String,
    count: usize,
}

impl<'a> Accounts<'a> {
    async fn new(app: &'a TestApp, kind: Kind) -> Self {
        app.anonymous().register("template@example.net").await;
        let found = app.ids("SELECT id FROM users").await;
        let template = app.id_literal(&found[0].to_string());
        Self {
            app,
            kind,
            template,
            count: 0,
        }
    }

    /// An untouched address in this state.
    async fn address(&mut self, state: &str) -> String {
        self.count += 1;
        let address = self.kind.address(self.count);
        if state == "free" {
            return address;
        }
        let id = uuid::Uuid::from_u128(0xA0 << 120 | self.count as u128).to_string();
        let id = self.app.id_literal(&id);
        let other = format!("other{}", self.count);
        let (email, phone) = match (self.kind, state) {
            (Kind::Email, "noted") => (
                Some(address.clone()),
                Some(format!("+1650999{:04}", self.count)),
            ),
            (Kind::Phone, "noted") => (Some(format!("{other}@example.net")), Some(address.clone())),
            (Kind::Email, _) => (Some(address.clone()), None),
            (Kind::Phone, _) => (None, Some(address.clone())),
        };
        let (proves_this, proves_other) = match state {
            "proven" | "suspended" => (true, false),
            "noted" => (false, true),
            _ => (false, false),
        };
        let (email_verified, phone_verified) = match self.kind {
            Kind::Email => (proves_this, proves_other),
            Kind::Phone => (proves_other, proves_this),
        };
        let text =
            |value: Option<String>| value.map_or("NULL".to_owned(), |value| format!("'{value}'"));
        let (email, phone) = (text(email), text(phone));
        let suspended = if state == "suspended" {
            "created_at"
        } else {
            "NULL"
        };
        let template = &self.template;
        self.app
            .execute(&format!(
                "INSERT INTO users (id, pid, email, email_canonical, email_verified, phone, \
                 phone_verified, is_verified, role, auth_provider, suspended_at, created_at, \
                 updated_at) SELECT {id}, '{other}', {email}, {email}, {email_verified}, {phone}, \
                 {phone_verified}, {email_verified} OR {phone_verified}, role, auth_provider, \
                 {suspended}, created_at, updated_at FROM users WHERE id = {template}"
            ))
            .await;
        if state != "invited" {
            self.app
                .execute(&format!(
                    "INSERT INTO passwords (user_id, hash, changed_at) \
                     SELECT {id}, hash, changed_at FROM passwords \
                     WHERE user_id = {template}"
                ))
                .await;
        }
        address
    }
}

type Seen = ((u16, Vec<(String, String)>, String), Work);

async fn second(app: &TestApp, first: Option<&Step>, then: &Step, address: &str) -> Seen {
    if let Some(first) = first {
        first.take(app, address).await;
    }
    let (answer, work) = app.work_of(then.take(app, address)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_ne!(answer.code(), "INTERNAL_SERVER_ERROR", "{}", answer.text);
    // An error at the edge names its request.
    let (status, headers, text) = visible(&answer);
    let text = text.replace(answer.header("x-request-id"), "");
    ((status, headers, text), work.as_timed())
}

async fn no_pair_tells(kind: Kind) {
    let google = ("IDGATE_GOOGLE__CLIENT_IDS", "web.apps.example.com");
    let app = TestApp::with(&[REQUIRED, google]).await;
    let mut accounts = Accounts::new(&app, kind).await;
    let steps: Vec<Step> = steps(kind).into_values().flatten().collect();
    let firsts = std::iter::once(None).chain(steps.iter().map(Some));
    let mut leaks = Vec::new();
    for first in firsts {
        for then in &steps {
            let mut seen: Option<Seen> = None;
            for state in STATES {
                let address = accounts.address(state).await;
                let found = second(&app, first, then, &address).await;
                let before = seen.get_or_insert_with(|| found.clone());
                if *before != found {
                    leaks.push(format!(
                        "{state}: {first:?} then {then:?}: {before:?}, {found:?}"
                    ));
                }
            }
        }
    }
    assert!(
        leaks.is_empty(),
        "{} pairs tell: {:#?}",
        leaks.len(),
        &leaks[..leaks.len().min(5)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_pair_of_mutations_tells_whether_an_e_mail_address_was_free() {
    no_pair_tells(Kind::Email).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_pair_of_mutations_tells_whether_a_phone_number_was_free() {
    no_pair_tells(Kind::Phone).await;
}

/// The original bug, in three requests.
#[tokio::test(flavor = "multi_thread")]
async fn registering_and_signing_in_is_refused_alike_for_free_and_taken_identifiers() {
    let app = TestApp::with(&[REQUIRED]).await;
    app.anonymous().register("known@example.com").await;
    let token = app.confirmation_token("known@example.com").await;
    let input = json!({ "token": token, "password": PASSWORD });
    app.anonymous()
        .run("VerifyEmail", json!({ "input": input }))
        .await;
    let mut answers = Vec::new();
    for email in ["known@example.com", "free@example.com"] {
        let input = json!({ "email": email, "password": OWN });
        let client = app.anonymous();
        let answer = client.run("Register", json!({ "input": input })).await;
        assert_eq!(answer.typename("register"), "Registered");
        answers.push(client.login(email, OWN).await.text);
    }
    assert_eq!(answers[0], answers[1]);
}

/// Users with another, verified address are notified, whatever strangers register.
#[tokio::test(flavor = "multi_thread")]
async fn an_owner_is_told_about_their_second_address_whatever_strangers_do() {
    let app = TestApp::with(&[REQUIRED]).await;
    let mut accounts = Accounts::new(&app, Kind::Phone).await;
    for stranger in [false, true] {
        let number = accounts.address("noted").await;
        if stranger {
            let input = json!({ "phone": number, "password": OWN });
            app.anonymous()
                .run("Register", json!({ "input": input }))
                .await;
        }
        let answer = app.anonymous().login(&number, PASSWORD).await;
        assert_eq!(answer.typename("login"), "EmailNotVerified", "{stranger}");
    }
}
