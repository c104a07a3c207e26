//! A copy of a person's data that they requested.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::ids::{DataExportId, UserId};
use super::role::{UnknownName, names};

/// A requested copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataExport {
    /// Its id.
    pub id: DataExportId,
    /// Whose data it has.
    pub user: UserId,
    /// How far it is.
    pub state: DataExportState,
    /// When it was requested.
    pub requested_at: DateTime<Utc>,
    /// Records in the archive so far.
    pub records_written: i64,
    /// Records that there were when it was begun; 0 before.
    pub records_total: i64,
    /// Bytes of the archive; 0 until it is ready.
    pub size: i64,
    /// The JWS over the digest of the archive, once it is ready.
    pub signature: Option<String>,
    /// After which it cannot be downloaded any more.
    pub expires_at: DateTime<Utc>,
}

impl DataExport {
    /// Whether it can be downloaded.
    #[must_use]
    pub fn is_downloadable(&self, now: DateTime<Utc>) -> bool {
        self.state == DataExportState::Ready && now < self.expires_at
    }
}

/// How far an export is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataExportState {
    /// It has not been begun.
    Waiting,
    /// It is being written.
    Running,
    /// It can be downloaded.
    Ready,
    /// It was given up.
    Failed,
}

names!(
    DataExportState, 4, "export state":
    Waiting = "waiting", Running = "running", Ready = "ready", Failed = "failed",
);
