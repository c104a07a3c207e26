//! Importing every night: changes on either side, on both, and rows that go.

use std::sync::atomic::{AtomicBool, Ordering};

use idgate::domain::legacy::Mapping;
use idgate::services::operator::import::{self, ImportProblem, Report};
use idgate::stores::legacy::LegacySource;

use super::legacy::{Legacy, email, phone};
use super::{imported, options, run, run_with, value};
use crate::harness::TestApp;

/// Everything that an import writes, except when it ran.
pub(super) async fn everything(app: &TestApp) -> Vec<String> {
    let mut rows = Vec::new();
    for table in [
        "users",
        "passwords",
        "person_keys",
        "identities",
        "import_records",
    ] {
        let mut printed = app.printed(table).await;
        printed.sort();
        rows.extend(printed);
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_changes_nothing() {
    let (app, legacy) = imported(8).await;
    legacy.person(9, "NULL", "NULL").await;
    run(&app, &legacy).await;
    let before = everything(&app).await;
    let again = run(&app, &legacy).await;
    assert_eq!((again.counts().created, again.counts().updated), (0, 0));
    assert_eq!(again.counts().unchanged, 9);
    assert_eq!(everything(&app).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_there_is_taken_and_what_changed_here_stays() {
    let (app, legacy) = imported(4).await;
    legacy
        .set(1, "email = 'new@example.com', first_name = 'Grace'")
        .await;
    legacy.set_profile(1, "city = 'Abuja'").await;
    app.execute("UPDATE users SET city = 'Accra', bio = 'Mine' WHERE legacy_id IN (1, 2)")
        .await;
    legacy.set(3, "is_active = false").await;
    legacy.set(4, "phone = 'nonsense'").await;
    let done = run(&app, &legacy).await;
    assert_eq!(done.counts().updated, 2);
    assert_eq!(value(&app, 1, "email_canonical").await, "new@example.com");
    assert_eq!(value(&app, 1, "first_name").await, "Grace");
    assert_eq!(value(&app, 1, "bio").await, "Mine");
    assert_eq!(value(&app, 2, "city").await, "Accra");
    assert_eq!(
        value(&app, 3, "suspended_reason").await,
        "inactive in the legacy system"
    );
    // An unusable number takes nothing away.
    assert_eq!(value(&app, 4, "phone").await, "+14155552004");
    assert_eq!(done.set_aside(), ["4 phone:phone_invalid"]);
    assert_eq!(app.wrongly_folded().await, Vec::<String>::new());
    // The city changed on both sides: both are reported, and again until it is settled.
    assert_eq!(done.conflicts(), ["1 city: Abuja, Accra"]);
    let again = run(&app, &legacy).await;
    assert_eq!(again.conflicts(), ["1 city: Abuja, Accra"]);
    assert_eq!((again.counts().conflicts, again.counts().updated), (1, 0));
    assert_eq!(value(&app, 1, "city").await, "Accra");
    let events = "SELECT COUNT(*) FROM audit_events WHERE action = 'user.import_updated'";
    assert_eq!(app.number(events).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_taken_unless_it_was_changed_here() {
    let (app, legacy) = imported(2).await;
    // The same password in another hash: 'legacy-pass' as Django's MD5.
    let md5 = "password = 'md5$salt$f1d39587ac62780d7c0c32c32e700b53'";
    for id in [1, 2] {
        legacy.set(id, md5).await;
    }
    app.execute(
        "UPDATE passwords SET changed_at = '2026-03-05 00:00:00+00:00' WHERE user_id = \
         (SELECT id FROM users WHERE legacy_id = 2)",
    )
    .await;
    let done = run(&app, &legacy).await;
    assert_eq!(
        done.conflicts(),
        ["2 password: another password, another password"]
    );
    let of = |id: i64| {
        format!(
            "SELECT hash FROM passwords WHERE user_id = (SELECT id FROM users WHERE legacy_id = {id})"
        )
    };
    let hash = app.text(&of(1)).await;
    assert!(hash.starts_with("argon2id_md5$"), "wrapped: {hash}");
    assert!(app.text(&of(2)).await.starts_with("pbkdf2_sha256$"));
    let version = value(&app, 1, "credential_version").await;
    assert_eq!(version, "1", "sign-ins in progress end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_goes_is_marked_and_its_account_stays() {
    let (app, legacy) = imported(5).await;
    for id in [2, 5] {
        legacy
            .execute(&format!(
                "DELETE FROM userauths_profile WHERE user_id = {id}"
            ))
            .await;
        legacy
            .execute(&format!("DELETE FROM userauths_user WHERE id = {id}"))
            .await;
    }
    let done = run(&app, &legacy).await;
    assert_eq!(done.counts().gone, 2);
    assert_eq!(app.number("SELECT COUNT(*) FROM users").await, 5);
    let gone = "SELECT COUNT(*) FROM import_records WHERE gone_at IS NOT NULL";
    assert_eq!(app.number(gone).await, 2);
    legacy.person(2, &email(2), &phone(2)).await;
    assert_eq!(run(&app, &legacy).await.counts().gone, 1);
    assert_eq!(app.number(gone).await, 1, "it is back");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_an_account_that_was_made_here_is_not_taken_over() {
    let app = TestApp::spawn().await;
    let legacy = Legacy::create(&app).await;
    app.register("user1@example.com").await;
    legacy.person(1, &email(1), "NULL").await;
    let done = run(&app, &legacy).await;
    assert_eq!(done.quarantined(), ["user 1 email_taken"]);
    // Once the account has another address, the next import brings the person over.
    app.execute(
        "UPDATE users SET email = 'x@example.com', email_canonical = 'x@example.com', \
         email_folded = 'x@example.com'",
    )
    .await;
    let done = run(&app, &legacy).await;
    assert_eq!((done.counts().created, done.quarantined()), (1, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_not_brought_back() {
    let (app, legacy) = imported(2).await;
    legacy.set(1, "phone = 'nonsense'").await;
    run(&app, &legacy).await;
    let id = app.ids("SELECT id FROM users WHERE legacy_id = 1").await[0].to_string();
    let root = app.appoint("root@example.com", "admin").await;
    let input = serde_json::json!({ "input": { "userId": id, "reason": "asked for it" } });
    let answer = root.run("EraseUser", input).await;
    assert_eq!(
        answer.typename("eraseUser"),
        "UserErased",
        "{}",
        answer.text
    );
    for _ in 0..2 {
        legacy.set(1, "first_name = 'Changed'").await;
        let done = run(&app, &legacy).await;
        assert_eq!(done.counts().tables["user"].erased, 1);
    }
    assert_eq!(
        app.number("SELECT COUNT(*) FROM users WHERE legacy_id = 1")
            .await,
        0
    );
    let kept = "SELECT COUNT(*) FROM import_records WHERE legacy_id = 1 AND sealed_row IS NULL \
                AND source_digest IS NULL AND written IS NULL";
    assert_eq!(app.number(kept).await, 1, "only that it was erased");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_imports_at_once_are_one() {
    let app = TestApp::spawn().await;
    let legacy = Legacy::create(&app).await;
    for id in 1..=9 {
        legacy.person(id, &email(id), "NULL").await;
    }
    let mapping = Mapping::parse("").unwrap();
    let options = options(&app);
    let copy = app.app.config.data_dir.join("first.sqlite3");
    let mut first = LegacySource::open(&legacy.location, &mapping, &copy)
        .await
        .unwrap();
    let copy = app.app.config.data_dir.join("second.sqlite3");
    let mut second = LegacySource::open(&legacy.location, &mapping, &copy)
        .await
        .unwrap();
    let stop = AtomicBool::new(false);
    let (begun, mut is_begun) = tokio::sync::mpsc::unbounded_channel();
    let mut tell = |event| {
        let _ = begun.send(event);
    };
    let running = import::run(&app.app, &mut first, &mapping, &options, &stop, &mut tell);
    let refused = async {
        is_begun.recv().await.unwrap();
        import::run(
            &app.app,
            &mut second,
            &mapping,
            &options,
            &stop,
            &mut |_| {},
        )
        .await
    };
    let (done, refused) = tokio::join!(running, refused);
    assert!(
        matches!(refused, Err(ImportProblem::AlreadyRunning)),
        "{refused:?}"
    );
    assert_eq!(done.unwrap().counts.created, 9);
}

/// An import that is stopped after its first batch.
async fn after_one_batch(app: &TestApp, legacy: &Legacy) -> Report {
    let mapping = Mapping::parse("").unwrap();
    let stop = AtomicBool::new(false);
    let copy = app.app.config.data_dir.join("first.sqlite3");
    let mut source = LegacySource::open(&legacy.location, &mapping, &copy)
        .await
        .unwrap();
    let mut listener = |event| {
        if matches!(event, import::ImportEvent::Progress { .. }) {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let options = options(app);
    let stopped = import::run(
        &app.app,
        &mut source,
        &mapping,
        &options,
        &stop,
        &mut listener,
    );
    let stopped = stopped.await.unwrap();
    source.close().await;
    stopped
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_import_continues() {
    let app = TestApp::spawn().await;
    let legacy = Legacy::create(&app).await;
    for id in 1..=9 {
        legacy.person(id, &email(id), "NULL").await;
    }
    let stopped = after_one_batch(&app, &legacy).await;
    assert!(
        stopped.interrupted && stopped.counts.created == 3,
        "{stopped:?}"
    );
    let mut options = options(&app);
    options.resume = true;
    let done = run_with(&app, &legacy, "", &options).await;
    let started = done.events.iter().find_map(|event| match event {
        import::ImportEvent::Started { done, resumed, .. } => Some((*done, *resumed)),
        _ => None,
    });
    assert_eq!(started, Some((3, true)));
    assert_eq!(done.counts().created, 9);
    assert_eq!(app.number("SELECT COUNT(*) FROM import_runs").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changed_while_an_import_was_stopped_is_read_again() {
    let app = TestApp::spawn().await;
    let legacy = Legacy::create(&app).await;
    for id in 11..=19 {
        legacy.person(id, &email(id), "NULL").await;
    }
    after_one_batch(&app, &legacy).await;
    let mut options = options(&app);
    legacy.person(1, &email(1), "NULL").await;
    options.resume = true;
    let done = run_with(&app, &legacy, "", &options).await;
    assert_eq!(done.counts().tables["user"].imported, 10);
    assert_eq!(app.number("SELECT COUNT(*) FROM users").await, 10);
}
