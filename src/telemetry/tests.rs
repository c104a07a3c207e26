//! Request ids, filters of logs, and labels of metrics.

use std::borrow::Cow;
use std::time::Duration;

use proptest::prelude::*;
use tracing::{Level, enabled};

use super::labels::MAX_NAMES;
use super::*;

#[test]
fn a_new_request_id_is_lower_case_uuid_text_that_would_be_accepted_again() {
    let id = request_id([0xAB; 16]);
    assert_eq!(id, "abababab-abab-4bab-abab-abababababab");
    assert_eq!(accepted_request_id(&id), Some(id.as_str()));
    assert_ne!(request_id([1; 16]), request_id([2; 16]));
}

#[test]
fn only_harmless_request_ids_are_accepted() {
    let longest = "a".repeat(64);
    for fine in ["a", "A-b_c.9", longest.as_str()] {
        assert_eq!(accepted_request_id(fine), Some(fine));
    }
    let too_long = "a".repeat(65);
    for bad in [
        "",
        " a",
        "a b",
        "a\nb",
        "a\r\nSet-Cookie: x",
        "é",
        "{}",
        too_long.as_str(),
    ] {
        assert_eq!(accepted_request_id(bad), None, "{bad:?}");
    }
}

#[test]
fn payloads_of_web_sockets_are_never_logged() {
    for text in [
        "trace",
        "info,tungstenite=trace",
        "tungstenite::protocol=trace",
    ] {
        let directives = Directives::try_from(text.to_owned()).unwrap();
        let logging = tracing_subscriber::fmt()
            .with_env_filter(directives.filter())
            .finish();
        tracing::subscriber::with_default(logging, || {
            assert!(
                enabled!(target: "tungstenite::protocol", Level::WARN),
                "{text}"
            );
            assert!(
                !enabled!(target: "tungstenite::protocol", Level::TRACE),
                "{text}"
            );
            assert!(
                !enabled!(target: "tungstenite::protocol::frame", Level::DEBUG),
                "{text}"
            );
        });
    }
}

#[test]
fn invalid_directives_are_refused() {
    let directives = Directives::try_from("info,idgate=debug".to_owned()).unwrap();
    assert_eq!(directives.to_string(), "info,idgate=debug");
    assert!(Directives::try_from("idgate=loud".to_owned()).is_err());
}

proptest! {
    #[test]
    fn accepted_request_ids_are_short_and_plain(text in ".{0,80}") {
        if let Some(id) = accepted_request_id(&text) {
            prop_assert!(id.len() <= 64 && id.is_ascii() && !id.contains(char::is_whitespace));
        }
    }
}

#[test]
fn names_of_trusted_documents_become_labels_up_to_a_limit() {
    let metrics = Metrics::new();
    let labels = |page: &str| page.matches("idgate_operations_total{").count();
    for number in 0..MAX_NAMES + 10 {
        let name = Cow::Owned(format!("Name{number}"));
        metrics.operation(name, request::Outcome::OK, Duration::ZERO);
    }
    let page = metrics.render();
    assert_eq!(labels(&page), MAX_NAMES + 1);
    assert!(page.contains("idgate_operations_total{operation=\"other\",code=\"OK\"} 10\n"));
    // Built-in names are not limited.
    metrics.operation(Cow::Borrowed("me"), request::Outcome::OK, Duration::ZERO);
    metrics.subscription(Cow::Owned("Name0".to_owned()), "completed");
    let page = metrics.render();
    assert_eq!(labels(&page), MAX_NAMES + 2);
    assert!(page.contains("operation=\"Name0\",ended=\"completed\""));
}
