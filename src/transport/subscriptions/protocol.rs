//! The messages of graphql-transport-ws, and the events of graphql-sse: text in, text out.
//!
//! When which message may come, `socket` knows.

use async_graphql::{Response, ServerError};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The subprotocol of the WebSocket handshake.
pub(super) const SUBPROTOCOL: &str = "graphql-transport-ws";
/// Characters of an id; it is sent along with every event.
const LONGEST_ID: usize = 128;

/// What a client says.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    /// Who listens.
    Init(Map<String, Value>),
    /// Are you there?
    Ping,
    /// I am here.
    Pong,
    /// Tell me of this from now on.
    Subscribe {
        /// What the client calls it.
        id: String,
        /// The same fields as in a POST.
        call: Map<String, Value>,
    },
    /// Enough of this.
    Complete {
        /// Which.
        id: String,
    },
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Message {
    ConnectionInit {
        payload: Option<Map<String, Value>>,
    },
    Ping {},
    Pong {},
    Subscribe {
        id: String,
        payload: Map<String, Value>,
    },
    Complete {
        id: String,
    },
}

/// Reads a message; the error says what is wrong with it.
pub(super) fn read(text: &str) -> Result<Heard, &'static str> {
    let message = serde_json::from_str(text).map_err(|_| "This is no message of the protocol")?;
    let checked = |id: String| {
        let fits = (1..=LONGEST_ID).contains(&id.len());
        fits.then_some(id).ok_or("An id has 1 to 128 characters")
    };
    Ok(match message {
        Message::ConnectionInit { payload } => Heard::Init(payload.unwrap_or_default()),
        Message::Ping {} => Heard::Ping,
        Message::Pong {} => Heard::Pong,
        Message::Subscribe { id, payload } => {
            let (id, call) = (checked(id)?, payload);
            Heard::Subscribe { id, call }
        }
        Message::Complete { id } => Heard::Complete { id: checked(id)? },
    })
}

/// The value of an `Authorization` header that was sent in `connection_init`. What is no text, and
/// what is there twice, is a value that opens nothing.
pub(super) fn authorization(payload: &Map<String, Value>) -> Option<&str> {
    let mut named = payload
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let ((_, value), other) = (named.next()?, named.next());
    let value = value.as_str().filter(|_| other.is_none());
    Some(value.unwrap_or_default())
}

/// The client may subscribe now.
pub(super) fn acknowledged() -> String {
    json!({ "type": "connection_ack" }).to_string()
}

/// I am here.
pub(super) fn pong() -> String {
    json!({ "type": "pong" }).to_string()
}

/// An event.
pub(super) fn next(id: &str, response: &Response) -> String {
    json!({ "id": id, "type": "next", "payload": response }).to_string()
}

/// The end of a subscription that was refused.
pub(super) fn error(id: &str, errors: &[ServerError]) -> String {
    json!({ "id": id, "type": "error", "payload": errors }).to_string()
}

/// An event of a stream. JSON has no line breaks of its own.
pub(super) fn next_event(response: &Response) -> String {
    format!("event: next\ndata: {}\n\n", json!(response))
}

/// The end of a stream to which nothing will be added.
pub(super) fn complete_event() -> String {
    "event: complete\ndata:\n\n".to_owned()
}

/// A line that clients skip; it shows that the stream lives.
pub(super) fn comment() -> String {
    ":\n\n".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_the_protocol_has_them() {
        let init = read(r#"{"type":"connection_init"}"#);
        assert_eq!(init, Ok(Heard::Init(Map::new())));
        let init = read(r#"{"type":"connection_init","payload":null}"#);
        assert_eq!(init, Ok(Heard::Init(Map::new())));
        assert_eq!(
            read(r#"{"type":"ping","payload":{"a":1}}"#),
            Ok(Heard::Ping)
        );
        assert_eq!(read(r#"{"type":"pong"}"#), Ok(Heard::Pong));
        let id = "a".to_owned();
        assert_eq!(
            read(r#"{"type":"complete","id":"a"}"#),
            Ok(Heard::Complete { id })
        );
        let text = r#"{"id":"a","payload":{"query":"x"},"type":"subscribe"}"#;
        assert!(matches!(read(text), Ok(Heard::Subscribe { id, .. }) if id == "a"));
    }

    #[test]
    fn an_authorization_is_one_text_in_any_spelling_of_its_name() {
        let read = |payload: Value| {
            let payload = payload.as_object().unwrap();
            authorization(payload).map(str::to_owned)
        };
        for (payload, value) in [
            (json!({}), None),
            (json!({ "token": "Bearer a" }), None),
            (json!({ "Authorization": "Bearer a" }), Some("Bearer a")),
            (json!({ "authorization": "Bearer a" }), Some("Bearer a")),
            (json!({ "authorization": null }), Some("")),
            (json!({ "authorization": { "Bearer": "a" } }), Some("")),
            (
                json!({ "authorization": "Bearer a", "Authorization": "Bearer a" }),
                Some(""),
            ),
        ] {
            assert_eq!(read(payload.clone()).as_deref(), value, "{payload}");
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let long = format!(r#"{{"type":"complete","id":"{}"}}"#, "a".repeat(129));
        for text in [
            "",
            "{",
            "[]",
            "null",
            "{}",
            r#"{"type":"start","id":"a","payload":{}}"#,
            r#"{"type":"subscribe","payload":{}}"#,
            r#"{"type":"subscribe","id":"a"}"#,
            r#"{"type":"subscribe","id":1,"payload":{}}"#,
            r#"{"type":"subscribe","id":"","payload":{}}"#,
            r#"{"type":"connection_init","payload":"x"}"#,
            long.as_str(),
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
