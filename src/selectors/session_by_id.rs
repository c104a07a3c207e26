//! Sessions by id, live or over.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{ReadFailure, Reader};
use crate::domain::ids::SessionId;
use crate::domain::session::Session;
use crate::entities::session::{Column, Entity};

/// The session with this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionById(pub SessionId);

impl Loader<SessionById> for Reader {
    type Value = Session;
    type Error = ReadFailure;

    async fn load(
        &self,
        keys: &[SessionById],
    ) -> Result<HashMap<SessionById, Session>, ReadFailure> {
        let ids = keys.iter().map(|key| key.0.uuid());
        let rows = Entity::find()
            .filter(Column::Id.is_in(ids))
            .all(&self.database)
            .await?;
        let sessions = rows.into_iter().map(Session::from);
        Ok(sessions
            .map(|session| (SessionById(session.id), session))
            .collect())
    }
}
