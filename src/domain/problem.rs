//! Expected refusals as clients are told of them: a code for programs, a message for people.
//!
//! GraphQL and REST show the same ones. Messages name no operation, as their names differ.

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $member:ident = $text:literal,)+) => {
        /// The kind of a problem, for programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ProblemCode {
            $($(#[doc = $doc])+ $member,)+
        }

        impl ProblemCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$member),+];

            /// The code on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$member => $text,)+
                }
            }
        }
    };
}

codes! {
    /// Wrong identifier or password, or an unconfirmed account.
    InvalidCredentials = "INVALID_CREDENTIALS",
    /// The account is suspended.
    AccountSuspended = "ACCOUNT_SUSPENDED",
    /// Its owner has deleted the account, and can still keep it.
    AccountDeleted = "ACCOUNT_DELETED",
    /// The address must be confirmed first.
    EmailNotVerified = "EMAIL_NOT_VERIFIED",
    /// The password is too easy to guess.
    PasswordTooWeak = "PASSWORD_TOO_WEAK",
    /// The password appears in a known data breach.
    PasswordBreached = "PASSWORD_BREACHED",
    /// The code is wrong, already used, or was never sent.
    CodeInvalid = "CODE_INVALID",
    /// The code was valid but has expired.
    CodeExpired = "CODE_EXPIRED",
    /// The token is unknown, already used or expired.
    TokenInvalid = "TOKEN_INVALID",
    /// The Google ID token was rejected.
    GoogleTokenInvalid = "GOOGLE_TOKEN_INVALID",
    /// The identity is linked to another account.
    IdentityAlreadyLinked = "IDENTITY_ALREADY_LINKED",
    /// The account could not be signed in to without it.
    LastAuthenticator = "LAST_AUTHENTICATOR",
    /// A recent sign-in is required.
    StepUpRequired = "STEP_UP_REQUIRED",
    /// Not found, or it belongs to another account.
    NotFound = "NOT_FOUND",
    /// Not allowed for this account, role or function.
    OutOfScope = "OUT_OF_SCOPE",
    /// In conflict with existing data.
    Conflict = "CONFLICT",
    /// Too many attempts.
    RateLimited = "RATE_LIMITED",
    /// The input is invalid.
    InputInvalid = "INPUT_INVALID",
}

/// A problem that is told in the same words each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The code, for programs.
    pub code: ProblemCode,
    /// The message, for people.
    pub message: &'static str,
}

macro_rules! problems {
    ($($(#[doc = $doc:literal])+ $name:ident: $code:ident = $message:literal;)+) => { $(
        $(#[doc = $doc])+
        pub const $name: Problem = Problem {
            code: ProblemCode::$code,
            message: $message,
        };
    )+ };
}

problems! {
    /// Wrong identifier or password.
    NO_MATCH: InvalidCredentials = "The e-mail address or phone number and the password do not match.";
    /// Wrong identifier or password, or an unconfirmed account: a sign-in does not reveal which.
    NO_MATCH_OR_PENDING: InvalidCredentials = "The e-mail address or phone number and the password do not match, or the address was not confirmed yet: ask for another message to confirm it.";
    /// The account is suspended.
    ACCOUNT_SUSPENDED: AccountSuspended = "This account is suspended. Contact support.";
    /// The account is deleted, and its owner can still keep it.
    ACCOUNT_DELETED: AccountDeleted = "You have deleted this account. You can still keep it.";
    /// The address must be confirmed first.
    EMAIL_NOT_VERIFIED: EmailNotVerified = "The address has to be confirmed first, by the link or the code that was sent there.";
    /// The token is unknown, already used or expired.
    TOKEN_INVALID: TokenInvalid = "This token is not valid any more. Ask for a new one.";
    /// The Google ID token was rejected.
    GOOGLE_TOKEN_INVALID: GoogleTokenInvalid = "This Google sign-in cannot be accepted. Start it again.";
    /// The operation requires a recent sign-in.
    STEP_UP_REQUIRED: StepUpRequired = "Prove again who you are, by your password or by a code for this, then repeat.";
    /// The password appears in a known data breach.
    PASSWORD_BREACHED: PasswordBreached = "This password is known from a data breach. Choose another one.";
    /// The password is too easy to guess.
    PASSWORD_TOO_WEAK: PasswordTooWeak = "Choose a password that is harder to guess.";
    /// The code is wrong, already used, or was never sent.
    CODE_INVALID: CodeInvalid = "This code is not right. Check it, or ask for a new one.";
    /// The code was valid but has expired.
    CODE_EXPIRED: CodeExpired = "This code has expired. Ask for a new one.";
    /// The address of a registration has an account.
    TAKEN: Conflict = "There is an account with this address. Sign in instead.";
    /// The input is invalid.
    INPUT_INVALID: InputInvalid = "Some of the input cannot be accepted.";
}

/// The message of a rate limit.
#[must_use]
pub fn too_many_attempts(seconds: u64) -> String {
    format!("Too many attempts. Try again in {seconds} seconds.")
}
