//! Moving an account to another phone number, or giving it its first.

use serde_json::json;

use crate::app::App;
use crate::domain::caller::{Caller, Fresh, SignedIn};
use crate::domain::code::{Code, CodePurpose};
use crate::domain::identifier::Identifier;
use crate::domain::phone::PhoneNumber;
use crate::domain::user::User;
use crate::domain::violation::{Violation, ViolationRule};
use crate::fault::Fault;
use crate::messages::Message;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::code::{self, CodeCheck, CodePool, CodeSubject, VerifiedCode};
use crate::services::outbox;
use crate::services::ownership::{self, Proof};
use crate::services::refused::Refused;
use crate::services::throttle::{self, LimitKey, RateLimit};
use crate::stores::Tx;
use crate::stores::user::{self, Credentials};

/// Why no code went to the new number.
#[derive(Debug, PartialEq, Eq)]
pub enum RequestPhoneChangeProblem {
    /// Nobody has proven to own the e-mail address of the account, which would ride along.
    NotVerified,
}

/// Sends a code to the new number.
///
/// Whether somebody has that number is not looked at: only its owner may learn it.
pub async fn request_phone_change(
    app: &App,
    caller: &Caller,
    person: Fresh<'_>,
    typed: &str,
) -> Result<(), Refused<RequestPhoneChangeProblem>> {
    let identifier = Identifier::read(typed, app.config.phone.region());
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
    let new = number(&identifier)?;
    outbox::check_texts(app, "phone", &identifier)?;
    let found = user::find_by_id(&app.database, person.user()).await?;
    let owner = found.ok_or(Refused::Unauthenticated)?;
    if owner.user.phone_verified && owner.user.phone.as_deref() == Some(new.as_str()) {
        let message = "this is the number the account has";
        return Err(Violation::new("phone", ViolationRule::NotAllowed, message).into());
    }
    if owner.user.email.is_some() && !owner.user.is_proven() {
        return Err(Refused::Because(RequestPhoneChangeProblem::NotVerified));
    }
    let purpose = CodePurpose::ChangePhone;
    let issued = code::issue(
        app,
        CodeSubject::User(&owner.user),
        purpose,
        &identifier,
        CodePool::Public,
    )
    .await?;
    let message = Message::Code {
        purpose,
        code: issued.code.reveal(),
        minutes: issued.minutes,
    };
    let tx = app.begin().await?;
    let recipient = outbox::by_text(&owner.user, new.as_str());
    outbox::enqueue(&tx, app, &recipient, &message, Some(issued.expires_at)).await?;
    let changes = json!({ "phone": { "before": owner.user.phone, "after": new.as_str() } });
    let event = Event::new(Action::PhoneChangeRequested, Subject::of(&owner))
        .by(caller)
        .with(changes);
    audit::record(&tx, app, &caller.client, event).await?;
    tx.commit().await?;
    app.wake_outbox();
    Ok(())
}

/// Why the account still has the old number.
#[derive(Debug, PartialEq, Eq)]
pub enum ConfirmPhoneChangeProblem {
    /// The code is wrong, dead, used, or was never sent.
    CodeInvalid,
    /// The code was right once.
    CodeExpired,
    /// Another account has the new number.
    Taken,
}

/// Moves the account to the new number and tells the addresses it had before.
pub async fn confirm_phone_change(
    app: &App,
    caller: &Caller,
    person: &SignedIn,
    typed: &str,
    typed_code: &str,
) -> Result<User, Refused<ConfirmPhoneChangeProblem>> {
    let identifier = Identifier::read(typed, app.config.phone.region());
    let limit = RateLimit::VerifyCode {
        key: LimitKey::User(person.user()),
    };
    throttle::charge(app, &caller.client, limit).await?;
    let new = number(&identifier)?;
    let typed_code = code::parse(typed_code)?;
    let found = user::find_by_id(&app.database, person.user()).await?;
    let owner = found.ok_or(Refused::Unauthenticated)?;
    let code = check(app, caller, &owner, &identifier, &typed_code).await?;

    let tx = app.begin().await?;
    let now = app.clock.now();
    let version = owner.user.credential_version;
    let renewed = user::renew_credentials(&tx, owner.user.id, version, now).await?;
    renewed.ok_or(Refused::Unauthenticated)?;
    if !code.consume(&tx, app).await? {
        return Err(Refused::Because(ConfirmPhoneChangeProblem::CodeInvalid));
    }
    let client = &caller.client;
    if !ownership::take(&tx, app, client, &identifier, owner.user.id).await? {
        return Err(Refused::Because(ConfirmPhoneChangeProblem::Taken));
    }
    ownership::settle(&tx, app, &owner.user, Proof::WithAccount).await?;
    let user = user::change_address(&tx, owner.user.id, &identifier, now).await?;
    let user = user.ok_or(Refused::Because(ConfirmPhoneChangeProblem::Taken))?;
    tell_old_addresses(&tx, app, &owner.user, new).await?;
    let mut changes = ownership::standing_changes(&owner.user, &user);
    let moved = json!({ "before": owner.user.phone, "after": new.as_str() });
    changes.insert("phone".to_owned(), moved);
    let event = Event::new(Action::PhoneChanged, Subject::of(&owner))
        .by(caller)
        .with(changes.into());
    audit::record(&tx, app, &caller.client, event).await?;
    tx.commit().await?;
    app.wake_outbox();
    code.forget(app).await;
    Ok(user)
}

async fn check(
    app: &App,
    caller: &Caller,
    owner: &Credentials,
    identifier: &Identifier,
    typed: &Code,
) -> Result<VerifiedCode, Refused<ConfirmPhoneChangeProblem>> {
    let subject = CodeSubject::User(&owner.user);
    let purpose = CodePurpose::ChangePhone;
    let refusal =
        match code::check(app, subject, purpose, identifier, typed, CodePool::Public).await? {
            CodeCheck::Valid(code) => return Ok(code),
            CodeCheck::Expired => Refused::Because(ConfirmPhoneChangeProblem::CodeExpired),
            CodeCheck::Invalid => Refused::Because(ConfirmPhoneChangeProblem::CodeInvalid),
        };
    let event = Event::new(Action::CodeRefused, Subject::of(owner)).by(caller);
    audit::record_alone(app, &caller.client, event).await?;
    Err(refusal)
}

async fn tell_old_addresses(
    tx: &Tx,
    app: &App,
    before: &User,
    new: &PhoneNumber,
) -> Result<(), Fault> {
    let message = Message::PhoneChanged {
        new_number: &new.masked(),
    };
    if let Some(email) = before.email.as_deref().filter(|_| before.email_verified) {
        let recipient = outbox::by_mail(before, email);
        outbox::enqueue(tx, app, &recipient, &message, None).await?;
    }
    if let Some(phone) = before.phone.as_deref().filter(|_| before.phone_verified) {
        let recipient = outbox::by_text(before, phone);
        outbox::enqueue(tx, app, &recipient, &message, None).await?;
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
