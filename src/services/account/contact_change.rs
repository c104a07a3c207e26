//! The steps that a change of the e-mail address and of the phone number share.
//!
//! The new address is verified before it counts, and only in a session of the account: a stranger's
//! click must not confirm what an attacker requested.

use serde_json::{Map, Value, json};

use crate::app::App;
use crate::domain::caller::Caller;
use crate::domain::code::{Code, CodePurpose};
use crate::domain::identifier::Identifier;
use crate::domain::ids::UserId;
use crate::domain::user::{Contact, User};
use crate::fault::Fault;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::code::{self, CodeCheck, CodePool, CodeSubject, Issued, VerifiedCode};
use crate::services::ownership::{self, AddressProof};
use crate::services::refused::Refused;
use crate::services::throttle::{self, LimitKey, RateLimit, RateLimitExceeded};
use crate::stores::Tx;
use crate::stores::user::{self, Credentials};

/// Why a contact was not changed, whichever it is.
#[derive(Debug, PartialEq, Eq)]
pub enum ContactChangeProblem {
    /// The code is wrong, out of tries, used, or was never sent.
    CodeInvalid,
    /// The code was valid once.
    CodeExpired,
    /// Another account has the new address.
    Taken,
}

/// Charges a request for a message to the new address.
pub(super) async fn charge_request(
    app: &App,
    caller: &Caller,
    user: UserId,
    new: &Identifier,
) -> Result<(), RateLimitExceeded> {
    let key = LimitKey::Identifier(new);
    for limit in [
        RateLimit::AccountChange { user },
        RateLimit::RequestMessage { key },
    ] {
        throttle::charge(app, &caller.client, limit).await?;
    }
    Ok(())
}

/// Charges a typed code to the user: strangers must not use up their tries.
pub(super) async fn charge_code(
    app: &App,
    caller: &Caller,
    user: UserId,
) -> Result<(), RateLimitExceeded> {
    let key = LimitKey::User(user);
    throttle::charge(app, &caller.client, RateLimit::VerifyCode { key }).await
}

/// Reads the caller's account.
pub(super) async fn find_owner<P>(app: &App, user: UserId) -> Result<Credentials, Refused<P>> {
    let found = user::find_by_id(&app.database, user).await?;
    let found = found.filter(|owner| !owner.user.is_deleted());
    found.ok_or(Refused::Unauthenticated)
}

/// Issues a code that only this user can redeem.
pub(super) async fn issue_code<P>(
    app: &App,
    owner: &User,
    purpose: CodePurpose,
    new: &Identifier,
) -> Result<Issued, Refused<P>> {
    let subject = CodeSubject::User(owner);
    Ok(code::issue(app, subject, purpose, new, CodePool::Public).await?)
}

/// Checks a typed code, and records a failure.
pub(super) async fn check_code(
    app: &App,
    caller: &Caller,
    owner: &Credentials,
    purpose: CodePurpose,
    new: &Identifier,
    typed: &Code,
) -> Result<VerifiedCode, Refused<ContactChangeProblem>> {
    let subject = CodeSubject::User(&owner.user);
    let problem = match code::check(app, subject, purpose, new, typed, CodePool::Public).await? {
        CodeCheck::Valid(code) => return Ok(code),
        CodeCheck::Expired => ContactChangeProblem::CodeExpired,
        CodeCheck::Invalid => ContactChangeProblem::CodeInvalid,
    };
    let event = Event::new(Action::CodeRefused, Subject::of(owner)).by(caller);
    audit::record_alone(app, &caller.client, event).await?;
    Err(Refused::Because(problem))
}

/// Begins the transaction of the change, unless the credentials have changed since they were read.
pub(super) async fn begin<P>(app: &App, owner: &User) -> Result<Tx, Refused<P>> {
    let tx = app.begin().await?;
    let (version, now) = (owner.credential_version, app.clock.now());
    let renewed = user::renew_credentials(&tx, owner.id, version, now).await?;
    renewed.ok_or(Refused::Unauthenticated)?;
    Ok(tx)
}

/// Writes the new address, taking it from accounts that never verified it.
pub(super) async fn write(
    tx: &Tx,
    app: &App,
    caller: &Caller,
    owner: &User,
    new: &Identifier,
) -> Result<User, Refused<ContactChangeProblem>> {
    if !ownership::claim_address(tx, app, &caller.client, new, owner.id).await? {
        return Err(Refused::Because(ContactChangeProblem::Taken));
    }
    ownership::limit_grants(tx, app, owner, AddressProof::WithCredentials).await?;
    let user = user::change_address(tx, owner.id, new, app.clock.now()).await?;
    user.ok_or(Refused::Because(ContactChangeProblem::Taken))
}

/// Records that a change was requested.
pub(super) async fn record_request(
    tx: &Tx,
    app: &App,
    caller: &Caller,
    owner: &Credentials,
    (contact, new): (Contact, &str),
) -> Result<(), Fault> {
    let action = match contact {
        Contact::Email => Action::EmailChangeRequested,
        Contact::Phone => Action::PhoneChangeRequested,
    };
    let changes = Map::from_iter([changed(&owner.user, contact, new)]);
    record(tx, app, caller, owner, action, changes).await
}

/// Records a change, with the grants that it took away.
pub(super) async fn record_change(
    tx: &Tx,
    app: &App,
    caller: &Caller,
    (owner, after): (&Credentials, &User),
    (contact, new): (Contact, &str),
) -> Result<(), Fault> {
    let action = match contact {
        Contact::Email => Action::EmailChanged,
        Contact::Phone => Action::PhoneChanged,
    };
    let mut changes = ownership::grant_changes(&owner.user, after);
    changes.extend([changed(&owner.user, contact, new)]);
    record(tx, app, caller, owner, action, changes).await
}

fn changed(before: &User, contact: Contact, new: &str) -> (String, Value) {
    let (field, old) = match contact {
        Contact::Email => ("email", &before.email),
        Contact::Phone => ("phone", &before.phone),
    };
    (field.to_owned(), json!({ "before": old, "after": new }))
}

async fn record(
    tx: &Tx,
    app: &App,
    caller: &Caller,
    owner: &Credentials,
    action: Action,
    changes: Map<String, Value>,
) -> Result<(), Fault> {
    let event = Event::new(action, Subject::of(owner))
        .by(caller)
        .with(changes.into());
    audit::record(tx, app, &caller.client, event).await
}
