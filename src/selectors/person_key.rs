//! The sealed keys of people, to open what is recorded about them.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{ReadFailure, Reader};
use crate::domain::ids::UserId;
use crate::entities::person_key::{Column, Entity};

/// The sealed key of this person, unless it was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SealedKeyOfUser(pub UserId);

impl Loader<SealedKeyOfUser> for Reader {
    type Value = Vec<u8>;
    type Error = ReadFailure;

    async fn load(
        &self,
        keys: &[SealedKeyOfUser],
    ) -> Result<HashMap<SealedKeyOfUser, Vec<u8>>, ReadFailure> {
        let read = async |keys: Vec<SealedKeyOfUser>| {
            let rows = Entity::find()
                .filter(Column::UserId.is_in(keys.iter().map(|key| key.0.uuid())))
                .all(&*self.turn().await)
                .await?;
            let keys = rows
                .into_iter()
                .map(|row| (SealedKeyOfUser(row.user_id.into()), row.sealed_key));
            Ok(keys.collect())
        };
        self.together(keys, read).await
    }
}
