//! Records of strangers' attempts, and who may read their addresses.

use std::collections::BTreeSet;

use idgate::services::operator::housekeeping;
use serde_json::{Value, json};

use crate::harness::{Answer, PASSWORD, SignedIn, TestApp};

const EVENTS: &str = "SELECT COUNT(*) FROM audit_events";
const PROXIES: (&str, &str) = ("IDGATE_SERVER__TRUSTED_PROXIES", "127.0.0.1/32");
const VICTIM: &str = "victim@example.com";
const OWNER: (&str, &str) = ("Owner's browser", "203.0.113.7");
const SQUATTER: (&str, &str) = ("Squatter's browser", "198.51.100.66");

/// Everything that a stranger can send about an unknown identifier, by document and input.
fn junk(number: usize) -> Vec<(&'static str, Value)> {
    let unknown = format!("nobody{number}@example.com");
    let link = "idl_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    vec![
        (
            "RefreshSession",
            json!({ "refreshToken": format!("idr_{number:042}A") }),
        ),
        ("LoginWithGoogle", json!({ "idToken": "in.ven.ted" })),
        (
            "Login",
            json!({ "emailOrPhone": unknown, "password": PASSWORD }),
        ),
        (
            "RequestOtp",
            json!({ "emailOrPhone": unknown, "purpose": "LOGIN" }),
        ),
        (
            "VerifyOtp",
            json!({ "emailOrPhone": unknown, "purpose": "LOGIN", "code": "000000" }),
        ),
        ("RequestPasswordReset", json!({ "emailOrPhone": unknown })),
        (
            "ConfirmPasswordReset",
            json!({ "emailOrPhone": unknown, "code": "000000", "newPassword": PASSWORD }),
        ),
        (
            "ConfirmPasswordReset",
            json!({ "token": link, "newPassword": PASSWORD }),
        ),
        ("RequestEmailVerification", json!({ "email": unknown })),
        (
            "VerifyEmail",
            json!({ "token": link, "password": PASSWORD }),
        ),
        ("RevertEmailChange", json!({ "token": link })),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_for_unknown_identifiers_are_counted_not_recorded_one_by_one() {
    let google = ("IDGATE_GOOGLE__CLIENT_IDS", "web.apps.example.com");
    let app = TestApp::with(&[PROXIES, google]).await;
    let root = app.appoint("root@example.com", "admin").await;
    let (before, users) = (
        app.number(EVENTS).await,
        app.number("SELECT COUNT(*) FROM users").await,
    );
    let rounds = 40;
    for number in 0..rounds {
        for (document, input) in junk(number) {
            let variables = json!({ "input": input });
            app.anonymous().run(document, variables).await;
        }
    }
    assert_eq!(app.number("SELECT COUNT(*) FROM users").await, users);
    // Seven actions, ten of each.
    let kept = app.number(EVENTS).await - before;
    assert_eq!(kept, 70);
    let counted = app
        .number("SELECT CAST(SUM(attempts) AS BIGINT) FROM audit_tallies")
        .await;
    // `ConfirmPasswordReset` with a code is another try of a code; links are not recorded at all.
    assert_eq!(counted, 8 * i64::try_from(rounds).unwrap());

    // From any number of networks: no more than the slots hold.
    for number in 0..400 {
        let input = json!({ "input": { "refreshToken": format!("idr_{number:042}A") } });
        let client = app.anonymous();
        let address = format!("10.{}.{}.1", number / 250, number % 250);
        client
            .with("x-forwarded-for", address)
            .run("RefreshSession", input)
            .await;
    }
    let tallies = app.number("SELECT COUNT(*) FROM audit_tallies").await;
    assert!((20..=64 + 7).contains(&tallies), "{tallies}");

    // An hour later one event per action has the count.
    let kept = app.number(EVENTS).await;
    app.advance(3_600);
    let tidied = housekeeping::tidy(&app.app).await.unwrap();
    assert!(tidied.attempts >= 200, "{tidied:?}");
    assert_eq!(app.number("SELECT COUNT(*) FROM audit_tallies").await, 0);
    assert_eq!(app.number(EVENTS).await - kept, 7);
    assert_eq!(housekeeping::tidy(&app.app).await.unwrap().attempts, 0);
    let filter = json!({ "actions": ["login.failed"], "since": "2026-03-01T13:00:00Z" });
    let root = root.refreshed().await;
    let answer = root
        .run("AuditEvents", json!({ "filter": filter, "first": 5 }))
        .await;
    let event = &answer.root("auditEvents")["nodes"][0];
    let attempts = event["changes"].as_array().unwrap();
    let attempts = attempts
        .iter()
        .find(|change| change["field"] == "attempts")
        .unwrap();
    assert_eq!(attempts["after"], "30", "{event}");
    let page = app.app.metrics.render();
    let metric = r#"idgate_audit_unrecorded_total{action="login.failed"} 30"#;
    assert!(page.contains(metric), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_about_real_accounts_are_still_events_and_old_tokens_are_noise() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    for _ in 0..30 {
        app.anonymous()
            .login("ada@example.com", "not the password")
            .await;
    }
    let failed = "SELECT COUNT(*) FROM audit_events WHERE action = 'login.failed' \
                  AND subject_id IS NOT NULL";
    assert_eq!(app.number(failed).await, 30);
    // An ended session must not be a way to fill the log either.
    ada.run("Logout", json!({})).await;
    for _ in 0..30 {
        app.anonymous().refresh(&ada.refresh_token).await;
    }
    let refused = "SELECT COUNT(*) FROM audit_events WHERE action = 'session.refresh_refused'";
    assert_eq!(app.number(refused).await, 10);
}

/// A user's own history.
async fn history(person: &SignedIn<'_>) -> Vec<Value> {
    let query = "{ me { auditEvents(first: 100) { nodes { action createdAt ipAddress userAgent \
                 browser os operationName documentId changes { field before after } actor { id } \
                 } } } }";
    let answer = person.ask(query, json!({})).await;
    let nodes = &answer.root("me")["auditEvents"]["nodes"];
    nodes.as_array().unwrap().clone()
}

fn assert_hidden(events: &[Value], (agent, address): (&str, &str), actions: &[&str]) {
    let text = json!(events).to_string();
    assert!(!text.contains(agent) && !text.contains(address), "{text}");
    let found: BTreeSet<&str> = events
        .iter()
        .filter_map(|event| event["action"].as_str())
        .collect();
    for action in actions {
        assert!(
            found.contains(action),
            "no {action}, so nothing is shown: {found:?}"
        );
    }
}

async fn at(app: &TestApp, (agent, address): (&str, &str), document: &str, input: Value) -> Answer {
    let client = app.anonymous().located(agent, address);
    client.run(document, json!({ "input": input })).await
}

/// Everything that the owner can do without verifying the address.
fn unproven_attempts() -> [(&'static str, Value); 6] {
    [
        (
            "Register",
            json!({ "email": VICTIM, "password": "the owner's own password" }),
        ),
        (
            "Login",
            json!({ "emailOrPhone": VICTIM, "password": "the owner's own password" }),
        ),
        ("RequestEmailVerification", json!({ "email": VICTIM })),
        ("RequestPasswordReset", json!({ "emailOrPhone": VICTIM })),
        (
            "RequestOtp",
            json!({ "emailOrPhone": VICTIM, "purpose": "LOGIN" }),
        ),
        (
            "VerifyOtp",
            json!({ "emailOrPhone": VICTIM, "purpose": "LOGIN", "code": "000000" }),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_squatter_nor_the_owner_reads_where_the_other_one_sat() {
    let app = TestApp::with(&[PROXIES]).await;
    let answer = at(
        &app,
        SQUATTER,
        "Register",
        json!({
            "email": VICTIM, "password": PASSWORD, "firstName": "Squatter's name",
        }),
    )
    .await;
    let squatter = SignedIn::from_answer(&app, &answer, "register").located(SQUATTER.0, SQUATTER.1);
    squatter
        .run(
            "UpdateProfile",
            json!({ "input": { "address": "Squatter's street" } }),
        )
        .await;
    app.advance(10);
    for (document, input) in unproven_attempts() {
        at(&app, OWNER, document, input).await;
    }
    let read = history(&squatter).await;
    let expected = [
        "login.failed",
        "email.verification_requested",
        "password.reset_requested",
    ];
    assert_hidden(&read, OWNER, &expected);
    // They read their own.
    let own = read
        .iter()
        .find(|event| event["action"] == "profile.updated")
        .unwrap();
    assert_eq!(own["ipAddress"], SQUATTER.1, "{own}");

    app.advance(100);
    at(
        &app,
        OWNER,
        "RequestOtp",
        json!({ "emailOrPhone": VICTIM, "purpose": "LOGIN" }),
    )
    .await;
    let code = app.code(VICTIM, "login_code").await;
    app.advance(10);
    let input = json!({ "emailOrPhone": VICTIM, "purpose": "LOGIN", "code": code });
    let answer = at(&app, OWNER, "VerifyOtp", input).await;
    let owner = SignedIn::from_answer(&app, &answer, "verifyOtp").located(OWNER.0, OWNER.1);
    let read = history(&owner).await;
    assert_hidden(
        &read,
        SQUATTER,
        &["user.registered", "profile.updated", "account.reclaimed"],
    );
    assert!(!json!(read).to_string().contains("Squatter's"), "{read:?}");
    let own = read
        .iter()
        .find(|event| event["action"] == "login.succeeded")
        .unwrap();
    assert_eq!(
        (&own["ipAddress"], &own["userAgent"]),
        (&json!(OWNER.1), &json!(OWNER.0))
    );

    // From now on the owner sees attempts, as before.
    app.advance(10);
    at(
        &app,
        SQUATTER,
        "Login",
        json!({ "emailOrPhone": VICTIM, "password": PASSWORD }),
    )
    .await;
    let read = history(&owner).await;
    assert_eq!(read[0]["action"], "login.failed");
    assert_eq!(read[0]["ipAddress"], SQUATTER.1);
    // Staff see all of it.
    let root = app.appoint("root@example.com", "admin").await;
    let filter = json!({ "subjectId": owner.user_id });
    let all = root
        .run("AuditEvents", json!({ "filter": filter, "first": 50 }))
        .await;
    assert!(
        all.text.contains(OWNER.1) && all.text.contains(SQUATTER.1),
        "{}",
        all.text
    );
    let nodes = all.root("auditEvents")["nodes"].as_array().unwrap();
    assert!(
        nodes.iter().all(|event| !event["ipAddress"].is_null()),
        "{}",
        all.text
    );
}

/// Every way to verify first, and the events before it.
#[tokio::test(flavor = "multi_thread")]
async fn verifying_an_address_with_its_account_keeps_the_history() {
    let app = TestApp::with(&[PROXIES]).await;
    let answer = at(
        &app,
        OWNER,
        "Register",
        json!({ "email": VICTIM, "password": PASSWORD }),
    )
    .await;
    let ada = SignedIn::from_answer(&app, &answer, "register");
    app.advance(10);
    at(
        &app,
        SQUATTER,
        "Login",
        json!({ "emailOrPhone": VICTIM, "password": "a guess" }),
    )
    .await;
    app.advance(10);
    let token = app.confirmation_token(VICTIM).await;
    ada.run("VerifyEmail", json!({ "input": { "token": token } }))
        .await;
    let read = history(&ada).await;
    assert_hidden(&read, SQUATTER, &["login.failed", "email.verified"]);
    let own = read
        .iter()
        .find(|event| event["action"] == "user.registered")
        .unwrap();
    assert_eq!(own["ipAddress"], OWNER.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_takes_nothing_from_a_verified_account_before_it_is_proven() {
    for settings in [vec![], vec![crate::account::REQUIRED]] {
        let app = TestApp::with(&settings).await;
        let number = "+16502530000";
        app.anonymous().register("ada@example.com").await;
        app.execute(&format!(
            "UPDATE users SET phone = '{number}', email_verified = TRUE, is_verified = TRUE"
        ))
        .await;
        let ada = app.login("ada@example.com").await;
        let holds = format!(
            "SELECT COUNT(*) FROM users WHERE phone = '{number}' AND email = 'ada@example.com'"
        );
        let client = app.anonymous();
        // Without a password the code is asked for in both modes.
        let input = json!({ "input": { "phone": number, "firstName": "Grace" } });
        let answer = client.run("Register", input).await;
        assert_eq!(answer.typename("register"), "Registered");
        assert_eq!(app.number(&holds).await, 1, "taken by a registration");
        let released =
            "SELECT COUNT(*) FROM audit_events WHERE action = 'account.address_released'";
        assert_eq!(app.number(released).await, 0);
        // Where no confirmation is required it is refused as taken.
        if settings.is_empty() {
            let input = json!({ "input": { "phone": number, "password": PASSWORD } });
            let answer = client.run("Register", input).await;
            assert_eq!(answer.typename("register"), "Conflict");
        }
        assert_eq!(app.number("SELECT COUNT(*) FROM users").await, 2);

        // The holder can still verify it: then the other registration ends.
        app.advance(100);
        let ask = json!({ "emailOrPhone": number, "purpose": "VERIFY_PHONE" });
        if settings.is_empty() {
            ada.run("RequestOtp", json!({ "input": ask })).await;
            let code = app.code(number, "verify_phone").await;
            let input = json!({ "emailOrPhone": number, "purpose": "VERIFY_PHONE", "code": code });
            let answer = ada.run("VerifyOtp", json!({ "input": input })).await;
            assert_eq!(
                answer.typename("verifyOtp"),
                "AddressVerified",
                "{}",
                answer.text
            );
            assert_eq!(app.number(&holds).await, 1);
            let live = "SELECT COUNT(*) FROM users WHERE deleted_at IS NULL";
            assert_eq!(app.number(live).await, 1);
            continue;
        }
        // Or the newcomer does: then the number moves, and the holder keeps everything else.
        client.request_otp(number, "VERIFY_PHONE").await;
        let code = app.code(number, "verify_phone").await;
        let answer = client.verify_otp(number, "VERIFY_PHONE", &code).await;
        let grace = SignedIn::from_answer(&app, &answer, "verifyOtp");
        assert_ne!(grace.user_id, ada.user_id);
        assert_eq!(app.number(&holds).await, 0);
        assert_eq!(app.number(released).await, 1);
        assert!(ada.is_signed_in().await);
        app.login("ada@example.com").await;
    }
}
