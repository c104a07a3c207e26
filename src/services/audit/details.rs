//! The personal details of an event: sealed when written, opened for those who may read them.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::app::App;
use crate::crypto::keyring::Purpose;
use crate::crypto::seal::SealingKey;
use crate::domain::caller::Client;
use crate::domain::ids::{AuditEventId, UserId};
use crate::fault::Fault;

/// The key that sealed the details; the first byte of the sealed value.
const UNDER_PERSON_KEY: u8 = 1;
const UNDER_KEYRING: u8 = 2;

/// The details of an event that have no column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// The network address of the client.
    pub ip_address: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// The browser.
    pub browser: String,
    /// The operating system.
    pub os: String,
    /// The changed values.
    pub changes: Vec<Change>,
}

/// A changed value; `before` is absent for a value that was only noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The name of the field.
    pub field: String,
    /// The value before.
    pub before: Option<String>,
    /// The value after.
    pub after: Option<String>,
}

/// Serializes the details of an event.
pub(super) fn serialize(client: &Client, changes: Option<Value>) -> Result<Vec<u8>, Fault> {
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

/// Whose key seals the details of an event.
pub(super) enum SealedFor {
    /// A person, with their sealed key; `None` if they were erased meanwhile.
    Person(UserId, Option<Vec<u8>>),
    /// No person: they stay readable.
    Operators,
}

/// Seals details. Those about a person who was erased meanwhile are sealed under a key that is kept
/// nowhere.
pub(super) fn seal(
    app: &App,
    event: AuditEventId,
    sealed_for: &SealedFor,
    details: &[u8],
) -> Result<Vec<u8>, Fault> {
    let id = event.uuid();
    let (tag, sealed) = match sealed_for {
        SealedFor::Person(user, sealed_key) => {
            let key = match sealed_key {
                Some(sealed_key) => open_person_key(app, *user, sealed_key)?,
                None => SealingKey::new(&Zeroizing::new(app.random.bytes::<32>())),
            };
            let sealed = key.seal(&app.random, id.as_bytes(), details);
            (UNDER_PERSON_KEY, sealed)
        }
        SealedFor::Operators => {
            let purpose = Purpose::AuditUnattributed;
            let sealed = app
                .keyring
                .seal(purpose, &app.random, id.as_bytes(), details);
            (UNDER_KEYRING, sealed)
        }
    };
    let mut value = Vec::with_capacity(sealed.len() + 1);
    value.push(tag);
    value.extend_from_slice(&sealed);
    Ok(value)
}

/// Opens the details of an event with the sealed key of its subject.
///
/// `None` if the key was erased. Details that do not open with their key were changed, or a master
/// key is missing: that is a fault.
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
    Ok(Some(parse(&serde_json::from_slice(&plain)?)))
}

fn parse(details: &Value) -> Details {
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

/// Services write `{ before, after }` for a change, and a bare value for a note.
fn change((field, value): (&String, &Value)) -> Change {
    let (before, after) = match value.as_object() {
        Some(pair) => (pair.get("before"), pair.get("after")),
        None => (None, Some(value)),
    };
    Change {
        field: field.clone(),
        before: before.and_then(to_text),
        after: after.and_then(to_text),
    }
}

fn to_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Generates the key of a new user, sealed under the keyring.
pub(in crate::services) fn new_person_key(app: &App, user: UserId) -> Vec<u8> {
    let key = Zeroizing::new(app.random.bytes::<32>());
    app.keyring.seal(
        Purpose::PersonKeys,
        &app.random,
        user.uuid().as_bytes(),
        &*key,
    )
}

/// Opens the key of a person.
pub(in crate::services) fn open_person_key(
    app: &App,
    user: UserId,
    sealed: &[u8],
) -> Result<SealingKey, Fault> {
    let key = app
        .keyring
        .open(Purpose::PersonKeys, user.uuid().as_bytes(), sealed)?;
    SealingKey::from_slice(&key).ok_or_else(|| Fault::new("a person key has the wrong length"))
}
