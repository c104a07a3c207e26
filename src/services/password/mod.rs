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
use crate::domain::caller::{Caller, SignedIn};
use crate::domain::password::Candidate;
use crate::domain::session::RevocationReason;
use crate::domain::user::User;
use crate::fault::Fault;
use crate::messages::Message;
use crate::messages::parts::SignIn;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::new_password::{self, PasswordRejected};
use crate::services::outbox;
use crate::services::refused::Refused;
use crate::stores::link::LinkPurpose;
use crate::stores::session::SessionSet;
use crate::stores::user::Credentials;
use crate::stores::{Tx, link, password, session, user};

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

/// Checks and writes the password that the owner chose while signed in; the other sessions end.
async fn replace_own<P, I>(
    app: &App,
    caller: &Caller,
    person: &SignedIn,
    owner: &Credentials,
    (candidate, replacement): (Candidate, Replacement),
) -> Result<(), Refused<P, I>>
where
    P: From<PasswordRejected>,
{
    let words = new_password::user_inputs(&owner.user);
    let chosen = new_password::validate(app, candidate, "newPassword", &words).await;
    let hash = app.hasher.hash(chosen?).await?;

    let tx = app.begin().await?;
    let (id, version) = (owner.user.id, owner.user.credential_version);
    let renewed = user::renew_credentials(&tx, id, version, app.clock.now()).await?;
    renewed.ok_or(Refused::Unauthenticated)?;
    let change = (SessionSet::AllBut(person.session()), replacement);
    replace(&tx, app, caller, owner, hash, change).await?;
    tx.commit().await?;
    app.wake_outbox();
    Ok(())
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
        outbox::enqueue(tx, app, user, &recipient, &message, None).await?;
    }
    Ok(())
}
