//! Resetting, changing and setting passwords: one file per use case.

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
use crate::domain::session::RevocationReason;
use crate::domain::user::User;
use crate::fault::Fault;
use crate::messages::Message;
use crate::messages::parts::SignIn;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::outbox;
use crate::stores::link::LinkPurpose;
use crate::stores::session::SessionSet;
use crate::stores::user::Credentials;
use crate::stores::{Tx, link, password, session};

/// Why a password is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Replacement {
    Change,
    First,
    Reset,
    Invitation,
}

impl Replacement {
    const fn action(self) -> Action {
        match self {
            Self::Change => Action::PasswordChanged,
            Self::First => Action::PasswordSet,
            Self::Reset => Action::PasswordReset,
            Self::Invitation => Action::InvitationAccepted,
        }
    }

    const fn reason(self) -> RevocationReason {
        match self {
            Self::Change => RevocationReason::PasswordChanged,
            Self::First => RevocationReason::PasswordSet,
            Self::Reset => RevocationReason::PasswordReset,
            Self::Invitation => RevocationReason::InvitationAccepted,
        }
    }
}

/// Writes the new password, ends the sessions `which` and all pending links that could undo it, and
/// notifies the owner. An accepted invitation needs no notification: there was no password before.
///
/// The caller has renewed the credential version in this transaction.
async fn replace(
    tx: &Tx,
    app: &App,
    caller: &Caller,
    owner: &Credentials,
    hash: String,
    (which, replacement): (SessionSet, Replacement),
) -> Result<(), Fault> {
    let now = app.clock.now();
    let id = owner.user.id;
    password::replace(tx, id, hash, now).await?;
    session::revoke(tx, id, which, replacement.reason(), now).await?;
    // An attacker with the old password may have requested these.
    for purpose in [
        LinkPurpose::ResetPassword,
        LinkPurpose::ChangeEmail,
        LinkPurpose::Invitation,
    ] {
        link::delete_of_user(tx, id, purpose).await?;
    }
    let event = Event::new(replacement.action(), Subject::of(owner)).by_user(id);
    audit::record(tx, app, &caller.client, event).await?;
    if replacement == Replacement::Invitation {
        return Ok(());
    }
    notify(tx, app, &owner.user).await
}

/// Notifies every verified address, so that the owner notices a change by an attacker even if one of
/// the addresses is no longer theirs.
async fn notify(tx: &Tx, app: &App, user: &User) -> Result<(), Fault> {
    let message = Message::PasswordChanged(SignIn(app.config.links.base_url.as_str()));
    for recipient in outbox::verified_addresses(user) {
        outbox::enqueue(tx, app, &recipient, &message, None).await?;
    }
    Ok(())
}

/// Words about a user that an attacker tries first.
fn user_inputs(user: &User) -> [&str; 4] {
    [
        user.email.as_deref().unwrap_or_default(),
        user.phone.as_deref().unwrap_or_default(),
        &user.first_name,
        &user.last_name,
    ]
}
