//! Rows that go at the source, in numbers that no step holds, and what is prepared before a step.

use std::sync::mpsc;
use std::time::Duration;

use idgate::domain::legacy::Mapping;
use idgate::services::operator::import::{self, ImportEvent};
use idgate::stores::legacy::LegacySource;

use super::legacy::{Legacy, email};
use super::{Run, imported, options, run, run_with, value};
use crate::harness::TestApp;

const MARKED: &str = "SELECT COUNT(*) FROM import_records WHERE gone_at IS NOT NULL";

/// Rows that an import told to be gone, by table.
fn gone(run: &Run, table: &str) -> usize {
    let is_of_table = |event: &&ImportEvent| matches!(event, ImportEvent::Gone { table: of, .. } if of.as_str() == table);
    run.events.iter().filter(is_of_table).count()
}

async fn delete(legacy: &Legacy, which: &str) {
    for (table, key) in [("userauths_profile", "user_id"), ("userauths_user", "id")] {
        let delete = format!("DELETE FROM {table} WHERE {key} {which}");
        legacy.execute(&delete).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rows_that_go_between_others_or_at_the_end_are_all_marked() {
    let (app, legacy) = imported(30).await;
    // A step of three rows looks at no more than six records.
    delete(&legacy, "BETWEEN 2 AND 20").await;
    let done = run(&app, &legacy).await;
    assert_eq!((done.counts().gone, gone(&done, "user")), (19, 19));
    assert_eq!(done.counts().tables["user"].imported, 11);
    assert_eq!(app.number(MARKED).await, 19);
    delete(&legacy, "> 20").await;
    let done = run(&app, &legacy).await;
    assert_eq!((done.counts().gone, gone(&done, "user")), (29, 29));
    delete(&legacy, "= 1").await;
    let mut rehearsal = options(&app);
    rehearsal.dry_run = true;
    let told = run_with(&app, &legacy, "", &rehearsal).await;
    assert_eq!(told.counts().gone, 30);
    assert_eq!(app.number(MARKED).await, 29, "a rehearsal marks nothing");
    assert_eq!(run(&app, &legacy).await.counts().gone, 30);
    assert_eq!(app.number(MARKED).await, 30);
    assert_eq!(app.number("SELECT COUNT(*) FROM users").await, 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_a_user_are_marked_when_they_go_and_until_they_are_back() {
    let (app, legacy) = imported(2).await;
    for id in 1..=9 {
        let row = format!(
            "INSERT INTO userauths_profile (id, pid, wallet_balance, verified, user_id) \
             VALUES ({id}, 'LOST{id}', 0, false, 999)"
        );
        legacy.execute(&row).await;
    }
    let done = run(&app, &legacy).await;
    assert_eq!(done.counts().reasons["no_user"], 9);
    assert_eq!(app.number(MARKED).await, 0);
    legacy
        .execute("DELETE FROM userauths_profile WHERE id < 9")
        .await;
    for _ in 0..2 {
        let done = run(&app, &legacy).await;
        assert_eq!((done.counts().gone, gone(&done, "profile")), (8, 8));
        assert_eq!(app.number(MARKED).await, 8);
    }
    legacy
        .execute(
            "INSERT INTO userauths_profile (id, pid, wallet_balance, verified, user_id) \
             VALUES (1, 'BACK', 0, false, 999)",
        )
        .await;
    let done = run(&app, &legacy).await;
    assert_eq!(done.counts().tables["profile"].quarantined, 2);
    assert_eq!((done.counts().gone, app.number(MARKED).await), (7, 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_mapping_is_applied_to_rows_that_have_not_changed() {
    let (app, legacy) = imported(4).await;
    let mapping = "[constants]\ncountry = \"Nigeria\"";
    let options = options(&app);
    let done = run_with(&app, &legacy, mapping, &options).await;
    assert_eq!((done.counts().updated, done.conflicts()), (4, vec![]));
    assert_eq!(value(&app, 3, "country").await, "Nigeria");
    let again = run_with(&app, &legacy, mapping, &options).await;
    assert_eq!((again.counts().updated, again.counts().unchanged), (0, 4));
    // What was changed here meanwhile stays, as with any change there.
    super::change_here(&app, 2, "country = 'Ghana'").await;
    let done = run(&app, &legacy).await;
    assert_eq!(done.counts().updated, 3);
    assert_eq!(done.conflicts(), ["2 country: , Ghana"]);
}

/// On SQLite there is one writer, which must not be kept waiting for hashes.
#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::disallowed_methods,
    reason = "the other writer needs a task of its own, which the test waits for"
)]
async fn weak_digests_are_wrapped_while_another_writes() {
    let app = TestApp::spawn().await;
    let legacy = Legacy::create(&app).await;
    for id in 1..=3 {
        legacy.person(id, &email(id), "NULL").await;
        legacy
            .set(id, "password = 'md5$salt$f1d39587ac62780d7c0c32c32e700b53'")
            .await;
    }
    let mapping = Mapping::parse("").unwrap();
    let copy = app.app.config.data_dir.join("copy.sqlite3");
    let mut source = LegacySource::open(&legacy.location, &mapping, &copy)
        .await
        .unwrap();
    let (begun, has_begun) = mpsc::channel();
    let (held, is_held) = mpsc::channel();
    let gateway = std::sync::Arc::clone(&app.app);
    let before = gateway.hasher.completed();
    let writer = tokio::spawn(async move {
        tokio::task::spawn_blocking(move || has_begun.recv().unwrap())
            .await
            .unwrap();
        let tx = gateway.begin().await.unwrap();
        held.send(()).unwrap();
        let wrapped = async {
            while gateway.hasher.completed() < before + 3 {
                tokio::task::yield_now().await;
            }
        };
        let wrapped = tokio::time::timeout(Duration::from_mins(1), wrapped).await;
        tx.commit().await.unwrap();
        wrapped.expect("hashes while the only writer is another one");
    });
    let mut listener = move |event| {
        if matches!(event, ImportEvent::Started { .. }) {
            begun.send(()).unwrap();
            is_held.recv().unwrap();
        }
    };
    let options = options(&app);
    let stop = std::sync::atomic::AtomicBool::new(false);
    let done = import::run(
        &app.app,
        &mut source,
        &mapping,
        &options,
        &stop,
        &mut listener,
    );
    assert_eq!(done.await.unwrap().counts.created, 3);
    writer.await.unwrap();
    let wrapped = "SELECT COUNT(*) FROM passwords WHERE hash LIKE 'argon2id_md5$%'";
    assert_eq!(app.number(wrapped).await, 3);
    assert_eq!(app.app.hasher.completed(), before + 3, "each once");
}
