//! Somebody whose identity no account has: a new account, or the one with their address.
//!
//! The decision, row by row: `docs/decisions/google-linking.md`.

use serde_json::json;

use super::credential::Person;
use super::login::{Outcome, Why};
use super::{PROVIDER, tell};
use crate::app::App;
use crate::domain::caller::Caller;
use crate::domain::email::EmailAddress;
use crate::domain::identifier::Identifier;
use crate::domain::ids::UserId;
use crate::domain::pid::Pid;
use crate::domain::role::AuthProvider;
use crate::domain::user::{Contact, User};
use crate::fault::Fault;
use crate::messages::Message;
use crate::services::audit::{self, About, Action, Event};
use crate::services::ownership::{self, Proof};
use crate::stores::identity::NewIdentity;
use crate::stores::user::{Credentials, NewUser};
use crate::stores::{Tx, identity, person_key, user};

pub(super) async fn enter(
    tx: &Tx,
    app: &App,
    caller: &Caller,
    person: &Person,
) -> Result<Outcome, Fault> {
    let Some(email) = &person.email else {
        let shown = person.shown_email.as_deref();
        let shown = shown.and_then(|shown| EmailAddress::parse(shown).ok());
        return Ok(Outcome::Refused(Why::Unproven(shown)));
    };
    let named = Identifier::Email(email.clone());
    let Some(mut owner) = user::find_by_identifier_within(tx, &named).await? else {
        return register(tx, app, caller, person, email).await;
    };
    // Held until the end, so that nobody proves or takes the address while we decide about it.
    match user::lock(tx, owner.user.id).await? {
        Some(held) if is_the_same(&held, &owner.user) => owner.user = held,
        _ => return Ok(Outcome::Again),
    }
    // The account may be one that the same person made a moment ago, by a sign-in elsewhere.
    let known = identity::find(tx, &person.issuer, &person.subject).await?;
    if known.is_some() {
        return Ok(Outcome::Again);
    }
    if owner.user.has_proven(Contact::Email) {
        return join(tx, app, caller, person, owner).await;
    }
    if owner.user.is_suspended() {
        return Ok(Outcome::Refused(Why::Suspended(owner.user.id)));
    }
    if ownership::may_open(&owner.user, Contact::Email) {
        // What was made for somebody waits for them: a provider that does not run the address
        // only knows that this person once had it.
        if ownership::is_reserved(&owner) && !person.is_authoritative {
            return Ok(Outcome::Refused(Why::Taken(owner.user.id)));
        }
        return reclaim(tx, app, caller, person, owner).await;
    }
    // The account is its phone number's; the address it never proved is this person's.
    if !ownership::release(tx, app, &caller.client, &owner, Contact::Email).await? {
        return Ok(Outcome::Again);
    }
    register(tx, app, caller, person, email).await
}

fn is_the_same(held: &User, read: &User) -> bool {
    !held.is_deleted()
        && held.credential_version == read.credential_version
        && held.email == read.email
}

/// A verified account has the address: the issuer's word alone opens it only if the address is
/// the issuer's own, and only the first time.
async fn join(
    tx: &Tx,
    app: &App,
    caller: &Caller,
    person: &Person,
    owner: Credentials,
) -> Result<Outcome, Fault> {
    let user = owner.user;
    // Another subject with the same address, or one that the owner took off, asks the owner first.
    if !person.is_authoritative || identity::has_been_linked(tx, user.id, &person.issuer).await? {
        return Ok(Outcome::Refused(Why::Taken(user.id)));
    }
    if user.is_suspended() {
        return Ok(Outcome::Refused(Why::Suspended(user.id)));
    }
    let now = app.clock.now();
    let Some(user) = user::record_login(tx, user.id, user.credential_version, now).await? else {
        return Ok(Outcome::Again);
    };
    if !keep(tx, app, person, user.id).await? {
        return Ok(Outcome::Again);
    }
    note_link(tx, app, caller, &user).await?;
    Ok(Outcome::Welcome(Box::new(user)))
}

/// Nobody has proven anything about the account: it becomes this person's, and what its first
/// author left there ends before they get in.
async fn reclaim(
    tx: &Tx,
    app: &App,
    caller: &Caller,
    person: &Person,
    owner: Credentials,
) -> Result<Outcome, Fault> {
    let id = owner.user.id;
    let now = app.clock.now();
    let version = owner.user.credential_version;
    let Some(user) = user::record_login(tx, id, version, now).await? else {
        return Ok(Outcome::Again);
    };
    let proof = if person.is_authoritative {
        Proof::Authority
    } else {
        Proof::AddressAlone
    };
    let contact = Contact::Email;
    let proven = ownership::prove(tx, app, &caller.client, &owner, contact, proof).await?;
    let user = proven.unwrap_or(user);
    if !keep(tx, app, person, id).await? {
        return Ok(Outcome::Again);
    }
    note_link(tx, app, caller, &user).await?;
    Ok(Outcome::Welcome(Box::new(user)))
}

/// Records that a sign-in linked an identity, and tells the owner.
async fn note_link(tx: &Tx, app: &App, caller: &Caller, owner: &User) -> Result<(), Fault> {
    let event = Event::new(Action::IdentityLinked, About::Whom(owner.id))
        .by_user(owner.id)
        .with(json!({ "provider": PROVIDER, "automatic": true }));
    audit::record(tx, app, &caller.client, event).await?;
    let message = Message::IdentityLinked { provider: PROVIDER };
    tell(tx, app, owner, &message).await
}

/// An account of its own, without a password.
async fn register(
    tx: &Tx,
    app: &App,
    caller: &Caller,
    person: &Person,
    email: &EmailAddress,
) -> Result<Outcome, Fault> {
    let settings = &app.config.registration;
    if !settings.enabled {
        return Ok(Outcome::Refused(Why::Closed(email.clone())));
    }
    let now = app.clock.now();
    let id: UserId = app.new_id();
    let new = NewUser {
        id,
        pid: Pid::from_random(app.random.bytes()).as_str().to_owned(),
        email: Some(email),
        phone: None,
        first_name: &person.first_name,
        last_name: &person.last_name,
        role: settings.default_role,
        auth_provider: AuthProvider::Google,
        verified: true,
        now,
    };
    if !user::insert(tx, new).await? {
        return Ok(Outcome::Again);
    }
    person_key::insert(tx, id, audit::new_person_key(app, id), now).await?;
    if !keep(tx, app, person, id).await? {
        return Ok(Outcome::Again);
    }
    let changes = json!({
        "provider": PROVIDER,
        "role": { "before": null, "after": settings.default_role.as_str() },
    });
    let event = Event::new(Action::UserRegistered, About::Whom(id))
        .by_user(id)
        .with(changes);
    audit::record(tx, app, &caller.client, event).await?;
    let made = user::find_by_id_within(tx, id).await?;
    let made = made.ok_or_else(|| Fault::new("a new account is not there"))?;
    let user = user::record_login(tx, id, made.user.credential_version, now).await?;
    let user = user.ok_or_else(|| Fault::new("a new account cannot sign in"))?;
    let message = Message::IdentityLinked { provider: PROVIDER };
    tell(tx, app, &user, &message).await?;
    Ok(Outcome::Welcome(Box::new(user)))
}

/// Links the identity with the account it has just opened; `false` when another one has it now.
async fn keep(tx: &Tx, app: &App, person: &Person, owner: UserId) -> Result<bool, Fault> {
    let now = app.clock.now();
    let new = NewIdentity {
        id: app.new_id(),
        user_id: owner,
        issuer: &person.issuer,
        subject: &person.subject,
        email: person.shown_email.as_deref(),
        last_used_at: Some(now),
        now,
    };
    identity::insert(tx, new).await
}
