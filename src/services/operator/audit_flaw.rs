//! What can be wrong with the audit log, and the sentence that says it.

use std::fmt;

use crate::domain::ids::AuditEventId;

/// The first row that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What is wrong with it.
    pub flaw: Flaw,
    /// Its place in the chain.
    pub position: Option<i64>,
    /// The event.
    pub event: Option<AuditEventId>,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The row of `audit_chain` is gone or was changed.
    End,
    /// A checkpoint was changed or removed, or does not agree with the chain.
    Checkpoint,
    /// An event was changed, or somebody else wrote it.
    Changed,
    /// An event was removed.
    Removed,
    /// One link or more were removed.
    LinkRemoved,
    /// A link was changed, or put in another place.
    LinkChanged,
    /// A link or an event was put where idgate put none.
    Inserted,
    /// The code names a master key that is not known here.
    UnknownKey,
    /// The chain has another link where an anchor was taken: it was written anew.
    AnchorDiffers,
    /// The chain ends before an anchor: it is an earlier copy.
    EndsBeforeAnchor,
}

impl Flaw {
    /// The name that programs read.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::End => "end_changed",
            Self::Checkpoint => "checkpoint_changed",
            Self::Changed => "event_changed",
            Self::Removed => "event_removed",
            Self::LinkRemoved => "link_removed",
            Self::LinkChanged => "link_changed",
            Self::Inserted => "inserted",
            Self::UnknownKey => "unknown_master_key",
            Self::AnchorDiffers => "anchor_differs",
            Self::EndsBeforeAnchor => "ends_before_anchor",
        }
    }
}

impl Broken {
    /// The row that is meant.
    fn row(&self) -> String {
        let place = |what: String| match self.position {
            Some(position) => format!("{what} at position {position}"),
            None => what,
        };
        match (self.flaw, self.event) {
            (Flaw::LinkChanged, Some(event)) => place(format!("the link of event {event}")),
            (_, Some(event)) => place(format!("event {event}")),
            (Flaw::LinkChanged | Flaw::LinkRemoved, None) => place("the link".to_owned()),
            (Flaw::Checkpoint, None) => place("the checkpoint".to_owned()),
            // Only checkpoints have a place and a code of their own, but no event.
            (Flaw::UnknownKey, None) if self.position.is_some() => {
                place("the checkpoint".to_owned())
            }
            (Flaw::End | Flaw::UnknownKey, None) => {
                "the end of the chain (the row of audit_chain)".to_owned()
            }
            (Flaw::AnchorDiffers | Flaw::EndsBeforeAnchor, None) => place("the anchor".to_owned()),
            (Flaw::Changed | Flaw::Removed | Flaw::Inserted, None) => place("an event".to_owned()),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = match self.flaw {
            Flaw::End | Flaw::Removed | Flaw::LinkRemoved => "was changed or removed",
            Flaw::Checkpoint => "was changed or removed, or does not agree with the chain",
            Flaw::Changed => "was changed, or idgate did not write it",
            Flaw::LinkChanged => "was changed or put in another place",
            Flaw::Inserted => "was inserted, or its link or its turn to be linked was removed",
            Flaw::UnknownKey => {
                "has a code that names no master key known here: it was changed, or the key was \
                 rotated; then give the old one as IDGATE_KEYS__MASTER_PREVIOUS"
            }
            Flaw::AnchorDiffers => {
                "is not the link that the chain has there: the log was written anew, or the anchor \
                 is of another database"
            }
            Flaw::EndsBeforeAnchor => {
                "is beyond the end of the chain: this is an earlier copy of the log, and what came \
                 after it is missing"
            }
        };
        write!(formatter, "{} {said}", self.row())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flaw_is_a_sentence_that_names_its_row() {
        let id = "019ad000-0000-7000-8000-000000000001";
        let event = Some(AuditEventId::from(id.parse::<uuid::Uuid>().unwrap()));
        let end = "the end of the chain (the row of audit_chain)";
        let of = format!("event {id}");
        let cases = [
            (Flaw::End, None, None, format!("{end} was changed or")),
            (Flaw::End, Some(7), None, format!("{end} was changed or")),
            (
                Flaw::Checkpoint,
                Some(7),
                None,
                "the checkpoint at position 7 was".to_owned(),
            ),
            (
                Flaw::Changed,
                Some(7),
                event,
                format!("{of} at position 7 was"),
            ),
            (Flaw::Changed, None, event, format!("{of} was changed, or")),
            (
                Flaw::Removed,
                Some(7),
                event,
                format!("{of} at position 7 was"),
            ),
            (
                Flaw::Removed,
                None,
                event,
                format!("{of} was changed or removed"),
            ),
            (
                Flaw::LinkRemoved,
                Some(7),
                None,
                "the link at position 7 was".to_owned(),
            ),
            (
                Flaw::LinkChanged,
                Some(7),
                event,
                format!("the link of {of} at position 7 was"),
            ),
            (
                Flaw::Inserted,
                Some(7),
                event,
                format!("{of} at position 7 was"),
            ),
            (Flaw::Inserted, None, event, format!("{of} was inserted")),
            (Flaw::UnknownKey, None, None, format!("{end} has a code")),
            (
                Flaw::UnknownKey,
                Some(7),
                None,
                "the checkpoint at position 7 has a code".to_owned(),
            ),
            (
                Flaw::UnknownKey,
                Some(7),
                event,
                format!("{of} at position 7 has"),
            ),
            (Flaw::UnknownKey, None, event, format!("{of} has a code")),
            (
                Flaw::AnchorDiffers,
                Some(7),
                None,
                "the anchor at position 7 is not".to_owned(),
            ),
            (
                Flaw::EndsBeforeAnchor,
                Some(7),
                None,
                "the anchor at position 7 is beyond".to_owned(),
            ),
        ];
        for (flaw, position, event, expected) in cases {
            let broken = Broken {
                flaw,
                position,
                event,
            };
            let said = broken.to_string();
            assert!(said.starts_with(&expected), "{flaw:?}: {said}");
            assert!(!said.ends_with('.'), "{said}");
        }
    }
}
