//! Accounts by e-mail address.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::{ReadFailure, Reader};
use crate::domain::email::EmailAddress;
use crate::domain::user::User;
use crate::entities::user::{Column, Entity};

/// The live account with this address, in the form that is unique.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserByEmail(String);

impl From<&EmailAddress> for UserByEmail {
    fn from(email: &EmailAddress) -> Self {
        Self(email.canonical().to_owned())
    }
}

impl Loader<UserByEmail> for Reader {
    type Value = Arc<User>;
    type Error = ReadFailure;

    async fn load(
        &self,
        keys: &[UserByEmail],
    ) -> Result<HashMap<UserByEmail, Arc<User>>, ReadFailure> {
        let addresses = keys.iter().map(|key| key.0.as_str());
        let rows = Entity::find()
            .filter(Column::EmailCanonical.is_in(addresses))
            .filter(Column::DeletedAt.is_null())
            // Several accounts may have an address that only one has verified. The last row
            // wins below, so the owner comes last.
            .order_by_asc(Column::EmailVerified)
            .order_by_desc(Column::PhoneVerified)
            .all(&*self.turn().await)
            .await?;
        let mut found = HashMap::new();
        for row in rows {
            if let Some(canonical) = row.email_canonical.clone() {
                found.insert(UserByEmail(canonical), Arc::new(User::try_from(row)?));
            }
        }
        Ok(found)
    }
}
