//! The MACs of the audit log: over each event, each link of the chain with the one before, the head
//! of the chain and the daily checkpoints.
//!
//! Links are keyed, not plain hashes: an attacker who can write rows must not be able to recompute
//! the chain.

use crate::app::App;
use crate::crypto::keyring::Purpose;
use crate::domain::ids::UserId;
use crate::stores::audit_chain::{Checkpoint, Head};
use crate::stores::audit_event::StoredEvent;
use crate::stores::audit_link::Link;

/// Computes and checks the MACs of the audit log.
#[derive(Clone, Copy)]
pub(in crate::services) struct AuditMac<'a>(pub(in crate::services) &'a App);

/// The result of checking a MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::services) enum MacCheck {
    /// idgate wrote the row, and it is unchanged.
    Valid,
    /// The row was changed or written by something else.
    Invalid,
    /// The master key that the MAC names is not configured.
    UnknownKey,
}

type Parts = Vec<Vec<u8>>;

impl AuditMac<'_> {
    pub(in crate::services) fn event(self, event: &StoredEvent) -> Vec<u8> {
        self.mac(Purpose::AuditMac, &event_parts(event))
    }

    pub(in crate::services) fn link(self, before: &[u8], link: &Link, mac: &[u8]) -> Vec<u8> {
        self.mac(Purpose::AuditLinks, &link_parts(before, link, mac))
    }

    pub(in crate::services) fn head(self, head: &Head) -> Vec<u8> {
        self.mac(Purpose::AuditLinks, &head_parts(head))
    }

    pub(in crate::services) fn checkpoint(self, checkpoint: &Checkpoint) -> Vec<u8> {
        self.mac(Purpose::AuditLinks, &checkpoint_parts(checkpoint))
    }

    pub(in crate::services) fn check_event(self, event: &StoredEvent, mac: &[u8]) -> MacCheck {
        self.check(Purpose::AuditMac, &event_parts(event), mac)
    }

    pub(in crate::services) fn check_link(
        self,
        before: &[u8],
        link: &Link,
        mac: &[u8],
    ) -> MacCheck {
        let parts = link_parts(before, link, mac);
        self.check(Purpose::AuditLinks, &parts, &link.hash)
    }

    /// The head of an empty chain has no MAC: there is nothing to protect yet.
    pub(in crate::services) fn check_head(self, head: &Head, mac: &[u8]) -> MacCheck {
        let is_empty = head.position == 0 && head.removed_through == 0 && head.linked_at.is_none();
        if is_empty && head.hash.is_empty() && mac.is_empty() {
            return MacCheck::Valid;
        }
        self.check(Purpose::AuditLinks, &head_parts(head), mac)
    }

    pub(in crate::services) fn check_checkpoint(
        self,
        checkpoint: &Checkpoint,
        mac: &[u8],
    ) -> MacCheck {
        self.check(Purpose::AuditLinks, &checkpoint_parts(checkpoint), mac)
    }

    fn mac(self, purpose: Purpose, parts: &Parts) -> Vec<u8> {
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        self.0.keyring.mac(purpose, &parts)
    }

    fn check(self, purpose: Purpose, parts: &Parts, mac: &[u8]) -> MacCheck {
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        if self.0.keyring.verify_mac(purpose, &parts, mac) {
            MacCheck::Valid
        } else if self.0.keyring.knows(mac) {
            MacCheck::Invalid
        } else {
            MacCheck::UnknownKey
        }
    }
}

/// Every column, with a tag that distinguishes NULL from empty. The keyring adds lengths.
fn event_parts(event: &StoredEvent) -> Parts {
    let id = |id: Option<UserId>| id.map(|id| id.uuid().as_bytes().to_vec());
    let text = |text: &Option<String>| text.as_ref().map(|text| text.as_bytes().to_vec());
    let columns: [Option<Vec<u8>>; 12] = [
        Some(event.id.uuid().as_bytes().to_vec()),
        Some(event.created_at.timestamp_micros().to_be_bytes().to_vec()),
        Some(event.action.as_bytes().to_vec()),
        id(event.actor),
        id(event.on_behalf_of),
        id(event.subject),
        event.identifier_index.clone(),
        event.address_index.clone(),
        Some(event.request_id.as_bytes().to_vec()),
        text(&event.operation_name),
        text(&event.document_id),
        Some(event.sealed_details.clone()),
    ];
    let encoded = columns.into_iter().map(|column| match column {
        None => vec![0],
        Some(bytes) => [vec![1], bytes].concat(),
    });
    encoded.collect()
}

fn link_parts(before: &[u8], link: &Link, mac: &[u8]) -> Parts {
    vec![
        b"link".to_vec(),
        before.to_vec(),
        link.position.to_be_bytes().to_vec(),
        link.event.uuid().as_bytes().to_vec(),
        mac.to_vec(),
    ]
}

fn head_parts(head: &Head) -> Parts {
    let linked_at = head.linked_at.map_or(0, |at| at.timestamp_micros());
    vec![
        b"head".to_vec(),
        head.position.to_be_bytes().to_vec(),
        head.hash.clone(),
        linked_at.to_be_bytes().to_vec(),
        head.removed_through.to_be_bytes().to_vec(),
    ]
}

fn checkpoint_parts(checkpoint: &Checkpoint) -> Parts {
    vec![
        b"checkpoint".to_vec(),
        checkpoint.day.as_bytes().to_vec(),
        checkpoint.position.to_be_bytes().to_vec(),
        checkpoint.hash.clone(),
    ]
}
