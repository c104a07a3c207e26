//! Passwords: forgetting, changing and setting them. One file per use case.

mod change;
mod confirm_reset;
mod request_reset;
mod set;

pub use change::{ChangePasswordProblem, change_password};
pub use confirm_reset::{ConfirmResetProblem, PasswordReset, ResetProof, confirm_password_reset};
pub use request_reset::request_password_reset;
pub use set::{SetPasswordProblem, set_password};

use crate::app::App;
use crate::domain::caller::Caller;
use crate::domain::user::User;
use crate::fault::Fault;
use crate::messages::Message;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::outbox;
use crate::stores::link::LinkPurpose;
use crate::stores::session::Which;
use crate::stores::user::Credentials;
use crate::stores::{Tx, link, password, session};

/// Stores the new password, ends these sessions and every waiting reset, and tells the owner,
/// unless it is the first one of somebody invited: they had none that could be theirs.
///
/// The caller has renewed the version of the credentials in this transaction.
async fn store(
    tx: &Tx,
    app: &App,
    caller: &Caller,
    owner: &Credentials,
    hash: String,
    (which, action): (Which, Action),
) -> Result<(), Fault> {
    let now = app.clock.now();
    let id = owner.user.id;
    password::replace(tx, id, hash, now).await?;
    session::revoke(tx, id, which, action.as_str(), now).await?;
    // What somebody else may have asked for before ends with the old password.
    for purpose in [
        LinkPurpose::ResetPassword,
        LinkPurpose::ChangeEmail,
        LinkPurpose::Invitation,
    ] {
        link::delete_of_user(tx, id, purpose).await?;
    }
    let event = Event::new(action, Subject::of(owner)).by_user(id);
    audit::record(tx, app, &caller.client, event).await?;
    if action == Action::InvitationAccepted {
        return Ok(());
    }
    announce(tx, app, &owner.user).await
}

/// Tells the owner at every address they proved, so that a change they did not make is noticed
/// even if one of the addresses is not theirs any more.
async fn announce(tx: &Tx, app: &App, user: &User) -> Result<(), Fault> {
    let message = Message::PasswordChanged {
        sign_in: app.config.links.base_url.as_str(),
    };
    for recipient in outbox::proven(user) {
        outbox::enqueue(tx, app, &recipient, &message, None).await?;
    }
    Ok(())
}

/// What others know about a person and guessers try first.
fn known_words(user: &User) -> [&str; 4] {
    [
        user.email.as_deref().unwrap_or_default(),
        user.phone.as_deref().unwrap_or_default(),
        &user.first_name,
        &user.last_name,
    ]
}
