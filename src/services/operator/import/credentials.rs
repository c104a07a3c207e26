//! Trying known credentials on both sides, before a switch-over.

use secrecy::SecretString;

use super::{ImportProblem, password};
use crate::app::App;
use crate::crypto::hasher::Overloaded;
use crate::domain::identifier::Identifier;
use crate::domain::legacy::{Mapping, Resolution, Rules, read_person};
use crate::domain::password::Password;
use crate::fault::Fault;
use crate::stores::legacy::LegacySource;
use crate::stores::user::{self, TieBreak};

/// What became of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It signs in on both sides.
    Both,
    /// It signs in there only.
    OnlyThere,
    /// It signs in here only: the password was changed here, or there since the last import.
    OnlyHere,
    /// It signs in on neither side.
    Neither,
    /// No imported account here has this address.
    NoAccount,
}

impl Tried {
    /// Whether the person gets in here as there.
    #[must_use]
    pub fn is_fine(self) -> bool {
        matches!(self, Self::Both | Self::OnlyHere)
    }
}

/// Tries the password of the account with this address against the hash there and the one here.
/// Nothing is counted against limits, and no hash is replaced.
///
/// # Errors
///
/// The source cannot be read, or an unexpected failure.
pub async fn try_credential(
    app: &App,
    source: &mut LegacySource,
    mapping: &Mapping,
    address: &str,
    secret: SecretString,
) -> Result<Tried, ImportProblem> {
    let identifier = Identifier::read(address, app.config.phone.region());
    let found = user::find_by_identifier(&app.database, &identifier, TieBreak::SignIn).await?;
    let imported = found.and_then(|found| Some((found.user.legacy_id?, found.password_hash)));
    let Some((legacy_id, ours)) = imported else {
        return Ok(Tried::NoAccount);
    };
    let Ok(typed) = Password::attempt(secret) else {
        return Ok(Tried::Neither);
    };
    let rows = source.users(legacy_id.checked_sub(1), 1).await?;
    let region = mapping.phone_region.as_deref();
    let rules = Rules {
        mapping,
        phone_region: region.or(app.config.phone.region()),
        now: app.clock.now(),
    };
    let row = rows.first().filter(|row| row.id == legacy_id);
    let person = row.and_then(|row| read_person(row, &rules, &Resolution::default()).ok());
    let theirs = match person.and_then(|person| password::read(&person.password).ok()) {
        Some(password) => {
            let id = app.new_id();
            let stored = password.stored(app, id, None).await?;
            stored.map(|stored| stored.hash)
        }
        None => None,
    };
    let there = is_of(app, &typed, theirs).await?;
    let here = is_of(app, &typed, ours).await?;
    Ok(match (there, here) {
        (true, true) => Tried::Both,
        (true, false) => Tried::OnlyThere,
        (false, true) => Tried::OnlyHere,
        (false, false) => Tried::Neither,
    })
}

async fn is_of(app: &App, typed: &Password, hash: Option<String>) -> Result<bool, Fault> {
    if hash.is_none() {
        return Ok(false);
    }
    match app.hasher.verify(typed.clone(), hash).await {
        Ok(verification) => Ok(verification.matches),
        Err(Overloaded) => Err(Fault::new("the queue of the hashing threads is full")),
    }
}
