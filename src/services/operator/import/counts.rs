//! What became of the rows, in numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::legacy::{Reason, SourceTable};
use crate::stores::import_record::Outcome;

/// The rows of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TableCounts {
    /// Rows of the source.
    pub source: u64,
    /// Rows that are accounts; rows of other tables that belong to one.
    pub imported: u64,
    /// Rows that an operator has to decide about.
    pub quarantined: u64,
    /// Rows that an operator has left out.
    pub discarded: u64,
    /// Rows whose account was erased.
    pub erased: u64,
}

impl TableCounts {
    /// Rows whose outcome is known.
    #[must_use]
    pub const fn accounted(&self) -> u64 {
        self.imported + self.quarantined + self.discarded + self.erased
    }

    fn add(&mut self, outcome: Outcome, rows: u64) {
        *match outcome {
            Outcome::Imported => &mut self.imported,
            Outcome::Quarantined => &mut self.quarantined,
            Outcome::Discarded => &mut self.discarded,
            Outcome::Erased => &mut self.erased,
        } += rows;
    }

    fn merge(&mut self, other: &Self) {
        self.source += other.source;
        self.imported += other.imported;
        self.quarantined += other.quarantined;
        self.discarded += other.discarded;
        self.erased += other.erased;
    }
}

/// What became of all rows, and what this run did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Counts {
    /// By table.
    pub tables: BTreeMap<String, TableCounts>,
    /// Quarantined rows by reason.
    pub reasons: BTreeMap<String, u64>,
    /// Values set aside, as `field:reason`.
    pub set_aside: BTreeMap<String, u64>,
    /// Accounts that this run made.
    pub created: u64,
    /// Accounts that it brought up to date.
    pub updated: u64,
    /// Rows that were as the run before left them.
    pub unchanged: u64,
    /// Rows with a value that was changed both here and there.
    pub conflicts: u64,
    /// Rows that are missing at the source since an earlier run.
    pub gone: u64,
}

impl Counts {
    /// The counts of a table.
    #[must_use]
    pub fn table(&self, table: SourceTable) -> TableCounts {
        self.tables.get(table.as_str()).copied().unwrap_or_default()
    }

    /// Whether every row of the source is accounted for, once.
    #[must_use]
    pub fn add_up(&self) -> bool {
        let reasons: u64 = self.reasons.values().sum();
        let quarantined = self.tables.values().map(|table| table.quarantined);
        // Rows that refer to a quarantined user are quarantined for its reason.
        self.tables
            .values()
            .all(|table| table.source == table.accounted())
            && reasons <= quarantined.sum()
    }

    /// Notes the outcome of rows.
    pub(super) fn note(&mut self, table: SourceTable, outcome: Outcome, rows: u64) {
        if rows > 0 {
            let counts = self.tables.entry(table.as_str().to_owned()).or_default();
            counts.add(outcome, rows);
        }
    }

    /// Notes why a row is quarantined.
    pub(super) fn note_reason(&mut self, reason: Reason) {
        *self.reasons.entry(reason.as_str().to_owned()).or_default() += 1;
    }

    /// Notes values, separated by commas.
    pub(super) fn note_set_aside(&mut self, set_aside: &str) {
        for value in set_aside.split(',').filter(|value| !value.is_empty()) {
            *self.set_aside.entry(value.to_owned()).or_default() += 1;
        }
    }

    /// Sets how many rows the source has.
    pub(super) fn set_source(&mut self, table: SourceTable, rows: u64) {
        let counts = self.tables.entry(table.as_str().to_owned()).or_default();
        counts.source = rows;
    }

    /// Adds those of a batch.
    pub(super) fn merge(&mut self, other: &Self) {
        for (table, counts) in &other.tables {
            self.tables.entry(table.clone()).or_default().merge(counts);
        }
        for (of, from) in [
            (&mut self.reasons, &other.reasons),
            (&mut self.set_aside, &other.set_aside),
        ] {
            for (name, count) in from {
                *of.entry(name.clone()).or_default() += count;
            }
        }
        self.created += other.created;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.conflicts += other.conflicts;
        self.gone += other.gone;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_differ_are_noticed() {
        let mut counts = Counts::default();
        counts.set_source(SourceTable::User, 2);
        counts.note(SourceTable::User, Outcome::Imported, 1);
        assert!(!counts.add_up());
        let mut more = Counts::default();
        more.note(SourceTable::User, Outcome::Quarantined, 1);
        more.note_reason(Reason::NoIdentifier);
        counts.merge(&more);
        assert!(counts.add_up());
        counts.merge(&more);
        assert!(!counts.add_up());
        let text = serde_json::to_string(&counts).unwrap();
        assert_eq!(serde_json::from_str::<Counts>(&text).unwrap(), counts);
    }
}
