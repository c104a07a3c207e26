//! Settling quarantined rows, values set aside and conflicts: one by one, or by a rule.

use serde_json::Value;

use super::batch;
use super::lock::Lock;
use super::sealed::Sealed;
use super::{Import, ImportProblem, Options, step};
use crate::app::App;
use crate::domain::legacy::{Cell, Field, LegacyRow, Mapping, Reason, Resolution, SourceTable};
use crate::fault::Fault;
use crate::stores::import_record;
use crate::stores::import_record::{ImportRecord, Outcome};

/// Records of one page.
const PAGE: u64 = 200;

/// What to do about rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Try again as they are, now that something else has changed.
    Retry,
    /// Leave them out for good.
    Discard,
    /// Import without the e-mail address.
    DropEmail,
    /// Import without the phone number.
    DropPhone,
    /// Import without the password.
    DropPassword,
    /// Import with a new public id.
    NewPid,
    /// Accept the values that were set aside as they are now.
    Accept,
    /// Keep what stands here, in conflicts.
    KeepOurs,
    /// Take the legacy values, in conflicts.
    TakeTheirs,
    /// Take the address from an account that was made here and never verified it.
    TakeAddress {
        /// Although the legacy system did not verify it either.
        unverified: bool,
    },
    /// Take this e-mail address.
    Email(String),
    /// Take this phone number.
    Phone(String),
}

impl Rule {
    fn amend(&self, resolution: &mut Resolution) {
        match self {
            Self::Retry | Self::Accept => {}
            Self::Discard => resolution.is_discarded = true,
            Self::DropEmail => resolution.drop_email = true,
            Self::DropPhone => resolution.drop_phone = true,
            Self::DropPassword => resolution.drop_password = true,
            Self::NewPid => resolution.new_pid = true,
            Self::TakeAddress { unverified } => {
                (resolution.take_address, resolution.take_unverified) = (true, *unverified);
            }
            Self::KeepOurs => (resolution.keep_ours, resolution.take_theirs) = (true, false),
            Self::TakeTheirs => (resolution.keep_ours, resolution.take_theirs) = (false, true),
            Self::Email(email) => resolution.email = Some(email.clone()),
            Self::Phone(phone) => resolution.phone = Some(phone.clone()),
        }
    }
}

/// A row that an operator may look at.
#[derive(Clone)]
pub struct OpenRow {
    /// Its table.
    pub table: SourceTable,
    /// Its key.
    pub legacy_id: i64,
    /// Why it is quarantined; `None` for an imported one.
    pub reason: Option<Reason>,
    /// Values set aside.
    pub set_aside: String,
    /// Fields in conflict.
    pub conflicts: String,
    /// The row as the source has it, without the password hash.
    pub row: Value,
}

/// What a decision did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// Rows that are accounts now, or were.
    pub imported: u64,
    /// Rows that are left out.
    pub discarded: u64,
    /// Rows that are still quarantined, with the reason.
    pub left: Vec<(i64, Reason)>,
}

/// Which rows.
fn matches(record: &ImportRecord, reason: Option<&str>) -> bool {
    let Some(reason) = reason else { return true };
    let mut set_aside = record.set_aside.split(',');
    record.reason.is_some_and(|own| own.as_str() == reason)
        || (reason == "conflict" && !record.conflicts.is_empty())
        || set_aside.any(|value| {
            value == reason || value.split_once(':').is_some_and(|(_, why)| why == reason)
        })
}

/// The keys of rows with this reason, or of all that are open.
pub async fn open_rows(
    app: &App,
    table: SourceTable,
    reason: Option<&str>,
) -> Result<Vec<i64>, Fault> {
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let page = import_record::open_page(&app.database, table, after, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(keys);
        };
        after = Some(last.legacy_id);
        let page = page.iter().filter(|record| matches(record, reason));
        keys.extend(page.map(|record| record.legacy_id));
    }
}

/// Shows rows after a key, at most a page.
pub async fn list_open(
    app: &App,
    mapping: &Mapping,
    table: SourceTable,
    reason: Option<&str>,
    after: Option<i64>,
) -> Result<(Vec<OpenRow>, Option<i64>), Fault> {
    let page = import_record::open_page(&app.database, table, after, PAGE).await?;
    let last = page.last().map(|record| record.legacy_id);
    let mut rows = Vec::new();
    for record in page.into_iter().filter(|record| matches(record, reason)) {
        let Some(sealed) = &record.sealed_row else {
            continue;
        };
        let mut sealed = Sealed::open(app, table, record.legacy_id, sealed)?;
        hide_password(&mut sealed.row, mapping);
        rows.push(OpenRow {
            table,
            legacy_id: record.legacy_id,
            reason: record.reason,
            set_aside: record.set_aside,
            conflicts: record.conflicts,
            row: serde_json::to_value(&sealed.row)?,
        });
    }
    Ok((rows, last))
}

/// Hides every column that the password is read from.
fn hide_password(row: &mut LegacyRow, mapping: &Mapping) {
    let columns = mapping.fields.get(&Field::Password);
    for column in columns.map_or(&[][..], Vec::as_slice) {
        let tables = if column.is_profile {
            &mut row.profiles[..]
        } else {
            std::slice::from_mut(&mut row.user)
        };
        for cells in tables {
            if let Some(cell) = cells.get_mut(&column.name) {
                *cell = Cell::Text("***".to_owned());
            }
        }
    }
}

/// Applies a rule to rows, each in a transaction of its own.
///
/// # Errors
///
/// An import is running, or an unexpected failure.
pub async fn resolve(
    app: &App,
    mapping: &Mapping,
    table: SourceTable,
    keys: &[i64],
    rule: &Rule,
) -> Result<Resolved, ImportProblem> {
    // An import that has read a record must not write over a decision about it.
    let lock = Lock::take(app)
        .await?
        .ok_or(ImportProblem::AlreadyRunning)?;
    let options = Options::default();
    let import = Import::new(app, mapping, &options);
    let resolved = all(&import, table, keys, rule).await;
    lock.release().await?;
    Ok(resolved?)
}

async fn all(
    import: &Import<'_>,
    table: SourceTable,
    keys: &[i64],
    rule: &Rule,
) -> Result<Resolved, Fault> {
    let mut resolved = Resolved::default();
    for key in keys {
        one(import, table, *key, rule, &mut resolved).await?;
    }
    Ok(resolved)
}

async fn one(
    import: &Import<'_>,
    table: SourceTable,
    key: i64,
    rule: &Rule,
    resolved: &mut Resolved,
) -> Result<(), Fault> {
    let record = import_record::find(&import.app.database, table, key).await?;
    let Some(record) = record else {
        return Ok(());
    };
    let Some(sealed) = record.sealed_row.clone() else {
        return Ok(());
    };
    let before = record.clone();
    let mut sealed = Sealed::open(import.app, table, key, &sealed)?;
    rule.amend(&mut sealed.resolution);
    let is_quarantined = record.outcome == Outcome::Quarantined;
    let mut next = ImportRecord {
        is_resolved: true,
        updated_at: import.now,
        ..record
    };
    if is_quarantined && (sealed.resolution.is_discarded || table != SourceTable::User) {
        if sealed.resolution.is_discarded {
            next.outcome = Outcome::Discarded;
            next.reason = None;
            // Nothing of a person who was left out stays.
            (next.sealed_row, next.source_digest) = (None, None);
            resolved.discarded += 1;
        } else {
            resolved
                .left
                .extend(next.reason.map(|reason| (key, reason)));
        }
        return replace(import, &before, next).await;
    }
    if *rule == Rule::Accept && !is_quarantined {
        // What was set aside goes; the record still says what it was.
        sealed.row = LegacyRow::default();
        let is_decided = sealed.resolution != Resolution::default();
        next.sealed_row = if is_decided {
            Some(sealed.seal(import.app, table, key)?)
        } else {
            None
        };
        resolved.imported += 1;
        return replace(import, &before, next).await;
    }
    next.sealed_row = Some(sealed.seal(import.app, table, key)?);
    // Not equal to any row, so that it is compared again.
    next.source_digest = None;
    // Hashes what is to be hashed, before other writers have to wait.
    let items = step::compared(import, vec![sealed.row], vec![next.clone()]).await?;
    let tx = import.app.begin().await?;
    if import_record::lock(&tx, table, key).await?.as_ref() != Some(&before) {
        return Ok(());
    }
    import_record::replace(&tx, next).await?;
    let Some(_applied) = batch::apply(&tx, import, &items).await? else {
        return Err(Fault::new(
            "an account with the same address was just made; try again",
        ));
    };
    let after = import_record::lock(&tx, table, key).await?;
    match after.and_then(|record| record.reason) {
        Some(reason) => resolved.left.push((key, reason)),
        None => resolved.imported += 1,
    }
    tx.commit().await
}

/// Writes the record of a row, unless its person was erased since it was read.
async fn replace(
    import: &Import<'_>,
    before: &ImportRecord,
    next: ImportRecord,
) -> Result<(), Fault> {
    let tx = import.app.begin().await?;
    let current = import_record::lock(&tx, next.table, next.legacy_id).await?;
    if current.as_ref() == Some(before) {
        import_record::replace(&tx, next).await?;
    }
    tx.commit().await
}
