//! Exports of a person's data, by owner and id.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{ReadFailure, Reader};
use crate::domain::data_export::DataExport;
use crate::domain::ids::{DataExportId, UserId};
use crate::entities::data_export::{Column, Entity};

/// The export with this id, if it is this person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExportOfUser(pub UserId, pub DataExportId);

impl Loader<ExportOfUser> for Reader {
    type Value = DataExport;
    type Error = ReadFailure;

    async fn load(
        &self,
        keys: &[ExportOfUser],
    ) -> Result<HashMap<ExportOfUser, DataExport>, ReadFailure> {
        let rows = Entity::find()
            .filter(Column::Id.is_in(keys.iter().map(|key| key.1.uuid())))
            .filter(Column::UserId.is_in(keys.iter().map(|key| key.0.uuid())))
            .all(&self.database)
            .await?;
        let exports = rows.into_iter().map(|row| {
            let export = DataExport::try_from(row)?;
            Ok((ExportOfUser(export.user, export.id), export))
        });
        exports.collect()
    }
}
