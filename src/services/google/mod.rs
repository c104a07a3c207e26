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
pub use link::{LinkGoogleProblem, link};
pub use login::{GoogleLoginProblem, login};
pub use unlink::{UnlinkGoogleProblem, unlink};

use crate::app::App;
use crate::domain::user::User;
use crate::fault::Fault;
use crate::messages::Message;
use crate::services::outbox;
use crate::stores::Tx;

/// What messages and audit events call the provider.
const PROVIDER: &str = "Google";

/// Tells an account's owner at every address they proved, so that a link they did not make is
/// noticed even if one of the addresses is not theirs any more.
async fn tell(tx: &Tx, app: &App, owner: &User, message: &Message<'_>) -> Result<(), Fault> {
    for recipient in outbox::proven(owner) {
        outbox::enqueue(tx, app, &recipient, message, None).await?;
    }
    Ok(())
}
