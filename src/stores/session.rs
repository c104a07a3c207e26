//! Sessions.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel as _, Iterable as _, QueryFilter,
    QueryTrait, Statement, Value,
};
use uuid::Uuid;

use super::database::{Database, Tx};
use super::legacy_sign_out;
use crate::domain::event::DomainEvent;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::session::{RevocationReason, Session};
use crate::domain::user::User;
use crate::domain::user_agent::UserAgent;
use crate::entities::session::{Column, Entity, Model};
use crate::entities::user;
use crate::fault::Fault;
use crate::shared_read::{MAX_KEYS, SharedRead};

/// Lengths of the lists of ids that share a statement: the powers of two.
const LENGTHS: usize = MAX_KEYS.ilog2() as usize + 1;

/// Reads sessions with their users to authenticate requests: those that wait at the same moment share
/// a statement.
#[derive(Default)]
pub struct SessionReader(SharedRead<SessionId, (Arc<Session>, Arc<User>), Fault>);

impl SessionReader {
    /// A reader for callers who come together, as the listeners to an event do.
    #[must_use]
    pub fn patient(patience: Duration) -> Self {
        Self(SharedRead::patient(patience))
    }

    /// A session with its user, as committed when this was called or later.
    pub async fn find_with_user(
        &self,
        database: &Database,
        id: SessionId,
    ) -> Result<Option<(Arc<Session>, Arc<User>)>, Fault> {
        let read = async |ids| find_with_users(database, ids).await;
        self.0.get(id, read).await
    }
}

/// Sessions with their users.
async fn find_with_users(
    database: &Database,
    ids: Vec<SessionId>,
) -> Result<HashMap<SessionId, (Arc<Session>, Arc<User>)>, Fault> {
    let rows = database.query_all_raw(with_users(database, ids)).await?;
    let mut found = HashMap::with_capacity(rows.len());
    for row in rows {
        let mut position = 0;
        let session = Session::from(Model::read(&row, &mut position)?);
        let user = User::try_from(user::Model::read(&row, &mut position)?)?;
        found.insert(session.id, (Arc::new(session), Arc::new(user)));
    }
    Ok(found)
}

/// The statement for these ids. Its text is built once for each of a few lengths, so that Postgres
/// also prepares few statements: the last id is repeated.
fn with_users(database: &Database, mut ids: Vec<SessionId>) -> Statement {
    static TEXTS: [[OnceLock<String>; LENGTHS]; 2] =
        [const { [const { OnceLock::new() }; LENGTHS] }; 2];
    if let Some(&last) = ids.last() {
        ids.resize(ids.len().next_power_of_two(), last);
    }
    let ids = ids.into_iter().map(SessionId::uuid);
    let backend = database.get_database_backend();
    let length = ids.len().ilog2() as usize;
    let texts = TEXTS.get(usize::from(database.is_sqlite()));
    let build = || {
        let ids = Column::Id.is_in(ids.clone());
        let select = Entity::find().inner_join(user::Entity).filter(ids);
        let mut select = select.into_query();
        select.columns(user::Column::iter().map(|column| column.as_column_ref()));
        backend.build(&select).sql
    };
    let text = texts.and_then(|texts| texts.get(length));
    let text = text.map_or_else(&build, |text| text.get_or_init(&build).clone());
    Statement::from_sql_and_values(backend, text, ids.map(Value::from))
}

/// A session with its user, in a transaction.
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
    if !matches!(which, SessionSet::Only(_)) {
        // First: a session that begins meanwhile holds the account's lock, and is then seen below.
        legacy_sign_out::record(tx, owner, now).await?;
    }
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
