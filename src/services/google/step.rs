//! What one transaction of a Google sign-in amounts to.

use crate::domain::email::EmailAddress;
use crate::domain::ids::UserId;
use crate::domain::user::User;

/// What to do next.
pub(super) enum Step {
    /// Start a session of this user, whose login has been recorded.
    SignIn(Box<User>),
    /// Offer the owner of this deleted account to keep it.
    OfferCancellation(UserId),
    /// Start over: a concurrent request changed what was read.
    Retry,
    /// Refuse, without writing anything in this transaction.
    Reject(LoginRejection),
}

/// Why a valid ID token does not sign in.
pub(super) enum LoginRejection {
    /// The token was used before.
    Replayed,
    /// The issuer does not vouch for the e-mail address.
    EmailNotVerified(Option<EmailAddress>),
    Suspended(UserId),
    Deleted(UserId),
    /// An account has the address, and the token does not prove that it may be linked.
    Taken(UserId),
    RegistrationClosed(EmailAddress),
}
