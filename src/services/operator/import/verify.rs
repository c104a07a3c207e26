//! Comparing the source with what stands here, before a switch-over. Writes nothing.
//!
//! The source and the accounts are read again and compared value by value. Digests of what an import
//! wrote only tell which side changed a value that differs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use super::fields::{self, FIELDS, Written};
use super::sealed::Sealed;
use super::update::{Compared, Decision, decide};
use super::{Conflict, Import, ImportProblem, Options};
use crate::app::App;
use crate::domain::ids::UserId;
use crate::domain::legacy::{LegacyRow, Mapping, Reason, Resolution, SourceTable, read_person};
use crate::fault::Fault;
use crate::stores::import_record::{ImportRecord, Outcome};
use crate::stores::legacy::LegacySource;
use crate::stores::user::Imported;
use crate::stores::{Tx, import_record, user};

/// What a comparison tells on its way.
#[derive(Clone, Debug)]
pub enum VerifyEvent {
    /// It begins.
    Started {
        /// Users of the source.
        total: u64,
    },
    /// So many users are compared.
    Progress {
        /// How many.
        done: u64,
    },
    /// Something speaks against a switch-over.
    Found(Finding),
}

/// What speaks against a switch-over.
#[derive(Clone, Debug)]
pub enum Finding {
    /// A row has never been imported.
    Missing {
        /// Its key.
        legacy_id: i64,
    },
    /// An operator has to decide about a row.
    Open {
        /// Its key.
        legacy_id: i64,
        /// Why.
        reason: Reason,
    },
    /// A value was changed there since the last import.
    Stale(Conflict),
    /// A value was changed there and here.
    Conflict(Conflict),
}

/// Records of one statement.
const PAGE: u64 = 2_000;

/// The result of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Users of the source.
    pub users: u64,
    /// Accounts that agree in every field.
    pub equal: u64,
    /// Accounts that differ in fields that were changed here alone, or were deleted here.
    pub changed_here: u64,
    /// Rows that were left out, or whose account was erased.
    pub left_out: u64,
    /// Rows that were never imported.
    pub missing: u64,
    /// Rows that wait for a decision.
    pub open: u64,
    /// Accounts with a value that was changed there since the last import.
    pub stale: u64,
    /// Accounts with a value that was changed on both sides.
    pub conflicts: u64,
    /// Accounts whose row is gone at the source.
    pub gone: u64,
    /// Accounts here that have a legacy id.
    pub accounts: u64,
    /// Whether it was stopped before the end.
    pub interrupted: bool,
}

impl Verification {
    /// Whether a switch-over loses nothing.
    #[must_use]
    pub fn is_safe(&self) -> bool {
        let problems = self.missing + self.open + self.stale + self.conflicts;
        !self.interrupted && problems == 0 && self.adds_up()
    }

    /// Whether both sides have as many accounts as were compared.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        let compared = self.equal + self.changed_here + self.stale + self.conflicts;
        self.users == compared + self.left_out + self.missing + self.open
            && self.accounts == compared + self.gone
    }
}

/// Compares everything. `stop` ends it after a batch.
///
/// # Errors
///
/// The source cannot be read, or an unexpected failure.
pub async fn verify(
    app: &App,
    source: &mut LegacySource,
    mapping: &Mapping,
    stop: &AtomicBool,
    listener: &mut (dyn FnMut(VerifyEvent) + Send),
) -> Result<Verification, ImportProblem> {
    let options = Options::default();
    let import = Import::new(app, mapping, &options);
    let total = source.count(SourceTable::User).await?;
    listener(VerifyEvent::Started { total });
    let mut comparison = Comparison {
        import: &import,
        tx: app.database.snapshot().await?,
        found: Verification {
            users: total,
            ..Verification::default()
        },
        listener,
    };
    let (mut position, mut done) = (None, 0);
    loop {
        if stop.load(Ordering::Relaxed) {
            comparison.found.interrupted = true;
            return Ok(comparison.found);
        }
        let rows = source.users(position, options.batch).await?;
        let last = rows.last().map(|row| row.id);
        comparison.compare(&rows, (position, last)).await?;
        if last.is_none() {
            break;
        }
        position = last;
        done += u64::try_from(rows.len()).map_err(Fault::from)?;
        (comparison.listener)(VerifyEvent::Progress { done });
    }
    comparison.found.accounts = user::count_imported(&comparison.tx).await?;
    Ok(comparison.found)
}

/// A comparison under way.
struct Comparison<'a> {
    import: &'a Import<'a>,
    tx: Tx,
    found: Verification,
    listener: &'a mut (dyn FnMut(VerifyEvent) + Send),
}

impl Comparison<'_> {
    fn find(&mut self, finding: Finding) {
        (self.listener)(VerifyEvent::Found(finding));
    }

    /// Compares the users of a range of keys.
    async fn compare(
        &mut self,
        rows: &[LegacyRow],
        (after, last): (Option<i64>, Option<i64>),
    ) -> Result<(), Fault> {
        let mut records = self.records(rows, (after, last)).await?;
        let ids = records.values().filter_map(|record| record.user).collect();
        let accounts = user::find_imported(&self.tx, ids).await?;
        let accounts: BTreeMap<UserId, Imported> = accounts
            .into_iter()
            .map(|account| (account.user.id, account))
            .collect();
        for row in rows {
            if let Some(record) = records.remove(&row.id) {
                self.compare_one(row, &record, &accounts)?;
            } else {
                self.found.missing += 1;
                self.find(Finding::Missing { legacy_id: row.id });
            }
        }
        Ok(())
    }

    /// The records of these rows; those of rows that are missing are counted.
    async fn records(
        &mut self,
        rows: &[LegacyRow],
        (mut after, last): (Option<i64>, Option<i64>),
    ) -> Result<BTreeMap<i64, ImportRecord>, Fault> {
        let keys: BTreeSet<i64> = rows.iter().map(|row| row.id).collect();
        let mut found = BTreeMap::new();
        loop {
            let range = (after, last);
            let page = import_record::in_range(&self.tx, SourceTable::User, range, PAGE).await?;
            let Some(end) = page.last().map(|record| record.legacy_id) else {
                return Ok(found);
            };
            after = Some(end);
            for record in page {
                if keys.contains(&record.legacy_id) {
                    found.insert(record.legacy_id, record);
                } else if record.user.is_some() {
                    self.found.gone += 1;
                }
            }
        }
    }

    fn compare_one(
        &mut self,
        row: &LegacyRow,
        record: &ImportRecord,
        accounts: &BTreeMap<UserId, Imported>,
    ) -> Result<(), Fault> {
        let account = record.user.and_then(|id| accounts.get(&id));
        let (Some(account), Outcome::Imported) = (account, record.outcome) else {
            if let Some(reason) = record.reason {
                self.found.open += 1;
                self.find(Finding::Open {
                    legacy_id: row.id,
                    reason,
                });
            } else {
                self.found.left_out += 1;
            }
            return Ok(());
        };
        let resolution = match record.sealed_row.as_deref() {
            Some(sealed) if record.is_resolved => {
                Sealed::open(self.import.app, SourceTable::User, row.id, sealed)?.resolution
            }
            _ => Resolution::default(),
        };
        let differences = differences(self.import, row, record, account, &resolution)?;
        if differences.is_none() {
            *if differences.own {
                &mut self.found.changed_here
            } else {
                &mut self.found.equal
            } += 1;
            return Ok(());
        }
        *if differences.conflicts.is_empty() {
            &mut self.found.stale
        } else {
            &mut self.found.conflicts
        } += 1;
        for stale in differences.stale {
            self.find(Finding::Stale(stale));
        }
        for conflict in differences.conflicts {
            self.find(Finding::Conflict(conflict));
        }
        Ok(())
    }
}

/// How an account differs from its row.
#[derive(Default)]
struct Differences {
    /// In values that were changed here alone.
    own: bool,
    stale: Vec<Conflict>,
    conflicts: Vec<Conflict>,
}

impl Differences {
    fn is_none(&self) -> bool {
        self.stale.is_empty() && self.conflicts.is_empty()
    }
}

fn differences(
    import: &Import<'_>,
    row: &LegacyRow,
    record: &ImportRecord,
    account: &Imported,
    resolution: &Resolution,
) -> Result<Differences, Fault> {
    let mut found = Differences::default();
    let conflict = |field: &str, theirs: &str, ours: &str| Conflict {
        legacy_id: row.id,
        user: record.user,
        field: field.to_owned(),
        theirs: theirs.to_owned(),
        ours: ours.to_owned(),
    };
    if account.user.is_deleted() {
        found.own = true;
        return Ok(found);
    }
    let person = match read_person(row, &import.rules(), resolution) {
        Ok(person) => person,
        Err(quarantine) => {
            let why = quarantine.reason.description();
            found.conflicts.push(conflict("row", why, "an account"));
            return Ok(found);
        }
    };
    let written = record.written.as_deref().and_then(Written::read);
    let written = written.ok_or_else(|| Fault::new("an import record has an unknown layout"))?;
    let set_aside = set_aside(import, row, record)?;
    let (theirs, ours) = (fields::of_person(&person), fields::of_user(&account.user));
    for (place, (field, (theirs, ours))) in FIELDS.iter().zip(theirs.iter().zip(&ours)).enumerate()
    {
        let is_silent = match *field {
            // People keep signing in on both sides.
            "last_login_at" => true,
            // Made here, where the legacy system has none.
            "pid" => person.pid.is_none(),
            "created_at" => person.created_at.is_none(),
            field => set_aside.contains(&field),
        };
        if is_silent {
            continue;
        }
        let was = Compared {
            is_theirs: written.is(import.app, place, theirs),
            is_ours: match *field {
                "password" => written.has_password_of(account.password_at),
                _ => written.is(import.app, place, ours),
            },
        };
        let shown = if *field == "password" {
            conflict(field, "another password", "another password")
        } else {
            conflict(field, theirs, ours)
        };
        let user = &account.user;
        match decide(field, theirs, ours, was, resolution, &person, user) {
            Decision::Agree => {}
            Decision::Keep => found.own |= !was.is_ours,
            Decision::Take => found.stale.push(shown),
            Decision::Conflict => found.conflicts.push(shown),
        }
    }
    Ok(found)
}

/// Fields of which the last import set the value aside, as long as the row is the one that it read.
fn set_aside<'a>(
    import: &Import<'_>,
    row: &LegacyRow,
    record: &'a ImportRecord,
) -> Result<Vec<&'a str>, Fault> {
    let json = serde_json::to_string(row)?;
    if !import.is_same(record.source_digest.as_deref(), &json) {
        return Ok(Vec::new());
    }
    let values = record.set_aside.split(',');
    Ok(values
        .filter_map(|value| Some(value.split_once(':')?.0))
        .collect())
}
