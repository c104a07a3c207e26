//! Accounts of the legacy system: creating many at once, and bringing one up to date.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::IntoCondition as _;
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, EntityTrait, PaginatorTrait as _, QueryFilter, QuerySelect,
};
use uuid::Uuid;

use super::folded;
use crate::domain::email::EmailAddress;
use crate::domain::ids::UserId;
use crate::domain::user::User;
use crate::entities::password;
use crate::entities::user::{ActiveModel, Column, Entity};
use crate::fault::Fault;
use crate::stores::{Tx, bulk};

/// An account with its address as it was parsed.
#[derive(Debug)]
pub struct ImportedUser {
    /// The account.
    pub user: User,
    /// Its address, which `user.email` spells.
    pub email: Option<EmailAddress>,
}

/// Who has an address, a public id or a legacy id.
#[derive(Clone)]
pub struct Holder {
    /// The account.
    pub id: UserId,
    /// Its legacy id.
    pub legacy_id: Option<i64>,
    /// Its public id.
    pub pid: String,
    /// Its address.
    pub email_canonical: Option<String>,
    /// Its phone number.
    pub phone: Option<String>,
    /// Whether it is live, so that its addresses are taken.
    pub is_live: bool,
}

fn row(account: ImportedUser) -> ActiveModel {
    let ImportedUser { user, email } = account;
    let mut row = ActiveModel {
        id: ActiveValue::Set(user.id.uuid()),
        pid: ActiveValue::Set(user.pid),
        legacy_id: ActiveValue::Set(user.legacy_id),
        email_canonical: ActiveValue::Set(email.as_ref().map(|email| email.canonical().to_owned())),
        email_verified: ActiveValue::Set(user.email_verified),
        phone: ActiveValue::Set(user.phone),
        phone_verified: ActiveValue::Set(user.phone_verified),
        avatar: ActiveValue::Set(user.avatar),
        bio: ActiveValue::Set(user.bio),
        country: ActiveValue::Set(user.country),
        state: ActiveValue::Set(user.state),
        city: ActiveValue::Set(user.city),
        address: ActiveValue::Set(user.address),
        locale: ActiveValue::Set(user.locale),
        role: ActiveValue::Set(user.role.as_str().to_owned()),
        staff_functions: ActiveValue::Set(user.staff_functions.to_text()),
        auth_provider: ActiveValue::Set(user.auth_provider.as_str().to_owned()),
        is_verified: ActiveValue::Set(user.is_verified),
        vendor_id: ActiveValue::Set(user.vendor_id),
        staff_note: ActiveValue::Set(user.staff_note),
        credential_version: ActiveValue::Set(user.credential_version),
        suspended_at: ActiveValue::Set(user.suspended_at),
        suspended_reason: ActiveValue::Set(user.suspended_reason),
        last_login_at: ActiveValue::Set(user.last_login_at),
        created_at: ActiveValue::Set(user.created_at),
        updated_at: ActiveValue::Set(user.updated_at),
        deleted_at: ActiveValue::Set(user.deleted_at),
        first_verified_at: ActiveValue::Set(user.first_verified_at),
        reclaimed_at: ActiveValue::Set(user.reclaimed_at),
        ..ActiveModel::default()
    };
    let written = email.as_ref().map(EmailAddress::as_str);
    folded::fold_new(&mut row, written, &user.first_name, &user.last_name);
    row.email = ActiveValue::Set(written.map(str::to_owned));
    row.first_name = ActiveValue::Set(user.first_name);
    row.last_name = ActiveValue::Set(user.last_name);
    row
}

/// Adds accounts; `false` when one of their addresses or ids is taken, or the database refuses one for
/// another reason, which fails the transaction.
pub async fn insert_imported(tx: &Tx, accounts: Vec<ImportedUser>) -> Result<bool, Fault> {
    let rows = accounts.into_iter().map(|account| ActiveModel {
        email_changed_at: ActiveValue::Set(None),
        phone_changed_at: ActiveValue::Set(None),
        ..row(account)
    });
    bulk::insert(tx, rows.collect()).await
}

/// Writes an account that [`lock_imported`] holds; `false` as [`insert_imported`].
pub async fn overwrite_imported(tx: &Tx, account: ImportedUser) -> Result<bool, Fault> {
    match Entity::update(row(account)).exec(tx).await {
        Ok(_) => Ok(true),
        Err(error) if bulk::is_refusal(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Who has any of these addresses and ids.
pub async fn holders(
    tx: &Tx,
    emails: Vec<String>,
    phones: Vec<String>,
    pids: Vec<String>,
    legacy_ids: Vec<i64>,
) -> Result<Vec<Holder>, Fault> {
    type Row = (
        Uuid,
        Option<i64>,
        String,
        Option<String>,
        Option<String>,
        Option<DateTime<Utc>>,
    );
    let mut holders = Vec::new();
    // One statement for each index.
    let lookups: [Option<Condition>; 4] = [
        (!emails.is_empty()).then(|| Column::EmailCanonical.is_in(emails).into_condition()),
        (!phones.is_empty()).then(|| Column::Phone.is_in(phones).into_condition()),
        (!pids.is_empty()).then(|| Column::Pid.is_in(pids).into_condition()),
        (!legacy_ids.is_empty()).then(|| Column::LegacyId.is_in(legacy_ids).into_condition()),
    ];
    for condition in lookups.into_iter().flatten() {
        let rows: Vec<Row> = Entity::find()
            .select_only()
            .columns([
                Column::Id,
                Column::LegacyId,
                Column::Pid,
                Column::EmailCanonical,
                Column::Phone,
                Column::DeletedAt,
            ])
            .filter(condition)
            .into_tuple()
            .all(tx)
            .await?;
        let rows = rows.into_iter();
        holders.extend(
            rows.map(
                |(id, legacy_id, pid, email_canonical, phone, deleted_at)| Holder {
                    id: id.into(),
                    legacy_id,
                    pid,
                    email_canonical,
                    phone,
                    is_live: deleted_at.is_none(),
                },
            ),
        );
    }
    Ok(holders)
}

/// Locks an account, and says when its password was set, if it has one.
pub async fn lock_imported(
    tx: &Tx,
    id: UserId,
) -> Result<Option<(User, Option<DateTime<Utc>>)>, Fault> {
    let row = Entity::find_by_id(id.uuid())
        .lock_exclusive()
        .one(tx)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let password = password::Entity::find_by_id(id.uuid()).one(tx).await?;
    let changed_at = password.map(|password| password.changed_at);
    Ok(Some((row.try_into()?, changed_at)))
}

/// An account that was imported.
#[derive(Debug)]
pub struct Imported {
    /// The account, live or deleted.
    pub user: User,
    /// When its password was set, if it has one.
    pub password_at: Option<DateTime<Utc>>,
}

/// These accounts.
pub async fn find_imported(tx: &Tx, ids: Vec<UserId>) -> Result<Vec<Imported>, Fault> {
    let ids: Vec<Uuid> = ids.into_iter().map(UserId::uuid).collect();
    let passwords = password::Entity::find()
        .filter(password::Column::UserId.is_in(ids.clone()))
        .all(tx)
        .await?;
    let passwords: HashMap<Uuid, DateTime<Utc>> = passwords
        .into_iter()
        .map(|password| (password.user_id, password.changed_at))
        .collect();
    let users = Entity::find().filter(Column::Id.is_in(ids)).all(tx).await?;
    users
        .into_iter()
        .map(|row| {
            let password_at = passwords.get(&row.id).copied();
            let user = row.try_into()?;
            Ok(Imported { user, password_at })
        })
        .collect()
}

/// How many accounts have a legacy id, deleted ones included.
pub async fn count_imported(tx: &Tx) -> Result<u64, Fault> {
    let imported = Entity::find().filter(Column::LegacyId.is_not_null());
    Ok(imported.count(tx).await?)
}
