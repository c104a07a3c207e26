//! Numbers of accounts.

use async_graphql::{Context, Object, SimpleObject};
use chrono::{DateTime, Duration, NaiveDate, Utc};

use super::enums::{AuthProvider, Role};
use crate::schema::directives::AtMost;
use crate::schema::error::{Error, ErrorCode};
use crate::schema::request::ContextExt as _;
use crate::selectors::statistics::{Group, Span};

/// Days in `newPerDay` unless `since` is given.
const DEFAULT_DAYS: i64 = 30;
/// Maximum days in `newPerDay`.
const MAX_DAYS: i64 = 366;

/// The number of accounts with a role.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct RoleCount {
    /// The role.
    role: Role,
    /// The number of accounts.
    count: i64,
}

/// The number of accounts that were created in a way.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct ProviderCount {
    /// How the accounts were created.
    provider: AuthProvider,
    /// The number of accounts.
    count: i64,
}

/// The number of accounts created on a day.
#[derive(Clone, Debug, SimpleObject)]
pub struct DayCount {
    /// The day in UTC, as in `2026-03-01`.
    day: String,
    /// The number of accounts.
    count: i64,
}

#[derive(Clone, Debug)]
pub struct UserStats {
    span: Span,
    groups: Vec<Group>,
}

impl UserStats {
    /// Loads the numbers. The caller must have checked access.
    pub(in crate::schema) async fn load(
        context: &Context<'_>,
        since: Option<DateTime<Utc>>,
        until: Option<DateTime<Utc>>,
    ) -> Result<Self, Error> {
        let span = Span { since, until };
        let groups = context.loaders().user_groups(span).await?;
        Ok(Self { span, groups })
    }

    fn count(&self, counts: impl Fn(&Group) -> bool) -> i64 {
        let counted = self.groups.iter().filter(|group| counts(group));
        let sum: u64 = counted.map(|group| group.count).sum();
        i64::try_from(sum).unwrap_or(i64::MAX)
    }
}

/// Numbers of live accounts, of those created in the given period or of all.
#[Object]
impl UserStats {
    /// All accounts.
    async fn total(&self) -> i64 {
        self.count(|_| true)
    }

    /// Accounts with a verified address.
    async fn verified(&self) -> i64 {
        self.count(|group| group.verified)
    }

    /// Accounts without a verified address.
    async fn unverified(&self) -> i64 {
        self.count(|group| !group.verified)
    }

    /// By role, with every role.
    #[graphql(directive = AtMost::apply(8))]
    async fn by_role(&self) -> Vec<RoleCount> {
        let count = |role| RoleCount {
            role: Role::from(role),
            count: self.count(|group| group.role == role),
        };
        crate::domain::role::Role::ALL
            .into_iter()
            .map(count)
            .collect()
    }

    /// By how they were created, with every way.
    #[graphql(directive = AtMost::apply(4))]
    async fn by_provider(&self) -> Vec<ProviderCount> {
        let count = |provider| ProviderCount {
            provider: AuthProvider::from(provider),
            count: self.count(|group| group.provider == provider),
        };
        let all = crate::domain::role::AuthProvider::ALL;
        all.into_iter().map(count).collect()
    }

    /// New accounts per day, oldest first, without gaps: in the given period, or in its last 30
    /// days without `since`. At most 366 days.
    // 366 days, and the first day of the next year.
    #[graphql(directive = AtMost::apply(367))]
    async fn new_per_day(&self, context: &Context<'_>) -> Result<Vec<DayCount>, Error> {
        let until = self.span.until.unwrap_or_else(|| context.now());
        let ordinary = Duration::days(DEFAULT_DAYS - 1);
        let since = self.span.since.unwrap_or_else(|| {
            let first = until.checked_sub_signed(ordinary).unwrap_or(until);
            first
                .date_naive()
                .and_time(chrono::NaiveTime::MIN)
                .and_utc()
        });
        if until.signed_duration_since(since) > Duration::days(MAX_DAYS) {
            let message = "Ask for 366 days or fewer, by `since` and `until`.";
            return Err(Error::of(ErrorCode::BadUserInput, message));
        }
        let span = Span {
            since: Some(since),
            until: self.span.until,
        };
        let found = context.loaders().new_users(span).await?;
        Ok(every_day(since.date_naive(), until.date_naive(), &found))
    }

    /// Sessions that are live now, regardless of the period.
    async fn active_sessions(&self, context: &Context<'_>) -> Result<i64, Error> {
        let now = context.now();
        let count = context.loaders().live_sessions(now).await?;
        Ok(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

/// All days of a period, those without accounts included.
fn every_day(first: NaiveDate, last: NaiveDate, found: &[(NaiveDate, u64)]) -> Vec<DayCount> {
    let counted = |day: NaiveDate| {
        let count = found.iter().find(|(of, _)| *of == day);
        DayCount {
            day: day.to_string(),
            count: count.map_or(0, |(_, count)| i64::try_from(*count).unwrap_or(i64::MAX)),
        }
    };
    let days = first.iter_days().take_while(|day| *day <= last);
    days.map(counted).collect()
}
