//! `[audit]`: how long the record of what happened is kept.

use serde::Deserialize;

use crate::config::report::Review;

/// How long audit events are kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// Whole days for which events are kept at least; 0 keeps them for ever.
    pub retention_days: u32,
}

impl Audit {
    pub(super) fn check(&self, review: &mut Review<'_>) {
        // A century.
        review.within("audit.retention_days", self.retention_days, 0..=36_525);
    }
}
