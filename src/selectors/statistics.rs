//! Counts of accounts and sessions.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::sea_query::{Condition, Expr, SimpleExpr};
use sea_orm::{
    ColumnTrait, DatabaseBackend, EntityTrait, PaginatorTrait as _, QueryFilter, QueryOrder as _,
    QuerySelect,
};

use super::{ReadFailure, Reader};
use crate::domain::role::{AuthProvider, Role};
use crate::entities::{session, user};

/// When the counted accounts were created.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    /// At this instant or later.
    pub since: Option<DateTime<Utc>>,
    /// Before this instant.
    pub until: Option<DateTime<Utc>>,
}

/// How many live accounts are of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// What they are.
    pub role: Role,
    /// How they were created.
    pub provider: AuthProvider,
    /// Whether the platform vouches for them.
    pub verified: bool,
    /// How many.
    pub count: u64,
}

fn within(span: Span) -> Condition {
    Condition::all()
        .add(user::Column::DeletedAt.is_null())
        .add_option(span.since.map(|at| user::Column::CreatedAt.gte(at)))
        .add_option(span.until.map(|at| user::Column::CreatedAt.lt(at)))
}

impl Reader {
    pub(super) async fn user_groups(&self, span: Span) -> Result<Vec<Group>, ReadFailure> {
        let rows: Vec<(String, String, bool, i64)> = user::Entity::find()
            .select_only()
            .column(user::Column::Role)
            .column(user::Column::AuthProvider)
            .column(user::Column::IsVerified)
            .column_as(user::Column::Id.count(), "people")
            .filter(within(span))
            .group_by(user::Column::Role)
            .group_by(user::Column::AuthProvider)
            .group_by(user::Column::IsVerified)
            .into_tuple()
            .all(&*self.turn().await)
            .await?;
        rows.into_iter()
            .map(|(role, provider, verified, count)| {
                Ok(Group {
                    role: role.parse()?,
                    provider: provider.parse()?,
                    verified,
                    count: u64::try_from(count)?,
                })
            })
            .collect()
    }

    pub(super) async fn new_users(&self, span: Span) -> Result<Vec<(NaiveDate, u64)>, ReadFailure> {
        let rows: Vec<(String, i64)> = user::Entity::find()
            .select_only()
            .column_as(self.day(), "day")
            .column_as(user::Column::Id.count(), "people")
            .filter(within(span))
            .group_by(self.day())
            .order_by_asc(self.day())
            .into_tuple()
            .all(&*self.turn().await)
            .await?;
        rows.into_iter()
            .map(|(day, count)| Ok((day.parse()?, u64::try_from(count)?)))
            .collect()
    }

    pub(super) async fn live_sessions(&self, now: DateTime<Utc>) -> Result<u64, ReadFailure> {
        let live = session::Entity::find()
            .filter(session::Column::RevokedAt.is_null())
            .filter(session::Column::ExpiresAt.gt(now));
        Ok(live.count(&*self.turn().await).await?)
    }

    /// The day of creation, in UTC.
    fn day(&self) -> SimpleExpr {
        if self.database.get_database_backend() == DatabaseBackend::Sqlite {
            return Expr::cust("substr(created_at, 1, 10)");
        }
        Expr::cust("to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')")
    }
}
