//! Accounts.
//!
//! Reads and creation are here; `profile`, `credentials`, `administration` and `deletion` change
//! accounts, `imported` brings those of the legacy system, and `folded` writes the columns that
//! searches read.

mod administration;
mod credentials;
mod deletion;
mod exported;
mod folded;
mod imported;
mod profile;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict, SimpleExpr};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter,
    QueryOrder, QueryResult, QuerySelect, RelationTrait, Select, TryInsertResult, UpdateMany,
};

use crate::domain::email::EmailAddress;
use crate::domain::identifier::Identifier;
use crate::domain::ids::UserId;
use crate::domain::phone::PhoneNumber;
use crate::domain::role::{AuthProvider, Role};
use crate::domain::user::User;
use crate::entities::user::{ActiveModel, Column, Entity, Model, Relation};
use crate::entities::{password, person_key};
use crate::fault::Fault;
use crate::stores::Tx;

pub use administration::{
    LockScope, StaffRecord, count_other_admins, lock_for_administration, set_role, set_suspended,
    update_staff_record,
};
pub use credentials::{
    change_address, detach_address, mark_unverified, mark_unverified_since, mark_verified,
    renew_credentials, reset_unverified_account, set_privileges, soft_delete,
};
pub use deletion::{
    SignInAccount, as_json, count_due, delete, find_to_sign_in, lock_due, mark_deleted,
    mark_restored, taken_addresses,
};
pub use exported::{count_all, page};
pub use folded::fold_missing;
pub use imported::{
    Holder, Imported, ImportedUser, count_imported, find_imported, holders, insert_imported,
    lock_imported, overwrite_imported,
};
pub use profile::{ProfileChange, set_avatar, update_profile};

/// An account with what is needed to check a password and to record audit events.
#[derive(Debug)]
pub struct Credentials {
    /// The account.
    pub user: User,
    /// Its password hash, if it has a password.
    pub password_hash: Option<String>,
    /// The sealed key of the person's audit events; absent once erased.
    pub sealed_person_key: Option<Vec<u8>>,
}

struct Row {
    user: Model,
    password_hash: Option<String>,
    sealed_person_key: Option<Vec<u8>>,
}

impl FromQueryResult for Row {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, sea_orm::DbErr> {
        Ok(Self {
            user: Model::from_query_result(row, prefix)?,
            password_hash: row.try_get(prefix, "password_hash")?,
            sealed_person_key: row.try_get(prefix, "sealed_person_key")?,
        })
    }
}

impl TryFrom<Row> for Credentials {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        Ok(Self {
            user: row.user.try_into()?,
            password_hash: row.password_hash,
            sealed_person_key: row.sealed_person_key,
        })
    }
}

fn with_credentials(select: Select<Entity>) -> Select<Entity> {
    select
        .join(JoinType::LeftJoin, Relation::Password.def())
        .join(JoinType::LeftJoin, Relation::PersonKey.def())
        .column_as(password::Column::Hash, "password_hash")
        .column_as(person_key::Column::SealedKey, "sealed_person_key")
}

/// Which account to choose if several have the same address. At most one has verified it; the
/// others have verified their other address, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TieBreak {
    /// The account that control of the address gives access to.
    Owner,
    /// The account that can sign in with a password: a verified one.
    SignIn,
    /// This account if it has the address, else the owner.
    PreferUser(UserId),
}

fn with_identifier(identifier: &Identifier, tie_break: TieBreak) -> Select<Entity> {
    let select = with_credentials(Entity::find())
        .filter(has_identifier(identifier))
        .filter(Column::DeletedAt.is_null());
    let (this, other) = match identifier {
        Identifier::Phone(_) => (Column::PhoneVerified, Column::EmailVerified),
        Identifier::Email(_) | Identifier::Other(_) => {
            (Column::EmailVerified, Column::PhoneVerified)
        }
    };
    let select = match tie_break {
        TieBreak::PreferUser(user) => select.order_by_desc(Column::Id.eq(user.uuid())),
        TieBreak::Owner | TieBreak::SignIn => select,
    };
    let select = select.order_by_desc(this);
    match tie_break {
        TieBreak::Owner | TieBreak::PreferUser(_) => select.order_by_asc(other),
        TieBreak::SignIn => select.order_by_desc(other),
    }
}

fn has_identifier(identifier: &Identifier) -> SimpleExpr {
    match identifier {
        Identifier::Email(email) => Column::EmailCanonical.eq(email.canonical()),
        Identifier::Phone(phone) => Column::Phone.eq(phone.as_str()),
        // Not an address: run the same query, so that the timing is equal.
        Identifier::Other(text) => Column::EmailCanonical.eq(text.as_str()),
    }
}

/// The live account with this identifier.
pub async fn find_by_identifier(
    connection: &impl ConnectionTrait,
    identifier: &Identifier,
    tie_break: TieBreak,
) -> Result<Option<Credentials>, Fault> {
    let select = with_identifier(identifier, tie_break);
    let row = select.into_model::<Row>().one(connection).await?;
    row.map(TryInto::try_into).transpose()
}

/// Every live account with this address, its owner first.
pub async fn find_all_by_identifier(
    tx: &Tx,
    identifier: &Identifier,
) -> Result<Vec<Credentials>, Fault> {
    let select = with_identifier(identifier, TieBreak::Owner);
    let rows = select.into_model::<Row>().all(tx).await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The account with this id, deleted or not.
pub async fn find_by_id(
    connection: &impl ConnectionTrait,
    id: UserId,
) -> Result<Option<Credentials>, Fault> {
    let select = with_credentials(Entity::find_by_id(id.uuid()));
    let row = select.into_model::<Row>().one(connection).await?;
    row.map(TryInto::try_into).transpose()
}

/// Locks the account with this id.
pub async fn lock(tx: &Tx, id: UserId) -> Result<Option<User>, Fault> {
    let row = Entity::find_by_id(id.uuid())
        .lock_exclusive()
        .one(tx)
        .await?;
    Ok(row.map(TryInto::try_into).transpose()?)
}

/// Locks the live account that was imported with this primary key.
pub async fn lock_by_legacy_id(tx: &Tx, legacy_id: i64) -> Result<Option<User>, Fault> {
    let row = Entity::find()
        .filter(Column::LegacyId.eq(legacy_id))
        .filter(Column::DeletedAt.is_null())
        .lock_exclusive()
        .one(tx)
        .await?;
    Ok(row.map(TryInto::try_into).transpose()?)
}

/// The live account that was imported with this primary key.
pub async fn find_by_legacy_id(
    connection: &impl ConnectionTrait,
    legacy_id: i64,
) -> Result<Option<User>, Fault> {
    let row = Entity::find()
        .filter(Column::LegacyId.eq(legacy_id))
        .filter(Column::DeletedAt.is_null())
        .one(connection)
        .await?;
    Ok(row.map(TryInto::try_into).transpose()?)
}

/// A new account.
#[derive(Debug)]
pub struct NewUser<'a> {
    /// Its id.
    pub id: UserId,
    /// Its public identifier.
    pub pid: String,
    /// The e-mail address it signs in with.
    pub email: Option<&'a EmailAddress>,
    /// Or the phone number.
    pub phone: Option<&'a PhoneNumber>,
    /// Given name.
    pub first_name: &'a str,
    /// Family name.
    pub last_name: &'a str,
    /// Role.
    pub role: Role,
    /// How the person registered.
    pub auth_provider: AuthProvider,
    /// Whether the address is verified.
    pub verified: bool,
    /// The current time.
    pub now: DateTime<Utc>,
}

/// Adds an account; `false` when one of its addresses belongs to another live account. An account
/// that has verified only its other address does not count.
pub async fn insert(tx: &Tx, new: NewUser<'_>) -> Result<bool, Fault> {
    let text = |value: &str| ActiveValue::Set(value.to_owned());
    let mut row = ActiveModel {
        id: ActiveValue::Set(new.id.uuid()),
        pid: ActiveValue::Set(new.pid),
        email: ActiveValue::Set(new.email.map(|email| email.as_str().to_owned())),
        email_canonical: ActiveValue::Set(new.email.map(|email| email.canonical().to_owned())),
        email_verified: ActiveValue::Set(new.verified && new.email.is_some()),
        phone: ActiveValue::Set(new.phone.map(|phone| phone.as_str().to_owned())),
        phone_verified: ActiveValue::Set(new.verified && new.phone.is_some()),
        first_name: text(new.first_name),
        last_name: text(new.last_name),
        role: text(new.role.as_str()),
        auth_provider: text(new.auth_provider.as_str()),
        is_verified: ActiveValue::Set(new.verified),
        first_verified_at: ActiveValue::Set(new.verified.then_some(new.now)),
        created_at: ActiveValue::Set(new.now),
        updated_at: ActiveValue::Set(new.now),
        ..ActiveModel::default()
    };
    let email = new.email.map(EmailAddress::as_str);
    folded::fold_new(&mut row, email, new.first_name, new.last_name);
    let outcome = Entity::insert(row)
        // No conflict target, so that it covers both addresses.
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .try_insert()
        .exec_without_returning(tx)
        .await?;
    Ok(matches!(outcome, TryInsertResult::Inserted(1..)))
}

/// Records a sign-in; `None` when the credentials changed since they were read, or the account was
/// suspended or deleted.
///
/// The version is part of the condition, so an update that waits for a concurrent change of
/// credentials then matches no row.
pub async fn record_login(
    tx: &Tx,
    id: UserId,
    credential_version: i64,
    now: DateTime<Utc>,
) -> Result<Option<User>, Fault> {
    let update = Entity::update_many()
        .col_expr(Column::LastLoginAt, Expr::value(now))
        .filter(Column::CredentialVersion.eq(credential_version))
        .filter(Column::DeletedAt.is_null())
        .filter(Column::SuspendedAt.is_null());
    apply_if(tx, id, update).await
}

/// Updates one account and returns it as written.
async fn apply(tx: &Tx, id: UserId, update: UpdateMany<Entity>) -> Result<User, Fault> {
    let updated = apply_if(tx, id, update).await?;
    updated.ok_or_else(|| Fault::new("the account to update does not exist"))
}

/// Updates one account and returns it as written; `None` when it does not meet the conditions.
async fn apply_if(tx: &Tx, id: UserId, update: UpdateMany<Entity>) -> Result<Option<User>, Fault> {
    let update = update.filter(Column::Id.eq(id.uuid()));
    let rows = update.exec_with_returning(tx).await?;
    Ok(rows.into_iter().next().map(User::try_from).transpose()?)
}
