//! After an erasure nothing names the person: no column of any table, no key or value of the shared
//! store, and no file of the data directory, byte by byte.

use std::path::Path;

use serde_json::json;
use walkdir::WalkDir;

use super::{admin, delete, erase};
use crate::harness::{Google, PASSWORD, SignedIn};

const PROXIES: (&str, &str) = ("IDGATE_SERVER__TRUSTED_PROXIES", "127.0.0.1/32");
const EMAIL: &str = "needle.ada@example.com";
const PHONE: &str = "+16502530000";
/// What the account holds, in lower case: the texts are compared so.
const NEEDLES: [&str; 9] = [
    EMAIL,
    PHONE,
    "needleada",
    "needlelace",
    "17 needle street",
    "needletown",
    "203.0.113.77",
    "needlebrowser",
    "needle-subject",
];

/// Every table. One that is not here is not searched, so the test fails until it is.
const TABLES: [&str; 26] = [
    "audit_chain",
    "audit_checkpoints",
    "audit_events",
    "audit_links",
    "audit_tallies",
    "audit_unlinked",
    "avatar_uploads",
    "data_export_parts",
    "data_exports",
    "deleted_records",
    "erasure_requests",
    "identities",
    "import_records",
    "import_runs",
    "legacy_sign_outs",
    "links",
    "media_removals",
    "outbox_messages",
    "passwords",
    "person_keys",
    "redemptions",
    "refresh_tokens",
    "seaql_migrations",
    "sessions",
    "signing_keys",
    "users",
];

/// Where each needle is found.
async fn found(google: &Google) -> Vec<String> {
    let app = &google.app;
    let mut tables = app.tables().await;
    tables.sort();
    assert_eq!(
        tables, TABLES,
        "search the new table, and say here that it is"
    );
    let mut places = Vec::new();
    let mut search = |place: &str, text: &str| {
        let text = text.to_lowercase();
        for needle in NEEDLES {
            if text.contains(needle) || text.contains(&hex::encode(needle)) {
                places.push(format!("{place}: {needle}"));
            }
        }
    };
    for table in &tables {
        search(table, &app.printed(table).await.join("\n"));
    }
    search("shared store", &app.shared_store_dump().await);
    for entry in WalkDir::new(&app.app.config.data_dir) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let bytes = std::fs::read(entry.path()).unwrap();
            let kind = kind(entry.path());
            search(kind, &String::from_utf8_lossy(&bytes));
        }
    }
    places.sort();
    places.dedup();
    places
}

fn kind(path: &Path) -> &'static str {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.contains("sqlite3") {
        "database file"
    } else if name.ends_with(".json") {
        "mailbox"
    } else {
        "file"
    }
}

/// Leaves the person's data everywhere that it can be.
async fn live(google: &Google) -> SignedIn<'_> {
    let app = &google.app;
    let client = app.anonymous().located("NeedleBrowser/1.0", "203.0.113.77");
    let input = json!({
        "email": EMAIL, "password": PASSWORD, "firstName": "Needleada", "lastName": "Needlelace",
    });
    let answer = client.run("Register", json!({ "input": input })).await;
    let ada = SignedIn::from_answer(app, &answer, "register");
    app.execute(&format!(
        "UPDATE users SET email_verified = TRUE, is_verified = TRUE, phone = '{PHONE}', \
         phone_verified = TRUE WHERE email = '{EMAIL}'"
    ))
    .await;
    let ada = ada.located("NeedleBrowser/1.0", "203.0.113.77");
    let profile = json!({ "input": {
        "address": "17 Needle Street", "city": "Needletown", "bio": "Needleada Needlelace",
    } });
    ada.run("UpdateProfile", profile).await;
    let identity = json!({ "sub": "needle-subject", "email": EMAIL, "jti": "0" });
    let identity = json!({ "input": { "idToken": google.token(&identity) } });
    let linked = ada.run("LinkGoogle", identity).await;
    assert_eq!(
        linked.typename("linkGoogle"),
        "GoogleLinked",
        "{}",
        linked.text
    );
    for purpose in ["LOGIN", "RESET_PASSWORD"] {
        client.request_otp(EMAIL, purpose).await;
        client.request_otp(PHONE, purpose).await;
    }
    let input = json!({ "input": { "emailOrPhone": EMAIL } });
    client.run("RequestPasswordReset", input).await;
    client.login(EMAIL, "not the password").await;
    let moved = json!({ "input": { "email": "needle.ada@example.com.invalid" } });
    ada.run("RequestEmailChange", moved).await;
    let step_up = json!({ "input": { "password": PASSWORD } });
    ada.run("StepUp", step_up).await;
    // Delivered to the development mailbox, and some more that wait.
    app.mail().await;
    client.request_otp(EMAIL, "VERIFY_EMAIL").await;
    ada
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_names_an_erased_person() {
    for deleted_first in [false, true] {
        let google = Google::genuine_with(&[PROXIES]).await;
        let app = &google.app;
        let root = admin(app).await;
        let ada = live(&google).await;
        if deleted_first {
            delete(&root, &ada.user_id).await;
        }
        let before = found(&google).await;
        let expected = if deleted_first {
            vec!["users", "sessions", "identities", "mailbox"]
        } else {
            vec!["users", "sessions", "identities", "links", "mailbox"]
        };
        for place in expected {
            let is_there = before.iter().any(|found| found.starts_with(place));
            assert!(is_there, "nothing in {place}: {before:?}");
        }
        for needle in NEEDLES {
            let is_there = before.iter().any(|found| found.ends_with(needle));
            assert!(is_there, "{needle} is nowhere: {before:?}");
        }
        if app.is_sqlite() {
            assert!(
                before
                    .iter()
                    .any(|found| found.starts_with("database file"))
            );
        }
        let answer = erase(&root, &ada.user_id).await;
        assert_eq!(
            answer.typename("eraseUser"),
            "UserErased",
            "{}",
            answer.text
        );
        assert_eq!(found(&google).await, Vec::<String>::new());
    }
}
