//! Live sessions of people, newest first, a slice for each; and any session by its id.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Alias, Condition, Expr, Order, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QuerySelect,
};
use uuid::Uuid;

use super::{ReadFailure, Reader};
use crate::domain::ids::{SessionId, UserId};
use crate::domain::session::Session;
use crate::entities::session::{Column, Entity, Model};

/// A place in the list: when the session there began, and its id.
pub type Place = (DateTime<Utc>, Uuid);

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slice<P = Place> {
    /// How many at most.
    pub limit: u64,
    /// Only what comes after this place.
    pub after: Option<P>,
    /// Only what comes before this place.
    pub before: Option<P>,
    /// Count from the end of the list instead of from its start.
    pub from_end: bool,
}

/// A slice of the sessions of a person that are live at this instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionsOfUser {
    /// Whose.
    pub user: UserId,
    /// When they have to be live.
    pub now: DateTime<Utc>,
    /// Which of them.
    pub slice: Slice,
}

/// The number of sessions of a person that are live at this instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionCountOfUser {
    /// Whose.
    pub user: UserId,
    /// When they have to be live.
    pub now: DateTime<Utc>,
}

/// The session with this id, live or over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionById(pub SessionId);

/// A session, and what ended it.
#[derive(Clone, Debug)]
pub struct KnownSession {
    /// The session.
    pub session: Session,
    /// Why it was ended, as it was written down.
    pub revoked_reason: Option<String>,
}

impl Loader<SessionById> for Reader {
    type Value = KnownSession;
    type Error = ReadFailure;

    async fn load(
        &self,
        keys: &[SessionById],
    ) -> Result<HashMap<SessionById, KnownSession>, ReadFailure> {
        let rows = Entity::find()
            .filter(Column::Id.is_in(keys.iter().map(|key| key.0.uuid())))
            .all(&self.database)
            .await?;
        let known = rows.into_iter().map(|mut row| {
            let revoked_reason = row.revoked_reason.take();
            let session = Session::from(row);
            let id = SessionById(session.id);
            let known = KnownSession {
                session,
                revoked_reason,
            };
            (id, known)
        });
        Ok(known.collect())
    }
}

impl Loader<SessionsOfUser> for Reader {
    type Value = Vec<Session>;
    type Error = ReadFailure;

    /// One statement for each distinct slice: in practice, one for each place in the document.
    async fn load(
        &self,
        keys: &[SessionsOfUser],
    ) -> Result<HashMap<SessionsOfUser, Vec<Session>>, ReadFailure> {
        let mut slices: HashMap<(Slice, DateTime<Utc>), Vec<Uuid>> = HashMap::new();
        for key in keys {
            slices
                .entry((key.slice, key.now))
                .or_default()
                .push(key.user.uuid());
        }
        let mut found: HashMap<SessionsOfUser, Vec<Session>> = HashMap::new();
        for ((slice, now), users) in slices {
            for row in self.database.query_all(&ranked(slice, now, users)).await? {
                let session = Session::from(Model::from_query_result(&row, "")?);
                let key = SessionsOfUser {
                    user: session.user_id,
                    now,
                    slice,
                };
                found.entry(key).or_default().push(session);
            }
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
                .all(&self.database)
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

/// Each person's sessions in list order, cut to the slice's limit by their rank.
fn ranked(slice: Slice, now: DateTime<Utc>, users: Vec<Uuid>) -> SelectStatement {
    let (direction, order) = if slice.from_end {
        ("ASC", Order::Asc)
    } else {
        ("DESC", Order::Desc)
    };
    let rank = format!(
        "ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY created_at {direction}, id {direction})"
    );
    let mut inner = Query::select();
    inner
        .expr(Expr::cust("*"))
        .expr_as(Expr::cust(rank), Alias::new("place"))
        .from(Entity)
        .cond_where(live(now).add(Column::UserId.is_in(users)));
    if let Some(place) = slice.after {
        inner.cond_where(beyond(place, Column::lt));
    }
    if let Some(place) = slice.before {
        inner.cond_where(beyond(place, Column::gt));
    }
    let mut outer = Query::select();
    outer
        .expr(Expr::cust("*"))
        .from_subquery(inner, Alias::new("ranked"))
        .and_where(Expr::col(Alias::new("place")).lte(slice.limit))
        .order_by(Column::CreatedAt, order.clone())
        .order_by(Column::Id, order);
    outer
}

/// Strictly beyond a place in the list, in the direction of the comparison.
fn beyond(
    (created_at, id): Place,
    compare: fn(&Column, sea_orm::Value) -> sea_orm::sea_query::SimpleExpr,
) -> Condition {
    Condition::any()
        .add(compare(&Column::CreatedAt, created_at.into()))
        .add(
            Condition::all()
                .add(Column::CreatedAt.eq(created_at))
                .add(compare(&Column::Id, id.into())),
        )
}
