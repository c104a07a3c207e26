//! Importing the accounts of the legacy system, again and again until the switch-over.
//!
//! `run` reads the source in batches, each of which is one transaction: whole people with everything
//! they need, their records, and the position. `step` prepares a batch, `batch` decides what becomes of each row, `creation`
//! and `update` write, `verify` compares without writing, `resolve` carries out what an operator decides about quarantined rows.

mod batch;
mod counts;
mod creation;
mod credentials;
pub(super) mod fields;
mod lock;
mod orphans;
mod password;
mod resolve;
mod run;
mod sealed;
mod step;
mod taken;
mod update;
mod verify;
mod wallets;

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::domain::caller::Client;
use crate::domain::ids::UserId;
use crate::domain::legacy::{Mapping, Reason, Rules, SourceTable};
use crate::fault::Fault;
use crate::stores::legacy::LegacyError;

pub use counts::{Counts, TableCounts};
pub use credentials::{Tried, try_credential};
pub use resolve::{OpenRow, Resolved, Rule, list_open, open_rows, resolve};
pub use run::run;
pub use verify::{Finding, Verification, VerifyEvent, verify};

/// Why accounts that were not active are suspended.
const INACTIVE: &str = "inactive in the legacy system";
const ROW_LABEL: &str = "import-row";

/// How to import.
#[derive(Clone, Debug)]
pub struct Options {
    /// Rows of one transaction.
    pub batch: i64,
    /// Continue an interrupted run.
    pub resume: bool,
    /// Write nothing.
    pub dry_run: bool,
    /// Quarantine rows of which a value is unusable, too.
    pub quarantine_values: bool,
    /// Where the balances of wallets go.
    pub wallets: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            batch: 1_000,
            resume: false,
            dry_run: false,
            quarantine_values: false,
            wallets: PathBuf::new(),
        }
    }
}

/// What an import tells on its way.
#[derive(Clone, Debug)]
pub enum ImportEvent {
    /// It begins, or continues after so many rows.
    Started {
        /// Users of the source.
        total: u64,
        /// Of which were done before.
        done: u64,
        /// Whether it continues an earlier run.
        resumed: bool,
    },
    /// So many users are done.
    Progress {
        /// How many.
        done: u64,
    },
    /// The source changed while the import was interrupted, so it reads from the beginning.
    Restarted,
    /// A row is quarantined.
    Quarantined {
        /// Its table.
        table: SourceTable,
        /// Its key.
        legacy_id: i64,
        /// Why.
        reason: Reason,
        /// Values that are unusable as well.
        set_aside: String,
    },
    /// Values of an imported row were not taken as they are.
    SetAside {
        /// Its key.
        legacy_id: i64,
        /// The account.
        user: Option<UserId>,
        /// The values, as `field:reason`.
        set_aside: String,
    },
    /// A value was changed both here and there.
    Conflict(Conflict),
    /// A row is missing at the source.
    Gone {
        /// Its table.
        table: SourceTable,
        /// Its key.
        legacy_id: i64,
    },
}

/// A value that was changed both here and there, and was not written.
#[derive(Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The key of the row.
    pub legacy_id: i64,
    /// The account.
    pub user: Option<UserId>,
    /// The field.
    pub field: String,
    /// The value of the legacy system.
    pub theirs: String,
    /// The value here.
    pub ours: String,
}

impl std::fmt::Debug for Conflict {
    /// Prints no personal data.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = formatter.debug_struct("Conflict");
        debug.field("legacy_id", &self.legacy_id);
        debug.field("field", &self.field).finish_non_exhaustive()
    }
}

/// What became of all rows.
#[derive(Clone, Debug)]
pub struct Report {
    /// What names the source.
    pub source: String,
    /// When the run began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// Whether it was stopped before the end.
    pub interrupted: bool,
    /// The numbers.
    pub counts: Counts,
    /// Wallets in the hand-over file, if there is one.
    pub wallets: Option<(PathBuf, u64)>,
}

impl Report {
    /// Whether every row of the source is accounted for.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        !self.interrupted && self.counts.add_up()
    }
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ImportProblem {
    /// Another import runs.
    #[error("another import is running; this one has changed nothing")]
    AlreadyRunning,
    /// The source cannot be read.
    #[error(transparent)]
    Source(#[from] LegacyError),
    /// An unexpected failure.
    #[error("{0}")]
    Fault(Fault),
}

impl From<Fault> for ImportProblem {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What every step of an import needs.
struct Import<'a> {
    app: &'a App,
    client: Client,
    mapping: &'a Mapping,
    options: &'a Options,
    now: DateTime<Utc>,
    /// What separates digests of rows: a row that is read in another way is another one.
    row_label: String,
    /// Quarantine what is read: the database has refused it.
    is_refused: bool,
}

impl<'a> Import<'a> {
    fn new(app: &'a App, mapping: &'a Mapping, options: &'a Options) -> Self {
        let now = app.clock.now();
        let region = app.config.phone.region();
        let reading = Sha256::digest(format!("{mapping:?} {region:?}"));
        Self {
            app,
            row_label: format!("{ROW_LABEL} {}", hex::encode(reading)),
            client: Client::command_line(app.random.uuid_v7(now).to_string()),
            mapping,
            options,
            now,
            is_refused: false,
        }
    }

    /// The same, for a row that the database has refused.
    fn refusing(&self) -> Import<'_> {
        Import {
            client: self.client.clone(),
            row_label: self.row_label.clone(),
            is_refused: true,
            ..*self
        }
    }

    fn is_rehearsal(&self) -> bool {
        self.options.dry_run
    }

    fn quarantines_values(&self) -> bool {
        self.options.quarantine_values
    }

    fn rules(&self) -> Rules<'_> {
        let region = self.mapping.phone_region.as_deref();
        Rules {
            mapping: self.mapping,
            phone_region: region.or(self.app.config.phone.region()),
            now: self.now,
        }
    }

    /// A keyed digest of a row and of how it is read: what it says cannot be guessed from it.
    fn digest(&self, json: &str) -> Vec<u8> {
        self.app.keyring.blind_index(&self.row_label, json).to_vec()
    }

    /// Whether the digest is that of this row, under any master key.
    fn is_same(&self, digest: Option<&[u8]>, json: &str) -> bool {
        let Some(digest) = digest else { return false };
        let all = self.app.keyring.blind_indices(&self.row_label, json);
        all.iter().any(|index| index == digest)
    }
}
