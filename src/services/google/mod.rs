//! Signing in with Google, or with the OpenID Connect issuer configured in its place.
//!
//! The client obtains the ID token; `credential` checks it. `login`, `link` and `unlink` are the use
//! cases. An identity is issuer and subject; the e-mail address in a token only helps to find the
//! account of a new identity: see `docs/decisions/google-linking.md`.

mod credential;
mod link;
mod login;
mod resolve_account;
mod step;
mod unlink;

pub use credential::GoogleCredential;
pub use link::{LinkGoogleProblem, link};
pub use login::{GoogleLoginProblem, login};
pub use unlink::{UnlinkGoogleProblem, unlink};

use crate::app::App;
use crate::domain::user::User;
use crate::fault::Fault;
use crate::messages::Message;
use crate::services::outbox;
use crate::stores::Tx;

/// The name of the provider in messages and audit events.
const PROVIDER: &str = "Google";

/// Notifies every verified address of the account, so that its owner notices an identity that an
/// attacker linked, even if one of the addresses is no longer theirs.
async fn notify(tx: &Tx, app: &App, owner: &User, message: &Message<'_>) -> Result<(), Fault> {
    for recipient in outbox::verified_addresses(owner) {
        outbox::enqueue(tx, app, owner, &recipient, message, None).await?;
    }
    Ok(())
}
