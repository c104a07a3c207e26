//! What `idgate audit verify` can find, and how it is reported.

use std::fmt;

use crate::domain::ids::AuditEventId;

/// The first row that fails verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong with it.
    pub error: IntegrityError,
    /// Its position in the chain.
    pub position: Option<i64>,
    /// The event.
    pub event: Option<AuditEventId>,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntegrityError {
    /// The row of `audit_chain` was removed or changed.
    HeadChanged,
    /// A checkpoint was changed or removed, or disagrees with the chain.
    CheckpointChanged,
    /// An event was changed, or idgate did not write it.
    EventChanged,
    /// An event was removed.
    EventRemoved,
    /// One or more links were removed.
    LinkRemoved,
    /// A link was changed or moved.
    LinkChanged,
    /// A link or an event that idgate did not write.
    Inserted,
    /// The MAC names a master key that is not configured.
    UnknownKey,
    /// The chain has another link at the position of an anchor: it was rewritten.
    AnchorDiffers,
    /// The chain ends before an anchor: an earlier copy was restored.
    EndsBeforeAnchor,
}

impl IntegrityError {
    /// The name in JSON output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HeadChanged => "end_changed",
            Self::CheckpointChanged => "checkpoint_changed",
            Self::EventChanged => "event_changed",
            Self::EventRemoved => "event_removed",
            Self::LinkRemoved => "link_removed",
            Self::LinkChanged => "link_changed",
            Self::Inserted => "inserted",
            Self::UnknownKey => "unknown_master_key",
            Self::AnchorDiffers => "anchor_differs",
            Self::EndsBeforeAnchor => "ends_before_anchor",
        }
    }
}

impl Finding {
    /// A description of the row.
    fn row(&self) -> String {
        let place = |what: String| match self.position {
            Some(position) => format!("{what} at position {position}"),
            None => what,
        };
        match (self.error, self.event) {
            (IntegrityError::LinkChanged, Some(event)) => {
                place(format!("the link of event {event}"))
            }
            (_, Some(event)) => place(format!("event {event}")),
            (IntegrityError::LinkChanged | IntegrityError::LinkRemoved, None) => {
                place("the link".to_owned())
            }
            (IntegrityError::CheckpointChanged, None) => place("the checkpoint".to_owned()),
            // Of the rows with a MAC and a position, only checkpoints have no event.
            (IntegrityError::UnknownKey, None) if self.position.is_some() => {
                place("the checkpoint".to_owned())
            }
            (IntegrityError::HeadChanged | IntegrityError::UnknownKey, None) => {
                "the end of the chain (the row of audit_chain)".to_owned()
            }
            (IntegrityError::AnchorDiffers | IntegrityError::EndsBeforeAnchor, None) => {
                place("the anchor".to_owned())
            }
            (
                IntegrityError::EventChanged
                | IntegrityError::EventRemoved
                | IntegrityError::Inserted,
                None,
            ) => place("an event".to_owned()),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = match self.error {
            IntegrityError::HeadChanged
            | IntegrityError::EventRemoved
            | IntegrityError::LinkRemoved => "was changed or removed",
            IntegrityError::CheckpointChanged => {
                "was changed or removed, or does not agree with the chain"
            }
            IntegrityError::EventChanged => "was changed, or idgate did not write it",
            IntegrityError::LinkChanged => "was changed or put in another place",
            IntegrityError::Inserted => {
                "was inserted, or its link or its turn to be linked was removed"
            }
            IntegrityError::UnknownKey => {
                "has a code that names no master key known here: it was changed, or the key was \
                 rotated; then give the old one as IDGATE_KEYS__MASTER_PREVIOUS"
            }
            IntegrityError::AnchorDiffers => {
                "is not the link that the chain has there: the log was written anew, or the anchor \
                 is of another database"
            }
            IntegrityError::EndsBeforeAnchor => {
                "is beyond the end of the chain: this is an earlier copy of the log, and what came \
                 after it is missing"
            }
        };
        write!(formatter, "{} {said}", self.row())
    }
}

#[cfg(test)]
mod tests {
    use super::IntegrityError::{
        AnchorDiffers, CheckpointChanged, EndsBeforeAnchor, EventChanged, EventRemoved,
        HeadChanged, Inserted, LinkChanged, LinkRemoved, UnknownKey,
    };
    use super::*;

    #[test]
    fn every_error_message_names_its_row() {
        let id = "019ad000-0000-7000-8000-000000000001";
        let event = Some(AuditEventId::from(id.parse::<uuid::Uuid>().unwrap()));
        let end = "the end of the chain (the row of audit_chain)";
        let of = format!("event {id}");
        let cases = [
            (HeadChanged, None, None, format!("{end} was changed or")),
            (HeadChanged, Some(7), None, format!("{end} was changed or")),
            (
                CheckpointChanged,
                Some(7),
                None,
                "the checkpoint at position 7 was".to_owned(),
            ),
            (
                EventChanged,
                Some(7),
                event,
                format!("{of} at position 7 was"),
            ),
            (EventChanged, None, event, format!("{of} was changed, or")),
            (
                EventRemoved,
                Some(7),
                event,
                format!("{of} at position 7 was"),
            ),
            (
                EventRemoved,
                None,
                event,
                format!("{of} was changed or removed"),
            ),
            (
                LinkRemoved,
                Some(7),
                None,
                "the link at position 7 was".to_owned(),
            ),
            (
                LinkChanged,
                Some(7),
                event,
                format!("the link of {of} at position 7 was"),
            ),
            (Inserted, Some(7), event, format!("{of} at position 7 was")),
            (Inserted, None, event, format!("{of} was inserted")),
            (UnknownKey, None, None, format!("{end} has a code")),
            (
                UnknownKey,
                Some(7),
                None,
                "the checkpoint at position 7 has a code".to_owned(),
            ),
            (
                UnknownKey,
                Some(7),
                event,
                format!("{of} at position 7 has"),
            ),
            (UnknownKey, None, event, format!("{of} has a code")),
            (
                AnchorDiffers,
                Some(7),
                None,
                "the anchor at position 7 is not".to_owned(),
            ),
            (
                EndsBeforeAnchor,
                Some(7),
                None,
                "the anchor at position 7 is beyond".to_owned(),
            ),
        ];
        for (error, position, event, expected) in cases {
            let finding = Finding {
                error,
                position,
                event,
            };
            let said = finding.to_string();
            assert!(said.starts_with(&expected), "{error:?}: {said}");
            assert!(!said.ends_with('.'), "{said}");
        }
    }
}
