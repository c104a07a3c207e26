//! Who owns an account: what verifying an address grants, and what it takes away.
//!
//! Account pre-hijacking: an attacker registers a victim's address with a password of their own and
//! waits for the victim to verify it. A first verification without that password therefore removes
//! everything that the registrant set.

use serde_json::{Map, Value, json};

use crate::app::App;
use crate::domain::caller::Client;
use crate::domain::identifier::Identifier;
use crate::domain::ids::UserId;
use crate::domain::role::{Role, StaffFunctions};
use crate::domain::session::RevocationReason;
use crate::domain::user::{Contact, User};
use crate::fault::Fault;
use crate::messages::parts::SignIn;
use crate::messages::{Channel, Message, Recipient};
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::{avatar, outbox};
use crate::stores::session::SessionSet;
use crate::stores::user::Credentials;
use crate::stores::{Tx, identity, link, password, session, user};

/// How an address was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AddressProof {
    /// With the password of the account, or in a session of it.
    WithCredentials,
    /// By a message sent there or by an identity provider, without credentials of the account.
    AddressOnly,
    /// By the identity provider that runs the domain of the address.
    Authority,
    /// By the link of the invitation that created the account.
    Invitation,
}

/// Whether control of this address suffices to recover the account.
///
/// An account with another, verified address belongs to the owner of that one; its unverified
/// address may be a stranger's.
pub(super) fn can_recover_with(user: &User, contact: Contact) -> bool {
    user.has_verified(contact) || !user.has_verified_contact()
}

/// Whether the registrant could have left anything in the account.
fn has_been_used(owner: &Credentials) -> bool {
    owner.password_hash.is_some() || owner.user.last_login_at.is_some()
}

/// Whether an unverified account was invited or imported, or holds a staff role: a weak proof of its
/// address must neither inherit that nor remove it.
pub(super) fn is_reserved(owner: &Credentials) -> bool {
    let user = &owner.user;
    let was_provisioned = user.email.is_some() && !has_been_used(owner);
    !user.has_verified_contact() && (was_provisioned || user.role >= Role::Staff)
}

/// Marks an address as verified and returns the account as written; `None` when it was verified
/// before.
///
/// The caller has checked [`can_recover_with`] and that the credentials are still those it read.
pub(super) async fn mark_verified(
    tx: &Tx,
    app: &App,
    client: &Client,
    owner: &Credentials,
    contact: Contact,
    proof: AddressProof,
) -> Result<Option<User>, Fault> {
    if owner.user.has_verified(contact) {
        return Ok(None);
    }
    // Other accounts with the address never verified it, and lose it only now.
    let address = address_of(&owner.user, contact)?;
    if !claim_address(tx, app, client, &address, owner.user.id).await? {
        return Err(Fault::new("two accounts prove one address"));
    }
    let without_credentials = matches!(proof, AddressProof::AddressOnly | AddressProof::Authority);
    if without_credentials && has_been_used(owner) {
        return reset_unverified_account(tx, app, client, owner, contact)
            .await
            .map(Some);
    }
    let now = app.clock.now();
    let id = owner.user.id;
    limit_grants(tx, app, &owner.user, proof).await?;
    let user = user::mark_verified(tx, id, contact, now).await?;
    let (action, field) = match contact {
        Contact::Email => {
            link::delete_of_user(tx, id, link::LinkPurpose::VerifyEmail).await?;
            link::delete_of_user(tx, id, link::LinkPurpose::Invitation).await?;
            (Action::EmailVerified, "emailVerified")
        }
        Contact::Phone => (Action::PhoneVerified, "phoneVerified"),
    };
    let mut changes = grant_changes(&owner.user, &user);
    changes.insert(field.to_owned(), json!({ "before": false, "after": true }));
    let event = Event::new(action, Subject::of(owner))
        .by_user(id)
        .with(changes.into());
    audit::record(tx, app, client, event).await?;
    Ok(Some(user))
}

fn address_of(user: &User, contact: Contact) -> Result<Identifier, Fault> {
    let text = match contact {
        Contact::Email => user.email.as_deref(),
        Contact::Phone => user.phone.as_deref(),
    };
    let address = Identifier::read(text.unwrap_or_default(), None);
    if address.contact() == Some(contact) {
        Ok(address)
    } else {
        Err(Fault::new("an account proves an address that it lacks"))
    }
}

/// Removes the grants that this proof must not inherit, before the first address of an account is
/// marked as verified.
///
/// Grants of an unverified account were meant for the presumed owner of its address. Only an
/// invitation link or the provider that runs the address identifies that owner. The password of the
/// account inherits no staff role; the address alone inherits no more than a registration grants.
pub(super) async fn limit_grants(
    tx: &Tx,
    app: &App,
    user: &User,
    proof: AddressProof,
) -> Result<(), Fault> {
    let settings = &app.config.registration;
    let mut after = user.clone();
    match proof {
        AddressProof::Invitation | AddressProof::Authority => {}
        _ if user.has_verified_contact() => {}
        AddressProof::WithCredentials if user.role < Role::Staff => {}
        // The old system granted its roles to this account, whose credentials these are.
        AddressProof::WithCredentials if is_imported(user) => {}
        AddressProof::WithCredentials => {
            after.role = settings.default_role;
            after.staff_functions = StaffFunctions::NONE;
        }
        AddressProof::AddressOnly => {
            if !settings.roles.contains(&user.role) {
                after.role = settings.default_role;
            }
            after.staff_functions = StaffFunctions::NONE;
            after.vendor_id = None;
        }
    }
    if after != *user {
        let (role, functions) = (after.role, after.staff_functions);
        user::set_privileges(tx, user.id, role, functions, after.vendor_id).await?;
    }
    Ok(())
}

/// Whether the account is still that of the legacy row.
fn is_imported(user: &User) -> bool {
    user.legacy_id.is_some() && user.reclaimed_at.is_none()
}

/// The grants that [`limit_grants`] removed, as audit changes.
pub(super) fn grant_changes(before: &User, after: &User) -> Map<String, Value> {
    let mut changes = Map::default();
    let mut note = |field: &str, before: Value, after: Value| {
        if before != after {
            let change = json!({ "before": before, "after": after });
            changes.insert(field.to_owned(), change);
        }
    };
    note("role", json!(before.role), json!(after.role));
    let functions = |user: &User| json!(user.staff_functions.to_text());
    note("staffFunctions", functions(before), functions(after));
    note("vendorId", json!(before.vendor_id), json!(after.vendor_id));
    changes
}

/// Removes identities and links that were added before the invitation was accepted. The new password
/// ends sessions and codes.
pub(super) async fn accept_invitation(tx: &Tx, id: UserId) -> Result<(), Fault> {
    identity::delete_all_of_user(tx, id).await?;
    link::delete_all_of_user(tx, id).await
}

/// Takes a newly verified address from accounts that never verified it; `false` if an account did,
/// which keeps it.
///
/// Otherwise registering an address would lock out its owner. An account without another address is
/// deleted: its ownership was never verified.
pub(super) async fn claim_address(
    tx: &Tx,
    app: &App,
    client: &Client,
    address: &Identifier,
    claimant: UserId,
) -> Result<bool, Fault> {
    let Some(contact) = address.contact() else {
        return Ok(true);
    };
    let mut others = user::find_all_by_identifier(tx, address).await?;
    others.retain(|holder| holder.user.id != claimant);
    if others
        .iter()
        .any(|holder| holder.user.has_verified(contact))
    {
        return Ok(false);
    }
    for holder in &others {
        if !detach_address(tx, app, client, holder, contact).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Detaches an unverified address from an account, and deletes the account if it has no other;
/// `false` if a concurrent request verified the address.
pub(super) async fn detach_address(
    tx: &Tx,
    app: &App,
    client: &Client,
    holder: &Credentials,
    contact: Contact,
) -> Result<bool, Fault> {
    let now = app.clock.now();
    let id = holder.user.id;
    let (before, other) = match contact {
        Contact::Email => (&holder.user.email, &holder.user.phone),
        Contact::Phone => (&holder.user.phone, &holder.user.email),
    };
    if other.is_some() {
        if !user::detach_address(tx, id, contact, now).await? {
            return Ok(false);
        }
    } else {
        if !user::soft_delete(tx, id, now).await? {
            return Ok(false);
        }
        let reason = RevocationReason::AddressDetached;
        session::revoke(tx, id, SessionSet::All, reason, now).await?;
        link::delete_all_of_user(tx, id).await?;
        // Frees the identities of the deleted account for another one.
        identity::delete_all_of_user(tx, id).await?;
    }
    let changes = json!({ "address": { "before": before, "after": null } });
    let event = Event::new(Action::AddressReleased, Subject::of(holder)).with(changes);
    audit::record(tx, app, client, event).await?;
    Ok(true)
}

/// Removes the password, sessions, links, identities and profile that the registrant left.
async fn reset_unverified_account(
    tx: &Tx,
    app: &App,
    client: &Client,
    owner: &Credentials,
    contact: Contact,
) -> Result<User, Fault> {
    let now = app.clock.now();
    let id = owner.user.id;
    let role = app.config.registration.default_role;
    avatar::enqueue_removal(tx, app, &owner.user).await?;
    let user = user::reset_unverified_account(tx, id, contact, role, now).await?;
    password::delete(tx, id).await?;
    link::delete_all_of_user(tx, id).await?;
    let identities = identity::delete_all_of_user(tx, id).await?;
    let reason = RevocationReason::AccountReset;
    let sessions = session::revoke(tx, id, SessionSet::All, reason, now).await?;
    let changes = json!({
        "sessions": sessions,
        "identities": identities,
        "password": owner.password_hash.is_some(),
        "proven": match contact {
            Contact::Email => "email",
            Contact::Phone => "phone",
        },
        "role": { "before": owner.user.role.as_str(), "after": role.as_str() },
    });
    let event = Event::new(Action::AccountReclaimed, Subject::of(owner))
        .by_user(id)
        .with(changes);
    audit::record(tx, app, client, event).await?;
    notify_reset(tx, app, &owner.user, contact).await?;
    Ok(user)
}

async fn notify_reset(tx: &Tx, app: &App, user: &User, contact: Contact) -> Result<(), Fault> {
    let message = Message::AccountReclaimed(SignIn(app.config.links.base_url.as_str()));
    // Not in the stored language: the registrant chose it.
    let (channel, to) = match contact {
        Contact::Email => (Channel::Email, &user.email),
        Contact::Phone => (Channel::Sms, &user.phone),
    };
    let recipient = Recipient {
        channel,
        to: to.as_deref().unwrap_or_default(),
        locale: None,
    };
    outbox::enqueue(tx, app, user, &recipient, &message, None).await
}
