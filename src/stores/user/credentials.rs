//! Changes of what signs a person in. Each raises `credential_version`, which a sign-in in progress
//! compares.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, Func, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait as _, QueryFilter, SqlErr};

use super::folded::{Name, with_email, with_name};
use super::{apply, apply_if};
use crate::domain::identifier::Identifier;
use crate::domain::ids::UserId;
use crate::domain::role::{Role, StaffFunctions};
use crate::domain::user::{Contact, User};
use crate::entities::user::{Column, Entity};
use crate::fault::Fault;
use crate::stores::Tx;

/// Raises the version of the credentials; `None` when it is not `version` any more.
pub async fn renew_credentials(
    tx: &Tx,
    id: UserId,
    version: i64,
    now: DateTime<Utc>,
) -> Result<Option<User>, Fault> {
    let update = Entity::update_many()
        .col_expr(Column::CredentialVersion, Expr::value(version + 1))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::CredentialVersion.eq(version))
        .filter(Column::DeletedAt.is_null());
    apply_if(tx, id, update).await
}

const fn verified(contact: Contact) -> Column {
    match contact {
        Contact::Email => Column::EmailVerified,
        Contact::Phone => Column::PhoneVerified,
    }
}

/// Keeps the first `first_verified_at`.
fn first_verified_since(now: DateTime<Utc>) -> SimpleExpr {
    Func::coalesce([Expr::col(Column::FirstVerifiedAt), Expr::value(now)]).into()
}

/// Marks an address as verified.
pub async fn mark_verified(
    tx: &Tx,
    id: UserId,
    contact: Contact,
    now: DateTime<Utc>,
) -> Result<User, Fault> {
    let update = Entity::update_many()
        .col_expr(verified(contact), Expr::value(true))
        .col_expr(Column::IsVerified, Expr::value(true))
        .col_expr(Column::FirstVerifiedAt, first_verified_since(now))
        .col_expr(Column::UpdatedAt, Expr::value(now));
    apply(tx, id, update).await
}

/// Marks an address as verified and clears everything else that was set before anyone had proven
/// to own the account: profile, role, and the other address.
pub async fn reset_unverified_account(
    tx: &Tx,
    id: UserId,
    contact: Contact,
    role: Role,
    now: DateTime<Utc>,
) -> Result<User, Fault> {
    let nothing = || Expr::value(Option::<String>::None);
    let mut update = Entity::update_many();
    for column in [
        Column::Bio,
        Column::Country,
        Column::State,
        Column::City,
        Column::Address,
        Column::StaffFunctions,
    ] {
        update = update.col_expr(column, Expr::value(""));
    }
    for which in [Name::First, Name::Last] {
        update = with_name(update, which, String::new());
    }
    update = match contact {
        Contact::Email => update.col_expr(Column::Phone, nothing()),
        Contact::Phone => with_email(update, None),
    };
    update = update
        .col_expr(Column::Avatar, nothing())
        .col_expr(Column::Locale, nothing())
        .col_expr(Column::VendorId, nothing())
        .col_expr(Column::Role, Expr::value(role.as_str()))
        .col_expr(verified(contact), Expr::value(true))
        .col_expr(Column::IsVerified, Expr::value(true))
        .col_expr(Column::FirstVerifiedAt, Expr::value(now))
        .col_expr(Column::ReclaimedAt, Expr::value(now))
        .col_expr(
            Column::CredentialVersion,
            Expr::col(Column::CredentialVersion).add(1),
        )
        .col_expr(Column::UpdatedAt, Expr::value(now));
    apply(tx, id, update).await
}

/// Gives an account another, verified address; `None` when another live account has it, which
/// aborts the transaction.
pub async fn change_address(
    tx: &Tx,
    id: UserId,
    new: &Identifier,
    now: DateTime<Utc>,
) -> Result<Option<User>, Fault> {
    let update = match new {
        Identifier::Email(email) => with_email(Entity::update_many(), Some(email))
            .col_expr(Column::EmailVerified, Expr::value(true))
            .col_expr(Column::EmailChangedAt, Expr::value(now)),
        Identifier::Phone(phone) => Entity::update_many()
            .col_expr(Column::Phone, Expr::value(phone.as_str()))
            .col_expr(Column::PhoneVerified, Expr::value(true))
            .col_expr(Column::PhoneChangedAt, Expr::value(now)),
        Identifier::Other(_) => return Err(Fault::new("no account has such an address")),
    };
    let rows = update
        .col_expr(Column::IsVerified, Expr::value(true))
        .col_expr(Column::FirstVerifiedAt, first_verified_since(now))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id.uuid()))
        .exec_with_returning(tx)
        .await;
    match rows {
        Ok(rows) => Ok(rows.into_iter().next().map(User::try_from).transpose()?),
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Removes an unverified address from an account that has another; `false` when it was verified
/// meanwhile.
pub async fn detach_address(
    tx: &Tx,
    id: UserId,
    contact: Contact,
    now: DateTime<Utc>,
) -> Result<bool, Fault> {
    let update = match contact {
        Contact::Email => with_email(Entity::update_many(), None),
        Contact::Phone => {
            Entity::update_many().col_expr(Column::Phone, Expr::value(Option::<String>::None))
        }
    };
    let outcome = update
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id.uuid()))
        .filter(verified(contact).eq(false))
        .exec(tx)
        .await?;
    Ok(outcome.rows_affected == 1)
}

/// Marks an address as unverified; it can be verified again.
pub async fn mark_unverified(tx: &Tx, id: UserId, contact: Contact) -> Result<User, Fault> {
    let update = Entity::update_many().col_expr(verified(contact), Expr::value(false));
    apply(tx, id, update).await
}

/// Marks the other address as unverified if it was set at `since` or later and after the address of
/// kind `used`, which authorizes this; `false` if it was not.
///
/// The order matters: a recovery by the younger address must not unverify the older one.
pub async fn mark_unverified_since(
    tx: &Tx,
    id: UserId,
    used: Contact,
    since: DateTime<Utc>,
) -> Result<bool, Fault> {
    let (other, changed, own) = match used {
        Contact::Email => (
            Contact::Phone,
            Column::PhoneChangedAt,
            Column::EmailChangedAt,
        ),
        Contact::Phone => (
            Contact::Email,
            Column::EmailChangedAt,
            Column::PhoneChangedAt,
        ),
    };
    let is_younger = own.is_null().or(Expr::col(changed).gt(Expr::col(own)));
    let outcome = Entity::update_many()
        .col_expr(verified(other), Expr::value(false))
        .filter(Column::Id.eq(id.uuid()))
        .filter(verified(used).eq(true))
        .filter(verified(other).eq(true))
        .filter(changed.gte(since))
        .filter(is_younger)
        .exec(tx)
        .await?;
    Ok(outcome.rows_affected == 1)
}

/// Sets what an account may do, as part of verifying its address.
pub async fn set_privileges(
    tx: &Tx,
    id: UserId,
    role: Role,
    functions: StaffFunctions,
    vendor_id: Option<String>,
) -> Result<User, Fault> {
    let update = Entity::update_many()
        .col_expr(Column::Role, Expr::value(role.as_str()))
        .col_expr(Column::StaffFunctions, Expr::value(functions.to_text()))
        .col_expr(Column::VendorId, Expr::value(vendor_id));
    apply(tx, id, update).await
}

/// Soft-deletes an account without a verified address, which frees its address; `false` when it
/// was verified or deleted meanwhile.
pub async fn soft_delete(tx: &Tx, id: UserId, now: DateTime<Utc>) -> Result<bool, Fault> {
    let outcome = Entity::update_many()
        .col_expr(Column::DeletedAt, Expr::value(now))
        .col_expr(
            Column::CredentialVersion,
            Expr::col(Column::CredentialVersion).add(1),
        )
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id.uuid()))
        .filter(Column::DeletedAt.is_null())
        .filter(Column::EmailVerified.eq(false))
        .filter(Column::PhoneVerified.eq(false))
        .exec(tx)
        .await?;
    Ok(outcome.rows_affected == 1)
}
