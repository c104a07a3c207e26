//! Moving an account to another e-mail address. The old address is notified and can revert it.

use chrono::Duration;

use super::contact_change::{self, ContactChangeProblem};
use crate::app::App;
use crate::domain::caller::{Caller, Fresh, SignedIn};
use crate::domain::code::CodePurpose;
use crate::domain::email::EmailAddress;
use crate::domain::identifier::Identifier;
use crate::domain::user::{Contact, User};
use crate::domain::violation::{Violation, ViolationRule};
use crate::fault::Fault;
use crate::messages::Message;
use crate::messages::parts::{Code, Link, NewAddress, ValidFor};
use crate::services::code::{self, VerifiedCode};
use crate::services::links::{self, PresentedLink};
use crate::services::outbox;
use crate::services::refused::Refused;
use crate::services::throttle::{self, RateLimit};
use crate::stores::Tx;
use crate::stores::link::{self, LinkPurpose};
use crate::stores::user::Credentials;

/// Why no message was sent to the new address.
#[derive(Debug, PartialEq, Eq)]
pub enum RequestEmailChangeProblem {
    /// The account has an unverified phone number, which the change would carry along.
    NotVerified,
}

/// Sends a link and a code to the new address.
///
/// Does not look up whether an account has that address: only its owner may learn that.
pub async fn request_email_change(
    app: &App,
    caller: &Caller,
    person: Fresh<'_>,
    typed: &str,
) -> Result<(), Refused<RequestEmailChangeProblem>> {
    let identifier = Identifier::read(typed, None);
    contact_change::charge_request(app, caller, person.user(), &identifier).await?;
    let new = email(&identifier)?;
    let owner = contact_change::find_owner(app, person.user()).await?;
    if owner.user.email.as_deref() == Some(new.as_str()) {
        let message = "this is the address the account has";
        return Err(Violation::new("email", ViolationRule::NotAllowed, message).into());
    }
    if owner.user.phone.is_some() && !owner.user.has_verified_contact() {
        return Err(Refused::Because(RequestEmailChangeProblem::NotVerified));
    }
    let purpose = CodePurpose::ChangeEmail;
    let issued = contact_change::issue_code(app, &owner.user, purpose, &identifier).await?;
    let tx = app.begin().await?;
    let purpose = LinkPurpose::ChangeEmail;
    link::delete_of_user(&tx, owner.user.id, purpose).await?;
    let lifetime = Duration::seconds(app.config.links.change_seconds);
    let to = new.as_str();
    let created = links::create(&tx, app, &owner.user, purpose, to.to_owned(), lifetime).await?;
    let message = Message::ChangeEmail(
        Link(created.url.as_str()),
        Code(issued.code.reveal()),
        ValidFor::Minutes(issued.minutes),
    );
    let recipient = outbox::email_recipient(&owner.user, to);
    outbox::enqueue(
        &tx,
        app,
        &owner.user,
        &recipient,
        &message,
        Some(created.expires_at),
    )
    .await?;
    contact_change::record_request(&tx, app, caller, &owner, (Contact::Email, to)).await?;
    tx.commit().await?;
    app.wake_outbox();
    Ok(())
}

/// What was received at the new address.
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

/// Why the account keeps its address.
#[derive(Debug, PartialEq, Eq)]
pub enum ConfirmEmailChangeProblem {
    /// The token is unknown, used, expired, or another user's.
    TokenInvalid,
    /// The code is wrong, out of tries, used, or was never sent.
    CodeInvalid,
    /// The code was valid once.
    CodeExpired,
    /// Another account has the new address.
    Taken,
}

impl From<ContactChangeProblem> for ConfirmEmailChangeProblem {
    fn from(problem: ContactChangeProblem) -> Self {
        match problem {
            ContactChangeProblem::CodeInvalid => Self::CodeInvalid,
            ContactChangeProblem::CodeExpired => Self::CodeExpired,
            ContactChangeProblem::Taken => Self::Taken,
        }
    }
}

/// A valid link or code, to be consumed with the change.
enum VerifiedProof {
    Link(PresentedLink),
    /// A code, and the address that was typed with it.
    Code(VerifiedCode, EmailAddress),
}

impl VerifiedProof {
    /// Consumes the proof and returns the address as the message was sent to it, never a spelling
    /// that was typed (CVE-2019-19844).
    async fn consume(
        &self,
        tx: &Tx,
        app: &App,
        user: &User,
    ) -> Result<EmailAddress, Refused<ConfirmEmailChangeProblem>> {
        match self {
            Self::Link(presented) => {
                let new = EmailAddress::parse(&presented.link.address)?;
                let is_first = presented.consume(tx, app).await?;
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

/// Moves the account to the new address and notifies the old one.
pub async fn confirm_email_change(
    app: &App,
    caller: &Caller,
    person: &SignedIn,
    proof: NewEmailProof,
) -> Result<User, Refused<ConfirmEmailChangeProblem>> {
    let owner = contact_change::find_owner(app, person.user()).await?;
    let verified = match proof {
        NewEmailProof::Token(token) => check_token(app, caller, person, &token).await?,
        NewEmailProof::Code { email, code } => {
            check_code(app, caller, &owner, &email, &code).await?
        }
    };
    let tx = contact_change::begin(app, &owner.user).await?;
    let new = verified.consume(&tx, app, &owner.user).await?;
    let identifier = Identifier::Email(new.clone());
    let user = contact_change::write(&tx, app, caller, &owner.user, &identifier)
        .await
        .map_err(Refused::widen)?;
    for purpose in [
        LinkPurpose::VerifyEmail,
        LinkPurpose::ResetPassword,
        LinkPurpose::ChangeEmail,
    ] {
        link::delete_of_user(&tx, owner.user.id, purpose).await?;
    }
    notify_old_addresses(&tx, app, &owner.user, &new).await?;
    let change = (Contact::Email, new.as_str());
    contact_change::record_change(&tx, app, caller, (&owner, &user), change).await?;
    tx.commit().await?;
    app.wake_outbox();
    if let VerifiedProof::Code(code, _) = verified {
        code.forget(app).await;
    }
    Ok(user)
}

async fn check_token(
    app: &App,
    caller: &Caller,
    person: &SignedIn,
    token: &str,
) -> Result<VerifiedProof, Refused<ConfirmEmailChangeProblem>> {
    throttle::charge(app, &caller.client, RateLimit::RedeemLink).await?;
    let presented = links::find(app, LinkPurpose::ChangeEmail, token).await?;
    let presented = presented
        .filter(|presented| presented.link.user_id == person.user())
        .ok_or(Refused::Because(ConfirmEmailChangeProblem::TokenInvalid))?;
    Ok(VerifiedProof::Link(presented))
}

async fn check_code(
    app: &App,
    caller: &Caller,
    owner: &Credentials,
    typed_email: &str,
    typed_code: &str,
) -> Result<VerifiedProof, Refused<ConfirmEmailChangeProblem>> {
    let identifier = Identifier::read(typed_email, None);
    contact_change::charge_code(app, caller, owner.user.id).await?;
    let new = email(&identifier)?;
    let typed = code::parse(typed_code)?;
    let purpose = CodePurpose::ChangeEmail;
    let code = contact_change::check_code(app, caller, owner, purpose, &identifier, &typed)
        .await
        .map_err(Refused::widen)?;
    Ok(VerifiedProof::Code(code, new.clone()))
}

/// Notifies only verified addresses: any other may be an attacker's, who could revert the change.
async fn notify_old_addresses(
    tx: &Tx,
    app: &App,
    before: &User,
    new: &EmailAddress,
) -> Result<(), Fault> {
    if let Some(phone) = before.phone.as_deref().filter(|_| before.phone_verified) {
        let masked = new.masked();
        let message = Message::EmailNoted(NewAddress(&masked));
        let recipient = outbox::sms_recipient(before, phone);
        outbox::enqueue(tx, app, before, &recipient, &message, None).await?;
    }
    let lifetime = Duration::seconds(app.config.links.revert_seconds);
    let purpose = LinkPurpose::RevertEmail;
    let old = before.email.as_deref().filter(|_| before.email_verified);
    // Created even without an old address: otherwise the link of the next change would count as the
    // oldest one, which recovery keeps.
    let address = old.unwrap_or_default().to_owned();
    let created = links::create(tx, app, before, purpose, address, lifetime).await?;
    let Some(old) = old else {
        return Ok(());
    };
    let masked = new.masked();
    let message = Message::EmailChanged(
        NewAddress(&masked),
        Link(created.url.as_str()),
        ValidFor::Days(lifetime.num_days()),
    );
    let recipient = outbox::email_recipient(before, old);
    outbox::enqueue(
        tx,
        app,
        before,
        &recipient,
        &message,
        Some(created.expires_at),
    )
    .await
}

fn email(identifier: &Identifier) -> Result<&EmailAddress, Violation> {
    match identifier {
        Identifier::Email(email) => Ok(email),
        Identifier::Phone(_) | Identifier::Other(_) => Err(Violation::new(
            "email",
            ViolationRule::InvalidEmail,
            "this is not an e-mail address",
        )),
    }
}
