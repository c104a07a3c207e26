//! Recording refused administration: attempts beyond one's rights are audited too.

use serde_json::{Map, Value, json};

use super::{Change, ChangeProblem, GrantProblem, PrivilegeProblem};
use crate::app::App;
use crate::domain::caller::{Caller, SignedIn};
use crate::domain::ids::UserId;
use crate::domain::role::Role;
use crate::fault::Fault;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::refused::Refused;
use crate::services::throttle::{self, RateLimit};

/// The name of a problem in the audit log.
pub(in crate::services) trait Recorded {
    /// `None` if the problem does not concern the caller's rights.
    fn name(&self) -> Option<&'static str>;
}

impl Recorded for ChangeProblem {
    fn name(&self) -> Option<&'static str> {
        match self {
            Self::OutOfScope => Some("OUT_OF_SCOPE"),
            Self::NotFound => None,
        }
    }
}

impl Recorded for PrivilegeProblem {
    fn name(&self) -> Option<&'static str> {
        match self {
            Self::LastAdmin => Some("LAST_ADMIN"),
            Self::NotStaff => None,
            Self::Change(problem) => problem.name(),
        }
    }
}

impl Recorded for GrantProblem {
    fn name(&self) -> Option<&'static str> {
        match self {
            Self::EmailNotVerified => None,
            Self::Privilege(problem) => problem.name(),
        }
    }
}

/// The requested change.
#[derive(Debug, Default)]
pub(in crate::services) struct RequestedChange {
    pub(in crate::services) subject: Option<UserId>,
    pub(in crate::services) values: Map<String, Value>,
    pub(in crate::services) reason: Option<String>,
}

impl<A> Change<'_, A> {
    /// Returns an outcome, and records it if the caller lacked rights. The transaction of the change
    /// has ended by then.
    pub(in crate::services) async fn record_refusal<T, P: Recorded>(
        &self,
        requested: RequestedChange,
        outcome: Result<T, Refused<P>>,
    ) -> Result<T, Refused<P>> {
        if let Err(Refused::Because(problem)) = &outcome
            && let Some(name) = problem.name()
        {
            record(self.app, self.caller, self.action, name, requested).await?;
        }
        outcome
    }
}

/// Records that the caller lacks the permission for an operation.
///
/// Only recorded for staff and within their rate limit, else counted: anyone could otherwise flood
/// the log with operations that they may not use.
pub async fn forbidden(
    app: &App,
    caller: &Caller,
    person: &SignedIn,
    action: Action,
) -> Result<(), Fault> {
    let user = person.user();
    let limit = RateLimit::Administer { user };
    if person.role() < Role::Staff || throttle::charge(app, &caller.client, limit).await.is_err() {
        app.metrics
            .unrecorded(Action::AdministrationRefused.as_str());
        return Ok(());
    }
    record(app, caller, action, "FORBIDDEN", RequestedChange::default()).await
}

async fn record(
    app: &App,
    caller: &Caller,
    action: Action,
    refusal: &str,
    requested: RequestedChange,
) -> Result<(), Fault> {
    let mut changes = requested.values;
    changes.insert("attempted".to_owned(), json!(action.as_str()));
    changes.insert("refusal".to_owned(), json!(refusal));
    if let Some(reason) = requested.reason {
        changes.insert("reason".to_owned(), json!(reason));
    }
    let subject = requested.subject.map_or(Subject::System, Subject::User);
    let event = Event::new(Action::AdministrationRefused, subject)
        .by(caller)
        .with(Value::Object(changes));
    audit::record_alone(app, &caller.client, event).await
}
