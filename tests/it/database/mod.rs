//! Failures of the database: nothing that was acknowledged is lost, nothing that was cancelled
//! leaves a trace, and the gateway recovers by itself.
//!
//! `cut` breaks the connection at the worst moments, `failover` makes the server read-only. A full
//! disk is in `process`, which has processes with limits.

mod cancelled;
mod cut;
mod failover;
mod probes;
mod waiting;

use crate::harness::TestApp;

/// Waits until no transaction is open in this database; connections are closed in the background.
async fn wait_until_idle(app: &TestApp) {
    if app.is_sqlite() {
        // Fails to begin while another transaction holds the file.
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
    let limit = std::time::Duration::from_mins(1);
    let quiet = tokio::time::timeout(limit, quiet).await;
    assert!(quiet.is_ok(), "a transaction stays open");
}
