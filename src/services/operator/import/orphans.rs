//! The end of a pass: rows that refer to a user who does not exist.

use std::collections::BTreeMap;

use super::batch::{self, Applied};
use super::counts::Counts;
use super::run::{Listener, tell};
use super::sealed::Sealed;
use super::{Import, ImportProblem};
use crate::domain::legacy::{LegacyRow, Orphan, Reason, Resolution, SourceTable};
use crate::fault::Fault;
use crate::stores::import_record::{ImportRecord, Outcome};
use crate::stores::legacy::LegacySource;
use crate::stores::{Tx, import_record};

/// Applies all of them, each page in a transaction of its own, or in that of a rehearsal.
pub(super) async fn apply(
    import: &Import<'_>,
    rehearsal: Option<&Tx>,
    source: &mut LegacySource,
    listener: Listener<'_>,
) -> Result<Counts, ImportProblem> {
    let mut counts = Counts::default();
    for table in SourceTable::ALL {
        if table == SourceTable::User {
            continue;
        }
        let mut after = None;
        loop {
            let rows = source.orphans(table, after, import.options.batch).await?;
            let last = rows.last().map(|row| row.id);
            let page = Page {
                import,
                table,
                range: (after, last),
            };
            let (applied, end) = if let Some(tx) = rehearsal {
                page.apply(tx, rows).await?
            } else {
                let tx = import.app.begin().await?;
                let done = page.apply(&tx, rows).await?;
                tx.commit().await?;
                done
            };
            counts.merge(&applied.counts);
            tell(applied, listener);
            if end.is_none() {
                break;
            }
            after = end;
        }
    }
    Ok(counts)
}

/// Rows of a range of keys, without a user.
struct Page<'a> {
    import: &'a Import<'a>,
    table: SourceTable,
    range: (Option<i64>, Option<i64>),
}

impl Page<'_> {
    /// Returns the last key that was done, unless there is nothing left.
    async fn apply(&self, tx: &Tx, mut rows: Vec<Orphan>) -> Result<(Applied, Option<i64>), Fault> {
        let import = self.import;
        let most = usize::try_from(import.options.batch)?.max(1) * 2;
        let limit = u64::try_from(most + 1)?;
        let mut known = import_record::in_range(tx, self.table, self.range, limit).await?;
        let mut end = self.range.1;
        if known.len() > most {
            known.truncate(most);
            end = known.last().map(|record| record.legacy_id);
            rows.retain(|row| Some(row.id) <= end);
        }
        let known = known.into_iter();
        let mut known: BTreeMap<i64, ImportRecord> =
            (known.map(|record| (record.legacy_id, record))).collect();
        let mut applied = Applied::default();
        let mut records = Vec::new();
        for row in rows {
            let before = known.remove(&row.id);
            let (record, is_new) = self.record(row, before.as_ref())?;
            note(&mut applied, &record);
            if before.is_none() {
                records.push(record);
            } else if is_new && !import.is_rehearsal() {
                import_record::replace(tx, record).await?;
            }
        }
        if !import.is_rehearsal() && !import_record::insert_many(tx, records).await? {
            return Err(Fault::new("two imports run at once"));
        }
        let missing: Vec<i64> = known.into_keys().collect();
        batch::note_gone(tx, import, self.table, &missing, &mut applied).await?;
        let end = end.or_else(|| missing.last().copied());
        Ok((applied, end))
    }

    /// The record of a row, and whether it differs from the one before.
    fn record(
        &self,
        row: Orphan,
        before: Option<&ImportRecord>,
    ) -> Result<(ImportRecord, bool), Fault> {
        let import = self.import;
        let json = serde_json::to_string(&row)?;
        if let Some(before) = before {
            let is_same = import.is_same(before.source_digest.as_deref(), &json);
            let is_quarantined = before.outcome == Outcome::Quarantined;
            if before.gone_at.is_none() && (is_same || !is_quarantined) {
                return Ok((before.clone(), false));
            }
            if !is_quarantined {
                let back = ImportRecord {
                    gone_at: None,
                    ..before.clone()
                };
                return Ok((back, true));
            }
        }
        let id = row.id;
        let sealed = Sealed {
            row: LegacyRow {
                id,
                user: row.cells,
                ..LegacyRow::default()
            },
            resolution: Resolution::default(),
        };
        let record = ImportRecord {
            table: self.table,
            legacy_id: id,
            outcome: Outcome::Quarantined,
            reason: Some(Reason::NoUser),
            set_aside: String::new(),
            conflicts: String::new(),
            user: None,
            source_digest: Some(import.digest(&json)),
            written: None,
            duplicate_of: None,
            sealed_row: Some(sealed.seal(import.app, self.table, id)?),
            merged: [0; 4],
            is_resolved: before.is_some_and(|before| before.is_resolved),
            updated_at: import.now,
            gone_at: None,
        };
        Ok((record, true))
    }
}

fn note(applied: &mut Applied, record: &ImportRecord) {
    applied.counts.note(record.table, record.outcome, 1);
    if let Some(reason) = record.reason {
        applied.counts.note_reason(reason);
        applied.events.push(super::ImportEvent::Quarantined {
            table: record.table,
            legacy_id: record.legacy_id,
            reason,
            set_aside: String::new(),
        });
    }
}
