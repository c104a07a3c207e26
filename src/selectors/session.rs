//! Live sessions of people, newest first.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Condition, ExprTrait as _, SelectStatement, SimpleExpr};
use sea_orm::{
    ColumnTrait, EntityTrait, IntoSimpleExpr as _, QueryFilter, QuerySelect, QueryTrait,
};
use uuid::Uuid;

use super::page::{Keyset, PageRequest, bound};
use super::{ReadFailure, Reader};
use crate::domain::ids::UserId;
use crate::domain::session::Session;
use crate::entities::session::{Column, Entity, Model};

/// A page of the sessions of a person that are live at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionsOfUser {
    /// The user.
    pub user: UserId,
    /// The instant.
    pub now: DateTime<Utc>,
    /// The page.
    pub page: PageRequest,
}

/// The number of sessions of a person that are live at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionCountOfUser {
    /// The user.
    pub user: UserId,
    /// The instant.
    pub now: DateTime<Utc>,
}

impl Loader<SessionsOfUser> for Reader {
    type Value = Vec<Session>;
    type Error = ReadFailure;

    /// One statement for each distinct page: in practice, for each selection in the document.
    async fn load(
        &self,
        keys: &[SessionsOfUser],
    ) -> Result<HashMap<SessionsOfUser, Vec<Session>>, ReadFailure> {
        let mut requests: HashMap<(PageRequest, DateTime<Utc>), Vec<UserId>> = HashMap::new();
        for key in keys {
            let request = (key.page, key.now);
            requests.entry(request).or_default().push(key.user);
        }
        let mut found: HashMap<SessionsOfUser, Vec<Session>> = HashMap::new();
        for ((page, now), users) in requests {
            let page_of = |user| page_of(user, now, &page);
            for row in self.pages(&users, page_of).await? {
                let session = Session::from(Model::read(&row, &mut 0)?);
                let user = session.user_id;
                let key = SessionsOfUser { user, now, page };
                found.entry(key).or_default().push(session);
            }
        }
        for (key, sessions) in &mut found {
            key.page
                .sort(sessions, |session| (session.created_at, session.id.uuid()));
        }
        Ok(found)
    }
}

impl Loader<SessionCountOfUser> for Reader {
    type Value = u64;
    type Error = ReadFailure;

    async fn load(
        &self,
        keys: &[SessionCountOfUser],
    ) -> Result<HashMap<SessionCountOfUser, u64>, ReadFailure> {
        let mut instants: HashMap<DateTime<Utc>, Vec<Uuid>> = HashMap::new();
        for key in keys {
            instants.entry(key.now).or_default().push(key.user.uuid());
        }
        let mut found = HashMap::new();
        for (now, users) in instants {
            let rows: Vec<(Uuid, i64)> = Entity::find()
                .select_only()
                .column(Column::UserId)
                .column_as(Column::Id.count(), "live")
                .filter(live(now))
                .filter(Column::UserId.is_in(users))
                .group_by(Column::UserId)
                .into_tuple()
                .all(&*self.turn().await)
                .await?;
            for (user, count) in rows {
                let key = SessionCountOfUser {
                    user: user.into(),
                    now,
                };
                found.insert(key, u64::try_from(count)?);
            }
        }
        Ok(found)
    }
}

fn live(now: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(Column::RevokedAt.is_null())
        .add(Column::ExpiresAt.gt(now))
}

fn page_of(user: SimpleExpr, now: DateTime<Utc>, page: &PageRequest) -> SelectStatement {
    let mut select = Entity::find()
        .filter(live(now).add(Column::UserId.into_simple_expr().eq(user)))
        .into_query();
    let keyset = Keyset::newest_first(Column::CreatedAt, Column::Id);
    page.apply_to(&mut select, &keyset, bound);
    select
}
