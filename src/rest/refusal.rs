//! What refused operations answer, with the statuses of Django REST Framework.
//!
//! `error` has the three forms that the clients of the old system know: a text from an operation, the
//! messages of each field of an input, and `{ detail }` for what is decided before an operation runs.
//! `code` is the code that GraphQL has for the same problem.

use std::collections::BTreeMap;
use std::convert::Infallible;

use serde::Serialize;
use utoipa::ToSchema;

use crate::app;
use crate::domain::problem::{self, Problem, ProblemCode};
use crate::domain::violation::{self, Violations};
use crate::fault::Fault;
use crate::services::deletion::CancellationOffer;
use crate::services::{PasswordRejected, RateLimitExceeded, Refused};

/// Why an operation has no result.
#[derive(Debug)]
pub enum Refusal {
    /// Told completely.
    Failure(Box<Failure>),
    /// No caller is signed in, or their token is not valid any more.
    Unauthenticated {
        /// Whether there was a token.
        had_token: bool,
    },
    /// A new account would be needed, and registration is disabled.
    RegistrationClosed,
    /// The server is overloaded, or a dependency does not answer.
    Unavailable,
    /// An unexpected failure.
    Fault(Fault),
}

/// The body of a refused request.
#[derive(Debug, Serialize, ToSchema)]
pub struct Failure {
    #[serde(skip)]
    status: u16,
    /// `false`.
    #[schema(example = false)]
    success: bool,
    /// What failed, for people.
    #[schema(example = "Login failed.")]
    message: &'static str,
    /// Why.
    error: Reason,
    /// Why, for programs.
    #[schema(example = "INVALID_CREDENTIALS")]
    code: &'static str,
    /// The rules that fields violate, for programs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    violations: Vec<FieldViolation>,
    /// Seconds to wait before a retry, as in the `Retry-After` header.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    retry_after: Option<u64>,
    /// With `ACCOUNT_DELETED`: how to keep the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    data: Option<Keeping>,
    /// Leads to the request in the server's log.
    request_id: String,
}

/// Why a request was refused.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum Reason {
    /// Why the operation refuses, for people.
    Text(String),
    /// Decided before the operation: a text for people, and for tokens the code of Simple JWT.
    Detail {
        /// Why, for people.
        detail: String,
        /// `token_not_valid`: refresh the access token, or sign in again.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        code: Option<&'static str>,
    },
    /// For each wrong field what is wrong with it.
    Fields(BTreeMap<String, Vec<String>>),
}

/// A rule that a field violates.
#[derive(Debug, Serialize, ToSchema)]
struct FieldViolation {
    /// The field.
    #[schema(example = "password")]
    field: String,
    /// The rule.
    #[schema(example = "TOO_SHORT")]
    rule: &'static str,
    /// What to do about it, for people.
    message: String,
}

/// How the owner of a deleted account keeps it.
#[derive(Debug, Serialize, ToSchema)]
struct Keeping {
    /// For the GraphQL mutation `cancelAccountDeletion`: valid once, and for ten minutes.
    cancellation_token: String,
    /// Until when the account can be kept.
    #[schema(format = DateTime)]
    restorable_until: String,
}

/// The `message` of what is refused before an operation runs.
const REQUEST_FAILED: &str = "Request failed.";
/// Simple JWT's code for tokens that are invalid or expired.
const TOKEN_NOT_VALID: &str = "token_not_valid";

impl Failure {
    fn new(status: u16, code: &'static str, error: Reason) -> Self {
        Self {
            status,
            success: false,
            message: REQUEST_FAILED,
            error,
            code,
            violations: Vec::new(),
            retry_after: None,
            data: None,
            request_id: String::new(),
        }
    }

    /// What is decided before an operation runs.
    #[must_use]
    pub fn detail(status: u16, code: &'static str, detail: String) -> Self {
        Self::new(status, code, Reason::Detail { detail, code: None })
    }

    /// The same for a token that is not valid.
    #[must_use]
    pub fn of_token(code: &'static str, detail: String) -> Self {
        let error = Reason::Detail {
            detail,
            code: Some(TOKEN_NOT_VALID),
        };
        Self::new(401, code, error)
    }

    fn of(status: u16, problem: Problem) -> Self {
        let error = Reason::Text(problem.message.to_owned());
        Self::new(status, problem.code.as_str(), error)
    }

    fn of_fields(
        problem: Problem,
        violations: impl IntoIterator<Item = violation::Violation>,
    ) -> Self {
        let violations: Vec<_> = violations.into_iter().map(FieldViolation::from).collect();
        let mut fields = BTreeMap::<String, Vec<String>>::new();
        for violation in &violations {
            let messages = fields.entry(violation.field.clone()).or_default();
            messages.push(violation.message.clone());
        }
        Self {
            violations,
            ..Self::new(400, problem.code.as_str(), Reason::Fields(fields))
        }
    }

    /// The same with what failed.
    #[must_use]
    pub fn because(self, message: &'static str) -> Self {
        match self.error {
            Reason::Detail { .. } => self,
            Reason::Text(_) | Reason::Fields(_) => Self { message, ..self },
        }
    }

    /// The same with the time to wait before a retry.
    #[must_use]
    pub fn retry_after(self, seconds: Option<u64>) -> Self {
        Self {
            retry_after: seconds,
            ..self
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The code, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Seconds to wait before a retry.
    #[must_use]
    pub fn seconds(&self) -> Option<u64> {
        self.retry_after
    }

    /// The JSON of the body.
    #[must_use]
    pub fn body(mut self, request_id: &str) -> String {
        request_id.clone_into(&mut self.request_id);
        // Texts and numbers alone: this cannot fail.
        serde_json::to_string(&self).unwrap_or_default()
    }

    #[cfg(test)]
    pub(super) fn violations(&self) -> impl Iterator<Item = String> {
        let violations = self.violations.iter();
        violations.map(|violation| format!("{} {}", violation.field, violation.rule))
    }
}

impl From<violation::Violation> for FieldViolation {
    fn from(violation: violation::Violation) -> Self {
        Self {
            field: field(&violation.path),
            rule: violation.rule.as_str(),
            message: violation.message,
        }
    }
}

/// The name that a field has here.
fn field(path: &str) -> String {
    if path == "code" {
        return "otp".to_owned();
    }
    let mut name = String::with_capacity(path.len() + 4);
    for character in path.chars() {
        if character.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(character.to_ascii_lowercase());
    }
    name
}

impl Refusal {
    /// The input violates rules.
    pub(super) fn invalid(violations: impl IntoIterator<Item = violation::Violation>) -> Self {
        Failure::of_fields(problem::INPUT_INVALID, violations).into()
    }

    /// The body cannot be read.
    pub(super) fn malformed(message: &str) -> Self {
        Failure::detail(400, "BAD_USER_INPUT", message.to_owned()).into()
    }

    /// The current password is wrong: a fact about a field, as the caller is signed in.
    pub(super) fn wrong_current_password() -> Self {
        let message = problem::NO_MATCH.message;
        let rule = violation::ViolationRule::NotAllowed;
        let violation = violation::Violation::new("current_password", rule, message);
        Failure::of_fields(problem::NO_MATCH, [violation]).into()
    }

    /// A refresh token that is not valid any more.
    pub(super) fn refresh_token() -> Self {
        let problem = problem::TOKEN_INVALID;
        Failure::of_token(problem.code.as_str(), problem.message.to_owned()).into()
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failure(Box::new(failure))
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Failure::of(status(problem.code), problem).into()
    }
}

/// The status of a problem.
fn status(code: ProblemCode) -> u16 {
    match code {
        // AuthenticationFailed.
        ProblemCode::InvalidCredentials => 401,
        // PermissionDenied: the right credentials, and yet no.
        ProblemCode::AccountSuspended
        | ProblemCode::AccountDeleted
        | ProblemCode::EmailNotVerified
        | ProblemCode::StepUpRequired
        | ProblemCode::OutOfScope => 403,
        ProblemCode::NotFound => 404,
        ProblemCode::Conflict
        | ProblemCode::IdentityAlreadyLinked
        | ProblemCode::LastAuthenticator => 409,
        ProblemCode::RateLimited => 429,
        // ValidationError.
        ProblemCode::PasswordTooWeak
        | ProblemCode::PasswordBreached
        | ProblemCode::CodeInvalid
        | ProblemCode::CodeExpired
        | ProblemCode::TokenInvalid
        | ProblemCode::GoogleTokenInvalid
        | ProblemCode::InputInvalid => 400,
    }
}

/// Turns the refusal of a service into an answer. Implementations match without a wildcard, so a new
/// problem does not compile until it is mapped.
pub(super) trait IntoRefusal {
    fn into_refusal(self) -> Refusal;
}

impl IntoRefusal for Infallible {
    fn into_refusal(self) -> Refusal {
        match self {}
    }
}

impl IntoRefusal for Violations {
    fn into_refusal(self) -> Refusal {
        Refusal::invalid(self)
    }
}

impl IntoRefusal for PasswordRejected {
    fn into_refusal(self) -> Refusal {
        match self {
            Self::TooWeak(violations) => {
                Failure::of_fields(problem::PASSWORD_TOO_WEAK, violations).into()
            }
            Self::Breached => problem::PASSWORD_BREACHED.into(),
        }
    }
}

impl IntoRefusal for RateLimitExceeded {
    fn into_refusal(self) -> Refusal {
        let seconds = self.seconds();
        let message = problem::too_many_attempts(seconds);
        let code = ProblemCode::RateLimited;
        let failure = Failure::detail(status(code), code.as_str(), message);
        failure.retry_after(Some(seconds)).into()
    }
}

impl IntoRefusal for CancellationOffer {
    fn into_refusal(self) -> Refusal {
        let problem = problem::ACCOUNT_DELETED;
        let keeping = Keeping {
            cancellation_token: self.token.reveal().to_owned(),
            restorable_until: self.restorable_until.to_rfc3339(),
        };
        let failure = Failure {
            data: Some(keeping),
            ..Failure::of(status(problem.code), problem)
        };
        failure.into()
    }
}

impl<P: IntoRefusal, I: IntoRefusal> From<Refused<P, I>> for Refusal {
    fn from(refused: Refused<P, I>) -> Self {
        match refused {
            Refused::Because(problem) => problem.into_refusal(),
            Refused::Invalid(input) => input.into_refusal(),
            Refused::RateLimited(limit) => limit.into_refusal(),
            Refused::Unauthenticated => Self::Unauthenticated { had_token: true },
            Refused::RegistrationClosed => Self::RegistrationClosed,
            Refused::Unavailable => Self::Unavailable,
            // The account of the session was erased during the request.
            Refused::Fault(fault) if app::is_orphaned(&fault) => {
                Self::Unauthenticated { had_token: true }
            }
            Refused::Fault(fault) => Self::Fault(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_the_names_of_this_surface() {
        for (path, name) in [
            ("email", "email"),
            ("emailOrPhone", "email_or_phone"),
            ("newPassword", "new_password"),
            ("code", "otp"),
        ] {
            assert_eq!(field(path), name);
        }
    }
}
