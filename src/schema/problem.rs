//! Expected refusals, returned as data in the result of a mutation.

use std::borrow::Cow;

use async_graphql::resolver_utils::EnumType;
use async_graphql::{Enum, Interface, Object, SimpleObject};
use chrono::{DateTime, Utc};

use super::directives::AtMost;
use crate::domain::{deletion, problem, violation};
use crate::services::RateLimitExceeded;
use crate::services::deletion::CancellationOffer;

/// The kind of a problem, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "problem::ProblemCode")]
pub enum ProblemCode {
    /// Wrong identifier or password. Where addresses must be confirmed, `login` also returns this
    /// for an unconfirmed account.
    InvalidCredentials,
    /// The account is suspended. Only returned after the right password or code.
    AccountSuspended,
    /// Its owner has deleted the account, and can still keep it. Only returned after the right
    /// password or Google ID token.
    AccountDeleted,
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
    ($($(#[doc = $doc:literal])+ $name:ident: $message:expr;)+) => { $(
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
    AccountSuspended: problem::ACCOUNT_SUSPENDED.message;
    /// The address must be confirmed first.
    EmailNotVerified: problem::EMAIL_NOT_VERIFIED.message;
    /// The token is unknown, already used or expired.
    TokenInvalid: problem::TOKEN_INVALID.message;
    /// The Google ID token was rejected.
    GoogleTokenInvalid: problem::GOOGLE_TOKEN_INVALID.message;
    /// The identity is linked to another account.
    IdentityAlreadyLinked: "This Google account is linked with another account here.";
    /// The account could not be signed in to without it.
    LastAuthenticator: "This is the only way you can sign in. Set a password first.";
    /// The operation requires a recent sign-in.
    StepUpRequired: problem::STEP_UP_REQUIRED.message;
    /// Not found, or it belongs to another account.
    NotFound: "There is nothing with this id.";
    /// Not allowed for this account, or for this role or function.
    OutOfScope: "You may not do this to this person, or not give away what you do not hold.";
    /// The password appears in a known data breach.
    PasswordBreached: problem::PASSWORD_BREACHED.message;
    /// The code is wrong, already used, or was never sent.
    CodeInvalid: problem::CODE_INVALID.message;
    /// The code was valid but has expired.
    CodeExpired: problem::CODE_EXPIRED.message;
}

#[derive(Clone, Copy, Debug)]
pub struct InvalidCredentials(&'static str);

impl InvalidCredentials {
    /// Wrong identifier or password.
    pub const NO_MATCH: Self = Self(problem::NO_MATCH.message);
    /// Wrong identifier or password, or an unconfirmed account: `login` does not reveal which.
    pub const NO_MATCH_OR_PENDING: Self = Self(problem::NO_MATCH_OR_PENDING.message);
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

/// The owner of a deleted account has authenticated, and can still keep it.
#[derive(Debug)]
pub struct AccountDeleted(pub CancellationOffer);

/// The account is deleted, and its owner can still keep it.
#[Object]
impl AccountDeleted {
    /// The kind of the problem, for programs.
    async fn code(&self) -> ProblemCode {
        ProblemCode::AccountDeleted
    }

    /// The message, for people.
    async fn message(&self) -> String {
        problem::ACCOUNT_DELETED.message.to_owned()
    }

    /// For `cancelAccountDeletion`: valid once, and for ten minutes.
    async fn cancellation_token(&self) -> &str {
        self.0.token.reveal()
    }

    /// Until when the account can be kept. Then it is erased.
    async fn restorable_until(&self) -> DateTime<Utc> {
        self.0.restorable_until
    }
}

/// What another account has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "deletion::Taken")]
pub enum Taken {
    /// The e-mail address.
    Email,
    /// The phone number.
    Phone,
    /// A Google identity.
    GoogleIdentity,
}

#[derive(Clone, Debug)]
pub struct Conflict {
    message: Cow<'static, str>,
    taken: Vec<Taken>,
}

impl Conflict {
    const fn because(message: &'static str) -> Self {
        Self {
            message: Cow::Borrowed(message),
            taken: Vec::new(),
        }
    }

    /// Another account has these by now.
    pub fn because_taken(taken: &[deletion::Taken]) -> Self {
        let name = |taken: &deletion::Taken| match taken {
            deletion::Taken::Email => "the e-mail address",
            deletion::Taken::Phone => "the phone number",
            deletion::Taken::GoogleIdentity => "a Google identity",
        };
        let names: Vec<&str> = taken.iter().map(name).collect();
        let names = names.join(" and ");
        Self {
            message: format!("Another account has {names} of this account by now.").into(),
            taken: taken.iter().copied().map(Into::into).collect(),
        }
    }

    /// The address of a registration has an account.
    pub const TAKEN: Self = Self::because(problem::TAKEN.message);
    /// The account already has a password.
    pub const HAS_PASSWORD: Self = Self::because("This account has a password. Change it instead.");
    /// There would be no administrator left.
    pub const LAST_ADMIN: Self =
        Self::because("This is the last administrator. Make another user one first.");
    /// The account is not a staff account.
    pub const NOT_STAFF: Self =
        Self::because("Only staff have functions. Make the person staff first.");
    /// The user has several uploads open.
    pub const TOO_MANY_UPLOADS: Self =
        Self::because("Several uploads are open. Finish one of them, or wait until they expire.");
    /// Nothing was uploaded.
    pub const NOTHING_UPLOADED: Self = Self::because(
        "No picture has arrived yet. Upload it as `beginAvatarUpload` said, then repeat.",
    );
    /// The address belongs to another account.
    pub const HAS_ACCOUNT: Self = Self::because("There is an account with this address already.");
}

/// In conflict with existing data.
#[Object]
impl Conflict {
    /// The kind of the problem, for programs.
    async fn code(&self) -> ProblemCode {
        ProblemCode::Conflict
    }

    /// The message, for people.
    async fn message(&self) -> &str {
        &self.message
    }

    /// What another account has taken; only from `restoreUser` and `cancelAccountDeletion`.
    #[graphql(directive = AtMost::apply(3))]
    async fn taken(&self) -> &[Taken] {
        &self.taken
    }
}

macro_rules! problems_with_violations {
    ($($(#[doc = $doc:literal])+ $name:ident: $message:expr;)+) => { $(
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
    PasswordTooWeak: problem::PASSWORD_TOO_WEAK.message;
    /// The input is invalid.
    InputInvalid: problem::INPUT_INVALID.message;
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
        problem::too_many_attempts(self.0.seconds())
    }

    /// Seconds to wait before a retry.
    async fn retry_after(&self) -> i32 {
        i32::try_from(self.0.seconds()).unwrap_or(i32::MAX)
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
    AccountDeleted(AccountDeleted),
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
