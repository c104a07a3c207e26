//! Expected refusals, returned as data in the result of a mutation.

use async_graphql::resolver_utils::EnumType;
use async_graphql::{Enum, Interface, Object, SimpleObject};

use super::directives::AtMost;
use crate::domain::violation;
use crate::services::RateLimitExceeded;

/// The kind of a problem, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum ProblemCode {
    /// Wrong identifier or password. Where addresses must be confirmed, `login` also returns this
    /// for an unconfirmed account.
    InvalidCredentials,
    /// The account is suspended. Only returned after the right password or code.
    AccountSuspended,
    /// The address must be confirmed first. `login` only returns this after the right password of
    /// an account that has another, confirmed address.
    EmailNotVerified,
    /// The password is too easy to guess.
    PasswordTooWeak,
    /// The password appears in a known data breach.
    PasswordBreached,
    /// The code is wrong, already used, or was never sent.
    CodeInvalid,
    /// The code was valid but has expired.
    CodeExpired,
    /// The token is unknown, already used or expired.
    TokenInvalid,
    /// The Google ID token was rejected.
    GoogleTokenInvalid,
    /// The identity is linked to another account.
    IdentityAlreadyLinked,
    /// The account could not be signed in to without it.
    LastAuthenticator,
    /// A recent sign-in is required: authenticate again, then repeat.
    StepUpRequired,
    /// Not found, or it belongs to another account.
    NotFound,
    /// Not allowed for this account, or for this role or function.
    OutOfScope,
    /// In conflict with existing data.
    Conflict,
    /// Too many attempts: retry after `retryAfter` seconds.
    RateLimited,
    /// The input is invalid; `violations` lists the reasons.
    InputInvalid,
}

/// The static code of this name, if there is one.
#[must_use]
pub fn known_code(text: &str) -> Option<&'static str> {
    let codes = <ProblemCode as EnumType>::items();
    codes
        .iter()
        .map(|item| item.name)
        .find(|name| *name == text)
}

/// A rule that the input violates.
#[derive(Clone, Debug, SimpleObject)]
pub struct Violation {
    /// The input field, as in `password`.
    path: String,
    /// The rule, as in `TOO_SHORT`.
    rule: String,
    /// The rule, for people.
    message: String,
}

impl From<violation::Violation> for Violation {
    fn from(violation: violation::Violation) -> Self {
        Self {
            path: violation.path,
            rule: violation.rule.as_str().to_owned(),
            message: violation.message,
        }
    }
}

macro_rules! problems {
    ($($(#[doc = $doc:literal])+ $name:ident: $message:literal;)+) => { $(
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $name;

        $(#[doc = $doc])+
        #[Object]
        impl $name {
            /// The kind of the problem, for programs.
            async fn code(&self) -> ProblemCode {
                ProblemCode::$name
            }

            /// The message, for people.
            async fn message(&self) -> String {
                $message.to_owned()
            }
        }
    )+ };
}

problems! {
    /// The account is suspended.
    AccountSuspended: "This account is suspended. Contact support.";
    /// The address must be confirmed first.
    EmailNotVerified: "The address has to be confirmed first, by the link or the code that was sent there.";
    /// The token is unknown, already used or expired.
    TokenInvalid: "This token is not valid any more. Ask for a new one.";
    /// The Google ID token was rejected.
    GoogleTokenInvalid: "This Google sign-in cannot be accepted. Start it again.";
    /// The identity is linked to another account.
    IdentityAlreadyLinked: "This Google account is linked with another account here.";
    /// The account could not be signed in to without it.
    LastAuthenticator: "This is the only way you can sign in. Set a password first.";
    /// The operation requires a recent sign-in.
    StepUpRequired: "Prove again who you are, by stepUp or by a code for STEP_UP, then repeat.";
    /// Not found, or it belongs to another account.
    NotFound: "There is nothing with this id.";
    /// Not allowed for this account, or for this role or function.
    OutOfScope: "You may not do this to this person, or not give away what you do not hold.";
    /// The password appears in a known data breach.
    PasswordBreached: "This password is known from a data breach. Choose another one.";
    /// The code is wrong, already used, or was never sent.
    CodeInvalid: "This code is not right. Check it, or ask for a new one.";
    /// The code was valid but has expired.
    CodeExpired: "This code has expired. Ask for a new one.";
}

#[derive(Clone, Copy, Debug)]
pub struct InvalidCredentials(&'static str);

impl InvalidCredentials {
    /// Wrong identifier or password.
    pub const NO_MATCH: Self =
        Self("The e-mail address or phone number and the password do not match.");
    /// Wrong identifier or password, or an unconfirmed account: `login` does not reveal which.
    pub const NO_MATCH_OR_PENDING: Self = Self(
        "The e-mail address or phone number and the password do not match, or the address was not \
         confirmed yet: requestEmailVerification sends another link, requestOtp another code.",
    );
}

/// Wrong identifier or password. Where addresses must be confirmed, `login` also returns this for
/// an unconfirmed account.
#[Object]
impl InvalidCredentials {
    /// The kind of the problem, for programs.
    async fn code(&self) -> ProblemCode {
        ProblemCode::InvalidCredentials
    }

    /// The message, for people.
    async fn message(&self) -> String {
        self.0.to_owned()
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Conflict(&'static str);

impl Conflict {
    /// The address of a registration has an account.
    pub const TAKEN: Self = Self("There is an account with this address. Sign in instead.");
    /// The account already has a password.
    pub const HAS_PASSWORD: Self = Self("This account has a password. Change it instead.");
    /// There would be no administrator left.
    pub const LAST_ADMIN: Self =
        Self("This is the last administrator. Make another user one first.");
    /// The account is not a staff account.
    pub const NOT_STAFF: Self = Self("Only staff have functions. Make the person staff first.");
    /// The address belongs to another account.
    pub const HAS_ACCOUNT: Self = Self("There is an account with this address already.");
}

/// In conflict with existing data.
#[Object]
impl Conflict {
    /// The kind of the problem, for programs.
    async fn code(&self) -> ProblemCode {
        ProblemCode::Conflict
    }

    /// The message, for people.
    async fn message(&self) -> String {
        self.0.to_owned()
    }
}

macro_rules! problems_with_violations {
    ($($(#[doc = $doc:literal])+ $name:ident: $message:literal;)+) => { $(
        #[derive(Clone, Debug)]
        pub struct $name(Vec<Violation>);

        impl<V: Into<violation::Violations>> From<V> for $name {
            fn from(violations: V) -> Self {
                Self(violations.into().into_iter().map(Into::into).collect())
            }
        }

        $(#[doc = $doc])+
        #[Object]
        impl $name {
            /// The kind of the problem, for programs.
            async fn code(&self) -> ProblemCode {
                ProblemCode::$name
            }

            /// The message, for people.
            async fn message(&self) -> String {
                $message.to_owned()
            }

            /// The rules that the input violates.
            #[graphql(directive = AtMost::apply(32))]
            async fn violations(&self) -> &[Violation] {
                &self.0
            }
        }
    )+ };
}

problems_with_violations! {
    /// The password is too easy to guess.
    PasswordTooWeak: "Choose a password that is harder to guess.";
    /// The input is invalid.
    InputInvalid: "Some of the input cannot be accepted.";
}

#[derive(Clone, Copy, Debug)]
pub struct RateLimited(pub RateLimitExceeded);

/// Too many attempts.
#[Object]
impl RateLimited {
    /// The kind of the problem, for programs.
    async fn code(&self) -> ProblemCode {
        ProblemCode::RateLimited
    }

    /// The message, for people.
    async fn message(&self) -> String {
        format!(
            "Too many attempts. Try again in {} seconds.",
            self.seconds()
        )
    }

    /// Seconds to wait before a retry.
    async fn retry_after(&self) -> i32 {
        self.seconds()
    }
}

impl RateLimited {
    /// Whole seconds, rounded up, so that a retry is never too early.
    fn seconds(self) -> i32 {
        let seconds = self.0.retry_after.as_millis().div_ceil(1000).max(1);
        i32::try_from(seconds).unwrap_or(i32::MAX)
    }
}

/// A refusal of a mutation. Every refusal implements it, so one fragment covers all: `... on
/// Problem { code message }`.
#[derive(Debug, Interface)]
#[graphql(
    field(
        name = "code",
        ty = "ProblemCode",
        desc = "The kind of the problem, for programs."
    ),
    field(name = "message", ty = "String", desc = "The message, for people.")
)]
pub enum Problem {
    InvalidCredentials(InvalidCredentials),
    AccountSuspended(AccountSuspended),
    EmailNotVerified(EmailNotVerified),
    TokenInvalid(TokenInvalid),
    GoogleTokenInvalid(GoogleTokenInvalid),
    IdentityAlreadyLinked(IdentityAlreadyLinked),
    LastAuthenticator(LastAuthenticator),
    StepUpRequired(StepUpRequired),
    NotFound(NotFound),
    OutOfScope(OutOfScope),
    Conflict(Conflict),
    PasswordBreached(PasswordBreached),
    CodeInvalid(CodeInvalid),
    CodeExpired(CodeExpired),
    PasswordTooWeak(PasswordTooWeak),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}
