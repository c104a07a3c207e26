//! Replacing a stored hash of other parameters or of another system, at a sign-in that proves the
//! password.

use secrecy::SecretString;

use crate::app::App;
use crate::crypto::hasher::Verification;
use crate::domain::password::{Candidate, Password};
use crate::domain::user::User;
use crate::fault::Fault;
use crate::messages::Message;
use crate::messages::parts::SignIn;
use crate::services::{new_password, outbox};
use crate::stores::{Tx, password};

/// A new hash of the same password.
pub(super) struct Rehash {
    hash: String,
    /// Another system accepted the password, and the policy here would not.
    is_weak: bool,
}

impl Rehash {
    /// Hashes the password anew where that is due.
    ///
    /// A full queue must not refuse a right password: then the next sign-in does it.
    pub(super) async fn of(
        app: &App,
        proven: Password,
        verification: Verification,
        user: &User,
    ) -> Option<Self> {
        if !verification.outdated {
            return None;
        }
        let is_weak = verification.imported && is_weak(app, &proven, user).await;
        let hash = app.hasher.hash(proven).await.ok()?;
        Some(Self { hash, is_weak })
    }

    /// Stores the hash, unless the password was changed meanwhile.
    ///
    /// The owner of an imported password that today's policy would refuse keeps it, and is told here,
    /// once.
    pub(super) async fn store(
        self,
        tx: &Tx,
        app: &App,
        user: &User,
        old: &str,
    ) -> Result<(), Fault> {
        let is_stored = password::rehash(tx, user.id, old, self.hash).await?;
        if !is_stored || !self.is_weak {
            return Ok(());
        }
        let message = Message::PasswordWeak(SignIn(app.config.links.base_url.as_str()));
        for recipient in outbox::verified_addresses(user) {
            outbox::enqueue(tx, app, user, &recipient, &message, None).await?;
        }
        Ok(())
    }
}

async fn is_weak(app: &App, password: &Password, user: &User) -> bool {
    let typed = SecretString::from(password.expose());
    let Ok(candidate) = Candidate::new(typed, &app.config.password.policy()) else {
        return true;
    };
    let about = new_password::user_inputs(user);
    matches!(new_password::rate(app, candidate, &about).await, Ok(Err(_)))
}
