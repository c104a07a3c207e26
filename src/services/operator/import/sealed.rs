//! A row of the legacy system as it is kept for an operator: sealed, with what was decided about it.

use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::crypto::keyring::Purpose;
use crate::domain::legacy::{LegacyRow, Resolution, SourceTable};
use crate::fault::Fault;

/// A row and a decision.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Sealed {
    pub(super) row: LegacyRow,
    #[serde(default)]
    pub(super) resolution: Resolution,
}

fn bound_to(table: SourceTable, legacy_id: i64) -> Vec<u8> {
    format!("{} {legacy_id}", table.as_str()).into_bytes()
}

impl Sealed {
    /// Seals it, bound to its record.
    pub(super) fn seal(
        &self,
        app: &App,
        table: SourceTable,
        legacy_id: i64,
    ) -> Result<Vec<u8>, Fault> {
        let plain = zeroize::Zeroizing::new(serde_json::to_vec(self)?);
        let aad = bound_to(table, legacy_id);
        Ok(app
            .keyring
            .seal(Purpose::Imports, &app.random, &aad, &plain))
    }

    /// Opens what [`Self::seal`] sealed.
    pub(super) fn open(
        app: &App,
        table: SourceTable,
        legacy_id: i64,
        sealed: &[u8],
    ) -> Result<Self, Fault> {
        let aad = bound_to(table, legacy_id);
        let plain = app.keyring.open(Purpose::Imports, &aad, sealed)?;
        Ok(serde_json::from_slice(&plain)?)
    }
}
