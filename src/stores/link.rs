//! Single-use links.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, IntoActiveModel as _, QueryFilter, QueryOrder as _,
};

use super::database::{Database, Tx};
use crate::domain::ids::{LinkId, UserId};
use crate::domain::token::HashedToken;
use crate::entities::link::{Column, Entity, Model};
use crate::fault::Fault;

/// What a link is for. A link of one purpose is never accepted for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPurpose {
    /// Verifying an e-mail address.
    VerifyEmail,
    /// Setting a new password.
    ResetPassword,
    /// Changing the e-mail address; sent to the new one.
    ChangeEmail,
    /// Reverting that; sent to the old address. Without an old address the row only records the
    /// change, and its token is discarded.
    RevertEmail,
    /// Accepting an invitation: setting the first password of an account that staff made.
    Invitation,
    /// Keeping an account that its owner has deleted.
    CancelDeletion,
}

impl LinkPurpose {
    /// Its spelling in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::ChangeEmail => "change_email",
            Self::RevertEmail => "revert_email",
            Self::Invitation => "invitation",
            Self::CancelDeletion => "cancel_deletion",
        }
    }
}

/// A link as it is stored.
#[derive(Debug)]
pub struct Link {
    /// Its id.
    pub id: LinkId,
    /// The account.
    pub user_id: UserId,
    /// The address it was sent to: canonical to open an account, as typed to change one.
    pub address: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
}

/// Stores a link under the hash of its token.
pub async fn insert(
    tx: &Tx,
    link: &Link,
    purpose: LinkPurpose,
    hash: &HashedToken,
) -> Result<(), Fault> {
    let row = Model {
        id: link.id.uuid(),
        user_id: link.user_id.uuid(),
        purpose: purpose.as_str().to_owned(),
        address: link.address.clone(),
        token_hash: hash.as_bytes().to_vec(),
        created_at: link.created_at,
        expires_at: link.expires_at,
    };
    Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// The link with this token hash, if it is of this purpose.
pub async fn find(
    database: &Database,
    purpose: LinkPurpose,
    hash: &HashedToken,
) -> Result<Option<Link>, Fault> {
    let select = Entity::find()
        .filter(Column::TokenHash.eq(hash.as_bytes().to_vec()))
        .filter(Column::Purpose.eq(purpose.as_str()));
    let row = select.one(database).await?;
    Ok(row.map(link))
}

fn link(row: Model) -> Link {
    Link {
        id: row.id.into(),
        user_id: row.user_id.into(),
        address: row.address,
        created_at: row.created_at,
        expires_at: row.expires_at,
    }
}

/// Deletes a link; `false` when it was deleted before.
pub async fn delete(tx: &Tx, id: LinkId) -> Result<bool, Fault> {
    let outcome = Entity::delete_by_id(id.uuid()).exec(tx).await?;
    Ok(outcome.rows_affected == 1)
}

/// Deletes the links of one purpose of a person.
pub async fn delete_of_user(tx: &Tx, user: UserId, purpose: LinkPurpose) -> Result<u64, Fault> {
    let outcome = Entity::delete_many()
        .filter(Column::UserId.eq(user.uuid()))
        .filter(Column::Purpose.eq(purpose.as_str()))
        .exec(tx)
        .await?;
    Ok(outcome.rows_affected)
}

/// The newest live link of one purpose of a person.
pub async fn newest_of_user(
    tx: &Tx,
    user: UserId,
    purpose: LinkPurpose,
    now: DateTime<Utc>,
) -> Result<Option<Link>, Fault> {
    let row = Entity::find()
        .filter(Column::UserId.eq(user.uuid()))
        .filter(Column::Purpose.eq(purpose.as_str()))
        .filter(Column::ExpiresAt.gt(now))
        .order_by_desc(Column::CreatedAt)
        .one(tx)
        .await?;
    Ok(row.map(link))
}

/// Deletes every link of a person except revert links that are older than this one.
pub async fn delete_since(tx: &Tx, redeemed: &Link) -> Result<(), Fault> {
    let is_older_revert = Condition::all()
        .add(Column::Purpose.eq(LinkPurpose::RevertEmail.as_str()))
        .add(Column::CreatedAt.lt(redeemed.created_at));
    Entity::delete_many()
        .filter(Column::UserId.eq(redeemed.user_id.uuid()))
        .filter(is_older_revert.not())
        .exec(tx)
        .await?;
    Ok(())
}

/// Deletes every link of a person except the oldest live revert link, which leads to the address
/// the account had before any recent change.
pub async fn delete_all_but_first_revert(
    tx: &Tx,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    let purpose = LinkPurpose::RevertEmail.as_str();
    let first = Entity::find()
        .filter(Column::UserId.eq(user.uuid()))
        .filter(Column::Purpose.eq(purpose))
        .filter(Column::ExpiresAt.gt(now))
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .one(tx)
        .await?;
    let mut delete = Entity::delete_many().filter(Column::UserId.eq(user.uuid()));
    if let Some(first) = first {
        delete = delete.filter(Column::Id.ne(first.id));
    }
    delete.exec(tx).await?;
    Ok(())
}

/// Deletes every link of a person.
pub async fn delete_all_of_user(tx: &Tx, user: UserId) -> Result<(), Fault> {
    Entity::delete_many()
        .filter(Column::UserId.eq(user.uuid()))
        .exec(tx)
        .await?;
    Ok(())
}
