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

/// A session, and what ended it.
#[derive(Clone, Debug)]
pub struct SessionWithReason {
    /// The session.
    pub session: Session,
    /// Why it was ended, as it was written down.
    pub revoked_reason: Option<String>,
}

impl Loader<SessionById> for Reader {
    type Value = SessionWithReason;
    type Error = ReadFailure;

    async fn load(
        &self,
        keys: &[SessionById],
    ) -> Result<HashMap<SessionById, SessionWithReason>, ReadFailure> {
        let read = async |keys: Vec<SessionById>| {
            let rows = Entity::find()
                .filter(Column::Id.is_in(keys.iter().map(|key| key.0.uuid())))
                .all(&*self.turn().await)
                .await?;
            let known = rows.into_iter().map(|mut row| {
                let revoked_reason = row.revoked_reason.take();
                let session = Session::from(row);
                let known = SessionWithReason {
                    session,
                    revoked_reason,
                };
                (SessionById(known.session.id), known)
            });
            Ok(known.collect())
        };
        self.together(keys, read).await
    }
}
