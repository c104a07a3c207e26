//! What happens, from instance to instance.
//!
//! A message is data of the network: short, read strictly, and ignored where it does not fit. It
//! carries no MAC: an occurrence only makes listeners read the rows, which decide whether there is
//! anything to show, and whoever can write here could repeat an authentic message as well.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Hub, Unavailable, Volatile};
use crate::domain::occurrence::Occurrence;

/// Occurrences in one message; a transaction that did more is told in several.
const MOST_OCCURRENCES: usize = 64;
/// Bytes of a message that are read: that many occurrences need less.
const LONGEST_MESSAGE: usize = 16 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    from: Uuid,
    occurrences: Vec<Occurrence>,
}

impl Volatile {
    /// Tells the other instances what happened here.
    ///
    /// # Errors
    /// When the shared store did not answer: then they do not hear of it.
    pub async fn publish(
        &self,
        now: DateTime<Utc>,
        hub: &Hub,
        occurrences: &[Occurrence],
    ) -> Result<(), Unavailable> {
        let Self::Redis(redis) = self else {
            return Ok(());
        };
        for occurrences in occurrences.chunks(MOST_OCCURRENCES) {
            let message = Message {
                from: hub.instance,
                occurrences: occurrences.to_vec(),
            };
            // Ids always fit into JSON.
            let text = serde_json::to_string(&message).unwrap_or_default();
            redis.publish(now, &text).await?;
        }
        Ok(())
    }

    /// Hands what happens at the other instances to the hub, until the store stops telling.
    ///
    /// A store inside this process knows no other instance, and is listened to for ever.
    pub async fn listen(&self, hub: &Hub) -> Unavailable {
        let Self::Redis(redis) = self else {
            hub.set_connected(true);
            return std::future::pending().await;
        };
        let heard = |message: &[u8]| {
            if let Some(occurrences) = read(message, hub.instance) {
                hub.spread(Arc::from(occurrences));
            }
        };
        let ended = redis.listen(|| hub.set_connected(true), heard).await;
        hub.set_connected(false);
        ended
    }
}

/// What another instance says; nothing when it is no such message, or our own.
fn read(message: &[u8], own: Uuid) -> Option<Vec<Occurrence>> {
    if message.len() > LONGEST_MESSAGE {
        return None;
    }
    let message: Message = serde_json::from_slice(message).ok()?;
    let fits = message.from != own && message.occurrences.len() <= MOST_OCCURRENCES;
    fits.then_some(message.occurrences)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(from: u128, occurrences: Vec<Occurrence>) -> Vec<u8> {
        let from = Uuid::from_u128(from);
        serde_json::to_vec(&Message { from, occurrences }).unwrap()
    }

    fn ended(number: u128) -> Occurrence {
        Occurrence::SessionEnded {
            user: Uuid::from_u128(number).into(),
            session: Uuid::from_u128(u128::MAX).into(),
        }
    }

    #[test]
    fn a_full_message_is_short_enough_to_be_read() {
        let all: Vec<Occurrence> = (0..64).map(ended).collect();
        let text = message(2, all.clone());
        assert!(text.len() <= LONGEST_MESSAGE, "{}", text.len());
        assert_eq!(read(&text, Uuid::from_u128(1)), Some(all));
    }

    #[test]
    fn what_is_no_message_of_another_instance_is_ignored() {
        let own = Uuid::from_u128(1);
        assert_eq!(read(&message(1, vec![ended(1)]), own), None);
        assert_eq!(read(&message(2, vec![ended(1); 65]), own), None);
        assert_eq!(read(&vec![b' '; LONGEST_MESSAGE + 1], own), None);
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
            assert_eq!(read(text.as_bytes(), own), None, "{text}");
        }
    }
}
