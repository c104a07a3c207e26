//! Audit events, append-only. Lists of them are read by the selectors.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use sea_orm::{EntityTrait, IntoActiveModel};

use super::bulk;
use super::database::Tx;
use crate::domain::event::DomainEvent;
use crate::domain::ids::{AuditEventId, UserId};
use crate::entities::audit_event::{Entity, Model};
use crate::fault::Fault;

/// An event as it is stored, with its personal values sealed.
#[derive(Debug)]
pub struct StoredEvent {
    /// Its id.
    pub id: AuditEventId,
    /// When it happened.
    pub created_at: DateTime<Utc>,
    /// What happened.
    pub action: Cow<'static, str>,
    /// The person who did it, if signed in.
    pub actor: Option<UserId>,
    /// The person on whose behalf it was done, if another.
    pub on_behalf_of: Option<UserId>,
    /// The person it is about.
    pub subject: Option<UserId>,
    /// Blind index of an identifier without an account.
    pub identifier_index: Option<Vec<u8>>,
    /// Blind index of the network address, for filters.
    pub address_index: Option<Vec<u8>>,
    /// The request id.
    pub request_id: String,
    /// The GraphQL operation.
    pub operation_name: Option<String>,
    /// The trusted document.
    pub document_id: Option<String>,
    /// Address, user agent and changes, sealed.
    pub sealed_details: Vec<u8>,
}

/// Appends an event with its MAC. A domain event is published on commit.
pub async fn insert(tx: &Tx, event: StoredEvent, mac: Vec<u8>) -> Result<(), Fault> {
    let domain_event = DomainEvent::Audited {
        event: event.id,
        subject: event.subject,
    };
    Entity::insert(row(event, mac).into_active_model())
        .exec_without_returning(tx)
        .await?;
    tx.publish_on_commit(domain_event);
    Ok(())
}

/// Appends the events of many accounts with their MACs. No domain events are published.
pub async fn insert_many(tx: &Tx, events: Vec<(StoredEvent, Vec<u8>)>) -> Result<(), Fault> {
    let rows = events.into_iter();
    let rows = rows.map(|(event, mac)| row(event, mac).into_active_model());
    if bulk::insert(tx, rows.collect()).await? {
        Ok(())
    } else {
        Err(Fault::new("an audit event has an id that was used before"))
    }
}

fn row(event: StoredEvent, mac: Vec<u8>) -> Model {
    Model {
        id: event.id.uuid(),
        created_at: event.created_at,
        action: event.action.into_owned(),
        actor_id: event.actor.map(UserId::uuid),
        on_behalf_of_id: event.on_behalf_of.map(UserId::uuid),
        subject_id: event.subject.map(UserId::uuid),
        identifier_index: event.identifier_index,
        address_index: event.address_index,
        request_id: event.request_id,
        operation_name: event.operation_name,
        document_id: event.document_id,
        sealed_details: event.sealed_details,
        mac,
    }
}

impl From<Model> for (StoredEvent, Vec<u8>) {
    fn from(row: Model) -> Self {
        let event = StoredEvent {
            id: row.id.into(),
            created_at: row.created_at,
            action: row.action.into(),
            actor: row.actor_id.map(UserId::from),
            on_behalf_of: row.on_behalf_of_id.map(UserId::from),
            subject: row.subject_id.map(UserId::from),
            identifier_index: row.identifier_index,
            address_index: row.address_index,
            request_id: row.request_id,
            operation_name: row.operation_name,
            document_id: row.document_id,
            sealed_details: row.sealed_details,
        };
        (event, row.mac)
    }
}
