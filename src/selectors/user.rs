//! Accounts by id: whole, or what every caller may see of them.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use async_graphql::dataloader::Loader;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait as _, DatabaseBackend, DbErr, EntityTrait, QueryFilter,
    QueryResult, QuerySelect as _, QueryTrait as _, Select, Statement,
};

use super::{ReadFailure, Reader};
use crate::domain::ids::UserId;
use crate::domain::user::{PublicProfile, User};
use crate::entities::user::{Column, Entity, Model, PublicModel};

/// The account with this id, live or soft-deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AnyUserById(pub UserId);

impl Loader<AnyUserById> for Reader {
    type Value = Arc<User>;
    type Error = ReadFailure;

    async fn load(
        &self,
        keys: &[AnyUserById],
    ) -> Result<HashMap<AnyUserById, Arc<User>>, ReadFailure> {
        let ids = keys.iter().map(|key| key.0.uuid());
        let rows = Entity::find().filter(Column::Id.is_in(ids));
        let rows = rows.all(&self.database).await?;
        rows.into_iter()
            .map(|row| {
                let user = User::try_from(row)?;
                Ok((AnyUserById(user.id), Arc::new(user)))
            })
            .collect()
    }
}

/// The live account with this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserById(pub UserId);

/// What every caller may see of the live account with this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PublicProfileOf(pub UserId);

impl Loader<UserById> for Reader {
    /// Shared: a request often has one person in many places.
    type Value = Arc<User>;
    type Error = ReadFailure;

    async fn load(&self, keys: &[UserById]) -> Result<HashMap<UserById, Arc<User>>, ReadFailure> {
        static TEXT: OnceLock<String> = OnceLock::new();
        let read = async |keys: Vec<UserById>| {
            let users = keys.iter().map(|key| key.0);
            let rows = self.live_accounts(&TEXT, Entity::find, users).await?;
            rows.iter()
                .map(|row| {
                    let user = User::try_from(Model::read(row, &mut 0)?)?;
                    Ok((UserById(user.id), Arc::new(user)))
                })
                .collect()
        };
        self.together(keys, read).await
    }
}

impl Loader<PublicProfileOf> for Reader {
    type Value = Arc<PublicProfile>;
    type Error = ReadFailure;

    async fn load(
        &self,
        keys: &[PublicProfileOf],
    ) -> Result<HashMap<PublicProfileOf, Arc<PublicProfile>>, ReadFailure> {
        static TEXT: OnceLock<String> = OnceLock::new();
        let columns = || Entity::find().select_only().columns(PublicModel::COLUMNS);
        let read = async |keys: Vec<PublicProfileOf>| {
            let users = keys.iter().map(|key| key.0);
            let rows = self.live_accounts(&TEXT, columns, users).await?;
            rows.iter()
                .map(|row| {
                    let profile = PublicProfile::try_from(PublicModel::read(row)?)?;
                    Ok((PublicProfileOf(profile.id), Arc::new(profile)))
                })
                .collect()
        };
        self.together(keys, read).await
    }
}

impl Reader {
    /// The rows of the accounts with these ids that are live.
    ///
    /// On Postgres the ids are one parameter: the statement is the same for any number of them, so
    /// that its text is built and prepared once.
    async fn live_accounts(
        &self,
        text: &OnceLock<String>,
        columns: impl Fn() -> Select<Entity>,
        users: impl Iterator<Item = UserId>,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let backend = self.database.get_database_backend();
        let live = || columns().filter(Column::DeletedAt.is_null());
        let statement = if backend == DatabaseBackend::Sqlite {
            let select = live().filter(Column::Id.is_in(users.map(UserId::uuid)));
            backend.build(&select.into_query())
        } else {
            let text = text.get_or_init(|| {
                let is_listed = r#""users"."id" = ANY(CAST($1 AS uuid[]))"#;
                let select = live().filter(Expr::cust_with_values(is_listed, [""]));
                backend.build(&select.into_query()).sql
            });
            Statement::from_sql_and_values(backend, text, [array(users).into()])
        };
        self.turn().await.query_all_raw(statement).await
    }
}

/// Ids as the text of an array of Postgres.
fn array(users: impl Iterator<Item = UserId>) -> String {
    let mut text = String::from("{");
    for user in users {
        if text.len() > 1 {
            text.push(',');
        }
        // Writing to a text cannot fail.
        let _ = write!(text, "{}", user.uuid());
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn ids_are_an_array() {
        let ids = |count: u128| (1..=count).map(|number| UserId::from(Uuid::from_u128(number)));
        assert_eq!(array(ids(0)), "{}");
        assert_eq!(
            array(ids(2)),
            "{00000000-0000-0000-0000-000000000001,00000000-0000-0000-0000-000000000002}"
        );
    }
}
