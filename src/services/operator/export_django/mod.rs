//! Writing accounts that were made or changed here back as rows of the legacy system.
//!
//! `account` decides about each account, `output` writes the files, `mark` makes the text by which a
//! later export knows a new row again. Everything is read in one snapshot.

mod account;
pub(super) mod mark;
mod output;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;

use self::account::{Decided, Found, Row};
use self::output::Output;
use crate::app::App;
use crate::domain::caller::Client;
use crate::domain::ids::UserId;
use crate::domain::legacy::{Mapping, SourceTable, SqlDialect, Written, erased_row};
use crate::fault::Fault;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::operator::import::Counts as ImportCounts;
use crate::stores::{Tx, identity, import_record, import_run, password, user};

/// Accounts that are read at once.
const PAGE: u64 = 1_000;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One file of statements.
    Sql(SqlDialect),
    /// A folder of tables.
    Csv,
}

impl Format {
    /// Its name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sql(SqlDialect::Postgres) => "postgres",
            Self::Sql(SqlDialect::MySql) => "mysql",
            Self::Sql(SqlDialect::Sqlite) => "sqlite",
            Self::Csv => "csv",
        }
    }
}

/// How to export.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is written.
    pub format: Format,
    /// Where it goes.
    pub out: PathBuf,
    /// Replace what is there.
    pub overwrite: bool,
}

/// What an export tells on its way.
#[derive(Clone, Debug)]
pub enum ExportEvent {
    /// It begins.
    Started {
        /// Accounts here.
        total: u64,
    },
    /// So many accounts are done.
    Progress {
        /// How many.
        done: u64,
    },
    /// An account is not written.
    LeftOut {
        /// The account.
        user: UserId,
        /// Its row.
        legacy_id: Option<i64>,
        /// Why.
        reason: &'static str,
    },
    /// A value is not written.
    ValueLeftOut {
        /// The account.
        user: UserId,
        /// Its row.
        legacy_id: Option<i64>,
        /// The value.
        field: &'static str,
        /// Why.
        reason: &'static str,
    },
}

/// What became of the accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Accounts here, deleted ones included.
    pub accounts: u64,
    /// New rows.
    pub created: u64,
    /// Rows with values that changed here.
    pub changed: u64,
    /// Rows that are not active any more, whatever else changed.
    pub deactivated: u64,
    /// Accounts that stand there as they are here.
    pub unchanged: u64,
    /// Accounts that are not written, by reason.
    pub left_out: BTreeMap<&'static str, u64>,
    /// Values of accounts that are written otherwise, as `field:reason`.
    pub values_left_out: BTreeMap<String, u64>,
    /// Rows of people who were erased here, of whom nothing is left.
    pub erased: u64,
}

impl Counts {
    /// Whether every account is counted once.
    #[must_use]
    pub fn add_up(&self) -> bool {
        let left_out: u64 = self.left_out.values().sum();
        let written = self.created + self.changed + self.deactivated;
        self.accounts == written + self.unchanged + left_out
    }
}

/// The result.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was written.
    pub format: Format,
    /// Where it is.
    pub out: PathBuf,
    /// When the accounts were read.
    pub exported_at: DateTime<Utc>,
    /// When the last import began: changes there since then are not known here.
    pub last_import_at: Option<DateTime<Utc>>,
    /// The numbers.
    pub counts: Counts,
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum ExportProblem {
    /// Something is there already.
    #[error("{} is there already; --overwrite replaces it", .0.display())]
    Exists(PathBuf),
    /// It cannot be written.
    #[error("{}: {error}", place.display())]
    Output {
        /// Where.
        place: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// It was stopped.
    #[error("stopped; nothing was written")]
    Interrupted,
    /// An unexpected failure.
    #[error("{0}")]
    Fault(Fault),
}

impl From<Fault> for ExportProblem {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What every step of an export needs.
struct Export<'a> {
    app: &'a App,
    mapping: &'a Mapping,
    written: Written,
    now: DateTime<Utc>,
}

/// Receives what an export tells.
type Listener<'a> = &'a mut (dyn FnMut(ExportEvent) + Send);

/// Writes the export, complete or not at all. `stop` ends it after a page.
///
/// # Errors
///
/// The files cannot be written, it was stopped, or an unexpected failure.
pub async fn run(
    app: &App,
    mapping: &Mapping,
    options: &Options,
    stop: &AtomicBool,
    listener: &mut (dyn FnMut(ExportEvent) + Send),
) -> Result<Report, ExportProblem> {
    let now = app.clock.now();
    let last = import_run::find_last(&app.database).await?;
    let last_import_at = last.as_ref().map(|run| run.started_at);
    let written = written(mapping, last.map(|run| run.counts).as_deref())?;
    let export = Export {
        app,
        mapping,
        written,
        now,
    };
    let mut output = Output::create(&export, options, last_import_at)?;
    let tx = app.database.snapshot().await?;
    let mut counts = Counts {
        accounts: user::count_all(&tx).await?,
        ..Counts::default()
    };
    listener(ExportEvent::Started {
        total: counts.accounts,
    });
    let mut walk = Walk {
        export: &export,
        tx: &tx,
        output: &mut output,
        counts: &mut counts,
        listener,
        stop,
    };
    walk.accounts().await?;
    walk.erased().await?;
    drop(tx);
    let output = output.finish()?;
    record(&export, options, &counts).await?;
    output.publish()?;
    Ok(Report {
        format: options.format,
        out: options.out.clone(),
        exported_at: now,
        last_import_at,
        counts,
    })
}

/// Which optional tables there are: those that the last import found rows in.
fn written(mapping: &Mapping, counts: Option<&str>) -> Result<Written, Fault> {
    let counts: ImportCounts = match counts {
        Some(counts) => serde_json::from_str(counts)?,
        None => ImportCounts::default(),
    };
    let has_rows = |table| counts.table(table).accounted() > 0;
    let email = mapping.email.as_ref();
    let social = mapping.social.as_ref();
    Ok(Written {
        emails: email.is_some_and(|table| !table.is_optional || has_rows(SourceTable::Email)),
        socials: social.is_some_and(|table| !table.is_optional || has_rows(SourceTable::Social)),
    })
}

/// Records the export before its files have their names: no file is without its event.
async fn record(export: &Export<'_>, options: &Options, counts: &Counts) -> Result<(), Fault> {
    let app = export.app;
    let client = Client::command_line(app.random.uuid_v7(export.now).to_string());
    let changes = json!({
        "format": options.format.as_str(),
        "created": counts.created,
        "changed": counts.changed,
        "deactivated": counts.deactivated,
        "erased": counts.erased,
    });
    let event = Event::new(Action::LegacyExported, Subject::System).with(changes);
    let tx = app.begin().await?;
    audit::record(&tx, app, &client, event).await?;
    tx.commit().await
}

/// All accounts, page by page.
struct Walk<'a> {
    export: &'a Export<'a>,
    tx: &'a Tx,
    output: &'a mut Output,
    counts: &'a mut Counts,
    listener: Listener<'a>,
    stop: &'a AtomicBool,
}

impl Walk<'_> {
    fn check(&self) -> Result<(), ExportProblem> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(ExportProblem::Interrupted);
        }
        Ok(())
    }

    async fn accounts(&mut self) -> Result<(), ExportProblem> {
        let (mut after, mut done) = (None, 0);
        loop {
            self.check()?;
            let page = self.page(after).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.user.id);
            done += u64::try_from(page.len()).map_err(Fault::from)?;
            for found in page {
                self.account(&found)?;
            }
            (self.listener)(ExportEvent::Progress { done });
        }
    }

    /// Accounts with what is decided by.
    async fn page(&self, after: Option<UserId>) -> Result<Vec<Found>, Fault> {
        let users = user::page(self.tx, after, PAGE).await?;
        let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
        let issuer = self.export.app.config.google.canonical_issuer();
        let passwords = password::of_users(self.tx, &ids).await?;
        let mut passwords: BTreeMap<UserId, _> =
            passwords.into_iter().map(|one| (one.user, one)).collect();
        let records = import_record::of_users(self.tx, &ids).await?;
        let mut records: BTreeMap<UserId, _> = records
            .into_iter()
            .filter_map(|record| Some((record.user?, record)))
            .collect();
        let mut identities: BTreeMap<UserId, Vec<(String, bool)>> = BTreeMap::new();
        for (user, subject, is_linked) in identity::of_users(self.tx, issuer, &ids).await? {
            identities
                .entry(user)
                .or_default()
                .push((subject, is_linked));
        }
        let found = users.into_iter().map(|user| Found {
            password: passwords.remove(&user.id),
            record: records.remove(&user.id),
            identities: identities.remove(&user.id).unwrap_or_default(),
            user,
        });
        Ok(found.collect())
    }

    fn account(&mut self, found: &Found) -> Result<(), ExportProblem> {
        let Decided { row, values } = account::decide(self.export, found)?;
        let (user, legacy_id) = (found.user.id, found.user.legacy_id);
        for (field, reason) in values {
            let name = format!("{field}:{reason}");
            *self.counts.values_left_out.entry(name).or_default() += 1;
            (self.listener)(ExportEvent::ValueLeftOut {
                user,
                legacy_id,
                field,
                reason,
            });
        }
        match row {
            Row::LeftOut(reason) => {
                *self.counts.left_out.entry(reason).or_default() += 1;
                (self.listener)(ExportEvent::LeftOut {
                    user,
                    legacy_id,
                    reason,
                });
            }
            Row::Unchanged => self.counts.unchanged += 1,
            Row::New(row) => {
                self.output.new_account(&row)?;
                self.counts.created += 1;
            }
            Row::Changed(row) => {
                self.output.changed_account(&row)?;
                self.counts.changed += 1;
            }
            Row::Deactivated(row) => {
                self.output.changed_account(&row)?;
                self.counts.deactivated += 1;
            }
        }
        Ok(())
    }

    async fn erased(&mut self) -> Result<(), ExportProblem> {
        let mut after = None;
        loop {
            self.check()?;
            let page = import_record::erased_page(self.tx, after, PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(*last);
            for id in page {
                let password = account::unusable_password(self.export.app);
                let row = erased_row(id, self.export.mapping, &password);
                self.output.erased_account(&row)?;
                self.counts.erased += 1;
            }
        }
    }
}
