//! What the owner of a row over there must not reach here, and what an import must not undo.

use idgate::domain::legacy::Mapping;
use idgate::domain::legacy::SourceTable;
use idgate::services::operator::import::{self, Rule};
use serde_json::json;

use super::legacy::{Legacy, email};
use super::{change_here, imported, options, run, run_with, settle, value};
use crate::harness::TestApp;

const MALLORY: &str = "email = 'mallory@example.com'";

/// Pre-hijacking: who registered the victim's address over there still owns the row.
#[tokio::test(flavor = "multi_thread")]
async fn a_reclaimed_account_takes_nothing_from_the_row() {
    let (app, legacy) = imported(1).await;
    change_here(
        &app,
        1,
        "reclaimed_at = '2026-03-01 12:00:00+00:00', email_verified = TRUE",
    )
    .await;
    legacy.set(1, MALLORY).await;
    legacy
        .set(1, "password = 'md5$salt$f1d39587ac62780d7c0c32c32e700b53'")
        .await;
    for _ in 0..2 {
        let done = run(&app, &legacy).await;
        assert_eq!((done.counts().updated, done.conflicts().len()), (0, 0));
        assert_eq!(value(&app, 1, "email").await, "user1@example.com");
    }
}

/// Whether an address is verified is about that address.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_address_does_not_inherit_that_the_old_one_was_verified() {
    let (app, legacy) = imported(3).await;
    for id in 1..=3 {
        change_here(&app, id, "email_verified = TRUE, phone_verified = TRUE").await;
    }
    legacy
        .set(1, "email = 'victim@example.com', phone = '+14155559999'")
        .await;
    change_here(
        &app,
        2,
        "email = 'own@example.com', email_canonical = 'own@example.com'",
    )
    .await;
    let done = run(&app, &legacy).await;
    assert_eq!(done.counts().updated, 1);
    assert_eq!(value(&app, 1, "email").await, "victim@example.com");
    for (id, expected) in [(1, 0), (2, 1), (3, 1)] {
        for flag in ["email_verified", "phone_verified"] {
            let verified = format!("SELECT COUNT(*) FROM users WHERE legacy_id = {id} AND {flag}");
            assert_eq!(app.number(&verified).await, expected, "{id} {flag}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_that_was_decided_here_is_not_lifted_tchange_here() {
    let (app, legacy) = imported(2).await;
    change_here(
        &app,
        1,
        "suspended_at = '2026-03-01 12:00:00+00:00', suspended_reason = 'fraud'",
    )
    .await;
    legacy.set(1, "is_active = false").await;
    legacy.set(2, "is_active = false").await;
    run(&app, &legacy).await;
    for id in [1, 2] {
        legacy.set(id, "is_active = true").await;
    }
    let done = run(&app, &legacy).await;
    assert_eq!(done.conflicts(), ["1 is_active: true, false"]);
    assert_eq!(value(&app, 1, "suspended_reason").await, "fraud");
    assert_eq!(value(&app, 2, "suspended_reason").await, "NULL");
}

/// A status that cannot be read closes the account.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_status_is_not_active() {
    let app = TestApp::spawn().await;
    let legacy = Legacy::create(&app).await;
    legacy.person(1, &email(1), "NULL").await;
    legacy
        .execute("ALTER TABLE userauths_user ADD COLUMN status varchar(20)")
        .await;
    legacy.set(1, "status = 'banned'").await;
    let mapping = "[fields]\nis_active = \"user.status\"";
    let done = run_with(&app, &legacy, mapping, &options(&app)).await;
    assert_eq!(done.set_aside(), ["1 is_active:value_unknown"]);
    assert_ne!(value(&app, 1, "suspended_at").await, "NULL");
}

/// A decision about one conflict is none about those that come later.
#[tokio::test(flavor = "multi_thread")]
async fn taking_their_values_once_does_not_overwrite_later_changes() {
    let (app, legacy) = imported(1).await;
    let both = async |theirs: &str, ours: &str| {
        legacy.set_profile(1, &format!("city = '{theirs}'")).await;
        change_here(&app, 1, &format!("city = '{ours}'")).await;
        run(&app, &legacy).await.conflicts()
    };
    assert_eq!(both("Abuja", "Accra").await, ["1 city: Abuja, Accra"]);
    settle(&app, "conflict", Rule::TakeTheirs).await;
    assert_eq!(value(&app, 1, "city").await, "Abuja");
    assert_eq!(both("Kano", "Tema").await, ["1 city: Kano, Tema"]);
    assert_eq!(value(&app, 1, "city").await, "Tema");
}

/// What was not applied is told again.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_cannot_be_verified_stays_a_conflict() {
    let (app, legacy) = imported(1).await;
    legacy.set(1, "password = 'unknown$1$2'").await;
    for _ in 0..2 {
        let conflicts = run(&app, &legacy).await.conflicts();
        let expected = "1 password: a hash that cannot be verified, a password";
        assert_eq!(conflicts, [expected]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_with_the_address_of_an_erased_or_deleted_person_stays_out() {
    let (app, legacy) = imported(1).await;
    legacy.person(2, "'USER1@example.com'", "NULL").await;
    let done = run(&app, &legacy).await;
    assert_eq!(done.quarantined(), ["user 2 email_duplicate"]);
    let root = app.appoint("root@example.com", "admin").await;
    let id = app.ids("SELECT id FROM users WHERE legacy_id = 1").await[0];
    let input = json!({ "userId": id, "reason": "asked for it" });
    root.run("DeleteUser", json!({ "input": input })).await;
    let done = run(&app, &legacy).await;
    assert_eq!(done.quarantined(), ["user 2 email_duplicate"]);
    let erased = root.run("EraseUser", json!({ "input": input })).await;
    assert!(
        erased.root("eraseUser")["code"].is_null(),
        "{}",
        erased.text
    );
    let done = run(&app, &legacy).await;
    assert_eq!(done.counts().table(SourceTable::User).erased, 2);
    let left = "SELECT COUNT(*) FROM import_records WHERE sealed_row IS NOT NULL";
    assert_eq!(app.number(left).await, 0);
    assert_eq!(app.number("SELECT COUNT(*) FROM users").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_hidden_whichever_column_it_is_in() {
    let app = TestApp::spawn().await;
    let legacy = Legacy::create(&app).await;
    legacy.person(1, "NULL", "NULL").await;
    legacy
        .execute("ALTER TABLE userauths_user ADD COLUMN passwd varchar(128)")
        .await;
    legacy.set(1, "passwd = 'pbkdf2_sha256$1$s3cr3t$x'").await;
    let mapping = "[fields]\npassword = \"user.passwd\"";
    run_with(&app, &legacy, mapping, &options(&app)).await;
    let mapping = Mapping::parse(mapping).unwrap();
    let table = SourceTable::User;
    let (rows, _) = import::list_open(&app.app, &mapping, table, None, None)
        .await
        .unwrap();
    assert_eq!(rows.len(), 1);
    assert!(!rows[0].row.to_string().contains("s3cr3t"));
}

/// The administrators of the old system are those of this one, also once they confirm their address.
#[tokio::test(flavor = "multi_thread")]
async fn an_imported_administrator_who_confirms_the_address_stays_one() {
    let (app, legacy) = imported(1).await;
    legacy.set(1, "is_superuser = true").await;
    run(&app, &legacy).await;
    let answer = app
        .anonymous()
        .login("user1@example.com", "legacy-pass")
        .await;
    let admin = crate::harness::SignedIn::from_answer(&app, &answer, "login");
    let input = json!({ "email": "user1@example.com" });
    admin
        .run("RequestEmailVerification", json!({ "input": input }))
        .await;
    let token = app.confirmation_token("user1@example.com").await;
    let confirmed = admin
        .run("VerifyEmail", json!({ "input": { "token": token } }))
        .await;
    assert!(confirmed.json["errors"].is_null(), "{}", confirmed.text);
    assert_ne!(
        value(&app, 1, "email_verified").await.to_lowercase(),
        "false"
    );
    assert_eq!(value(&app, 1, "role").await, "admin");
}
