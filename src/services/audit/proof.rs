//! What proves that rows are as idgate wrote them: a MAC over each event, over each link of the
//! chain with the one before, over the end of the chain and over the checkpoints of days.
//!
//! Links are keyed too: whoever can write rows could otherwise compute the chain anew.

use crate::app::App;
use crate::crypto::keyring::Purpose;
use crate::domain::ids::UserId;
use crate::stores::audit_chain::{Checkpoint, Head};
use crate::stores::audit_event::StoredEvent;
use crate::stores::audit_link::Link;

/// Makes and checks the codes.
#[derive(Clone, Copy)]
pub(in crate::services) struct Proof<'a>(pub(in crate::services) &'a App);

/// Who wrote a row, as far as its code tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::services) enum Author {
    /// Idgate, and it is as it was.
    Idgate,
    /// Somebody else, or somebody changed it.
    Another,
    /// Nobody can tell: the master key that it names is not known here.
    Unknown,
}

type Parts = Vec<Vec<u8>>;

impl Proof<'_> {
    pub(in crate::services) fn of_event(self, event: &StoredEvent) -> Vec<u8> {
        self.make(Purpose::AuditMac, &event_parts(event))
    }

    pub(in crate::services) fn of_link(self, before: &[u8], link: &Link, mac: &[u8]) -> Vec<u8> {
        self.make(Purpose::AuditLinks, &link_parts(before, link, mac))
    }

    pub(in crate::services) fn of_head(self, head: &Head) -> Vec<u8> {
        self.make(Purpose::AuditLinks, &head_parts(head))
    }

    pub(in crate::services) fn of_checkpoint(self, checkpoint: &Checkpoint) -> Vec<u8> {
        self.make(Purpose::AuditLinks, &checkpoint_parts(checkpoint))
    }

    pub(in crate::services) fn event(self, event: &StoredEvent, mac: &[u8]) -> Author {
        self.check(Purpose::AuditMac, &event_parts(event), mac)
    }

    pub(in crate::services) fn link(self, before: &[u8], link: &Link, mac: &[u8]) -> Author {
        let parts = link_parts(before, link, mac);
        self.check(Purpose::AuditLinks, &parts, &link.hash)
    }

    /// The end of a chain without links needs no proof: there is nothing to lose yet.
    pub(in crate::services) fn head(self, head: &Head, mac: &[u8]) -> Author {
        let unborn = head.position == 0 && head.removed_through == 0 && head.linked_at.is_none();
        if unborn && head.hash.is_empty() && mac.is_empty() {
            return Author::Idgate;
        }
        self.check(Purpose::AuditLinks, &head_parts(head), mac)
    }

    pub(in crate::services) fn checkpoint(self, checkpoint: &Checkpoint, mac: &[u8]) -> Author {
        self.check(Purpose::AuditLinks, &checkpoint_parts(checkpoint), mac)
    }

    fn make(self, purpose: Purpose, parts: &Parts) -> Vec<u8> {
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        self.0.keyring.mac(purpose, &parts)
    }

    fn check(self, purpose: Purpose, parts: &Parts, mac: &[u8]) -> Author {
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        if self.0.keyring.verify_mac(purpose, &parts, mac) {
            Author::Idgate
        } else if self.0.keyring.knows(mac) {
            Author::Another
        } else {
            Author::Unknown
        }
    }
}

/// Every column, absent ones told apart from empty ones. The keyring adds lengths.
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
