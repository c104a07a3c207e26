//! Moving an account to another e-mail address, and back.
//!
//! The new address is proven before it counts, and only in a session of the account: a stranger's
//! click must not confirm what somebody else asked for. The old address is told and can undo it.

use chrono::Duration;
use serde_json::json;

use crate::app::App;
use crate::domain::caller::{Caller, Fresh, SignedIn};
use crate::domain::code::CodePurpose;
use crate::domain::email::EmailAddress;
use crate::domain::identifier::Identifier;
use crate::domain::user::User;
use crate::domain::violation::{Violation, ViolationRule};
use crate::fault::Fault;
use crate::messages::Message;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::code::{self, CodeCheck, CodePool, CodeSubject, VerifiedCode};
use crate::services::links::{self, Followed};
use crate::services::outbox;
use crate::services::ownership::{self, Proof};
use crate::services::refused::Refused;
use crate::services::throttle::{self, LimitKey, RateLimit};
use crate::stores::Tx;
use crate::stores::link::{self, LinkPurpose};
use crate::stores::user::{self, Credentials};

/// Why no message went to the new address.
#[derive(Debug, PartialEq, Eq)]
pub enum RequestEmailChangeProblem {
    /// Nobody has proven to own the number of the account, which would ride along.
    NotVerified,
}

/// Sends a link and a code to the new address.
///
/// Whether somebody has that address is not looked at: only its owner may learn it.
pub async fn request_email_change(
    app: &App,
    caller: &Caller,
    person: Fresh<'_>,
    typed: &str,
) -> Result<(), Refused<RequestEmailChangeProblem>> {
    let identifier = Identifier::read(typed, None);
    let limits = [
        RateLimit::AccountChange {
            user: person.user(),
        },
        RateLimit::RequestMessage {
            key: LimitKey::Identifier(&identifier),
        },
    ];
    for limit in limits {
        throttle::charge(app, &caller.client, limit).await?;
    }
    let Identifier::Email(new) = &identifier else {
        let message = "this is not an e-mail address";
        return Err(Violation::new("email", ViolationRule::InvalidEmail, message).into());
    };
    let found = user::find_by_id(&app.database, person.user()).await?;
    let owner = found.ok_or(Refused::Unauthenticated)?;
    if owner.user.email.as_deref() == Some(new.as_str()) {
        let message = "this is the address the account has";
        return Err(Violation::new("email", ViolationRule::NotAllowed, message).into());
    }
    if owner.user.phone.is_some() && !owner.user.is_proven() {
        return Err(Refused::Because(RequestEmailChangeProblem::NotVerified));
    }
    let purpose = CodePurpose::ChangeEmail;
    let issued = code::issue(
        app,
        CodeSubject::User(&owner.user),
        purpose,
        &identifier,
        CodePool::Public,
    )
    .await?;
    let tx = app.begin().await?;
    let purpose = LinkPurpose::ChangeEmail;
    link::delete_of_user(&tx, owner.user.id, purpose).await?;
    let lifetime = Duration::seconds(app.config.links.change_seconds);
    let to = new.as_str();
    let made = links::create(&tx, app, &owner.user, purpose, to.to_owned(), lifetime).await?;
    let message = Message::ChangeEmail {
        link: made.url.as_str(),
        code: issued.code.reveal(),
        minutes: issued.minutes,
    };
    let recipient = outbox::by_mail(&owner.user, to);
    outbox::enqueue(&tx, app, &recipient, &message, Some(made.expires_at)).await?;
    let changes = json!({ "email": { "before": owner.user.email, "after": to } });
    let event = Event::new(Action::EmailChangeRequested, Subject::of(&owner))
        .by(caller)
        .with(changes);
    audit::record(&tx, app, &caller.client, event).await?;
    tx.commit().await?;
    app.wake_outbox();
    Ok(())
}

/// What arrived at the new address.
#[derive(Debug)]
pub enum NewEmailProof {
    /// The token of the link.
    Token(String),
    /// The code.
    Code {
        /// The new address.
        email: String,
        /// The digits, as typed.
        code: String,
    },
}

/// Why the account still has the old address.
#[derive(Debug, PartialEq, Eq)]
pub enum ConfirmEmailChangeProblem {
    /// The token is unknown, used, expired, or somebody else's.
    TokenInvalid,
    /// The code is wrong, dead, used, or was never sent.
    CodeInvalid,
    /// The code was right once.
    CodeExpired,
    /// Another account has the new address.
    Taken,
}

/// A proof that holds, to be spent with the change.
enum Held {
    Link(Followed),
    /// A code, and the address it was typed for.
    Code(VerifiedCode, EmailAddress),
}

impl Held {
    /// Redeems the proof and returns the address as the message went there, never a spelling that
    /// was typed (CVE-2019-19844).
    async fn spend(
        &self,
        tx: &Tx,
        app: &App,
        user: &User,
    ) -> Result<EmailAddress, Refused<ConfirmEmailChangeProblem>> {
        match self {
            Self::Link(followed) => {
                let new = EmailAddress::parse(&followed.link.address)?;
                let is_first = followed.spend(tx, app).await?;
                is_first
                    .then_some(new)
                    .ok_or(Refused::Because(ConfirmEmailChangeProblem::TokenInvalid))
            }
            Self::Code(code, typed) => {
                let refusal = Refused::Because(ConfirmEmailChangeProblem::CodeInvalid);
                if !code.consume(tx, app).await? {
                    return Err(refusal);
                }
                let (purpose, now) = (LinkPurpose::ChangeEmail, app.clock.now());
                let sent = link::newest_of_user(tx, user.id, purpose, now).await?;
                let sent = sent.and_then(|sent| EmailAddress::parse(&sent.address).ok());
                sent.filter(|sent| sent.canonical() == typed.canonical())
                    .ok_or(refusal)
            }
        }
    }
}

/// Moves the account to the new address and tells the old one.
pub async fn confirm_email_change(
    app: &App,
    caller: &Caller,
    person: &SignedIn,
    proof: NewEmailProof,
) -> Result<User, Refused<ConfirmEmailChangeProblem>> {
    let found = user::find_by_id(&app.database, person.user()).await?;
    let owner = found.ok_or(Refused::Unauthenticated)?;
    let held = match proof {
        NewEmailProof::Token(token) => by_token(app, caller, person, &token).await?,
        NewEmailProof::Code { email, code } => by_code(app, caller, &owner, &email, &code).await?,
    };
    let tx = app.begin().await?;
    let now = app.clock.now();
    let version = owner.user.credential_version;
    let renewed = user::renew_credentials(&tx, owner.user.id, version, now).await?;
    renewed.ok_or(Refused::Unauthenticated)?;
    let new = held.spend(&tx, app, &owner.user).await?;
    let identifier = Identifier::Email(new.clone());
    let client = &caller.client;
    if !ownership::take(&tx, app, client, &identifier, owner.user.id).await? {
        return Err(Refused::Because(ConfirmEmailChangeProblem::Taken));
    }
    ownership::settle(&tx, app, &owner.user, Proof::WithAccount).await?;
    let user = user::change_address(&tx, owner.user.id, &identifier, now).await?;
    let user = user.ok_or(Refused::Because(ConfirmEmailChangeProblem::Taken))?;
    for purpose in [
        LinkPurpose::VerifyEmail,
        LinkPurpose::ResetPassword,
        LinkPurpose::ChangeEmail,
    ] {
        link::delete_of_user(&tx, owner.user.id, purpose).await?;
    }
    tell_old_addresses(&tx, app, &owner.user, &new).await?;
    let mut changes = ownership::standing_changes(&owner.user, &user);
    let moved = json!({ "before": owner.user.email, "after": new.as_str() });
    changes.insert("email".to_owned(), moved);
    let event = Event::new(Action::EmailChanged, Subject::of(&owner))
        .by(caller)
        .with(changes.into());
    audit::record(&tx, app, &caller.client, event).await?;
    tx.commit().await?;
    app.wake_outbox();
    if let Held::Code(code, _) = held {
        code.forget(app).await;
    }
    Ok(user)
}

async fn by_token(
    app: &App,
    caller: &Caller,
    person: &SignedIn,
    token: &str,
) -> Result<Held, Refused<ConfirmEmailChangeProblem>> {
    throttle::charge(app, &caller.client, RateLimit::RedeemLink).await?;
    let followed = links::follow(app, LinkPurpose::ChangeEmail, token).await?;
    let followed = followed
        .filter(|followed| followed.link.user_id == person.user())
        .ok_or(Refused::Because(ConfirmEmailChangeProblem::TokenInvalid))?;
    Ok(Held::Link(followed))
}

async fn by_code(
    app: &App,
    caller: &Caller,
    owner: &Credentials,
    email: &str,
    typed: &str,
) -> Result<Held, Refused<ConfirmEmailChangeProblem>> {
    let identifier = Identifier::read(email, None);
    let limit = RateLimit::VerifyCode {
        key: LimitKey::User(owner.user.id),
    };
    throttle::charge(app, &caller.client, limit).await?;
    let Identifier::Email(new) = &identifier else {
        let message = "this is not an e-mail address";
        return Err(Violation::new("email", ViolationRule::InvalidEmail, message).into());
    };
    let typed = code::parse(typed)?;
    let purpose = CodePurpose::ChangeEmail;
    let subject = CodeSubject::User(&owner.user);
    let refusal =
        match code::check(app, subject, purpose, &identifier, &typed, CodePool::Public).await? {
            CodeCheck::Valid(code) => return Ok(Held::Code(code, new.clone())),
            CodeCheck::Expired => Refused::Because(ConfirmEmailChangeProblem::CodeExpired),
            CodeCheck::Invalid => Refused::Because(ConfirmEmailChangeProblem::CodeInvalid),
        };
    let event = Event::new(Action::CodeRefused, Subject::of(owner)).by(caller);
    audit::record_alone(app, &caller.client, event).await?;
    Err(refusal)
}

/// Only an address that was proven is told: any other may be a stranger's, who could then undo it.
async fn tell_old_addresses(
    tx: &Tx,
    app: &App,
    before: &User,
    new: &EmailAddress,
) -> Result<(), Fault> {
    if let Some(phone) = before.phone.as_deref().filter(|_| before.phone_verified) {
        let message = Message::EmailNoted {
            new_address: &new.masked(),
        };
        let recipient = outbox::by_text(before, phone);
        outbox::enqueue(tx, app, &recipient, &message, None).await?;
    }
    let lifetime = Duration::seconds(app.config.links.revert_seconds);
    let purpose = LinkPurpose::RevertEmail;
    let old = before.email.as_deref().filter(|_| before.email_verified);
    // Without an old address too: it is the first change, so a later undo leads to a younger one.
    let address = old.unwrap_or_default().to_owned();
    let made = links::create(tx, app, before, purpose, address, lifetime).await?;
    let Some(old) = old else {
        return Ok(());
    };
    let message = Message::EmailChanged {
        new_address: &new.masked(),
        revert_link: made.url.as_str(),
        days: lifetime.num_days(),
    };
    let recipient = outbox::by_mail(before, old);
    outbox::enqueue(tx, app, &recipient, &message, Some(made.expires_at)).await
}
