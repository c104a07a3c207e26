//! Comparing both sides before a switch-over.

use std::sync::atomic::AtomicBool;

use idgate::domain::legacy::{Mapping, Reason};
use idgate::services::operator::import::{self, Finding, Rule, Verification, VerifyEvent};
use idgate::stores::legacy::LegacySource;
use serde_json::Value;

use super::again::everything;
use super::legacy::{Legacy, email, phone};
use super::{change_here, imported, run, settle};
use crate::harness::TestApp;
use crate::process::{Outcome, idgate};

/// What a comparison found, as `id kind field`.
async fn verified(app: &TestApp, legacy: &Legacy) -> (Verification, Vec<String>) {
    let mapping = Mapping::parse("").unwrap();
    let copy = app.app.config.data_dir.join("source-verify.sqlite3");
    let mut source = LegacySource::open(&legacy.location, &mapping, &copy)
        .await
        .unwrap();
    let mut findings = Vec::new();
    let mut listener = |event| {
        if let VerifyEvent::Found(finding) = event {
            findings.push(match finding {
                Finding::Missing { legacy_id } => format!("{legacy_id} missing"),
                Finding::Open { legacy_id, reason } => format!("{legacy_id} open {reason}"),
                Finding::Stale(of) => format!("{} stale {}: {}", of.legacy_id, of.field, of.theirs),
                Finding::Conflict(of) => {
                    let (field, theirs, ours) = (of.field, of.theirs, of.ours);
                    format!("{} conflict {field}: {theirs}, {ours}", of.legacy_id)
                }
            });
        }
    };
    let stop = AtomicBool::new(false);
    let found = import::verify(&app.app, &mut source, &mapping, &stop, &mut listener);
    let found = found.await.unwrap();
    source.close().await;
    assert!(found.adds_up(), "{found:?}");
    assert_eq!(found.is_safe(), findings.is_empty(), "{findings:?}");
    (found, findings)
}

async fn findings(app: &TestApp, legacy: &Legacy) -> Vec<String> {
    verified(app, legacy).await.1
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_import_both_sides_agree() {
    let (app, legacy) = imported(5).await;
    let before = everything(&app).await;
    let (found, findings) = verified(&app, &legacy).await;
    assert_eq!((found.equal, found.accounts), (5, 5), "{findings:?}");
    assert_eq!(
        everything(&app).await,
        before,
        "a comparison writes nothing"
    );
}

/// Values that were set aside, and what the old system does not have.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_import_left_out_on_purpose_does_not_differ() {
    let (app, legacy) = imported(1).await;
    legacy.person(2, &email(2), &phone(1)).await;
    legacy.person(3, &email(3), "'0'").await;
    legacy.user(4, &email(4), "NULL").await;
    run(&app, &legacy).await;
    let (found, findings) = verified(&app, &legacy).await;
    assert_eq!(found.equal, 4, "{findings:?}");
    legacy.set(2, &format!("phone = {}", phone(2))).await;
    let expected = ["2 stale phone: +14155552002"];
    assert_eq!(self::findings(&app, &legacy).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_lost_is_found_until_it_is_imported_or_settled() {
    let (app, legacy) = imported(4).await;
    legacy.person(5, &email(5), "NULL").await;
    legacy.set(1, "first_name = 'Grace'").await;
    legacy.set(2, "password = '!'").await;
    change_here(&app, 3, "city = 'Accra'").await;
    legacy.set_profile(3, "city = 'Abuja'").await;
    legacy.person(6, "'USER1@example.com'", "NULL").await;
    let expected = [
        "1 stale first_name: Grace",
        "2 stale password: another password",
        "3 conflict city: Abuja, Accra",
        "5 missing",
        "6 missing",
    ];
    assert_eq!(findings(&app, &legacy).await, expected);
    run(&app, &legacy).await;
    let expected = ["3 conflict city: Abuja, Accra", "6 open email_duplicate"];
    assert_eq!(findings(&app, &legacy).await, expected);
    settle(&app, "conflict", Rule::KeepOurs).await;
    settle(&app, Reason::EmailDuplicate.as_str(), Rule::Discard).await;
    let (found, findings) = verified(&app, &legacy).await;
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!((found.users, found.left_out, found.accounts), (6, 1, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_do_here_keeps_it_safe() {
    let (app, legacy) = imported(5).await;
    change_here(&app, 1, "city = 'Accra'").await;
    let changed = "UPDATE passwords SET changed_at = '2026-03-05 00:00:00+00:00' WHERE user_id = \
                   (SELECT id FROM users WHERE legacy_id = 2)";
    app.execute(changed).await;
    change_here(&app, 3, "deleted_at = '2026-03-05 00:00:00+00:00'").await;
    legacy.set(4, "last_login = '2026-02-01 00:00:00+00'").await;
    for table in ["userauths_profile WHERE user_id", "userauths_user WHERE id"] {
        legacy.execute(&format!("DELETE FROM {table} = 5")).await;
    }
    let (found, findings) = verified(&app, &legacy).await;
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!((found.equal, found.changed_here, found.gone), (1, 3, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_a_legacy_id_from_elsewhere_does_not_add_up() {
    let (app, legacy) = imported(2).await;
    app.register("stranger@example.com").await;
    app.execute("UPDATE users SET legacy_id = 99 WHERE legacy_id IS NULL")
        .await;
    let outcome = command(&app, &legacy, &[]);
    assert!(outcome.negative().contains("do not add up"));
}

fn command(app: &TestApp, legacy: &Legacy, more: &[&str]) -> Outcome {
    let settings = app.settings().iter().map(|(name, value)| (name, value));
    let arguments = ["import", "verify", "--source", &legacy.url];
    let arguments: Vec<&str> = arguments.into_iter().chain(more.iter().copied()).collect();
    Outcome::of(idgate(&arguments, settings))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_tries_credentials_and_its_status_is_the_answer() {
    let (app, legacy) = imported(3).await;
    let file = app.app.config.data_dir.join("credentials.txt");
    let name = file.display().to_string();
    let more = ["--json", "--credentials", &name];
    std::fs::write(
        &file,
        "user1@example.com\tlegacy-pass\n+14155552002\tlegacy-pass\n",
    )
    .unwrap();
    let text = command(&app, &legacy, &more).answer();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["safe"], true);
    assert_eq!(last["credentials"][1]["result"], "signs in on both sides");
    let wrong = "user1@example.com\tw-r-o-n-g\n\nuser9@example.com\tlegacy-pass\n";
    std::fs::write(&file, wrong).unwrap();
    let text = command(&app, &legacy, &more[1..]).negative();
    for expected in [
        "3  accounts agree in every field",
        "line 1 of the credentials: signs in on neither side",
        "line 3 of the credentials: no imported account has this address",
        "A switch-over is not safe yet.",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    assert!(!text.contains("w-r-o-n-g") && !text.contains("legacy-pass"));
    std::fs::write(&file, "user1@example.com legacy-pass\n").unwrap();
    let refusal = command(&app, &legacy, &more).refusal(2);
    assert!(refusal.contains("line 1 has no tab"), "{refusal}");
    assert!(!refusal.contains("legacy-pass"));
}
