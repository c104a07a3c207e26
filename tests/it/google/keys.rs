//! The issuer's keys: rotation, outages, and a bound on forced fetches.

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream;
use serde_json::json;

use super::FIELD;
use crate::harness::{Google, IssuerBehaviour};

/// An issuer that hangs is given up soon.
const IMPATIENT: (&str, &str) = ("IDGATE_GOOGLE__TIMEOUT_MILLISECONDS", "1500");

/// Signs in where the time limit is short: a busy machine may need more than one attempt.
async fn sign_in_at_last(google: &Google) {
    for _ in 0..20 {
        let answer = google.login(&json!({})).await;
        if answer.status != 503 {
            assert_eq!(answer.typename(FIELD), "SignedIn", "{}", answer.text);
            return;
        }
        // The pause after an attempt that failed.
        google.app.advance(5);
    }
    panic!("the keys are never fetched");
}

const HOUR: i64 = 3_600;

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_is_noticed_by_the_first_token_of_the_new_key() {
    let google = Google::spawn().await;
    google.issuer.allow_use_for(86_400);
    let old = google.token(&json!({}));
    assert_eq!(google.outcome(&json!({})).await, "SignedIn");
    for rotation in 1..=3 {
        google.issuer.rotate();
        assert_eq!(google.outcome(&json!({})).await, "SignedIn");
        assert_eq!(google.outcome(&json!({})).await, "SignedIn");
        assert_eq!(google.issuer.fetches(), 1 + rotation);
    }
    // A withdrawn key no longer verifies.
    assert_eq!(
        google.present(&old).await.typename(FIELD),
        "GoogleTokenInvalid"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_fetched_again_when_the_issuer_says_so_and_not_before() {
    for (announced, used) in [
        (None, 300),
        (Some(10), 300),
        (Some(7_200), 7_200),
        (Some(1_000_000), 86_400),
    ] {
        let google = Google::spawn().await;
        if let Some(announced) = announced {
            google.issuer.allow_use_for(announced);
        }
        google.login(&json!({})).await;
        google.app.advance(used - 1);
        google.login(&json!({})).await;
        assert_eq!(google.issuer.fetches(), 1, "{announced:?}");
        google.app.advance(1);
        assert_eq!(google.outcome(&json!({})).await, "SignedIn");
        assert_eq!(google.issuer.fetches(), 2, "{announced:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn known_keys_outlive_an_outage_for_a_day() {
    for manner in [
        IssuerBehaviour::Failing,
        IssuerBehaviour::Hanging,
        IssuerBehaviour::Huge,
        IssuerBehaviour::Redirecting,
        IssuerBehaviour::NotJson,
    ] {
        let google = Google::with(&[IMPATIENT]).await;
        sign_in_at_last(&google).await;
        let fetches = google.issuer.fetches();
        google.issuer.behave(manner.clone());
        google.app.advance(HOUR);
        assert_eq!(google.outcome(&json!({})).await, "SignedIn", "{manner:?}");
        assert_eq!(google.issuer.fetches(), fetches + 1, "{manner:?}");
        // During the pause no sign-in waits for it again.
        assert_eq!(google.outcome(&json!({})).await, "SignedIn");
        assert_eq!(google.issuer.fetches(), fetches + 1, "{manner:?}");
        google.app.advance(22 * HOUR);
        assert_eq!(google.outcome(&json!({})).await, "SignedIn", "{manner:?}");
        google.app.advance(2 * HOUR);
        let answer = google.login(&json!({})).await;
        answer.assert_refusal(503, "SERVICE_UNAVAILABLE");
        google.issuer.behave(IssuerBehaviour::Normal);
        google.app.advance(5);
        sign_in_at_last(&google).await;
        assert_eq!(google.issuer.strays(), 0, "a redirect was followed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_keys_people_are_told_to_come_back() {
    let google = Google::with(&[IMPATIENT]).await;
    for manner in [
        IssuerBehaviour::Failing,
        IssuerBehaviour::Hanging,
        IssuerBehaviour::Huge,
        IssuerBehaviour::Redirecting,
    ] {
        google.issuer.behave(manner);
        let nothing = json!({});
        let answers = join_all((0..20).map(|_| google.login(&nothing))).await;
        for answer in &answers {
            answer.assert_refusal(503, "SERVICE_UNAVAILABLE");
        }
        google.app.advance(5);
    }
    assert_eq!(google.issuer.fetches(), 4, "one attempt for each pause");
    google.issuer.behave(IssuerBehaviour::Normal);
    sign_in_at_last(&google).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_issuer_holds_up_one_sign_in_and_not_those_it_could_not_help() {
    let google = Google::with(&[("IDGATE_GOOGLE__TIMEOUT_MILLISECONDS", "4000")]).await;
    sign_in_at_last(&google).await;
    let fetches = google.issuer.fetches();
    google.issuer.behave(IssuerBehaviour::Hanging);
    google.app.advance(HOUR);
    let started = std::time::Instant::now();
    let nothing = json!({});
    let answers = join_all((0..20).map(|_| google.login(&nothing))).await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.typename(FIELD) == "SignedIn")
    );
    assert_eq!(google.issuer.fetches(), fetches + 1);
    // One after another they would need eighty.
    assert!(started.elapsed() < std::time::Duration::from_mins(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_unknown_keys_cause_a_handful_of_fetches() {
    let google = Google::spawn().await;
    google.login(&json!({})).await;
    let attempts = (0..1_000).map(|number| {
        let mut header = google.issuer.header();
        // Half of them agree on one.
        header["kid"] = json!(format!(
            "unknown {}",
            if number % 2 == 0 { 0 } else { number }
        ));
        let claims = google.issuer.claims(google.now(), &json!({}));
        let token = google.issuer.sign(&header, &claims);
        let google = &google;
        async move { google.present(&token).await }
    });
    // No more at once than there are connections to have.
    let answers: Vec<_> = stream::iter(attempts).buffer_unordered(200).collect().await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.typename(FIELD) == "GoogleTokenInvalid")
    );
    let fetches = google.issuer.fetches();
    assert!((2..=5).contains(&fetches), "{fetches} fetches");
    // Known keys are not affected, and a rotation is delayed by two minutes at most.
    assert_eq!(google.outcome(&json!({})).await, "SignedIn");
    google.issuer.rotate();
    google.app.advance(120);
    assert_eq!(google.outcome(&json!({})).await, "SignedIn");
}
