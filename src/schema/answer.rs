//! Maps the outcome of a service to a member of the mutation's result union.

use std::convert::Infallible;

use super::error::Error;
use super::problem::{
    Conflict, EmailNotVerified, InputInvalid, NotFound, OutOfScope, PasswordBreached,
    PasswordTooWeak, RateLimited,
};
use crate::app;
use crate::domain::violation::Violations;
use crate::services::staff_change::{ChangeProblem, GrantProblem, PrivilegeProblem};
use crate::services::{PasswordRejected, Refused};

/// A problem that the result union `R` has a member for.
///
/// Implementations match without a wildcard, so a new problem does not compile until it is mapped.
pub(super) trait IntoProblem<R> {
    /// The union member for this problem.
    fn into_problem(self) -> R;
}

impl<R> IntoProblem<R> for Infallible {
    fn into_problem(self) -> R {
        match self {}
    }
}

impl<R: From<InputInvalid>> IntoProblem<R> for Violations {
    fn into_problem(self) -> R {
        InputInvalid::from(self).into()
    }
}

impl<R> IntoProblem<R> for PasswordRejected
where
    R: From<PasswordTooWeak> + From<PasswordBreached>,
{
    fn into_problem(self) -> R {
        match self {
            Self::TooWeak(violations) => PasswordTooWeak::from(violations).into(),
            Self::Breached => PasswordBreached.into(),
        }
    }
}

impl<R> IntoProblem<R> for ChangeProblem
where
    R: From<NotFound> + From<OutOfScope>,
{
    fn into_problem(self) -> R {
        match self {
            Self::NotFound => NotFound.into(),
            Self::OutOfScope => OutOfScope.into(),
        }
    }
}

impl<R> IntoProblem<R> for PrivilegeProblem
where
    R: From<Conflict>,
    ChangeProblem: IntoProblem<R>,
{
    fn into_problem(self) -> R {
        match self {
            Self::LastAdmin => Conflict::LAST_ADMIN.into(),
            Self::NotStaff => Conflict::NOT_STAFF.into(),
            Self::Change(problem) => problem.into_problem(),
        }
    }
}

impl<R> IntoProblem<R> for GrantProblem
where
    R: From<EmailNotVerified>,
    PrivilegeProblem: IntoProblem<R>,
{
    fn into_problem(self) -> R {
        match self {
            Self::EmailNotVerified => EmailNotVerified.into(),
            Self::Privilege(problem) => problem.into_problem(),
        }
    }
}

/// Answers a mutation; `done` builds the success member of the result union.
pub(super) fn answer<T, P, I, S, R>(
    outcome: Result<T, Refused<P, I>>,
    done: impl FnOnce(T) -> S,
) -> Result<R, Error>
where
    P: IntoProblem<R>,
    I: IntoProblem<R>,
    R: From<S> + From<RateLimited>,
{
    match outcome {
        Ok(value) => Ok(done(value).into()),
        Err(Refused::Because(problem)) => Ok(problem.into_problem()),
        Err(Refused::Invalid(input)) => Ok(input.into_problem()),
        Err(Refused::RateLimited(limit)) => Ok(RateLimited(limit).into()),
        Err(Refused::Unauthenticated) => Err(Error::unauthenticated()),
        Err(Refused::RegistrationClosed) => Err(Error::registration_closed()),
        Err(Refused::Unavailable) => Err(Error::unavailable()),
        // The account of the session was erased during the request.
        Err(Refused::Fault(fault)) if app::is_orphaned(&fault) => Err(Error::unauthenticated()),
        Err(Refused::Fault(fault)) => Err(fault.into()),
    }
}
