//! Accounts by id.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use sea_orm::{ColumnTrait, ConnectionTrait as _, EntityTrait, QueryFilter, QueryTrait as _};

use super::{ReadFailure, Reader};
use crate::domain::ids::UserId;
use crate::domain::user::User;
use crate::entities::user::{Column, Entity, Model};

/// The live account with this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserById(pub UserId);

impl Loader<UserById> for Reader {
    /// Shared: a request often has one person in many places.
    type Value = Arc<User>;
    type Error = ReadFailure;

    async fn load(&self, keys: &[UserById]) -> Result<HashMap<UserById, Arc<User>>, ReadFailure> {
        let ids = keys.iter().map(|key| key.0.uuid());
        let select = Entity::find()
            .filter(Column::Id.is_in(ids))
            .filter(Column::DeletedAt.is_null())
            .into_query();
        let rows = self.database.query_all(&select).await?;
        rows.iter()
            .map(|row| {
                let user = User::try_from(Model::read(row, &mut 0)?)?;
                Ok((UserById(user.id), Arc::new(user)))
            })
            .collect()
    }
}
