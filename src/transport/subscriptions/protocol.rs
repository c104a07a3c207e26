//! Encoding and decoding of graphql-transport-ws messages and graphql-sse events.
//!
//! Which message is allowed when is up to `websocket`.

use async_graphql::{Response, ServerError};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The subprotocol of the WebSocket handshake.
pub(super) const SUBPROTOCOL: &str = "graphql-transport-ws";
/// Bytes of a subscription id, which is sent with every event.
const MAX_ID_LENGTH: usize = 128;

/// A message from the client.
#[derive(Debug, PartialEq)]
pub(super) enum ClientMessage {
    /// Authenticates the connection.
    ConnectionInit(Map<String, Value>),
    /// Asks for a pong.
    Ping,
    /// Answers a ping.
    Pong,
    /// Starts a subscription.
    Subscribe {
        /// The id that the client chose.
        id: String,
        /// The parameters of a GraphQL request, as in a POST.
        payload: Map<String, Value>,
    },
    /// Ends a subscription.
    Complete {
        /// The id of the subscription.
        id: String,
    },
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum RawMessage {
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

/// Parses a message; the error is the reason of the close frame.
pub(super) fn parse(text: &str) -> Result<ClientMessage, &'static str> {
    let message = serde_json::from_str(text).map_err(|_| "This is no message of the protocol")?;
    let checked = |id: String| {
        let fits = (1..=MAX_ID_LENGTH).contains(&id.len());
        fits.then_some(id).ok_or("An id has 1 to 128 characters")
    };
    Ok(match message {
        RawMessage::ConnectionInit { payload } => {
            ClientMessage::ConnectionInit(payload.unwrap_or_default())
        }
        RawMessage::Ping {} => ClientMessage::Ping,
        RawMessage::Pong {} => ClientMessage::Pong,
        RawMessage::Subscribe { id, payload } => {
            let id = checked(id)?;
            ClientMessage::Subscribe { id, payload }
        }
        RawMessage::Complete { id } => ClientMessage::Complete { id: checked(id)? },
    })
}

/// The `Authorization` value in the payload of `connection_init`. One that is not a string, or is
/// given twice, counts as an invalid token.
pub(super) fn authorization(payload: &Map<String, Value>) -> Option<&str> {
    let mut named = payload
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let ((_, value), second) = (named.next()?, named.next());
    let value = value.as_str().filter(|_| second.is_none());
    Some(value.unwrap_or_default())
}

/// Accepts the connection.
pub(super) fn connection_ack() -> String {
    json!({ "type": "connection_ack" }).to_string()
}

/// Answers a ping.
pub(super) fn pong() -> String {
    json!({ "type": "pong" }).to_string()
}

/// The response to an event.
pub(super) fn next(id: &str, response: &Response) -> String {
    json!({ "id": id, "type": "next", "payload": response }).to_string()
}

/// Ends a subscription with errors.
pub(super) fn error(id: &str, errors: &[ServerError]) -> String {
    json!({ "id": id, "type": "error", "payload": errors }).to_string()
}

/// A `next` event of a stream. Serialized JSON has no line breaks.
///
/// Encoded here: with axum's `Event` these functions are as long, and its response may be stored by
/// caches.
pub(super) fn next_event(response: &Response) -> String {
    format!("event: next\ndata: {}\n\n", json!(response))
}

/// The `complete` event that ends a stream.
pub(super) fn complete_event() -> String {
    "event: complete\ndata:\n\n".to_owned()
}

/// A comment, which clients ignore; it keeps the connection alive.
pub(super) fn comment() -> String {
    ":\n\n".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_the_protocol_are_parsed() {
        let init = parse(r#"{"type":"connection_init"}"#);
        assert_eq!(init, Ok(ClientMessage::ConnectionInit(Map::new())));
        let init = parse(r#"{"type":"connection_init","payload":null}"#);
        assert_eq!(init, Ok(ClientMessage::ConnectionInit(Map::new())));
        assert_eq!(
            parse(r#"{"type":"ping","payload":{"a":1}}"#),
            Ok(ClientMessage::Ping)
        );
        assert_eq!(parse(r#"{"type":"pong"}"#), Ok(ClientMessage::Pong));
        let id = "a".to_owned();
        assert_eq!(
            parse(r#"{"type":"complete","id":"a"}"#),
            Ok(ClientMessage::Complete { id })
        );
        let text = r#"{"id":"a","payload":{"query":"x"},"type":"subscribe"}"#;
        assert!(matches!(parse(text), Ok(ClientMessage::Subscribe { id, .. }) if id == "a"));
    }

    #[test]
    fn authorization_is_a_single_string_and_its_name_is_case_insensitive() {
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
    fn anything_else_is_refused() {
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
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
