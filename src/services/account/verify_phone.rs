//! The messages to a phone number that is being registered.

use crate::app::App;
use crate::domain::code::CodePurpose;
use crate::domain::identifier::Identifier;
use crate::domain::phone::PhoneNumber;
use crate::domain::user::User;
use crate::fault::Fault;
use crate::messages::Message;
use crate::messages::parts::SignIn;
use crate::services::code::{self, CodePool, CodeSubject, IssueError};
use crate::services::outbox;
use crate::stores::Tx;

/// Sends a code that verifies the number of this account. One statement.
///
/// While a previous code is on cooldown, that one stays valid and nothing is sent.
pub(super) async fn send_code(tx: &Tx, app: &App, user: &User) -> Result<(), Fault> {
    let Some(to) = user.phone.as_deref() else {
        return Ok(());
    };
    let identifier = Identifier::read(to, None);
    let purpose = CodePurpose::VerifyPhone;
    let recipient = outbox::sms_recipient(user, to);
    match code::issue(
        app,
        CodeSubject::User(user),
        purpose,
        &identifier,
        CodePool::Public,
    )
    .await
    {
        Ok(issued) => {
            let message = Message::code(purpose, issued.code.reveal(), issued.minutes);
            outbox::enqueue(tx, app, user, &recipient, &message, Some(issued.expires_at)).await
        }
        Err(IssueError::Cooldown(_)) => {
            let message = Message::code(purpose, "", 0);
            outbox::enqueue_decoy(tx, app, &recipient, &message, None).await
        }
        Err(IssueError::Fault(fault)) => Err(fault),
    }
}

/// Tells the owner of a number that it was registered again, at the cost of a code.
pub(super) async fn send_other(
    tx: &Tx,
    app: &App,
    owner: &User,
    number: &PhoneNumber,
    sign_in: &str,
) -> Result<(), Fault> {
    let identifier = Identifier::Phone(number.clone());
    let purpose = CodePurpose::VerifyPhone;
    let recipient = outbox::sms_recipient(owner, number.as_str());
    let message = Message::AlreadyRegistered(SignIn(sign_in));
    match code::issue(
        app,
        CodeSubject::Unknown,
        purpose,
        &identifier,
        CodePool::Public,
    )
    .await
    {
        Ok(_) => outbox::enqueue(tx, app, owner, &recipient, &message, None).await,
        // One message per cooldown, so that no phone is flooded.
        Err(IssueError::Cooldown(_)) => {
            outbox::enqueue_decoy(tx, app, &recipient, &message, None).await
        }
        Err(IssueError::Fault(fault)) => Err(fault),
    }
}
