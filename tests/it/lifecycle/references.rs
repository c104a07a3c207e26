//! Every reference to a person is exported, or left out for a reason.

use std::collections::BTreeSet;

use crate::harness::TestApp;

/// Every column that refers to a person, and where its rows are in the archive or why they are not.
const REFERENCES: [(&str, &str); 19] = [
    (
        "audit_events.actor_id",
        "those about the person are in auditEvents; others are about others",
    ),
    (
        "audit_events.on_behalf_of_id",
        "always empty: there is no impersonation",
    ),
    ("audit_events.subject_id", "auditEvents"),
    (
        "avatar_uploads.user_id",
        "an upload that was not taken: it goes within the hour",
    ),
    ("data_exports.user_id", "dataExports"),
    (
        "deleted_records.deleted_by",
        "the row is about another person",
    ),
    (
        "deleted_records.record_id",
        "a deleted account has no export",
    ),
    (
        "erasure_requests.requested_by",
        "the row is about another person",
    ),
    (
        "erasure_requests.user_id",
        "goes within a day; its event is in auditEvents",
    ),
    ("identities.user_id", "identities"),
    (
        "import_records.user_id",
        "what became of the legacy row: its values are in account, its legacy id as well",
    ),
    (
        "legacy_sign_outs.user_id",
        "when all sessions ended: the events are in auditEvents",
    ),
    ("links.user_id", "links"),
    ("outbox_messages.user_id", "messages"),
    (
        "passwords.user_id",
        "password: when it was changed; the hash is a secret",
    ),
    (
        "person_keys.user_id",
        "a secret of this server, of no use elsewhere",
    ),
    (
        "refresh_tokens.session_id",
        "hashes only; the sessions are in sessions",
    ),
    ("sessions.user_id", "sessions"),
    ("users.id", "account"),
];

/// Fails for a new table or column that refers to a person until it is in the list above.
#[tokio::test(flavor = "multi_thread")]
async fn every_reference_to_a_person_is_exported_or_left_out_for_a_reason() {
    let app = TestApp::spawn().await;
    let known: BTreeSet<&str> = REFERENCES.iter().map(|(column, _)| *column).collect();
    let mut found = BTreeSet::new();
    for table in app.tables().await {
        for column in app.columns(&table).await {
            let name = format!("{table}.{column}");
            let refers = column.ends_with("user_id")
                || [
                    "actor_id",
                    "subject_id",
                    "on_behalf_of_id",
                    "record_id",
                    "session_id",
                ]
                .contains(&column.as_str())
                || column.ends_with("_by")
                || name == "users.id";
            if refers {
                found.insert(name);
            }
        }
    }
    let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(found, known);
}
