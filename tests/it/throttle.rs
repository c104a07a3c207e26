//! Rate limits: they hold for every caller and can be neither evaded nor turned against others.

use serde_json::{Value, json};

use crate::harness::{Anonymous, Answer, PASSWORD, TestApp, free_address, queries};

const REAL: (&str, &str) = ("IDGATE_THROTTLE__SCALE", "1");
/// Ten attempts for an identifier while everything else is wide open.
const NARROW: &[(&str, &str)] = &[
    REAL,
    ("IDGATE_THROTTLE__LOGIN_ADDRESS", "1000/60"),
    ("IDGATE_THROTTLE__LOGIN_IDENTIFIER", "10/300"),
];

/// How many attempts the budget lets through, up to thirty.
async fn attempts(client: &Anonymous<'_>, identifier: &str) -> usize {
    for number in 0..30 {
        let answer = client.login(identifier, "not the password").await;
        if answer.typename("login") == "RateLimited" {
            let wait = answer.root("login")["retryAfter"].as_i64().unwrap();
            assert!((1..=300).contains(&wait), "{wait}");
            return number;
        }
    }
    30
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_run_out_for_known_and_unknown_identifiers_alike() {
    let app = TestApp::with(NARROW).await;
    app.register("known@example.com").await;
    let client = app.anonymous();
    assert_eq!(attempts(&client, "known@example.com").await, 10);
    assert_eq!(attempts(&client, "unknown@example.com").await, 10);
    let known = client.login("known@example.com", PASSWORD).await;
    let unknown = client.login("unknown@example.com", PASSWORD).await;
    assert_eq!(known.typename("login"), "RateLimited");
    assert_eq!(known.text, unknown.text);
    app.advance(300);
    assert_eq!(
        client
            .login("known@example.com", PASSWORD)
            .await
            .typename("login"),
        "SignedIn"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_attempt_costs_no_hash_and_no_statement() {
    let app = TestApp::with(NARROW).await;
    attempts(&app.anonymous(), "ada@example.com").await;
    let client = app.anonymous();
    let (answer, work) = app
        .work_of(client.login("ada@example.com", "again and again"))
        .await;
    assert_eq!(answer.typename("login"), "RateLimited");
    assert_eq!((work.hashes, work.statements), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_write_an_address_is_one_bucket() {
    let app = TestApp::with(NARROW).await;
    let client = app.anonymous();
    let spellings = [
        "ada@example.com",
        "Ada@Example.COM",
        " ada@example.com ",
        "ada@example.com.",
        "ａｄａ@example.com",
        "ada＠example.com",
        "ADA@EXAMPLE.COM.",
        "ada@ｅxample.com",
        "aDa@example.com",
        "ada@eXample.com",
    ];
    for spelling in spellings {
        let answer = client.login(spelling, "not the password").await;
        assert_eq!(answer.typename("login"), "InvalidCredentials", "{spelling}");
    }
    for spelling in spellings {
        let answer = client.login(spelling, "not the password").await;
        assert_eq!(answer.typename("login"), "RateLimited", "{spelling}");
    }
    let neighbour = client.login("adb@example.com", "not the password").await;
    assert_eq!(neighbour.typename("login"), "InvalidCredentials");
}

/// A gateway where one network address may try five times.
async fn five_per_address(proxies: &str) -> TestApp {
    TestApp::with(&[
        REAL,
        ("IDGATE_THROTTLE__LOGIN_ADDRESS", "5/60"),
        ("IDGATE_SERVER__TRUSTED_PROXIES", proxies),
    ])
    .await
}

async fn attempt_from(app: &TestApp, number: usize, forwarded: &str) -> String {
    let client = app
        .anonymous()
        .with("x-forwarded-for", forwarded)
        .with("x-real-ip", forwarded)
        .with("forwarded", format!("for={forwarded}"));
    let identifier = format!("person{number}@example.com");
    client
        .login(&identifier, "not the password")
        .await
        .typename("login")
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_cannot_choose_the_address_they_come_from() {
    let app = five_per_address("").await;
    for number in 0..5 {
        let outcome = attempt_from(&app, number, &format!("203.0.113.{number}")).await;
        assert_eq!(outcome, "InvalidCredentials");
    }
    assert_eq!(attempt_from(&app, 5, "203.0.113.5").await, "RateLimited");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_trusted_proxy_each_client_has_its_own_budget() {
    let app = five_per_address("127.0.0.1/32").await;
    for number in 0..5 {
        assert_eq!(
            attempt_from(&app, number, "203.0.113.1").await,
            "InvalidCredentials"
        );
    }
    assert_eq!(attempt_from(&app, 5, "203.0.113.1").await, "RateLimited");
    // What stands left of the proxy's own entry was written by the client.
    assert_eq!(
        attempt_from(&app, 6, "198.51.100.7, 203.0.113.1").await,
        "RateLimited"
    );
    assert_eq!(
        attempt_from(&app, 7, "203.0.113.2").await,
        "InvalidCredentials"
    );
    // One IPv6 site is one client.
    for number in 0..5 {
        let outcome = attempt_from(&app, 10 + number, &format!("2001:db8:1:2::{number}")).await;
        assert_eq!(outcome, "InvalidCredentials");
    }
    assert_eq!(
        attempt_from(&app, 16, "2001:db8:1:2:ffff::1").await,
        "RateLimited"
    );
    assert_eq!(
        attempt_from(&app, 17, "2001:db8:1:3::1").await,
        "InvalidCredentials"
    );
}

async fn login_on_device(app: &TestApp, password: &str, device: &Value) -> Answer {
    let input = json!({
        "emailOrPhone": "ada@example.com", "password": password, "deviceToken": device,
    });
    app.anonymous()
        .run("Login", json!({ "input": input }))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_does_not_lock_owners_out_on_known_devices() {
    let app = TestApp::with(NARROW).await;
    app.register("ada@example.com").await;
    let first = login_on_device(&app, PASSWORD, &Value::Null).await;
    let device = first.root("login")["deviceToken"].clone();
    assert_eq!(attempts(&app.anonymous(), "ada@example.com").await, 9);
    let locked = login_on_device(&app, PASSWORD, &Value::Null).await;
    assert_eq!(locked.typename("login"), "RateLimited");
    assert_eq!(
        login_on_device(&app, PASSWORD, &device)
            .await
            .typename("login"),
        "SignedIn"
    );
    // The token opens nothing by itself, and another's is no help.
    let guess = login_on_device(&app, "not the password", &device).await;
    assert_eq!(guess.typename("login"), "InvalidCredentials");
    app.register("eve@example.com").await;
    let eve = app.anonymous().login("eve@example.com", PASSWORD).await;
    let foreign = &eve.root("login")["deviceToken"];
    assert_eq!(
        login_on_device(&app, PASSWORD, foreign)
            .await
            .typename("login"),
        "RateLimited"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_run_out_and_say_when_to_come_back() {
    let app = TestApp::with(&[REAL]).await;
    let client = app.anonymous();
    for _ in 0..5 {
        assert_ne!(
            client
                .register("ada@example.com")
                .await
                .typename("register"),
            "RateLimited"
        );
    }
    let answer = client.register("ADA@example.com").await;
    assert_eq!(answer.typename("register"), "RateLimited");
    assert_eq!(answer.root("register")["code"], "RATE_LIMITED");
    assert_eq!(
        client
            .register("grace@example.com")
            .await
            .typename("register"),
        "SignedIn"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_share_a_budget_where_they_share_a_store() {
    let app = TestApp::with(NARROW).await;
    let other = app.second_instance().await;
    assert_eq!(attempts(&app.anonymous(), "ada@example.com").await, 10);
    let left = if app.app.config.redis.is_in_process() {
        10
    } else {
        0
    };
    assert_eq!(attempts(&other.anonymous(), "ada@example.com").await, left);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_shared_store_people_still_sign_in_and_budgets_still_bite() {
    let url = format!("redis://{}", free_address());
    let mut settings = vec![("IDGATE_REDIS__URL", url.as_str())];
    settings.extend(NARROW);
    let app = TestApp::with(&settings).await;
    let ada = app.register("ada@example.com").await;
    assert!(ada.is_signed_in().await);
    assert!(ada.refreshed().await.is_signed_in().await);
    assert!(app.login("ada@example.com").await.is_signed_in().await);
    assert_eq!(attempts(&app.anonymous(), "eve@example.com").await, 10);

    let ready = app.get("/health/ready").await;
    assert_eq!(
        (ready.status, &ready.json["status"]),
        (200, &json!("degraded"))
    );
    assert_eq!(ready.json["volatile"]["status"], "down");
    assert_eq!(ready.json["volatile"]["since"], "2026-03-01T12:00:00Z");
}

/// The variables that a document of `queries/` proposes.
fn proposed(document: &str) -> Value {
    let line = document
        .lines()
        .find_map(|line| line.strip_prefix("# variables: "));
    line.map_or_else(|| json!({}), |line| serde_json::from_str(line).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mutation_runs_out_of_a_budget() {
    /// Left out: its first success ends the session.
    const ENDS_ITSELF: &str = "Logout";
    let app = TestApp::with(&[("IDGATE_THROTTLE__SCALE", "0.000001")]).await;
    let ada = app.register("ada@example.com").await;
    app.execute("UPDATE users SET role = 'admin'").await;
    let ada = ada.refreshed().await;
    for (name, document) in queries::DOCUMENTS.iter() {
        if !document.contains("\nmutation ") || name == ENDS_ITSELF {
            continue;
        }
        let mut refused = false;
        for _ in 0..3 {
            let answer = ada.run(name, proposed(document)).await;
            let data = answer.json["data"].as_object();
            let result = data.and_then(|data| data.values().next());
            refused = result.is_some_and(|result| result["__typename"] == "RateLimited");
            if refused {
                break;
            }
        }
        assert!(refused, "{name} can be called for ever");
    }
    // Looking is not trying.
    assert!(ada.is_signed_in().await);
}
