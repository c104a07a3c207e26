//! Expected refusals, as data in the result of a mutation.

use async_graphql::resolver_utils::EnumType;
use async_graphql::{Enum, Interface, Object, SimpleObject};

use super::directives::AtMost;
use crate::domain::violation;
use crate::services::RateLimitExceeded;

/// What went wrong, for programs. Every refusal has one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum ProblemCode {
    /// The identifier and the password do not belong together. Where addresses have to be
    /// confirmed, `login` says the same of an account that nobody has confirmed yet.
    InvalidCredentials,
    /// The account is suspended. Said only after the right password or code.
    AccountSuspended,
    /// The address has to be confirmed first. `login` says so only after the right password of an
    /// account that has another, confirmed address.
    EmailNotVerified,
    /// The password is too easy to guess.
    PasswordTooWeak,
    /// The password is known from a data breach.
    PasswordBreached,
    /// The code is wrong, used, or was never sent.
    CodeInvalid,
    /// The code was right once.
    CodeExpired,
    /// The token is unknown, used or expired.
    TokenInvalid,
    /// The Google token could not be accepted.
    GoogleTokenInvalid,
    /// The identity belongs to another account.
    IdentityAlreadyLinked,
    /// Without this the person could not sign in any more.
    LastAuthenticator,
    /// Prove again who you are, then repeat.
    StepUpRequired,
    /// There is no such thing, or it is not yours.
    NotFound,
    /// This is beyond what you may do to others.
    OutOfScope,
    /// It clashes with something that exists.
    Conflict,
    /// Too many attempts; `retryAfter` says when to come back.
    RateLimited,
    /// The input breaks rules; `violations` lists them.
    InputInvalid,
}

/// The same code out of the closed set, if it is one of these.
#[must_use]
pub fn known_code(text: &str) -> Option<&'static str> {
    let codes = <ProblemCode as EnumType>::items();
    codes.iter().map(|it| it.name).find(|name| *name == text)
}

/// One rule that an input breaks.
#[derive(Clone, Debug, SimpleObject)]
pub struct Violation {
    /// The input field, as in `password`.
    path: String,
    /// The rule, as in `TOO_SHORT`.
    rule: String,
    /// The rule in words.
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
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $name;

        $(#[doc = $doc])+
        #[Object]
        impl $name {
            /// What went wrong, for programs.
            async fn code(&self) -> ProblemCode {
                ProblemCode::$name
            }

            /// What went wrong, for people.
            async fn message(&self) -> String {
                $message.to_owned()
            }
        }
    )+ };
}

problems! {
    /// The account is suspended.
    AccountSuspended: "This account is suspended. Contact support.";
    /// The address of the account has to be confirmed first.
    EmailNotVerified: "The address has to be confirmed first, by the link or the code that was sent there.";
    /// The token is unknown, used or expired.
    TokenInvalid: "This token is not valid any more. Ask for a new one.";
    /// The Google token could not be accepted.
    GoogleTokenInvalid: "This Google sign-in cannot be accepted. Start it again.";
    /// The identity belongs to another account.
    IdentityAlreadyLinked: "This Google account is linked with another account here.";
    /// Without this the person could not sign in any more.
    LastAuthenticator: "This is the only way you can sign in. Set a password first.";
    /// The operation needs a recent proof of who asks.
    StepUpRequired: "Prove again who you are, by stepUp or by a code for STEP_UP, then repeat.";
    /// There is no such thing, or it is not yours.
    NotFound: "There is nothing with this id.";
    /// This is beyond what the caller may do to others.
    OutOfScope: "You may not do this to this person, or not give away what you do not hold.";
    /// The password is known from a data breach.
    PasswordBreached: "This password is known from a data breach. Choose another one.";
    /// The code is wrong, used, or was never sent.
    CodeInvalid: "This code is not right. Check it, or ask for a new one.";
    /// The code was right once.
    CodeExpired: "This code has expired. Ask for a new one.";
}

/// The identifier and the password do not belong together. Where addresses have to be confirmed,
/// `login` says the same of an account that nobody has confirmed yet.
#[derive(Clone, Copy, Debug)]
pub struct InvalidCredentials(&'static str);

impl InvalidCredentials {
    /// They do not belong together.
    pub const NO_MATCH: Self =
        Self("The e-mail address or phone number and the password do not match.");
    /// They do not, or the account waits for its confirmation: `login` does not say which.
    pub const NO_MATCH_OR_PENDING: Self = Self(
        "The e-mail address or phone number and the password do not match, or the address was not \
         confirmed yet: requestEmailVerification sends another link, requestOtp another code.",
    );
}

/// The identifier and the password do not belong together. Where addresses have to be confirmed,
/// `login` says the same of an account that nobody has confirmed yet.
#[Object]
impl InvalidCredentials {
    /// What went wrong, for programs.
    async fn code(&self) -> ProblemCode {
        ProblemCode::InvalidCredentials
    }

    /// What went wrong, for people.
    async fn message(&self) -> String {
        self.0.to_owned()
    }
}

/// It clashes with something that exists.
#[derive(Clone, Copy, Debug)]
pub struct Conflict(&'static str);

impl Conflict {
    /// Somebody has the address.
    pub const TAKEN: Self = Self("There is an account with this address. Sign in instead.");
    /// The account has a password already.
    pub const HAS_PASSWORD: Self = Self("This account has a password. Change it instead.");
    /// Nobody could administer any more.
    pub const LAST_ADMIN: Self =
        Self("This is the last administrator. Make somebody else one first.");
    /// The account is not staff's.
    pub const NOT_STAFF: Self = Self("Only staff have functions. Make the person staff first.");
    /// Somebody has the address, and it is not the caller.
    pub const HAS_ACCOUNT: Self = Self("There is an account with this address already.");
}

/// It clashes with something that exists.
#[Object]
impl Conflict {
    /// What went wrong, for programs.
    async fn code(&self) -> ProblemCode {
        ProblemCode::Conflict
    }

    /// What went wrong, for people.
    async fn message(&self) -> String {
        self.0.to_owned()
    }
}

macro_rules! problems_with_violations {
    ($($(#[doc = $doc:literal])+ $name:ident: $message:literal;)+) => { $(
        $(#[doc = $doc])+
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
            /// What went wrong, for programs.
            async fn code(&self) -> ProblemCode {
                ProblemCode::$name
            }

            /// What went wrong, for people.
            async fn message(&self) -> String {
                $message.to_owned()
            }

            /// The rules that the input breaks.
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
    /// The input breaks rules.
    InputInvalid: "Some of the input cannot be accepted.";
}

/// Too many attempts.
#[derive(Clone, Copy, Debug)]
pub struct RateLimited(pub RateLimitExceeded);

/// Too many attempts.
#[Object]
impl RateLimited {
    /// What went wrong, for programs.
    async fn code(&self) -> ProblemCode {
        ProblemCode::RateLimited
    }

    /// What went wrong, for people.
    async fn message(&self) -> String {
        format!(
            "Too many attempts. Try again in {} seconds.",
            self.seconds()
        )
    }

    /// Seconds until trying again makes sense.
    async fn retry_after(&self) -> i32 {
        self.seconds()
    }
}

impl RateLimited {
    /// Whole seconds, rounded up, so that coming back then is never too early.
    fn seconds(self) -> i32 {
        let seconds = self.0.retry_after.as_millis().div_ceil(1000).max(1);
        i32::try_from(seconds).unwrap_or(i32::MAX)
    }
}

/// Why a mutation was refused. Every refusal implements it, so one fragment reads them all:
/// `... on Problem { code message }`.
#[derive(Debug, Interface)]
#[graphql(
    field(
        name = "code",
        ty = "ProblemCode",
        desc = "What went wrong, for programs."
    ),
    field(name = "message", ty = "String", desc = "What went wrong, for people.")
)]
pub enum Problem {
    /// See [`InvalidCredentials`].
    InvalidCredentials(InvalidCredentials),
    /// See [`AccountSuspended`].
    AccountSuspended(AccountSuspended),
    /// See [`EmailNotVerified`].
    EmailNotVerified(EmailNotVerified),
    /// See [`TokenInvalid`].
    TokenInvalid(TokenInvalid),
    /// See [`GoogleTokenInvalid`].
    GoogleTokenInvalid(GoogleTokenInvalid),
    /// See [`IdentityAlreadyLinked`].
    IdentityAlreadyLinked(IdentityAlreadyLinked),
    /// See [`LastAuthenticator`].
    LastAuthenticator(LastAuthenticator),
    /// See [`StepUpRequired`].
    StepUpRequired(StepUpRequired),
    /// See [`NotFound`].
    NotFound(NotFound),
    /// See [`OutOfScope`].
    OutOfScope(OutOfScope),
    /// See [`Conflict`].
    Conflict(Conflict),
    /// See [`PasswordBreached`].
    PasswordBreached(PasswordBreached),
    /// See [`CodeInvalid`].
    CodeInvalid(CodeInvalid),
    /// See [`CodeExpired`].
    CodeExpired(CodeExpired),
    /// See [`PasswordTooWeak`].
    PasswordTooWeak(PasswordTooWeak),
    /// See [`InputInvalid`].
    InputInvalid(InputInvalid),
    /// See [`RateLimited`].
    RateLimited(RateLimited),
}
