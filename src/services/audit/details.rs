//! What an event says about a person: sealed when it is written, opened for those who may read it.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::app::App;
use crate::crypto::keyring::Purpose;
use crate::crypto::seal::SealingKey;
use crate::domain::caller::Client;
use crate::domain::ids::{AuditEventId, UserId};
use crate::fault::Fault;

/// How the details of a row are sealed; the first byte of the sealed value.
const UNDER_PERSON_KEY: u8 = 1;
const UNDER_KEYRING: u8 = 2;

/// What an event says beside what has a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// The network address it came from.
    pub ip_address: Option<String>,
    /// What the program called itself.
    pub user_agent: String,
    /// The browser.
    pub browser: String,
    /// The operating system.
    pub os: String,
    /// Values before and after.
    pub changes: Vec<Change>,
}

/// A value before and after; `before` is absent for what was only noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which value.
    pub field: String,
    /// What it was.
    pub before: Option<String>,
    /// What it is.
    pub after: Option<String>,
}

/// The details of an event by this client, as they are sealed.
pub(super) fn of(client: &Client, changes: Option<Value>) -> Result<Vec<u8>, Fault> {
    let agent = client.agent();
    let mut details = Map::new();
    details.insert("ipAddress".to_owned(), client.address.to_string().into());
    details.insert("userAgent".to_owned(), agent.text.clone().into());
    details.insert("browser".to_owned(), agent.browser.clone().into());
    details.insert("os".to_owned(), agent.os.clone().into());
    details.insert("device".to_owned(), agent.device.clone().into());
    if let Some(changes) = changes {
        details.insert("changes".to_owned(), changes);
    }
    Ok(serde_json::to_vec(&details)?)
}

/// Seals details for a row: under the key of the person they are about, or else under the keyring.
pub(super) fn seal(
    app: &App,
    event: AuditEventId,
    subject: Option<UserId>,
    sealed_key: Option<&[u8]>,
    details: &[u8],
) -> Result<Vec<u8>, Fault> {
    let id = event.uuid();
    let (tag, sealed) = if let Some((user, sealed_key)) = subject.zip(sealed_key) {
        let key = open_person_key(app, user, sealed_key)?;
        let sealed = key.seal(&app.random, id.as_bytes(), details);
        (UNDER_PERSON_KEY, sealed)
    } else {
        let purpose = Purpose::AuditUnattributed;
        let sealed = app
            .keyring
            .seal(purpose, &app.random, id.as_bytes(), details);
        (UNDER_KEYRING, sealed)
    };
    let mut value = Vec::with_capacity(sealed.len() + 1);
    value.push(tag);
    value.extend_from_slice(&sealed);
    Ok(value)
}

/// Opens the details of an event with the sealed key of its subject.
///
/// `None` once that key was erased. What cannot be opened although the key is there was changed,
/// or a master key is missing: that is a fault.
pub fn open(
    app: &App,
    event: AuditEventId,
    subject: Option<UserId>,
    sealed_key: Option<&[u8]>,
    sealed: &[u8],
) -> Result<Option<Details>, Fault> {
    let id = event.uuid();
    let plain = match (sealed.split_first(), subject) {
        (Some((&UNDER_KEYRING, sealed)), _) => {
            let purpose = Purpose::AuditUnattributed;
            app.keyring.open(purpose, id.as_bytes(), sealed)?
        }
        (Some((&UNDER_PERSON_KEY, sealed)), Some(subject)) => {
            let Some(sealed_key) = sealed_key else {
                return Ok(None);
            };
            let key = open_person_key(app, subject, sealed_key)?;
            key.open(id.as_bytes(), sealed)?
        }
        _ => {
            return Err(Fault::new(format!(
                "the details of audit event {event} have an unknown form; \
                 `idgate audit verify` tells whether the row was changed"
            )));
        }
    };
    Ok(Some(read(&serde_json::from_slice(&plain)?)))
}

fn read(details: &Value) -> Details {
    let text = |name: &str| details.get(name).and_then(Value::as_str).map(str::to_owned);
    let changes = details.get("changes").and_then(Value::as_object);
    Details {
        ip_address: text("ipAddress"),
        user_agent: text("userAgent").unwrap_or_default(),
        browser: text("browser").unwrap_or_default(),
        os: text("os").unwrap_or_default(),
        changes: changes.map_or_else(Vec::new, |changes| changes.iter().map(change).collect()),
    }
}

/// Services write `{ before, after }` for what changed, and a bare value for what they note.
fn change((field, value): (&String, &Value)) -> Change {
    let (before, after) = match value.as_object() {
        Some(pair) => (pair.get("before"), pair.get("after")),
        None => (None, Some(value)),
    };
    Change {
        field: field.clone(),
        before: before.and_then(spelled),
        after: after.and_then(spelled),
    }
}

fn spelled(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Makes the key of a new person and seals it under the keyring.
pub(in crate::services) fn new_person_key(app: &App, user: UserId) -> Vec<u8> {
    let key = Zeroizing::new(app.random.bytes::<32>());
    app.keyring.seal(
        Purpose::PersonKeys,
        &app.random,
        user.uuid().as_bytes(),
        &*key,
    )
}

fn open_person_key(app: &App, user: UserId, sealed: &[u8]) -> Result<SealingKey, Fault> {
    let key = app
        .keyring
        .open(Purpose::PersonKeys, user.uuid().as_bytes(), sealed)?;
    SealingKey::from_slice(&key).ok_or_else(|| Fault::new("a person key has the wrong length"))
}
