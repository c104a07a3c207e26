//! Refresh tokens: only their hashes, and during the reuse window a sealed successor.

use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait as _, EntityTrait, IntoActiveModel as _, Iterable as _, JoinType,
    PaginatorTrait as _, QueryFilter, QueryOrder as _, QuerySelect, QueryTrait as _,
    RelationTrait as _, Statement, Value,
};
use uuid::Uuid;

use super::database::{Database, Tx};
use crate::domain::ids::{RefreshTokenId, SessionId, UserId};
use crate::domain::session::Session;
use crate::domain::token::HashedToken;
use crate::domain::user::User;
use crate::domain::user_agent::UserAgent;
use crate::entities::refresh_token::{Column, Entity, Model};
use crate::entities::{session, user};
use crate::fault::Fault;

/// A refresh token as it is stored.
#[derive(Debug)]
pub struct RefreshToken {
    /// Its id.
    pub id: RefreshTokenId,
    /// Its session, which is its family.
    pub session_id: SessionId,
    /// When it expires, unless used before.
    pub expires_at: DateTime<Utc>,
    /// The token it replaced.
    pub predecessor_id: Option<RefreshTokenId>,
    /// Its use, once it was used.
    pub consumed: Option<Consumed>,
}

/// The use of a token.
#[derive(Debug)]
pub struct Consumed {
    /// When.
    pub at: DateTime<Utc>,
    /// The token that replaced it.
    pub successor_id: RefreshTokenId,
    /// That token, sealed under a key derived from the consumed one; removed after the window.
    pub sealed_successor: Option<Vec<u8>>,
}

impl RefreshToken {
    /// Whether it is unused.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.consumed.is_none()
    }
}

impl From<Model> for RefreshToken {
    fn from(row: Model) -> Self {
        let consumed = row
            .consumed_at
            .zip(row.successor_id)
            .map(|(at, successor)| Consumed {
                at,
                successor_id: successor.into(),
                sealed_successor: row.sealed_successor,
            });
        Self {
            id: row.id.into(),
            session_id: row.session_id.into(),
            expires_at: row.expires_at,
            predecessor_id: row.predecessor_id.map(Into::into),
            consumed,
        }
    }
}

/// The token with this hash, its session and their user, on Postgres: the text is built once.
pub async fn find_with_session(
    database: &Database,
    hash: &HashedToken,
) -> Result<Option<(RefreshToken, Session, User)>, Fault> {
    static TEXT: OnceLock<String> = OnceLock::new();
    let hash = hash.as_bytes().to_vec();
    let backend = database.get_database_backend();
    let text = TEXT.get_or_init(|| {
        let select = Entity::find()
            .inner_join(session::Entity)
            .join(JoinType::InnerJoin, session::Relation::User.def())
            .filter(Column::TokenHash.eq(hash.clone()));
        let mut select = select.into_query();
        select.columns(session::Column::iter().map(|column| column.as_column_ref()));
        select.columns(user::Column::iter().map(|column| column.as_column_ref()));
        backend.build(&select).sql
    });
    let statement = Statement::from_sql_and_values(backend, text, [hash.into()]);
    let Some(row) = database.query_one_raw(statement).await? else {
        return Ok(None);
    };
    let mut position = 0;
    let token = Model::read(&row, &mut position)?;
    let session = session::Model::read(&row, &mut position)?;
    let user = user::Model::read(&row, &mut position)?;
    Ok(Some((token.into(), session.into(), user.try_into()?)))
}

/// Consumes a token, adds its successor and records the use of the session, in one statement of
/// Postgres; `false` when the token was consumed or the session revoked meanwhile.
///
/// The row of the token is locked first, as by [`lock_by_hash`].
pub async fn rotate(
    database: &Database,
    token: RefreshTokenId,
    consumed: Consumed,
    (successor, hash): (&RefreshToken, &HashedToken),
    (ip_address, agent): (&str, &UserAgent),
) -> Result<bool, Fault> {
    const STATEMENT: &str = "\
        WITH consumed AS (\
            UPDATE refresh_tokens \
            SET consumed_at = $1, successor_id = $2, sealed_successor = $3 \
            WHERE id = $4 AND consumed_at IS NULL \
            RETURNING session_id\
        ), used AS (\
            UPDATE sessions \
            SET last_seen_at = $1, ip_address = $5, user_agent = $6, browser = $7, os = $8, device = $9 \
            FROM consumed \
            WHERE sessions.id = consumed.session_id AND sessions.revoked_at IS NULL \
            RETURNING sessions.id\
        ) \
        INSERT INTO refresh_tokens \
            (id, session_id, token_hash, created_at, expires_at, predecessor_id) \
        SELECT $2, used.id, $10, $1, $11, $4 FROM used \
        RETURNING id";
    let values: [Value; 11] = [
        consumed.at.into(),
        successor.id.uuid().into(),
        consumed.sealed_successor.into(),
        token.uuid().into(),
        ip_address.into(),
        agent.text.as_str().into(),
        agent.browser.as_str().into(),
        agent.os.as_str().into(),
        agent.device.as_str().into(),
        hash.as_bytes().to_vec().into(),
        successor.expires_at.into(),
    ];
    let backend = database.get_database_backend();
    let statement = Statement::from_sql_and_values(backend, STATEMENT, values);
    Ok(database.query_one_raw(statement).await?.is_some())
}

/// Locks the token with this hash.
pub async fn lock_by_hash(tx: &Tx, hash: &HashedToken) -> Result<Option<RefreshToken>, Fault> {
    let row = Entity::find()
        .filter(Column::TokenHash.eq(hash.as_bytes().to_vec()))
        .lock_exclusive()
        .one(tx)
        .await?;
    Ok(row.map(Into::into))
}

/// Locks the token with this id.
pub async fn lock(tx: &Tx, id: RefreshTokenId) -> Result<Option<RefreshToken>, Fault> {
    let row = Entity::find_by_id(id.uuid())
        .lock_exclusive()
        .one(tx)
        .await?;
    Ok(row.map(Into::into))
}

/// Locks the tokens of a person's sessions. A rotation locks its token before its session, so whoever
/// is about to delete both does this first: otherwise the two could wait for each other.
pub async fn lock_of_user(tx: &Tx, user: UserId) -> Result<(), Fault> {
    let sessions = session::Entity::find()
        .select_only()
        .column(session::Column::Id)
        .filter(session::Column::UserId.eq(user.uuid()))
        .into_query();
    let _: Vec<Uuid> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::SessionId.in_subquery(sessions))
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .into_tuple()
        .all(tx)
        .await?;
    Ok(())
}

/// Adds a token to its family.
pub async fn insert(
    tx: &Tx,
    token: &RefreshToken,
    hash: &HashedToken,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    let row = Model {
        id: token.id.uuid(),
        session_id: token.session_id.uuid(),
        token_hash: hash.as_bytes().to_vec(),
        created_at: now,
        expires_at: token.expires_at,
        predecessor_id: token.predecessor_id.map(RefreshTokenId::uuid),
        consumed_at: None,
        successor_id: None,
        sealed_successor: None,
    };
    Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Marks a token as used and stores its sealed successor for the reuse window.
pub async fn consume(tx: &Tx, id: RefreshTokenId, consumed: Consumed) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::ConsumedAt, Expr::value(consumed.at))
        .col_expr(
            Column::SuccessorId,
            Expr::value(consumed.successor_id.uuid()),
        )
        .col_expr(
            Column::SealedSuccessor,
            Expr::value(consumed.sealed_successor),
        )
        .filter(Column::Id.eq(id.uuid()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Removes the sealed successors of tokens that were used before `until`.
pub async fn forget_successors(database: &Database, until: DateTime<Utc>) -> Result<u64, Fault> {
    let outcome = Entity::update_many()
        .col_expr(
            Column::SealedSuccessor,
            Expr::value(Option::<Vec<u8>>::None),
        )
        .filter(Column::SealedSuccessor.is_not_null())
        .filter(Column::ConsumedAt.lt(until))
        .exec(database)
        .await?;
    Ok(outcome.rows_affected)
}

/// Whether a refresh token of the session was used.
pub async fn is_any_used(tx: &Tx, session: SessionId) -> Result<bool, Fault> {
    let used = Entity::find()
        .filter(Column::SessionId.eq(session.uuid()))
        .filter(Column::ConsumedAt.is_not_null());
    Ok(used.count(tx).await? > 0)
}

/// Deletes the unused tokens of a session that replaced no other and were issued before this moment.
pub async fn delete_issued_before(
    tx: &Tx,
    session: SessionId,
    moment: DateTime<Utc>,
) -> Result<(), Fault> {
    Entity::delete_many()
        .filter(Column::SessionId.eq(session.uuid()))
        .filter(Column::PredecessorId.is_null())
        .filter(Column::ConsumedAt.is_null())
        .filter(Column::CreatedAt.lt(moment))
        .exec(tx)
        .await?;
    Ok(())
}
