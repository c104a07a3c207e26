//! Sessions.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel as _, QueryFilter,
    QueryTrait,
};
use uuid::Uuid;

use super::database::Tx;
use crate::domain::event::DomainEvent;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::session::{RevocationReason, Session};
use crate::domain::user::User;
use crate::domain::user_agent::UserAgent;
use crate::entities::session::{Column, Entity, Model};
use crate::entities::user;
use crate::fault::Fault;

/// A session with its user, in one statement, to authenticate a caller.
pub async fn find_with_user(
    connection: &impl ConnectionTrait,
    id: SessionId,
) -> Result<Option<(Session, User)>, Fault> {
    let select = Entity::find_by_id(id.uuid()).find_also_related(user::Entity);
    match select.one(connection).await? {
        Some((session, Some(user))) => Ok(Some((session.into(), user.try_into()?))),
        _ => Ok(None),
    }
}

/// Adds a session. A domain event is published on commit.
pub async fn insert(tx: &Tx, session: &Session) -> Result<(), Fault> {
    let row = Model {
        id: session.id.uuid(),
        user_id: session.user_id.uuid(),
        created_at: session.created_at,
        last_seen_at: session.last_seen_at,
        expires_at: session.expires_at,
        auth_time: session.auth_time,
        amr: session.amr.join(" "),
        ip_address: session.ip_address.clone(),
        user_agent: session.user_agent.clone(),
        browser: session.browser.clone(),
        os: session.os.clone(),
        device: session.device.clone(),
        revoked_at: None,
        revoked_reason: None,
    };
    Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await?;
    tx.publish_on_commit(DomainEvent::SignedIn {
        user: session.user_id,
        session: session.id,
    });
    Ok(())
}

/// Which sessions of a user to revoke.
#[derive(Clone, Copy, Debug)]
pub enum SessionSet {
    /// This one.
    Only(SessionId),
    /// All but this one.
    AllBut(SessionId),
    /// All of them.
    All,
}

/// Revokes live sessions of a user; returns how many. A domain event for each is published on
/// commit.
///
/// The only way in which sessions end before they expire. The owner is part of the condition, so
/// the id of another user's session has no effect (IDOR).
pub async fn revoke(
    tx: &Tx,
    owner: UserId,
    which: SessionSet,
    reason: RevocationReason,
    now: DateTime<Utc>,
) -> Result<u64, Fault> {
    let mut update = Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(now))
        .col_expr(Column::RevokedReason, Expr::value(reason.as_str()))
        .filter(Column::UserId.eq(owner.uuid()))
        .filter(Column::RevokedAt.is_null());
    update = match which {
        SessionSet::Only(id) => update.filter(Column::Id.eq(id.uuid())),
        SessionSet::AllBut(id) => update.filter(Column::Id.ne(id.uuid())),
        SessionSet::All => update,
    };
    let mut update = update.into_query();
    update.returning_col(Column::Id);
    let ended = tx.query_all(&update).await?;
    for row in &ended {
        let session = SessionId::from(row.try_get_by_index::<Uuid>(0)?);
        tx.publish_on_commit(DomainEvent::SessionEnded {
            user: owner,
            session,
        });
    }
    Ok(u64::try_from(ended.len())?)
}

/// Removes sessions that ended before `until`, with their tokens.
pub async fn delete_ended(tx: &Tx, until: DateTime<Utc>) -> Result<u64, Fault> {
    let ended = Condition::any()
        .add(Column::ExpiresAt.lt(until))
        .add(Column::RevokedAt.lt(until));
    let outcome = Entity::delete_many().filter(ended).exec(tx).await?;
    Ok(outcome.rows_affected)
}

/// Records the last use of a session: time, address and user agent.
pub async fn touch(
    tx: &Tx,
    id: SessionId,
    ip_address: &str,
    agent: &UserAgent,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::LastSeenAt, Expr::value(now))
        .col_expr(Column::IpAddress, Expr::value(ip_address))
        .col_expr(Column::UserAgent, Expr::value(agent.text.as_str()))
        .col_expr(Column::Browser, Expr::value(agent.browser.as_str()))
        .col_expr(Column::Os, Expr::value(agent.os.as_str()))
        .col_expr(Column::Device, Expr::value(agent.device.as_str()))
        .filter(Column::Id.eq(id.uuid()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Records that the user has authenticated again.
pub async fn reauthenticate(
    tx: &Tx,
    id: SessionId,
    amr: &[String],
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::AuthTime, Expr::value(now))
        .col_expr(Column::Amr, Expr::value(amr.join(" ")))
        .col_expr(Column::LastSeenAt, Expr::value(now))
        .filter(Column::Id.eq(id.uuid()))
        .exec(tx)
        .await?;
    Ok(())
}
