//! Identities at providers, by person.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder as _};

use super::{ReadFailure, Reader};
use crate::domain::identity::Identity;
use crate::domain::ids::UserId;
use crate::entities::identity::{Column, Entity};

/// What a person can sign in with at providers, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdentitiesOfUser(pub UserId);

impl Loader<IdentitiesOfUser> for Reader {
    type Value = Vec<Identity>;
    type Error = ReadFailure;

    async fn load(
        &self,
        keys: &[IdentitiesOfUser],
    ) -> Result<HashMap<IdentitiesOfUser, Vec<Identity>>, ReadFailure> {
        let rows = Entity::find()
            .filter(Column::UserId.is_in(keys.iter().map(|key| key.0.uuid())))
            .filter(Column::UnlinkedAt.is_null())
            .order_by_asc(Column::CreatedAt)
            .order_by_asc(Column::Id)
            .all(&*self.turn().await)
            .await?;
        let mut found: HashMap<IdentitiesOfUser, Vec<Identity>> = HashMap::new();
        for identity in rows.into_iter().map(Identity::from) {
            found
                .entry(IdentitiesOfUser(identity.user_id))
                .or_default()
                .push(identity);
        }
        Ok(found)
    }
}
