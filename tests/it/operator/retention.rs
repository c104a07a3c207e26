//! Removing data whose time is over, in batches, on one instance at a time.

use idgate::services::operator::retention::{self, DataKind};
use idgate::stores::expired::{self, ExpiredRows};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, Statement};
use serde_json::json;

use crate::harness::{PASSWORD, TestApp};

const REDEMPTIONS: DataKind = DataKind::Rows(ExpiredRows::Redemptions);
pub(crate) const COUNT: &str = "SELECT COUNT(*) FROM redemptions";

/// An app with so many redemptions that have expired.
pub(crate) async fn with_expired(count: usize) -> TestApp {
    let app = TestApp::in_real_time().await;
    app.register("ada@example.com").await;
    let token = app.confirmation_token("ada@example.com").await;
    let input = json!({ "token": token, "password": PASSWORD });
    let input = json!({ "input": input });
    let verified = app.anonymous().run("VerifyEmail", input).await;
    assert_eq!(verified.typename("verifyEmail"), "SignedIn");
    let (digest, long_ago) = if app.is_sqlite() {
        ("CAST(number AS BLOB)", "'2001-01-01 00:00:00+00:00'")
    } else {
        ("int4send(number)", "'2001-01-01 00:00:00+00'::timestamptz")
    };
    app.execute(&format!(
        "INSERT INTO redemptions (digest, redeemed_at, expires_at) \
         WITH RECURSIVE numbers(number) AS \
         (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {count}) \
         SELECT {digest}, {long_ago}, {long_ago} FROM numbers"
    ))
    .await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_is_counted_before_it_is_removed() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    ada.refreshed().await;
    app.confirmation_token("ada@example.com").await;
    let none = retention::due(&app.app).await.unwrap();
    assert!(none.iter().all(|amount| amount.rows == 0), "{none:?}");
    app.advance(400 * 86_400);
    let due = retention::due(&app.app).await.unwrap();
    let kinds: Vec<DataKind> = due.iter().map(|amount| amount.kind).collect();
    assert_eq!(kinds, DataKind::ALL);
    let mut removed_any = 0;
    for amount in &due {
        // A session takes its tokens along, so they are counted while it stands.
        let mut reported = 0;
        let mut report = |rows| reported += rows;
        let removed = retention::remove(&app.app, amount.kind, 10, &mut report).await;
        assert_eq!(removed.unwrap(), amount.rows, "{amount:?}");
        assert_eq!(reported, amount.rows, "{amount:?}");
        removed_any += u64::from(amount.rows > 0);
    }
    assert!(removed_any >= 4, "{due:?}");
    let left = retention::due(&app.app).await.unwrap();
    assert!(left.iter().all(|amount| amount.rows == 0), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_removed_is_removed_in_batches() {
    let app = with_expired(2_500).await;
    let mut batches = Vec::new();
    let mut report = |rows| batches.push(rows);
    let removed = retention::remove(&app.app, REDEMPTIONS, 2, &mut report).await;
    assert_eq!(removed.unwrap(), 2_000);
    let removed = retention::remove(&app.app, REDEMPTIONS, 9, &mut report).await;
    assert_eq!(removed.unwrap(), 500);
    assert_eq!(batches, [1_000, 1_000, 500]);
    assert_eq!(app.number(COUNT).await, 1, "the one that is in force stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_instance_at_a_time_removes() {
    let app = with_expired(10).await;
    if app.is_sqlite() {
        return; // A file has one writer at a time anyway.
    }
    let tx = app.app.begin().await.unwrap();
    assert!(expired::lock(&tx).await.unwrap());
    let second = retention::remove(&app.app, REDEMPTIONS, 9, &mut |_| ()).await;
    assert_eq!(second.unwrap(), 0);
    tx.commit().await.unwrap();
    let second = retention::remove(&app.app, REDEMPTIONS, 9, &mut |_| ()).await;
    assert_eq!(second.unwrap(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_a_request_has_locked_is_left_to_the_next_run() {
    let app = with_expired(10).await;
    if app.is_sqlite() {
        return;
    }
    let tx = app.app.begin().await.unwrap();
    let held = "SELECT 1 FROM redemptions WHERE digest = int4send(3) FOR UPDATE";
    let held = Statement::from_string(DatabaseBackend::Postgres, held);
    assert!(tx.query_one_raw(held).await.unwrap().is_some());
    let removed = retention::remove(&app.app, REDEMPTIONS, 9, &mut |_| ()).await;
    assert_eq!(removed.unwrap(), 9);
    tx.commit().await.unwrap();
    let removed = retention::remove(&app.app, REDEMPTIONS, 9, &mut |_| ()).await;
    assert_eq!(removed.unwrap(), 1);
}
