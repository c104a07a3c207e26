//! The archive of a person's data: how it is written, sealed and signed ([the
//! format](../../docs/lifecycle.md)).
//!
//! It is written in parts, so that the largest account needs no more memory than a part and a page of
//! rows. Parts are sealed under the person's key: erasing the key erases them everywhere.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::app::App;
use crate::crypto::seal::{OpenError, SealingKey};
use crate::domain::audit::{self as recorded, AuditEvent};
use crate::domain::ids::DataExportId;
use crate::domain::user::User;
use crate::fault::Fault;
use crate::services::audit;
use crate::stores::data_export::ClaimedExport;
use crate::stores::person_data::{self, PersonalList};
use crate::stores::{Tx, data_export, person_key};

/// The layout of the archive. A reader refuses versions that it does not know.
const VERSION: u32 = 1;
/// Bytes after which a part is full.
const PART_BYTES: usize = 256 * 1024;

/// A complete archive.
#[derive(Debug)]
pub(super) struct Archive {
    /// Whose data it is.
    pub(super) owner: User,
    /// Its bytes.
    pub(super) size: u64,
    /// Its SHA-256 digest.
    pub(super) digest: [u8; 32],
}

/// Binds a part to its archive and place, and keeps it apart from what else the key seals.
fn bound_to(id: DataExportId, number: i64) -> Vec<u8> {
    let number = number.to_be_bytes();
    [b"data-export".as_slice(), id.uuid().as_bytes(), &number].concat()
}

/// Opens a sealed part.
pub(super) fn open_part(
    key: &SealingKey,
    id: DataExportId,
    number: i64,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    key.open(&bound_to(id, number), sealed)
}

/// Writes the archive of a claimed export; `None` if the claim was lost or the person erased
/// meanwhile.
///
/// `lease` gives the time until which a part that is written now extends the claim.
pub(super) async fn write(
    app: &App,
    claim: ClaimedExport,
    lease: impl Fn() -> DateTime<Utc>,
) -> Result<Option<Archive>, Fault> {
    // What changes while it is written belongs to the next export.
    let rows = app.database.snapshot().await?;
    let Some((owner, account, password)) = person_data::account(&rows, claim.user).await? else {
        return Ok(None);
    };
    let Some(sealed_key) = person_key::find(&rows, claim.user).await? else {
        return Ok(None);
    };
    let total = person_data::count(&rows, claim.user).await?;
    let tx = app.begin().await?;
    if !data_export::begin(&tx, &claim, total).await? {
        return Ok(None);
    }
    tx.commit().await?;
    let mut writer = Writer {
        app,
        claim,
        lease,
        key: audit::open_person_key(app, claim.user, &sealed_key)?,
        part: Zeroizing::new(Vec::with_capacity(2 * PART_BYTES)),
        number: 0,
        size: 0,
        records: 0,
        digest: Sha256::new(),
    };
    let head = json!({
        "format": "idgate-data-export",
        "version": VERSION,
        "issuer": app.config.tokens.issuer,
        "exportedAt": time(app.clock.now()),
        "account": account,
        "password": password,
    });
    // Without the closing brace: the lists follow.
    let head = head.to_string();
    writer.push(head.strip_suffix('}').unwrap_or(&head));
    if !write_lists(&mut writer, &rows).await?
        || !write_events(&mut writer, &rows, &owner, &sealed_key).await?
    {
        return Ok(None);
    }
    writer.push("}\n");
    if !writer.flush().await? {
        return Ok(None);
    }
    Ok(Some(Archive {
        owner,
        size: writer.size,
        digest: writer.digest.finalize().into(),
    }))
}

async fn write_lists(
    writer: &mut Writer<'_, impl Fn() -> DateTime<Utc>>,
    rows: &Tx,
) -> Result<bool, Fault> {
    for list in PersonalList::ALL {
        writer.begin_list(list.name());
        let mut last = None;
        loop {
            let page = person_data::page(rows, list, writer.claim.user, last).await?;
            let Some((id, _)) = page.last() else { break };
            last = Some(*id);
            for (_, row) in page {
                if !writer.record(&row).await? {
                    return Ok(false);
                }
            }
        }
        writer.end_list();
    }
    Ok(true)
}

async fn write_events(
    writer: &mut Writer<'_, impl Fn() -> DateTime<Utc>>,
    rows: &Tx,
    owner: &User,
    sealed_key: &[u8],
) -> Result<bool, Fault> {
    writer.begin_list("auditEvents");
    let mut last = None;
    loop {
        let page = person_data::events(rows, owner.id, last).await?;
        let Some(event) = page.last() else { break };
        last = Some((event.created_at, event.id));
        for event in page {
            let event = event_as_json(writer.app, &event, owner, sealed_key)?;
            if !writer.record(&event).await? {
                return Ok(false);
            }
        }
    }
    writer.end_list();
    Ok(true)
}

/// An event as its subject may read it; see [`AuditEvent::is_shown_to`].
fn event_as_json(
    app: &App,
    event: &AuditEvent,
    owner: &User,
    sealed_key: &[u8],
) -> Result<Value, Fault> {
    let mut shown = json!({
        "id": event.id,
        "createdAt": time(event.created_at),
        "action": event.action,
        "actorId": event.actor,
        "requestId": event.request_id,
    });
    let sealed = &event.sealed_details;
    let opened = audit::open(app, event.id, event.subject, Some(sealed_key), sealed)?;
    let (Some(details), Some(members)) = (opened, shown.as_object_mut()) else {
        return Ok(shown);
    };
    if event.is_shown_to(owner) {
        members.insert(
            "operationName".to_owned(),
            event.operation_name.clone().into(),
        );
        let changes = details.changes.into_iter();
        let changes = changes.filter(|change| recorded::is_shown_field(&change.field));
        let changes: Map<String, Value> = changes
            .map(|change| {
                let values = json!({ "before": change.before, "after": change.after });
                (change.field, values)
            })
            .collect();
        members.insert("changes".to_owned(), changes.into());
    }
    if event.shows_client_to(owner) {
        members.insert("ipAddress".to_owned(), details.ip_address.into());
        members.insert("userAgent".to_owned(), details.user_agent.into());
        members.insert("browser".to_owned(), details.browser.into());
        members.insert("os".to_owned(), details.os.into());
    }
    Ok(shown)
}

fn time(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Collects text until a part is full, then seals and stores it.
struct Writer<'a, L> {
    app: &'a App,
    claim: ClaimedExport,
    lease: L,
    key: SealingKey,
    part: Zeroizing<Vec<u8>>,
    number: i64,
    size: u64,
    records: i64,
    digest: Sha256,
}

impl<L: Fn() -> DateTime<Utc>> Writer<'_, L> {
    fn push(&mut self, text: &str) {
        self.part.extend_from_slice(text.as_bytes());
    }

    fn begin_list(&mut self, name: &str) {
        self.push(&format!(",\n\"{name}\":["));
    }

    /// Adds an element to the list; `false` if the claim was lost.
    async fn record(&mut self, value: &Value) -> Result<bool, Fault> {
        // A list begins with its bracket, which no value ends with inside of this list.
        if self.part.last() != Some(&b'[') {
            self.push(",");
        }
        self.push(&format!("\n{value}"));
        self.records += 1;
        if self.part.len() < PART_BYTES {
            return Ok(true);
        }
        self.flush().await
    }

    fn end_list(&mut self) {
        self.push("]");
    }

    /// Seals and stores what was collected; `false` if the claim was lost.
    async fn flush(&mut self) -> Result<bool, Fault> {
        self.digest.update(self.part.as_slice());
        self.size += u64::try_from(self.part.len())?;
        let bound = bound_to(self.claim.id, self.number);
        let sealed = self.key.seal(&self.app.random, &bound, &self.part);
        let tx = self.app.begin().await?;
        let part = (self.number, sealed);
        let leased_until = (self.lease)();
        if !data_export::append(&tx, &self.claim, part, self.records, leased_until).await? {
            return Ok(false);
        }
        tx.commit().await?;
        self.number += 1;
        self.part.clear();
        Ok(true)
    }
}
