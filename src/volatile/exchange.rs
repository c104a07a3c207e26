//! The exchange of domain events between instances, over the shared store.
//!
//! Messages are untrusted: their size is bounded, they are parsed strictly, and invalid ones are
//! ignored. They carry no MAC: an event only makes subscribers read the rows, which decide what is
//! shown, and an attacker who can publish here could also replay authentic messages.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{EventBus, Unavailable, Volatile};
use crate::domain::event::DomainEvent;

/// Events in one message; more are split over several messages.
const MAX_EVENTS: usize = 64;
/// Bytes of a message; `MAX_EVENTS` events are smaller.
const MAX_MESSAGE_BYTES: usize = 16 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    from: Uuid,
    #[serde(rename = "occurrences")]
    events: Vec<DomainEvent>,
}

impl Volatile {
    /// Publishes the events of this instance to the others.
    ///
    /// # Errors
    /// When the shared store did not answer: then the other instances miss the events.
    pub async fn publish(
        &self,
        now: DateTime<Utc>,
        bus: &EventBus,
        events: &[DomainEvent],
    ) -> Result<(), Unavailable> {
        let Self::Redis(redis) = self else {
            return Ok(());
        };
        for events in events.chunks(MAX_EVENTS) {
            let message = Message {
                from: bus.instance,
                events: events.to_vec(),
            };
            // Ids can always be serialized.
            let text = serde_json::to_string(&message).unwrap_or_default();
            redis.publish(now, &text).await?;
        }
        Ok(())
    }

    /// Publishes the events of the other instances on the bus until the store fails.
    ///
    /// An in-process store has no other instances, so this never returns.
    pub async fn listen(&self, bus: &EventBus) -> Unavailable {
        let Self::Redis(redis) = self else {
            bus.set_connected(true);
            return std::future::pending().await;
        };
        let received = |message: &[u8]| {
            if let Some(events) = parse(message, bus.instance) {
                bus.publish(Arc::from(events));
            }
        };
        let ended = redis.listen(|| bus.set_connected(true), received).await;
        bus.set_connected(false);
        ended
    }
}

/// Parses a message of another instance; `None` when it is invalid or our own.
fn parse(message: &[u8], own: Uuid) -> Option<Vec<DomainEvent>> {
    if message.len() > MAX_MESSAGE_BYTES {
        return None;
    }
    let message: Message = serde_json::from_slice(message).ok()?;
    let is_valid = message.from != own && message.events.len() <= MAX_EVENTS;
    is_valid.then_some(message.events)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(from: u128, events: Vec<DomainEvent>) -> Vec<u8> {
        let from = Uuid::from_u128(from);
        serde_json::to_vec(&Message { from, events }).unwrap()
    }

    fn ended(number: u128) -> DomainEvent {
        DomainEvent::SessionEnded {
            user: Uuid::from_u128(number).into(),
            session: Uuid::from_u128(u128::MAX).into(),
        }
    }

    #[test]
    fn a_full_message_is_within_the_size_limit() {
        let all: Vec<DomainEvent> = (0..64).map(ended).collect();
        let text = message(2, all.clone());
        assert!(text.len() <= MAX_MESSAGE_BYTES, "{}", text.len());
        assert_eq!(parse(&text, Uuid::from_u128(1)), Some(all));
    }

    #[test]
    fn invalid_and_own_messages_are_ignored() {
        let own = Uuid::from_u128(1);
        assert_eq!(parse(&message(1, vec![ended(1)]), own), None);
        assert_eq!(parse(&message(2, vec![ended(1); 65]), own), None);
        assert_eq!(parse(&vec![b' '; MAX_MESSAGE_BYTES + 1], own), None);
        for text in [
            "",
            "{}",
            "[]",
            r#"{"from":"x","occurrences":[]}"#,
            r#"{"from":"00000000-0000-0000-0000-000000000002","occurrences":[{"kind":"deleted"}]}"#,
            r#"{"from":"00000000-0000-0000-0000-000000000002","occurrences":[],"more":1}"#,
            r#"{"from":"00000000-0000-0000-0000-000000000002","occurrences":[{"kind":"audited",
                "event":"00000000-0000-0000-0000-000000000002","subject":null,"action":"x"}]}"#,
        ] {
            assert_eq!(parse(text.as_bytes(), own), None, "{text}");
        }
    }
}
