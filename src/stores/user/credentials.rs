//! Changes of what signs a person in: each counts in the version of the credentials, which a
//! sign-in under way compares.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, Func, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait as _, QueryFilter, SqlErr};

use super::folded::{Name, with_email, with_name};
use crate::domain::identifier::Identifier;
use crate::domain::ids::UserId;
use crate::domain::role::{Role, StaffFunctions};
use crate::domain::user::Contact;
use crate::entities::user::{Column, Entity};
use crate::fault::Fault;
use crate::stores::Tx;

/// Counts a change of what signs the person in, if nobody else changed it since it was read.
pub async fn renew_credentials(
    tx: &Tx,
    id: UserId,
    version: i64,
    now: DateTime<Utc>,
) -> Result<bool, Fault> {
    let outcome = Entity::update_many()
        .col_expr(Column::CredentialVersion, Expr::value(version + 1))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id.uuid()))
        .filter(Column::CredentialVersion.eq(version))
        .filter(Column::DeletedAt.is_null())
        .exec(&tx.0)
        .await?;
    Ok(outcome.rows_affected == 1)
}

const fn verified(contact: Contact) -> Column {
    match contact {
        Contact::Email => Column::EmailVerified,
        Contact::Phone => Column::PhoneVerified,
    }
}

/// Since when the account is somebody's: since now, unless it was before.
fn proven_since(now: DateTime<Utc>) -> SimpleExpr {
    Func::coalesce([Expr::col(Column::ProvenAt), Expr::value(now)]).into()
}

/// Marks an address as proven.
pub async fn prove(tx: &Tx, id: UserId, contact: Contact, now: DateTime<Utc>) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(verified(contact), Expr::value(true))
        .col_expr(Column::IsVerified, Expr::value(true))
        .col_expr(Column::ProvenAt, proven_since(now))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id.uuid()))
        .exec(&tx.0)
        .await?;
    Ok(())
}

/// Gives an account to whoever proved this address: what its first author said and claimed goes.
pub async fn reclaim(
    tx: &Tx,
    id: UserId,
    contact: Contact,
    role: Role,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
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
    update
        .col_expr(Column::Avatar, nothing())
        .col_expr(Column::Locale, nothing())
        .col_expr(Column::VendorId, nothing())
        .col_expr(Column::Role, Expr::value(role.as_str()))
        .col_expr(verified(contact), Expr::value(true))
        .col_expr(Column::IsVerified, Expr::value(true))
        .col_expr(Column::ProvenAt, Expr::value(now))
        .col_expr(Column::ReclaimedAt, Expr::value(now))
        .col_expr(
            Column::CredentialVersion,
            Expr::col(Column::CredentialVersion).add(1),
        )
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id.uuid()))
        .exec(&tx.0)
        .await?;
    Ok(())
}

/// Gives an account another, proven address; `false` when a live account has it already, after
/// which the transaction is of no use any more.
pub async fn change_address(
    tx: &Tx,
    id: UserId,
    new: &Identifier,
    now: DateTime<Utc>,
) -> Result<bool, Fault> {
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
    let outcome = update
        .col_expr(Column::IsVerified, Expr::value(true))
        .col_expr(Column::ProvenAt, proven_since(now))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id.uuid()))
        .exec(&tx.0)
        .await;
    match outcome {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// Takes an address that was never proven from an account that has another; `false` when it was
/// proven at this very moment.
pub async fn release(
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
        .exec(&tx.0)
        .await?;
    Ok(outcome.rows_affected == 1)
}

/// Takes the proof of an address back; it can be proven again.
pub async fn doubt(tx: &Tx, id: UserId, contact: Contact) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(verified(contact), Expr::value(false))
        .filter(Column::Id.eq(id.uuid()))
        .exec(&tx.0)
        .await?;
    Ok(())
}

/// Takes back the proof of an address that was put in since then, and after the one that proves
/// who asks; says whether there was one.
///
/// The order matters: whoever put in the younger address must not shake the older one.
pub async fn doubt_younger_than(
    tx: &Tx,
    id: UserId,
    proven: Contact,
    since: DateTime<Utc>,
) -> Result<bool, Fault> {
    let (other, changed, own) = match proven {
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
        .filter(verified(proven).eq(true))
        .filter(verified(other).eq(true))
        .filter(changed.gte(since))
        .filter(is_younger)
        .exec(&tx.0)
        .await?;
    Ok(outcome.rows_affected == 1)
}

/// Gives an account another standing, as part of what proves its address.
pub async fn set_standing(
    tx: &Tx,
    id: UserId,
    role: Role,
    functions: StaffFunctions,
    vendor_id: Option<String>,
) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::Role, Expr::value(role.as_str()))
        .col_expr(Column::StaffFunctions, Expr::value(functions.to_text()))
        .col_expr(Column::VendorId, Expr::value(vendor_id))
        .filter(Column::Id.eq(id.uuid()))
        .exec(&tx.0)
        .await?;
    Ok(())
}

/// Ends an account that nobody ever proved to own, so that its address is free; `false` when
/// somebody proved it at this very moment.
pub async fn close(tx: &Tx, id: UserId, now: DateTime<Utc>) -> Result<bool, Fault> {
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
        .exec(&tx.0)
        .await?;
    Ok(outcome.rows_affected == 1)
}
