//! Profile fields.

use chrono::{DateTime, Utc};
use sea_orm::EntityTrait;
use sea_orm::sea_query::Expr;

use super::apply;
use super::folded::{Name, with_name};
use crate::domain::ids::UserId;
use crate::domain::user::User;
use crate::entities::user::{Column, Entity};
use crate::fault::Fault;
use crate::stores::Tx;

/// The fields that a person may change; `None` leaves a field as it is.
#[derive(Debug, Default)]
pub struct ProfileChange {
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// A short biography.
    pub bio: Option<String>,
    /// Country.
    pub country: Option<String>,
    /// State or region.
    pub state: Option<String>,
    /// City.
    pub city: Option<String>,
    /// Street address.
    pub address: Option<String>,
    /// Preferred language; `Some(None)` clears it.
    pub locale: Option<Option<String>>,
}

/// Sets or removes what the avatar refers to.
pub async fn set_avatar(
    tx: &Tx,
    id: UserId,
    avatar: Option<String>,
    now: DateTime<Utc>,
) -> Result<User, Fault> {
    let update = Entity::update_many()
        .col_expr(Column::Avatar, Expr::value(avatar))
        .col_expr(Column::UpdatedAt, Expr::value(now));
    apply(tx, id, update).await
}

/// Writes the given fields.
pub async fn update_profile(
    tx: &Tx,
    id: UserId,
    change: ProfileChange,
    now: DateTime<Utc>,
) -> Result<User, Fault> {
    let mut update = Entity::update_many().col_expr(Column::UpdatedAt, Expr::value(now));
    let texts = [
        (Column::Bio, change.bio),
        (Column::Country, change.country),
        (Column::State, change.state),
        (Column::City, change.city),
        (Column::Address, change.address),
    ];
    for (column, value) in texts {
        if let Some(value) = value {
            update = update.col_expr(column, Expr::value(value));
        }
    }
    for (which, name) in [
        (Name::First, change.first_name),
        (Name::Last, change.last_name),
    ] {
        if let Some(name) = name {
            update = with_name(update, which, name);
        }
    }
    if let Some(locale) = change.locale {
        update = update.col_expr(Column::Locale, Expr::value(locale));
    }
    apply(tx, id, update).await
}
