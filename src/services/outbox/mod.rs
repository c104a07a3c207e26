//! Putting messages into the outbox, in the transaction of what they announce.

mod message;

use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::crypto::keyring::Purpose;
use crate::domain::ids::MessageId;
use crate::fault::Fault;
use crate::stores::{Tx, outbox_message};

pub(super) use message::Message;
pub use message::kinds;

/// What travels in a message: sealed until a worker delivers it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Body {
    /// The address it goes to.
    pub to: String,
    /// The subject line.
    pub subject: String,
    /// The plain-text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

/// Adds a message to the transaction.
pub(super) async fn enqueue(tx: &Tx, app: &App, message: &Message<'_>) -> Result<(), Fault> {
    let id: MessageId = app.new_id();
    let body = serde_json::to_vec(&message.render())?;
    let sealed_body = app
        .keyring
        .seal(Purpose::Outbox, &app.random, id.uuid().as_bytes(), &body);
    let new = outbox_message::NewMessage {
        id,
        kind: message.kind(),
        channel: message.channel(),
        sealed_body,
    };
    outbox_message::insert(tx, new, app.clock.now()).await
}

/// Opens the contents of a claimed message.
pub(super) fn open(app: &App, id: MessageId, sealed: &[u8]) -> Result<Body, Fault> {
    let body = app
        .keyring
        .open(Purpose::Outbox, id.uuid().as_bytes(), sealed)?;
    Ok(serde_json::from_slice(&body)?)
}
