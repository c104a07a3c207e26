//! The next step of a pass: rows with their records, compared and prepared before the transaction
//! that writes them begins.
//!
//! A step is prepared while the one before is written. Only the import changes records, but for an
//! erasure, so [`super::batch`] reads those again that it writes over.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use zeroize::Zeroizing;

use super::batch::merged;
use super::fields::Written;
use super::password::{self, Password};
use super::sealed::Sealed;
use super::{Import, ImportProblem};
use crate::domain::legacy::{LegacyRow, Person, Quarantine, Resolution, SourceTable, read_person};
use crate::fault::Fault;
use crate::stores::import_record::{ImportRecord, Outcome};
use crate::stores::legacy::LegacySource;
use crate::stores::{Tx, import_record};

/// Rows between which other work on the same thread goes on.
const ROWS_AT_ONCE: usize = 32;

/// Rows of a range of keys.
pub(super) struct Step {
    pub(super) items: Vec<Item>,
    /// The last key of the range, whether or not it has a row.
    pub(super) last: i64,
}

/// A row, or what is left of one.
pub(super) enum Item {
    /// Nothing is to be done about it; with its record.
    Settled(Box<ImportRecord>),
    /// It is missing at the source.
    Missing(i64),
    /// It is new, has changed, or waits for something.
    Candidate(Box<Candidate>),
}

impl Item {
    pub(super) fn key(&self) -> i64 {
        match self {
            Self::Settled(record) => record.legacy_id,
            Self::Missing(key) => *key,
            Self::Candidate(candidate) => candidate.row.id,
        }
    }
}

/// A row on its way.
pub(super) struct Candidate {
    pub(super) row: LegacyRow,
    pub(super) digest: Vec<u8>,
    pub(super) has_record: bool,
    pub(super) resolution: Resolution,
    pub(super) person: Result<Person, Quarantine>,
    /// A digest that is too cheap to guess, until it is wrapped.
    weak: Option<Zeroizing<String>>,
    /// The hash to store for it, if it has been made.
    pub(super) wrapped: Option<String>,
}

/// Reads the step after a position; `None` at the end. `tx` is the snapshot of a rehearsal.
pub(super) async fn next(
    import: &Import<'_>,
    tx: Option<&Tx>,
    source: &mut LegacySource,
    position: Option<i64>,
) -> Result<Option<Step>, ImportProblem> {
    let batch = import.options.batch;
    let mut rows = source.users(position, batch).await?;
    let mut last = rows.last().map(|row| row.id);
    let range = (position, last);
    let most = usize::try_from(batch).map_err(Fault::from)?.max(1) * 2;
    let limit = u64::try_from(most + 1).map_err(Fault::from)?;
    let database = &import.app.database;
    let mut records = match tx {
        Some(tx) => import_record::in_range(tx, SourceTable::User, range, limit).await?,
        None => import_record::in_range(database, SourceTable::User, range, limit).await?,
    };
    if records.len() > most {
        // Many rows are missing, so that their range is done in parts.
        records.truncate(most);
        last = records.last().map(|record| record.legacy_id);
        rows.retain(|row| Some(row.id) <= last);
    }
    let Some(last) = last.or_else(|| Some(records.last()?.legacy_id)) else {
        return Ok(None);
    };
    let items = compared(import, rows, records).await?;
    Ok(Some(Step { items, last }))
}

/// Compares rows with the records of their range, in the order of their keys.
pub(super) async fn compared(
    import: &Import<'_>,
    rows: Vec<LegacyRow>,
    records: Vec<ImportRecord>,
) -> Result<Vec<Item>, Fault> {
    let records = records.into_iter();
    let mut records: BTreeMap<i64, ImportRecord> =
        (records.map(|record| (record.legacy_id, record))).collect();
    let mut items = Vec::with_capacity(rows.len());
    for (place, row) in rows.into_iter().enumerate() {
        if place % ROWS_AT_ONCE == 0 {
            tokio::task::yield_now().await;
        }
        let record = records.remove(&row.id);
        items.push(item(import, row, record.as_ref())?);
    }
    let left = records.into_values();
    let left = left.filter(|record| record.outcome != Outcome::Erased);
    items.extend(left.map(|record| Item::Missing(record.legacy_id)));
    items.sort_by_key(Item::key);
    wrap(import, &mut items).await?;
    Ok(items)
}

/// Compares a row with its record.
fn item(import: &Import<'_>, row: LegacyRow, record: Option<&ImportRecord>) -> Result<Item, Fault> {
    let json = serde_json::to_string(&row)?;
    let mut resolution = Resolution::default();
    if let Some(record) = record {
        let is_settled = match record.outcome {
            Outcome::Erased | Outcome::Discarded => true,
            Outcome::Imported => {
                record.conflicts.is_empty()
                    && record.gone_at.is_none()
                    && import.is_same(record.source_digest.as_deref(), &json)
            }
            Outcome::Quarantined => false,
        };
        if is_settled {
            // Rows that refer to it count as they are now.
            let merged = merged(&row)?;
            return Ok(Item::Settled(Box::new(ImportRecord {
                merged,
                ..record.clone()
            })));
        }
        if let (true, Some(sealed)) = (record.is_resolved, &record.sealed_row) {
            let sealed = Sealed::open(import.app, SourceTable::User, row.id, sealed)?;
            resolution = sealed.resolution;
        }
    }
    let person = read_person(&row, &import.rules(), &resolution);
    Ok(Item::Candidate(Box::new(Candidate {
        digest: import.digest(&json),
        has_record: record.is_some(),
        weak: weak(import, record, person.as_ref().ok()),
        resolution,
        person,
        wrapped: None,
        row,
    })))
}

/// The digest that will probably be stored, if it is too cheap to guess as it is.
fn weak(
    import: &Import<'_>,
    record: Option<&ImportRecord>,
    person: Option<&Person>,
) -> Option<Zeroizing<String>> {
    let person = person?;
    if let Some(record) = record {
        let written = record.written.as_deref().and_then(Written::read);
        let is_stored = match written {
            Some(written) => written.has_password(import.app, &person.password),
            // Quarantined, and nothing was decided since.
            None => !record.is_resolved,
        };
        if is_stored {
            return None;
        }
    }
    match password::read(&person.password) {
        Ok(Password::Weak(digest)) => Some(digest),
        Ok(Password::None | Password::Ready(..)) | Err(_) => None,
    }
}

/// Wraps weak digests on all hashing threads, while no transaction waits for that.
async fn wrap(import: &Import<'_>, items: &mut [Item]) -> Result<(), Fault> {
    let app = import.app;
    let weak = items.iter_mut().filter_map(|item| match item {
        Item::Candidate(candidate) => Some((candidate.weak.take()?, &mut candidate.wrapped)),
        Item::Settled(_) | Item::Missing(_) => None,
    });
    // One more than there are threads, so that none waits for this task.
    let wrapping = weak.map(|(digest, wrapped)| async move {
        *wrapped = Some(password::wrap(app, &digest).await?);
        Ok::<(), Fault>(())
    });
    let at_once = app.config.hashing.threads() + 1;
    let mut wrapping = stream::iter(wrapping).buffer_unordered(at_once);
    while let Some(done) = wrapping.next().await {
        done?;
    }
    Ok(())
}
