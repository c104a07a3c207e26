//! `idgate retention` beside a running gateway.

use idgate::services::operator::retention::DataKind;
use serde_json::Value;

use super::{Outcome, idgate};
use crate::operator::retention::{COUNT, with_expired};

#[tokio::test(flavor = "multi_thread")]
async fn the_command_counts_and_removes() {
    let app = with_expired(1_234).await;
    let run = |arguments: &[&str]| {
        let settings = app.settings().iter().map(|(name, value)| (name, value));
        Outcome::of(idgate(arguments, settings)).answer()
    };
    let rows = |text: &str| -> Value {
        let report: Value = serde_json::from_str(text).unwrap();
        let kinds = report["kinds"].as_array().unwrap().clone();
        assert_eq!(kinds.len(), DataKind::ALL.len());
        let mut found = kinds.into_iter();
        let found = found.find(|kind| kind["table"] == "redemptions").unwrap();
        found["rows"].clone()
    };
    let text = run(&["retention", "--dry-run"]);
    assert!(text.contains("1234"), "{text}");
    assert!(
        text.contains("retention.ended_sessions_days = 30"),
        "{text}"
    );
    assert!(text.ends_with("would go. A running gateway removes them by itself.\n"));
    assert_eq!(rows(&run(&["retention", "--dry-run", "--json"])), 1_234);
    assert_eq!(app.number(COUNT).await, 1_235, "--dry-run removes nothing");
    assert_eq!(rows(&run(&["retention", "--json"])), 1_234);
    assert_eq!(app.number(COUNT).await, 1);
    assert!(run(&["retention"]).ends_with("0 rows removed.\n"));
}
