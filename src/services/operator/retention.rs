//! Deleting data whose time is over: what is due, and removing it in batches.
//!
//! One instance at a time removes, in transactions that are short enough not to be noticed.

use chrono::{DateTime, Duration, Utc};

use crate::app::App;
use crate::fault::Fault;
use crate::services::operator::{audit_retention, erasing, keys};
use crate::stores::expired::{self, ExpiredRows};

/// A kind of data with a time after which it is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataKind {
    /// Rows that are deleted in batches.
    Rows(ExpiredRows),
    /// Signing keys whose last token has expired.
    SigningKeys,
    /// Audit events.
    AuditEvents,
    /// Deleted accounts that cannot be restored any more, with all that belongs to them.
    DeletedAccounts,
}

/// How much data of a kind was removed, or is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    /// The kind.
    pub kind: DataKind,
    /// How many rows.
    pub rows: u64,
}

impl DataKind {
    /// Every kind, in the order in which they are removed.
    pub const ALL: [Self; 12] = [
        Self::Rows(ExpiredRows::RefreshTokens),
        Self::Rows(ExpiredRows::Sessions),
        Self::Rows(ExpiredRows::Links),
        Self::Rows(ExpiredRows::Redemptions),
        Self::Rows(ExpiredRows::AvatarUploads),
        Self::Rows(ExpiredRows::DeliveredMessages),
        Self::Rows(ExpiredRows::DeadLetters),
        Self::Rows(ExpiredRows::ErasureRequests),
        Self::Rows(ExpiredRows::DataExports),
        Self::SigningKeys,
        Self::AuditEvents,
        Self::DeletedAccounts,
    ];

    /// Its table.
    #[must_use]
    pub const fn table(self) -> &'static str {
        match self {
            Self::Rows(rows) => rows.table(),
            Self::SigningKeys => "signing_keys",
            Self::AuditEvents => "audit_events",
            Self::DeletedAccounts => "users",
        }
    }

    /// Which rows of the table.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Rows(ExpiredRows::RefreshTokens) => "used and expired",
            Self::Rows(ExpiredRows::Sessions) => "ended",
            Self::Rows(
                ExpiredRows::Links
                | ExpiredRows::Redemptions
                | ExpiredRows::ErasureRequests
                | ExpiredRows::DataExports
                | ExpiredRows::AvatarUploads,
            ) => "expired",
            Self::Rows(ExpiredRows::DeliveredMessages) => "delivered",
            Self::Rows(ExpiredRows::DeadLetters) => "given up",
            Self::SigningKeys => "replaced",
            Self::AuditEvents => "old",
            Self::DeletedAccounts => "deleted",
        }
    }

    /// The setting that says how long it is kept, where there is one.
    #[must_use]
    pub const fn setting(self) -> Option<&'static str> {
        match self {
            Self::Rows(ExpiredRows::Sessions) => Some("retention.ended_sessions_days"),
            Self::Rows(ExpiredRows::DeliveredMessages) => Some("retention.delivered_messages_days"),
            Self::Rows(ExpiredRows::DeadLetters) => Some("retention.dead_letters_days"),
            Self::Rows(ExpiredRows::DataExports) => Some("lifecycle.export_hours"),
            Self::AuditEvents => Some("retention.audit_events_days"),
            Self::DeletedAccounts => Some("lifecycle.restore_days"),
            Self::Rows(
                ExpiredRows::RefreshTokens
                | ExpiredRows::Links
                | ExpiredRows::Redemptions
                | ExpiredRows::ErasureRequests
                | ExpiredRows::AvatarUploads,
            )
            | Self::SigningKeys => None,
        }
    }
}

/// The time before which rows have to be over to be removed now.
fn until(app: &App, rows: ExpiredRows) -> DateTime<Utc> {
    let settings = &app.config.retention;
    let days = match rows {
        ExpiredRows::RefreshTokens
        | ExpiredRows::Links
        | ExpiredRows::Redemptions
        | ExpiredRows::ErasureRequests
        | ExpiredRows::DataExports
        | ExpiredRows::AvatarUploads => 0,
        ExpiredRows::Sessions => settings.ended_sessions_days,
        ExpiredRows::DeliveredMessages => settings.delivered_messages_days,
        ExpiredRows::DeadLetters => settings.dead_letters_days,
    };
    app.clock.now() - Duration::days(days)
}

/// How much of each kind is due.
pub async fn due(app: &App) -> Result<Vec<Amount>, Fault> {
    let mut due = Vec::with_capacity(DataKind::ALL.len());
    for kind in DataKind::ALL {
        let rows = match kind {
            DataKind::Rows(rows) => expired::count(&app.database, rows, until(app, rows)).await?,
            DataKind::SigningKeys => u64::try_from(keys::retirable(app).await?.len())?,
            DataKind::AuditEvents => audit_retention::due(app).await?,
            DataKind::DeletedAccounts => erasing::due(app).await?,
        };
        due.push(Amount { kind, rows });
    }
    Ok(due)
}

/// Removes data of a kind, in at most so many batches; returns how many rows went. `report` learns
/// the size of each batch.
pub async fn remove(
    app: &App,
    kind: DataKind,
    max_batches: usize,
    report: &mut (dyn FnMut(u64) + Send),
) -> Result<u64, Fault> {
    let rows = match kind {
        DataKind::Rows(rows) => rows,
        DataKind::SigningKeys => {
            let retired = keys::retire(app).await?;
            report(retired);
            return Ok(retired);
        }
        DataKind::AuditEvents => {
            return audit_retention::remove_old(app, max_batches, report).await;
        }
        DataKind::DeletedAccounts => return erasing::erase_due(app, max_batches, report).await,
    };
    let until = until(app, rows);
    let mut removed = 0;
    for _ in 0..max_batches {
        let tx = app.begin().await?;
        if !expired::lock(&tx).await? {
            break;
        }
        let batch = expired::delete_batch(&tx, rows, until).await?;
        tx.commit().await?;
        if batch == 0 {
            break;
        }
        removed += batch;
        report(batch);
    }
    Ok(removed)
}
