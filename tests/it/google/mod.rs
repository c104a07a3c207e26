//! Signing in with Google, row by row of `docs/decisions/google-linking.md`.

mod keys;
mod link;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Google, PASSWORD, SignedIn};

pub(crate) const FIELD: &str = "loginWithGoogle";

/// The person who signed in.
pub(crate) fn signed_in<'a>(google: &'a Google, answer: &crate::harness::Answer) -> SignedIn<'a> {
    SignedIn::from_answer(&google.app, answer, FIELD)
}

/// How many audit events of this kind there are.
pub(crate) async fn events(google: &Google, action: &str) -> i64 {
    let count = format!("SELECT COUNT(*) FROM audit_events WHERE action = '{action}'");
    google.app.number(&count).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_user_gets_an_account() {
    let google = Google::spawn().await;
    let answer = google.login(&json!({})).await;
    let ada = signed_in(&google, &answer);
    let me = ada.run("Me", json!({})).await;
    let me = me.root("me");
    assert_eq!(me["email"], "ada@gmail.com");
    assert_eq!(me["firstName"], "Ada");
    assert_eq!(me["authProvider"], "GOOGLE");
    assert_eq!(me["role"], "CLIENT");
    assert_eq!(me["emailVerified"], true);
    assert_eq!(me["isVerified"], true);
    assert_eq!(ada.sessions().await[0]["amr"], json!(["fed"]));
    assert_eq!(google.app.number("SELECT COUNT(*) FROM passwords").await, 0);
    assert_eq!(events(&google, "user.registered").await, 1);
    assert_eq!(events(&google, "login.succeeded").await, 1);
    let identities = ada.run("MyIdentities", json!({})).await;
    let identity = &identities.root("me")["identities"][0];
    assert_eq!(identity["provider"], "GOOGLE");
    assert_eq!(identity["issuer"], google.issuer.name());
    assert_eq!(identity["email"], "ada@gmail.com");
    // No password is not the empty password.
    for password in ["", PASSWORD] {
        let login = google
            .app
            .anonymous()
            .login("ada@gmail.com", password)
            .await;
        assert_ne!(login.typename("login"), "SignedIn");
    }
    // The reader of the mailbox learns that an account was made with its address.
    let notice = google
        .app
        .messages("ada@gmail.com", "identity_linked")
        .await;
    assert_eq!((notice, google.app.mail().await.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_page_is_told_how() {
    let google = Google::spawn().await;
    let answer = google.app.anonymous().run("AuthConfig", json!({})).await;
    let config = answer.root("authConfig");
    assert_eq!(config["googleClientId"], "web.apps.example.com");
    assert_eq!(config["methods"], json!(["PASSWORD", "OTP", "GOOGLE"]));

    let off = Google::with(&[("IDGATE_GOOGLE__CLIENT_IDS", "")]).await;
    let answer = off.app.anonymous().run("AuthConfig", json!({})).await;
    assert_eq!(answer.root("authConfig")["googleClientId"], Value::Null);
    assert_eq!(off.outcome(&json!({})).await, "GoogleTokenInvalid");
    assert_eq!(off.issuer.fetches(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_first_sign_ins_of_one_person_make_one_account() {
    let google = Google::spawn().await;
    let count = async |table: &str| {
        let count = format!("SELECT COUNT(*) FROM {table}");
        google.app.number(&count).await
    };
    for round in 1..=4 {
        let person = json!({ "sub": format!("{round}"), "email": format!("{round}@gmail.com") });
        let answers = join_all((0..50).map(|_| google.login(&person))).await;
        let people: std::collections::BTreeSet<String> = answers
            .iter()
            .map(|answer| signed_in(&google, answer).user_id)
            .collect();
        assert_eq!(people.len(), 1);
        assert_eq!(count("users").await, round);
        assert_eq!(count("identities").await, round);
        assert_eq!(count("sessions").await, 50 * round);
    }
    assert_eq!(google.issuer.fetches(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_token_signs_in_once_however_many_present_it() {
    let google = Google::spawn().await;
    let token = google.token(&json!({}));
    let answers = join_all((0..30).map(|_| google.present(&token))).await;
    let kinds = |kind: &str| {
        answers
            .iter()
            .filter(|answer| answer.typename(FIELD) == kind)
            .count()
    };
    assert_eq!((kinds("SignedIn"), kinds("GoogleTokenInvalid")), (1, 29));
    assert_eq!(google.app.number("SELECT COUNT(*) FROM sessions").await, 1);
    // Failures for unknown users are recorded one by one up to ten an hour.
    assert_eq!(events(&google, "google.login_refused").await, 10);
    let counted = r#"idgate_audit_unrecorded_total{action="google.login_refused"} 19"#;
    assert!(google.app.app.metrics.render().contains(counted));
    // Nor does one that was used to link.
    let ada = signed_in(&google, &google.login(&json!({})).await);
    let second = google.token(&json!({ "sub": "1002" }));
    let input = json!({ "input": { "idToken": second } });
    assert_eq!(
        ada.run("LinkGoogle", input).await.typename("linkGoogle"),
        "GoogleLinked"
    );
    assert_eq!(
        google.present(&second).await.typename(FIELD),
        "GoogleTokenInvalid"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_the_issuer_joins_the_verified_account_that_has_it() {
    let google = Google::genuine().await;
    for (email, hosted) in [
        ("ada@gmail.com", Value::Null),
        ("grace@example.com", json!("example.com")),
    ] {
        let owner = google.app.register(email).await;
        google
            .app
            .execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
            .await;
        let changes = json!({ "sub": email, "email": email, "hd": hosted });
        let found = signed_in(&google, &google.login(&changes).await);
        assert_eq!(found.user_id, owner.user_id);
        // Nothing of the owner's ends.
        assert!(owner.is_signed_in().await);
        assert_eq!(google.app.login(email).await.user_id, owner.user_id);
        let mail = google.app.mail().await;
        let notice = mail
            .iter()
            .find(|message| message["to"] == email && message["kind"] == "identity_linked");
        assert!(notice.is_some(), "{mail:?}");
    }
    assert_eq!(events(&google, "identity.linked").await, 2);
    assert_eq!(events(&google, "account.reclaimed").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_other_address_joins_a_verified_account_from_inside_only() {
    let google = Google::genuine().await;
    let owner = google.app.register("ada@example.com").await;
    google
        .app
        .execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
        .await;
    for hosted in [Value::Null, json!("evil.test"), json!("")] {
        let changes = json!({ "email": "ada@example.com", "hd": hosted });
        assert_eq!(google.outcome(&changes).await, "Conflict");
    }
    assert_eq!(
        google.app.number("SELECT COUNT(*) FROM identities").await,
        0
    );
    // The same token links once the owner has signed in.
    let token = google.token(&json!({ "email": "ada@example.com" }));
    assert_eq!(google.present(&token).await.typename(FIELD), "Conflict");
    let linked = owner
        .run("LinkGoogle", json!({ "input": { "idToken": token } }))
        .await;
    assert_eq!(linked.typename("linkGoogle"), "GoogleLinked");
    let again = google.login(&json!({ "email": "ada@example.com" })).await;
    assert_eq!(signed_in(&google, &again).user_id, owner.user_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_subject_with_the_same_address_is_not_let_in() {
    let google = Google::genuine().await;
    google.login(&json!({})).await;
    assert_eq!(google.outcome(&json!({ "sub": "1002" })).await, "Conflict");
    assert_eq!(google.app.number("SELECT COUNT(*) FROM users").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_issuer_runs_the_domains_it_is_said_to_run_and_no_other() {
    let domains = ("IDGATE_GOOGLE__AUTHORITATIVE_DOMAINS", "example.com");
    let google = Google::with(&[domains]).await;
    for (email, hosted, outcome) in [
        ("ada@example.com", Value::Null, "SignedIn"),
        ("ada@gmail.com", Value::Null, "Conflict"),
        ("ada@example.org", json!("example.org"), "Conflict"),
    ] {
        google.app.register(email).await;
        google
            .app
            .execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
            .await;
        let changes = json!({ "sub": email, "email": email, "hd": hosted });
        assert_eq!(google.outcome(&changes).await, outcome, "{email}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_a_phone_account_never_verified_goes_to_its_owner() {
    let google = Google::spawn().await;
    let eve = google.app.register("ada@gmail.com").await;
    google
        .app
        .execute(
            "UPDATE users SET phone = '+16502530000', phone_verified = TRUE, is_verified = TRUE",
        )
        .await;
    let ada = signed_in(&google, &google.login(&json!({})).await);
    assert_ne!(ada.user_id, eve.user_id);
    assert!(eve.is_signed_in().await);
    let left = eve.run("Me", json!({})).await;
    assert_eq!(left.root("me")["email"], Value::Null);
    assert_eq!(left.root("me")["phone"], "+16502530000");
}

#[tokio::test(flavor = "multi_thread")]
async fn suspended_and_deleted_accounts_stay_out() {
    for (change, first, others) in [
        (
            "suspended_at = created_at, suspended_reason = 'x'",
            "AccountSuspended",
            "AccountSuspended",
        ),
        // A deleted account frees its address, for another person than the one it knew.
        ("deleted_at = created_at", "GoogleTokenInvalid", "SignedIn"),
    ] {
        let google = Google::genuine().await;
        google.login(&json!({})).await;
        google
            .app
            .execute(&format!("UPDATE users SET {change}"))
            .await;
        assert_eq!(google.outcome(&json!({})).await, first, "{change}");
        google.app.execute("DELETE FROM identities").await;
        assert_eq!(
            google.outcome(&json!({ "sub": "1002" })).await,
            others,
            "{change}"
        );
        assert!(events(&google, "google.login_refused").await >= 1);
    }
    // A suspended squatter's account stays closed.
    let google = Google::spawn().await;
    google.app.register("ada@gmail.com").await;
    google
        .app
        .execute("UPDATE users SET suspended_at = created_at, suspended_reason = 'x'")
        .await;
    assert_eq!(google.outcome(&json!({})).await, "AccountSuspended");
    assert_eq!(events(&google, "account.reclaimed").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_registration_is_closed_only_known_people_come_in() {
    let google = Google::with(&[("IDGATE_REGISTRATION__ENABLED", "false")]).await;
    let answer = google.login(&json!({})).await;
    assert_eq!(answer.code(), "FORBIDDEN", "{}", answer.text);
    assert_eq!(google.app.number("SELECT COUNT(*) FROM users").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_page_with_a_nonce_needs_it() {
    let google = Google::with(&[("IDGATE_GOOGLE__REQUIRE_NONCE", "true")]).await;
    let present = async |claimed: Value, nonce: Value| {
        let token = google.token(&json!({ "nonce": claimed }));
        let input = json!({ "idToken": token, "nonce": nonce });
        let client = google.app.anonymous();
        client
            .run("LoginWithGoogle", json!({ "input": input }))
            .await
    };
    let outcome = async |claimed, nonce| present(claimed, nonce).await.typename(FIELD).to_owned();
    assert_eq!(outcome(json!("n"), json!("m")).await, "GoogleTokenInvalid");
    assert_eq!(outcome(json!("n"), Value::Null).await, "GoogleTokenInvalid");
    assert_eq!(outcome(Value::Null, json!("n")).await, "GoogleTokenInvalid");
    assert_eq!(
        outcome(Value::Null, Value::Null).await,
        "GoogleTokenInvalid"
    );
    let empty = present(json!("n"), json!("")).await;
    assert_eq!(empty.violations(FIELD), ["nonce TOO_SHORT"]);
    let long = present(json!("n"), json!("n".repeat(256))).await;
    assert_eq!(long.violations(FIELD), ["nonce TOO_LONG"]);
    assert_eq!(outcome(json!("n"), json!("n")).await, "SignedIn");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_spellings_of_google_are_one_person() {
    let google = Google::genuine().await;
    let one = google
        .login(&json!({ "iss": "https://accounts.google.com" }))
        .await;
    let other = google.login(&json!({ "iss": "accounts.google.com" })).await;
    assert_eq!(
        signed_in(&google, &one).user_id,
        signed_in(&google, &other).user_id
    );
    assert_eq!(
        google.app.number("SELECT COUNT(*) FROM identities").await,
        1
    );
    assert_eq!(
        google
            .outcome(&json!({ "iss": "http://accounts.google.com" }))
            .await,
        "GoogleTokenInvalid"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_people_of_the_named_organisation_come_in() {
    let google = Google::with(&[("IDGATE_GOOGLE__HOSTED_DOMAIN", "example.com")]).await;
    assert_eq!(google.outcome(&json!({})).await, "GoogleTokenInvalid");
    assert_eq!(
        google.outcome(&json!({ "hd": "evil.test" })).await,
        "GoogleTokenInvalid"
    );
    assert_eq!(
        google.outcome(&json!({ "hd": "example.com" })).await,
        "SignedIn"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn budgets_bite_per_address_and_per_person() {
    let narrow = ("IDGATE_THROTTLE__SCALE", "1");
    let google = Google::with(&[narrow, ("IDGATE_THROTTLE__GOOGLE_ADDRESS", "3/60")]).await;
    for _ in 0..3 {
        assert_eq!(
            google.present("junk").await.typename(FIELD),
            "GoogleTokenInvalid"
        );
    }
    let (answer, work) = google.app.work_of(google.login(&json!({}))).await;
    assert_eq!(
        (answer.typename(FIELD), work.statements),
        ("RateLimited", 0)
    );

    let google = Google::with(&[narrow, ("IDGATE_THROTTLE__GOOGLE_SUBJECT", "3/60")]).await;
    for _ in 0..3 {
        assert_eq!(google.outcome(&json!({})).await, "SignedIn");
    }
    assert_eq!(google.outcome(&json!({})).await, "RateLimited");
    let other = json!({ "sub": "1002", "email": "grace@gmail.com" });
    assert_eq!(google.outcome(&other).await, "SignedIn");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_fit_whatever_the_issuer_writes() {
    let google = Google::spawn().await;
    let changes =
        json!({ "given_name": format!(" A\u{0}da{}", "a".repeat(500)), "family_name": null });
    let ada = signed_in(&google, &google.login(&changes).await);
    let me = ada.run("Me", json!({})).await;
    assert_eq!(
        me.root("me")["firstName"].as_str().unwrap().chars().count(),
        150
    );
    assert_eq!(me.root("me")["lastName"], "");
}
