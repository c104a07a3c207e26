//! The result type of use cases: what any of them can be refused for, and the problems of each.

use crate::crypto::hasher::Overloaded;
use crate::domain::violation::{Violation, Violations};
use crate::fault::Fault;
use crate::services::code::IssueError;
use crate::services::throttle::RateLimitExceeded;

/// Why a use case was refused.
///
/// `P` are the problems of this use case alone, [`Infallible`] if it has none. `I` is
/// [`Infallible`] for a use case whose input cannot be invalid.
///
/// [`Infallible`]: std::convert::Infallible
#[derive(Debug)]
pub enum Refused<P, I = Violations> {
    /// A problem of this use case.
    Because(P),
    /// The input violates these rules.
    Invalid(I),
    /// A rate limit was exceeded.
    RateLimited(RateLimitExceeded),
    /// The session ended or the credentials changed during the request.
    Unauthenticated,
    /// A new account would be needed, and registration is disabled.
    RegistrationClosed,
    /// The hashing queue is full, or a required external service does not answer.
    Unavailable,
    /// An unexpected failure.
    Fault(Fault),
}

impl<P, I> Refused<P, I> {
    /// Converts the refusal for a use case whose problems include `P`.
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
