//! Signing in with Google, or with the OpenID Connect issuer configured in its place.
//!
//! The client gets the ID token; `credential` checks it, the other files are one use case each.
//! Who somebody is at the issuer is issuer and subject. The e-mail address in a token only says
//! which account a newcomer may already have: see `docs/decisions/google-linking.md`.

mod credential;
mod link;
mod login;
mod newcomer;
mod unlink;

pub use credential::GoogleCredential;
pub use link::{LinkGoogleRefusal, link};
pub use login::{GoogleLoginRefusal, login};
pub use unlink::{UnlinkGoogleRefusal, unlink};

use crate::domain::user::User;
use crate::messages::Recipient;
use crate::services::outbox;

/// What messages and audit events call the provider.
const PROVIDER: &str = "Google";

/// Where to tell an account's owner what happened to it: only at an address they have proven.
fn reachable(user: &User) -> Option<Recipient<'_>> {
    let email = user.email.as_deref().filter(|_| user.email_verified);
    let phone = user.phone.as_deref().filter(|_| user.phone_verified);
    email
        .map(|email| outbox::by_mail(user, email))
        .or_else(|| phone.map(|phone| outbox::by_text(user, phone)))
}
