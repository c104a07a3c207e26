//! Records of deleted accounts, the last deleted first.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, Select};

use super::page::{Keyset, PageRequest, bound};
use super::{ReadFailure, Reader};
use crate::domain::deletion::{DeletedRecord, DeletedRecordFilter};
use crate::entities::deleted_record::{Column, Entity};
use crate::entities::user;

/// A page of the records that match a filter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeletedMatching {
    /// Which records.
    pub filter: DeletedRecordFilter,
    /// The page.
    pub page: PageRequest,
}

/// The number of records that match a filter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CountDeleted(pub DeletedRecordFilter);

impl Loader<DeletedMatching> for Reader {
    type Value = Vec<DeletedRecord>;
    type Error = ReadFailure;

    /// One statement for each filter: in practice, for each selection in the document.
    async fn load(
        &self,
        keys: &[DeletedMatching],
    ) -> Result<HashMap<DeletedMatching, Vec<DeletedRecord>>, ReadFailure> {
        let mut found = HashMap::new();
        for key in keys {
            let select = page_of(matching(&key.filter), &key.page);
            let rows = select.all(&self.database).await?;
            found.insert(key.clone(), rows.into_iter().map(Into::into).collect());
        }
        Ok(found)
    }
}

impl Loader<CountDeleted> for Reader {
    type Value = u64;
    type Error = ReadFailure;

    async fn load(&self, keys: &[CountDeleted]) -> Result<HashMap<CountDeleted, u64>, ReadFailure> {
        let mut found = HashMap::new();
        for key in keys {
            let count: Option<i64> = Entity::find()
                .select_only()
                .column_as(Column::Id.count(), "records")
                .filter(matching(&key.0))
                .into_tuple()
                .one(&self.database)
                .await?;
            found.insert(key.clone(), u64::try_from(count.unwrap_or_default())?);
        }
        Ok(found)
    }
}

fn matching(filter: &DeletedRecordFilter) -> Condition {
    let of = |column: user::Column, value: &str| {
        let accounts = Query::select()
            .column(user::Column::Id)
            .from(user::Entity)
            .and_where(column.eq(value))
            .and_where(user::Column::DeletedAt.is_not_null())
            .to_owned();
        Column::RecordId.in_subquery(accounts)
    };
    let (email, phone) = (filter.email.as_deref(), filter.phone.as_deref());
    let restorable = filter.restorable.map(|(wanted, now)| {
        if wanted {
            Column::RestorableUntil.gt(now)
        } else {
            Column::RestorableUntil.lte(now)
        }
    });
    Condition::all()
        .add_option((filter.deleted_by).map(|person| Column::DeletedBy.eq(person.uuid())))
        .add_option(filter.since.map(|since| Column::DeletedAt.gte(since)))
        .add_option(filter.until.map(|until| Column::DeletedAt.lt(until)))
        .add_option(restorable)
        .add_option(email.map(|email| of(user::Column::EmailCanonical, email)))
        .add_option(phone.map(|phone| of(user::Column::Phone, phone)))
}

fn page_of(which: Condition, page: &PageRequest) -> Select<Entity> {
    let mut select = Entity::find().filter(which);
    let keyset = Keyset::newest_first(Column::DeletedAt, Column::Id);
    page.apply_to(QuerySelect::query(&mut select), &keyset, bound);
    select
}
