//! Moving an account to another phone number, or giving it its first.

use super::contact_change::{self, ContactChangeProblem};
use crate::app::App;
use crate::domain::caller::{Caller, Fresh, SignedIn};
use crate::domain::code::CodePurpose;
use crate::domain::identifier::Identifier;
use crate::domain::phone::PhoneNumber;
use crate::domain::user::{Contact, User};
use crate::domain::violation::{Violation, ViolationRule};
use crate::fault::Fault;
use crate::messages::Message;
use crate::messages::parts::NewNumber;
use crate::services::refused::Refused;
use crate::services::{code, outbox};
use crate::stores::Tx;

/// Why no code was sent to the new number.
#[derive(Debug, PartialEq, Eq)]
pub enum RequestPhoneChangeProblem {
    /// The account has an unverified e-mail address, which the change would carry along.
    NotVerified,
}

/// Why the account keeps its number.
pub type ConfirmPhoneChangeProblem = ContactChangeProblem;

/// Sends a code to the new number.
///
/// Does not look up whether an account has that number: only its owner may learn that.
pub async fn request_phone_change(
    app: &App,
    caller: &Caller,
    person: Fresh<'_>,
    typed: &str,
) -> Result<(), Refused<RequestPhoneChangeProblem>> {
    let identifier = Identifier::read(typed, app.config.phone.region());
    contact_change::charge_request(app, caller, person.user(), &identifier).await?;
    let new = number(&identifier)?;
    outbox::check_sms_allowed(app, "phone", &identifier)?;
    let owner = contact_change::find_owner(app, person.user()).await?;
    if owner.user.phone_verified && owner.user.phone.as_deref() == Some(new.as_str()) {
        let message = "this is the number the account has";
        return Err(Violation::new("phone", ViolationRule::NotAllowed, message).into());
    }
    if owner.user.email.is_some() && !owner.user.has_verified_contact() {
        return Err(Refused::Because(RequestPhoneChangeProblem::NotVerified));
    }
    let purpose = CodePurpose::ChangePhone;
    let issued = contact_change::issue_code(app, &owner.user, purpose, &identifier).await?;
    let message = Message::code(purpose, issued.code.reveal(), issued.minutes);
    let tx = app.begin().await?;
    let recipient = outbox::sms_recipient(&owner.user, new.as_str());
    outbox::enqueue(
        &tx,
        app,
        &owner.user,
        &recipient,
        &message,
        Some(issued.expires_at),
    )
    .await?;
    let requested = (Contact::Phone, new.as_str());
    contact_change::record_request(&tx, app, caller, &owner, requested).await?;
    tx.commit().await?;
    app.wake_outbox();
    Ok(())
}

/// Moves the account to the new number and notifies its previous addresses.
pub async fn confirm_phone_change(
    app: &App,
    caller: &Caller,
    person: &SignedIn,
    typed: &str,
    typed_code: &str,
) -> Result<User, Refused<ConfirmPhoneChangeProblem>> {
    let identifier = Identifier::read(typed, app.config.phone.region());
    contact_change::charge_code(app, caller, person.user()).await?;
    let new = number(&identifier)?;
    let typed_code = code::parse(typed_code)?;
    let owner = contact_change::find_owner(app, person.user()).await?;
    let purpose = CodePurpose::ChangePhone;
    let code =
        contact_change::check_code(app, caller, &owner, purpose, &identifier, &typed_code).await?;

    let tx = contact_change::begin(app, &owner.user).await?;
    if !code.consume(&tx, app).await? {
        return Err(Refused::Because(ConfirmPhoneChangeProblem::CodeInvalid));
    }
    let user = contact_change::write(&tx, app, caller, &owner.user, &identifier).await?;
    notify_old_addresses(&tx, app, &owner.user, new).await?;
    let change = (Contact::Phone, new.as_str());
    contact_change::record_change(&tx, app, caller, (&owner, &user), change).await?;
    tx.commit().await?;
    app.wake_outbox();
    code.forget(app).await;
    Ok(user)
}

async fn notify_old_addresses(
    tx: &Tx,
    app: &App,
    before: &User,
    new: &PhoneNumber,
) -> Result<(), Fault> {
    let masked = new.masked();
    let message = Message::PhoneChanged(NewNumber(&masked));
    for recipient in outbox::verified_addresses(before) {
        outbox::enqueue(tx, app, before, &recipient, &message, None).await?;
    }
    Ok(())
}

fn number(identifier: &Identifier) -> Result<&PhoneNumber, Violation> {
    match identifier {
        Identifier::Phone(number) => Ok(number),
        Identifier::Email(_) | Identifier::Other(_) => Err(Violation::new(
            "phone",
            ViolationRule::InvalidPhone,
            "this is not a phone number with its country code",
        )),
    }
}
