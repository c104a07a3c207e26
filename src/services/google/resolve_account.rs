//! The account of an identity that is not linked yet: a new one, or the one with its address.
//!
//! The decision, case by case: `docs/decisions/google-linking.md`.

use serde_json::json;

use super::credential::GoogleUser;
use super::step::{LoginRejection, Step};
use super::{PROVIDER, notify};
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
use crate::messages::parts::Provider;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::ownership::{self, AddressProof};
use crate::stores::identity::NewIdentity;
use crate::stores::user::{Credentials, NewUser, TieBreak};
use crate::stores::{Tx, identity, person_key, user};

pub(super) async fn resolve_account(
    tx: &Tx,
    app: &App,
    caller: &Caller,
    google_user: &GoogleUser,
) -> Result<Step, Fault> {
    let now = app.clock.now();
    let (issuer, subject) = (&google_user.issuer, &google_user.subject);
    let deleted = identity::find_deleted_owner(tx, issuer, subject, now).await?;
    let Some(email) = &google_user.email else {
        if let Some(deleted) = deleted {
            return Ok(Step::OfferCancellation(deleted));
        }
        let claimed = google_user.claimed_email.as_deref();
        let claimed = claimed.and_then(|email| EmailAddress::parse(email).ok());
        return Ok(Step::Reject(LoginRejection::EmailNotVerified(claimed)));
    };
    let named = Identifier::Email(email.clone());
    let Some(mut owner) = user::find_by_identifier(tx, &named, TieBreak::Owner).await? else {
        if let Some(deleted) = deleted {
            return Ok(Step::OfferCancellation(deleted));
        }
        return register(tx, app, caller, google_user, email).await;
    };
    // Locked until the commit, so that no other request verifies or claims the address meanwhile.
    match user::lock(tx, owner.user.id).await? {
        Some(locked) if is_unchanged(&locked, &owner.user) => owner.user = locked,
        _ => return Ok(Step::Retry),
    }
    // A concurrent sign-in of the same identity may have created the account.
    let known = identity::find(tx, &google_user.issuer, &google_user.subject).await?;
    if known.is_some() {
        return Ok(Step::Retry);
    }
    if owner.user.has_verified(Contact::Email) {
        return auto_link(tx, app, caller, google_user, owner).await;
    }
    if owner.user.is_suspended() {
        return Ok(Step::Reject(LoginRejection::Suspended(owner.user.id)));
    }
    if ownership::can_recover_with(&owner.user, Contact::Email) {
        // An invited or imported account waits for the owner of the address; a provider that does
        // not run the address only knows that the user once had it.
        if ownership::is_reserved(&owner) && !google_user.is_authoritative {
            return Ok(Step::Reject(LoginRejection::Taken(owner.user.id)));
        }
        return take_over(tx, app, caller, google_user, owner).await;
    }
    // The account belongs to the owner of its phone number and never verified this address.
    if !ownership::detach_address(tx, app, &caller.client, &owner, Contact::Email).await? {
        return Ok(Step::Retry);
    }
    register(tx, app, caller, google_user, email).await
}

fn is_unchanged(locked: &User, read: &User) -> bool {
    !locked.is_deleted()
        && locked.credential_version == read.credential_version
        && locked.email == read.email
}

/// Links a verified account with the address. The issuer's word suffices only if the issuer runs the
/// address, and only for the first identity.
async fn auto_link(
    tx: &Tx,
    app: &App,
    caller: &Caller,
    google_user: &GoogleUser,
    owner: Credentials,
) -> Result<Step, Fault> {
    let user = owner.user;
    // A second subject, or one that the owner unlinked, needs the owner to link it.
    if !google_user.is_authoritative
        || identity::has_been_linked(tx, user.id, &google_user.issuer).await?
    {
        return Ok(Step::Reject(LoginRejection::Taken(user.id)));
    }
    if user.is_suspended() {
        return Ok(Step::Reject(LoginRejection::Suspended(user.id)));
    }
    let now = app.clock.now();
    let Some(user) = user::record_login(tx, user.id, user.credential_version, now).await? else {
        return Ok(Step::Retry);
    };
    if !insert_identity(tx, app, google_user, user.id).await? {
        return Ok(Step::Retry);
    }
    record_link(tx, app, caller, &user).await?;
    Ok(Step::SignIn(Box::new(user)))
}

/// Takes over an account without a verified address: what its registrant left there ends first, so
/// that pre-registration gives an attacker no way in (account pre-hijacking).
async fn take_over(
    tx: &Tx,
    app: &App,
    caller: &Caller,
    google_user: &GoogleUser,
    owner: Credentials,
) -> Result<Step, Fault> {
    let id = owner.user.id;
    let now = app.clock.now();
    let version = owner.user.credential_version;
    let Some(user) = user::record_login(tx, id, version, now).await? else {
        return Ok(Step::Retry);
    };
    let proof = if google_user.is_authoritative {
        AddressProof::Authority
    } else {
        AddressProof::AddressOnly
    };
    let contact = Contact::Email;
    let verified =
        ownership::mark_verified(tx, app, &caller.client, &owner, contact, proof).await?;
    let user = verified.unwrap_or(user);
    if !insert_identity(tx, app, google_user, id).await? {
        return Ok(Step::Retry);
    }
    record_link(tx, app, caller, &user).await?;
    Ok(Step::SignIn(Box::new(user)))
}

/// Records that a sign-in linked an identity, and notifies the owner.
async fn record_link(tx: &Tx, app: &App, caller: &Caller, owner: &User) -> Result<(), Fault> {
    let event = Event::new(Action::IdentityLinked, Subject::User(owner.id))
        .by_user(owner.id)
        .with(json!({ "provider": PROVIDER, "automatic": true }));
    audit::record(tx, app, &caller.client, event).await?;
    let message = Message::IdentityLinked(Provider(PROVIDER));
    notify(tx, app, owner, &message).await
}

/// Creates an account without a password.
async fn register(
    tx: &Tx,
    app: &App,
    caller: &Caller,
    google_user: &GoogleUser,
    email: &EmailAddress,
) -> Result<Step, Fault> {
    let settings = &app.config.registration;
    if !settings.enabled {
        return Ok(Step::Reject(LoginRejection::RegistrationClosed(
            email.clone(),
        )));
    }
    let now = app.clock.now();
    let id: UserId = app.new_id();
    let new = NewUser {
        id,
        pid: Pid::from_random(app.random.bytes()).as_str().to_owned(),
        email: Some(email),
        phone: None,
        first_name: &google_user.first_name,
        last_name: &google_user.last_name,
        role: settings.default_role,
        auth_provider: AuthProvider::Google,
        verified: true,
        now,
    };
    if !user::insert(tx, new).await? {
        return Ok(Step::Retry);
    }
    person_key::insert(tx, id, audit::new_person_key(app, id), now).await?;
    if !insert_identity(tx, app, google_user, id).await? {
        return Ok(Step::Retry);
    }
    let changes = json!({
        "provider": PROVIDER,
        "role": { "before": null, "after": settings.default_role.as_str() },
    });
    let event = Event::new(Action::UserRegistered, Subject::User(id))
        .by_user(id)
        .with(changes);
    audit::record(tx, app, &caller.client, event).await?;
    let created = user::find_by_id(tx, id).await?;
    let created = created.ok_or_else(|| Fault::new("a new account is not there"))?;
    let user = user::record_login(tx, id, created.user.credential_version, now).await?;
    let user = user.ok_or_else(|| Fault::new("a new account cannot sign in"))?;
    let message = Message::IdentityLinked(Provider(PROVIDER));
    notify(tx, app, &user, &message).await?;
    Ok(Step::SignIn(Box::new(user)))
}

/// Links the identity to the account; `false` if a concurrent request linked it elsewhere.
async fn insert_identity(
    tx: &Tx,
    app: &App,
    google_user: &GoogleUser,
    owner: UserId,
) -> Result<bool, Fault> {
    let now = app.clock.now();
    let new = NewIdentity {
        id: app.new_id(),
        user_id: owner,
        issuer: &google_user.issuer,
        subject: &google_user.subject,
        email: google_user.claimed_email.as_deref(),
        last_used_at: Some(now),
        now,
    };
    identity::insert(tx, new).await
}
