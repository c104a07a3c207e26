//! Requests that are cancelled in a transaction.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use chrono::Duration;
use idgate::domain::token::HashedToken;
use idgate::fault::Fault;
use idgate::stores::Tx;
use idgate::stores::redemption;
use sha2::{Digest as _, Sha256};

use super::wait_until_idle;
use crate::harness::TestApp;

fn proof(name: &str) -> HashedToken {
    let digest: [u8; 32] = Sha256::digest(name).into();
    HashedToken::from_bytes(digest)
}

async fn spend(app: &TestApp, tx: &Tx, name: &str) -> Result<(), Fault> {
    let now = app.app.clock.now();
    let expires_at = now + Duration::hours(1);
    redemption::record(tx, &proof(name), expires_at, now)
        .await
        .map(drop)
}

/// Two writes and a commit.
async fn write(app: &TestApp, name: &str) -> Result<(), Fault> {
    let tx = app.app.begin().await?;
    spend(app, &tx, name).await?;
    spend(app, &tx, &format!("{name} again")).await?;
    tx.commit().await
}

/// Polls at most `polls` times; `None` if the future is still pending.
async fn polled<T>(work: impl Future<Output = T>, mut polls: u32) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|context| {
        if let Poll::Ready(outcome) = work.as_mut().poll(context) {
            return Poll::Ready(Some(outcome));
        }
        if polls == 0 {
            return Poll::Ready(None);
        }
        polls -= 1;
        Poll::Pending
    })
    .await
}

async fn is_written(app: &TestApp, name: &str) -> bool {
    count_written(app, [name]).await == 1
}

/// One statement for all names: Postgres may finish a cancelled commit between two statements.
async fn count_written<S: AsRef<str>>(app: &TestApp, names: impl IntoIterator<Item = S>) -> i64 {
    let digests = names.into_iter().map(|name| {
        let digest = hex::encode(proof(name.as_ref()).as_bytes());
        if app.is_sqlite() {
            format!("X'{digest}'")
        } else {
            format!("'\\x{digest}'")
        }
    });
    let digests = digests.collect::<Vec<_>>().join(", ");
    let count = format!("SELECT COUNT(*) FROM redemptions WHERE digest IN ({digests})");
    app.number(&count).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_cancelled_at_any_point_leaves_nothing_and_every_acknowledged_one_is_there() {
    let app = TestApp::with(&[("IDGATE_DATABASE__MAX_CONNECTIONS", "2")]).await;
    let (mut given_up, mut finished) = (0, 0);
    for round in 0..200 {
        let name = format!("round {round}");
        match Box::pin(polled(write(&app, &name), round % 20)).await {
            None => given_up += 1,
            Some(outcome) => {
                outcome.unwrap();
                finished += 1;
                assert!(is_written(&app, &name).await, "{name} was acknowledged");
            }
        }
        // The next request is served, and its acknowledgement holds.
        let next = format!("after {round}");
        write(&app, &next).await.unwrap();
        assert!(is_written(&app, &next).await, "{next} was acknowledged");
        let names = [&name, &format!("{name} again")];
        let written = count_written(&app, names).await;
        assert!(written != 1, "half of {name} is there");
    }
    assert!(given_up > 0 && finished > 0, "{given_up} {finished}");
    wait_until_idle(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_not_committed_leaves_nothing_and_keeps_its_connection() {
    let app = TestApp::with(&[("IDGATE_DATABASE__MAX_CONNECTIONS", "1")]).await;
    for round in 0..20 {
        let name = format!("refused {round}");
        let tx = app.app.begin().await.unwrap();
        spend(&app, &tx, &name).await.unwrap();
        drop(tx);
        write(&app, &format!("{name}, then not")).await.unwrap();
        assert!(!is_written(&app, &name).await);
    }
    if !app.is_sqlite() {
        let connections = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = \
                           current_database() AND application_name = 'idgate'";
        assert_eq!(app.number(connections).await, 1);
    }
    wait_until_idle(&app).await;
}

/// Postgres reports success for a COMMIT that rolled back, and SQLite may have rolled back by
/// itself, after which each statement would be committed alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_with_a_failed_statement_is_not_committed() {
    let app = TestApp::spawn().await;
    app.execute("ALTER TABLE redemptions RENAME TO hidden")
        .await;
    let tx = app.app.begin().await.unwrap();
    spend(&app, &tx, "lost").await.unwrap_err();
    spend(&app, &tx, "after it").await.unwrap_err();
    drop(tx);
    let tx = app.app.begin().await.unwrap();
    spend(&app, &tx, "lost as well").await.unwrap_err();
    tx.commit().await.unwrap_err();
    app.execute("ALTER TABLE hidden RENAME TO redemptions")
        .await;
    assert_eq!(app.number("SELECT COUNT(*) FROM redemptions").await, 0);
    write(&app, "found").await.unwrap();
    assert!(is_written(&app, "found").await);
    wait_until_idle(&app).await;
}
