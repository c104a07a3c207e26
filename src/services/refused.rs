//! Why a use case did not do what was asked: what any of them may meet, said once, and the
//! problems that are special to each.

use crate::crypto::hasher::Overloaded;
use crate::domain::violation::{Violation, Violations};
use crate::fault::Fault;
use crate::services::code::IssueError;
use crate::services::throttle::RateLimitExceeded;

/// Why a use case did not do what was asked.
///
/// `P` has the problems that only this use case has, and is [`Infallible`] where it has none. `I`
/// is [`Infallible`] for a use case that takes no input which could break a rule.
///
/// [`Infallible`]: std::convert::Infallible
#[derive(Debug)]
pub enum Refused<P, I = Violations> {
    /// One of the use case's own problems.
    Because(P),
    /// The input breaks these rules.
    Invalid(I),
    /// Too many attempts.
    RateLimited(RateLimitExceeded),
    /// The session ended, or the credentials changed, while the request ran.
    Unauthenticated,
    /// There would be a new account, and registration is closed.
    RegistrationClosed,
    /// The hashing queue is full, or another service that is needed does not answer.
    Unavailable,
    /// Something broke.
    Fault(Fault),
}

impl<P, I> Refused<P, I> {
    /// The same refusal of a use case that has these problems among its own.
    pub fn widen<Q: From<P>>(self) -> Refused<Q, I> {
        match self {
            Self::Because(problem) => Refused::Because(problem.into()),
            Self::Invalid(input) => Refused::Invalid(input),
            Self::RateLimited(limit) => Refused::RateLimited(limit),
            Self::Unauthenticated => Refused::Unauthenticated,
            Self::RegistrationClosed => Refused::RegistrationClosed,
            Self::Unavailable => Refused::Unavailable,
            Self::Fault(fault) => Refused::Fault(fault),
        }
    }
}

impl<P> From<Violations> for Refused<P> {
    fn from(violations: Violations) -> Self {
        Self::Invalid(violations)
    }
}

impl<P> From<Violation> for Refused<P> {
    fn from(violation: Violation) -> Self {
        Self::Invalid(violation.into())
    }
}

impl<P, I> From<RateLimitExceeded> for Refused<P, I> {
    fn from(limit: RateLimitExceeded) -> Self {
        Self::RateLimited(limit)
    }
}

impl<P, I> From<IssueError> for Refused<P, I> {
    fn from(reason: IssueError) -> Self {
        match reason {
            IssueError::Cooldown(limit) => Self::RateLimited(limit),
            IssueError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl<P, I> From<Overloaded> for Refused<P, I> {
    fn from(Overloaded: Overloaded) -> Self {
        Self::Unavailable
    }
}

impl<P, I, E: Into<Fault>> From<E> for Refused<P, I> {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}
