//! What the gateway makes of a database that fails: nothing acknowledged is lost, what is under way
//! leaves nothing behind, and it goes on by itself when the database does.
//!
//! `cut` is a wire that breaks at the worst moments, `failover` a server that takes no writes. A
//! full disk is in `process`, since it takes a process to have one.

mod cancelled;
mod cut;
mod failover;
mod probes;
mod waiting;

use crate::harness::TestApp;

/// Waits until no transaction is open in this database; connections are closed in the background.
async fn all_is_quiet(app: &TestApp) {
    if app.is_sqlite() {
        // Whoever held the file would keep this from beginning.
        app.execute("BEGIN IMMEDIATE; ROLLBACK").await;
        return;
    }
    let open = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
                AND pid <> pg_backend_pid() AND xact_start IS NOT NULL";
    let quiet = async {
        while app.number(open).await > 0 {
            tokio::task::yield_now().await;
        }
    };
    let limit = std::time::Duration::from_secs(20);
    let quiet = tokio::time::timeout(limit, quiet).await;
    assert!(quiet.is_ok(), "a transaction stays open");
}
