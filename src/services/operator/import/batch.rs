//! One batch of rows: what [`super::step`] has prepared is compared with the accounts, and becomes an
//! account, a change of one, or a quarantined row.

use std::collections::BTreeMap;

use super::counts::Counts;
use super::creation::Creations;
use super::sealed::Sealed;
use super::step::{Candidate, Item};
use super::taken::Taken;
use super::{Import, ImportEvent, update};
use crate::domain::legacy::{LegacyRow, Person, Quarantine, Reason, Resolution, SourceTable};
use crate::fault::Fault;
use crate::stores::import_record::{ImportRecord, Outcome};
use crate::stores::{Tx, import_record, import_seen};

/// What a batch did, counted and reported once it is committed.
#[derive(Default)]
pub(super) struct Applied {
    pub(super) counts: Counts,
    pub(super) events: Vec<ImportEvent>,
}

/// Rows that refer to a user, in the order of [`ImportRecord::merged`].
pub(super) fn merged(row: &LegacyRow) -> Result<[i64; 4], Fault> {
    let rows = [
        &row.profiles.len(),
        &row.groups.len(),
        &row.emails.len(),
        &row.socials.len(),
    ];
    let mut merged = [0; 4];
    for (to, from) in merged.iter_mut().zip(rows) {
        *to = i64::try_from(*from)?;
    }
    Ok(merged)
}

impl Applied {
    /// Counts a row with those that refer to it.
    fn note(&mut self, outcome: Outcome, merged: [i64; 4]) {
        let mut tables = SourceTable::ALL.into_iter();
        if let Some(user) = tables.next() {
            self.counts.note(user, outcome, 1);
        }
        for (table, rows) in tables.zip(merged) {
            self.counts.note(table, outcome, rows.unsigned_abs());
        }
    }

    /// Counts a row that is as the run before left it.
    pub(super) fn note_settled(&mut self, record: &ImportRecord) {
        self.counts.unchanged += 1;
        self.note_record(record);
    }

    /// Counts what a record says about its row.
    pub(super) fn note_record(&mut self, record: &ImportRecord) {
        self.note(record.outcome, record.merged);
        if let Some(reason) = record.reason {
            self.counts.note_reason(reason);
            self.events.push(ImportEvent::Quarantined {
                table: record.table,
                legacy_id: record.legacy_id,
                reason,
                set_aside: record.set_aside.clone(),
            });
            return;
        }
        if !record.set_aside.is_empty() {
            self.counts.note_set_aside(&record.set_aside);
            self.events.push(ImportEvent::SetAside {
                legacy_id: record.legacy_id,
                user: record.user,
                set_aside: record.set_aside.clone(),
            });
        }
        if !record.conflicts.is_empty() {
            self.counts.conflicts += 1;
        }
    }
}

/// Applies the rows of a step, or some of them; `None` if one of them met a unique index, which fails
/// the transaction.
pub(super) async fn apply(
    tx: &Tx,
    import: &Import<'_>,
    items: &[Item],
) -> Result<Option<Applied>, Fault> {
    let mut applied = Applied::default();
    let mut records = known(tx, items).await?;
    let (mut candidates, mut missing) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            Item::Settled(record) => applied.note_settled(record),
            Item::Missing(key) => missing.push(*key),
            Item::Candidate(candidate) => {
                let record = records.remove(&candidate.row.id);
                match record {
                    // Since it was compared.
                    Some(record) if record.outcome == Outcome::Erased => {
                        applied.note_settled(&record);
                    }
                    record => candidates.push((candidate.as_ref(), record)),
                }
            }
        }
    }
    note_gone(tx, import, SourceTable::User, &missing, &mut applied).await?;
    let people = candidates.iter().map(|(candidate, _)| candidate);
    let people: Vec<&Person> = (people.filter_map(|one| one.person.as_ref().ok())).collect();
    let mut taken = Taken::find(tx, import.app, &people, import.is_rehearsal()).await?;
    let mut creations = Creations::default();
    for (candidate, record) in candidates {
        let settled = Box::pin(settle(
            tx,
            import,
            &mut taken,
            &mut creations,
            (candidate, record),
            &mut applied,
        ))
        .await?;
        if !settled {
            return Ok(None);
        }
    }
    if import.is_rehearsal() {
        import_seen::insert(tx, taken.added(), import.app.database.is_sqlite()).await?;
        return Ok(Some(applied));
    }
    let is_written = Box::pin(creations.write(tx, import)).await?;
    Ok(is_written.then_some(applied))
}

/// The records of candidates, as they are now.
async fn known(tx: &Tx, items: &[Item]) -> Result<BTreeMap<i64, ImportRecord>, Fault> {
    let keys = items.iter().filter_map(|item| match item {
        Item::Candidate(candidate) if candidate.has_record => Some(candidate.row.id),
        Item::Candidate(_) | Item::Settled(_) | Item::Missing(_) => None,
    });
    let records = import_record::of(tx, SourceTable::User, keys.collect()).await?;
    let records = records.into_iter();
    Ok(records.map(|record| (record.legacy_id, record)).collect())
}

/// Marks records whose rows are missing at the source.
pub(super) async fn note_gone(
    tx: &Tx,
    import: &Import<'_>,
    table: SourceTable,
    keys: &[i64],
    applied: &mut Applied,
) -> Result<(), Fault> {
    applied.counts.gone += u64::try_from(keys.len())?;
    let events = keys.iter().map(|key| ImportEvent::Gone {
        table,
        legacy_id: *key,
    });
    applied.events.extend(events);
    if import.is_rehearsal() {
        return Ok(());
    }
    import_record::mark_gone(tx, table, keys, import.now).await
}

/// Decides about one row; `false` if a unique index was met.
async fn settle(
    tx: &Tx,
    import: &Import<'_>,
    taken: &mut Taken,
    creations: &mut Creations,
    (candidate, record): (&Candidate, Option<ImportRecord>),
    applied: &mut Applied,
) -> Result<bool, Fault> {
    let Candidate {
        row,
        digest,
        resolution,
        person,
        wrapped,
        ..
    } = candidate;
    let (person, wrapped) = (person.clone(), wrapped.clone());
    let merged = merged(row)?;
    let mut next = ImportRecord {
        table: SourceTable::User,
        legacy_id: row.id,
        outcome: Outcome::Quarantined,
        reason: None,
        set_aside: String::new(),
        conflicts: String::new(),
        user: record.as_ref().and_then(|record| record.user),
        source_digest: Some(digest.clone()),
        written: record.as_ref().and_then(|record| record.written.clone()),
        sealed_row: None,
        duplicate_of: None,
        merged,
        is_resolved: record.as_ref().is_some_and(|record| record.is_resolved),
        updated_at: import.now,
        gone_at: None,
    };
    let seal = |next: &mut ImportRecord, resolution: &Resolution| -> Result<(), Fault> {
        let needed = next.outcome == Outcome::Quarantined
            || next.is_resolved
            || !next.set_aside.is_empty()
            || !next.conflicts.is_empty();
        if needed {
            let sealed = Sealed {
                row: row.clone(),
                resolution: resolution.clone(),
            };
            next.sealed_row = Some(sealed.seal(import.app, SourceTable::User, row.id)?);
        }
        Ok(())
    };
    if let Some(user) = next.user {
        next.outcome = Outcome::Imported;
        let changed = Box::pin(update::apply(
            tx,
            import,
            taken,
            (user, person, wrapped),
            resolution,
            &mut next,
            applied,
        ))
        .await?;
        seal(&mut next, &resolution.for_later())?;
        applied.note_record(&next);
        if changed && !import.is_rehearsal() {
            import_record::replace(tx, next).await?;
        }
        return Ok(changed || import.is_rehearsal());
    }
    if let Ok(person) = &person {
        taken.claim(tx, import, person, resolution).await?;
    }
    let duplicate_of = person.as_ref().ok();
    let duplicate_of = duplicate_of.and_then(|person| taken.holder_of_email(person));
    let admitted = admitted(import, taken, person);
    match admitted {
        Ok(person) => {
            taken.add(&person);
            next.outcome = Outcome::Imported;
            next.set_aside = listed(&person);
            applied.counts.created += 1;
            creations.add(import, (person, wrapped), &mut next)?;
        }
        Err(Quarantine { reason, set_aside }) => {
            next.reason = Some(reason);
            next.duplicate_of = duplicate_of.filter(|_| reason == Reason::EmailDuplicate);
            let all: Vec<String> = set_aside.iter().map(ToString::to_string).collect();
            next.set_aside = all.join(",");
        }
    }
    seal(&mut next, &resolution.for_later())?;
    applied.note_record(&next);
    match record {
        // Nothing new about a quarantined row.
        Some(before)
            if next.reason.is_some()
                && before.reason == next.reason
                && before.set_aside == next.set_aside
                && before.gone_at.is_none()
                && before.source_digest == next.source_digest
                && before.duplicate_of == next.duplicate_of =>
        {
            applied.counts.unchanged += 1;
        }
        Some(_) => creations.replace(next),
        None => creations.record(next),
    }
    Ok(true)
}

/// Whether the person may become an account.
fn admitted(
    import: &Import<'_>,
    taken: &Taken,
    person: Result<Person, Quarantine>,
) -> Result<Person, Quarantine> {
    let mut person = person?;
    let mut admitted = taken.admit(&mut person, None);
    if admitted.is_ok() && import.is_refused {
        admitted = Err(Reason::Refused);
    }
    if admitted.is_ok() && import.quarantines_values() && !person.set_aside.is_empty() {
        admitted = Err(Reason::ValueSetAside);
    }
    let admitted = admitted.and_then(|()| super::password::read(&person.password).map(drop));
    match admitted {
        Ok(()) => Ok(person),
        Err(reason) => Err(Quarantine {
            reason,
            set_aside: person.set_aside,
        }),
    }
}

/// The values that were set aside, as they are stored.
pub(super) fn listed(person: &Person) -> String {
    let all: Vec<String> = person.set_aside.iter().map(ToString::to_string).collect();
    all.join(",")
}
