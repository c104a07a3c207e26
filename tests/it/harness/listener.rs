//! A subscriber over a real WebSocket.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{SignedIn, TestApp, queries};

/// The limit for anything that should happen at once.
const TIMEOUT: Duration = Duration::from_mins(1);

/// What a socket receives.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Received {
    /// A message of the protocol.
    Message(Value),
    /// The close frame's code; 0 without one.
    Closed(u16),
}

/// An open socket.
pub(crate) struct Socket(WebSocketStream<TcpStream>);

impl TestApp {
    /// Where this gateway listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A handshake with these headers; the status when it is refused.
    pub(crate) async fn handshake(&self, headers: &[(&str, &str)]) -> Result<Socket, u16> {
        Socket::open(self.address, "/graphql/ws", headers).await
    }

    /// Waits until all events so far have been delivered and other instances are subscribed to.
    pub(crate) async fn caught_up(&self) {
        let mut connected = self.app.event_bus.connected();
        let connecting = connected.wait_for(|connected| *connected);
        timeout(TIMEOUT, connecting).await.unwrap().unwrap();
        let mut events = self.app.event_bus.subscribe();
        let before = self.audited().await;
        // Delivered after all earlier events; absent where only trusted documents run.
        let anonymous = self.anonymous();
        anonymous
            .login("nobody@example.com", "not a password")
            .await;
        let mut after = self.audited().await;
        after.retain(|event| !before.contains(event));
        for last in after {
            let delivered = async { while !events.recv().await.unwrap().contains(&last) {} };
            timeout(TIMEOUT, delivered).await.expect("no event");
        }
    }

    /// A connection with a small receive buffer, so that tests of slow readers are short.
    pub(crate) async fn narrow_connection(&self) -> TcpStream {
        narrow_connection(self.address).await
    }

    /// A socket before `connection_init`.
    pub(crate) async fn socket(&self) -> Socket {
        let protocol = [("sec-websocket-protocol", "graphql-transport-ws")];
        self.handshake(&protocol).await.unwrap()
    }
}

/// The same at any address.
pub(crate) async fn narrow_connection(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(address).await.unwrap()
}

impl SignedIn<'_> {
    /// A socket authenticated by `connection_init`.
    pub(crate) async fn socket(&self) -> Socket {
        self.app.caught_up().await;
        let mut socket = self.app.socket().await;
        let authorization = format!("Bearer {}", self.access_token);
        socket
            .send(json!({
                "type": "connection_init", "payload": { "Authorization": authorization },
            }))
            .await;
        assert_eq!(
            socket.receive().await,
            Received::Message(json!({ "type": "connection_ack" }))
        );
        socket
    }

    /// A socket with a subscription to a document of `queries/`, under the id `a`.
    pub(crate) async fn listen(&self, document: &str, variables: Value) -> Socket {
        let mut socket = self.socket().await;
        socket.subscribe("a", document, variables).await;
        socket.settle().await;
        socket
    }
}

impl Socket {
    /// A handshake at this place with these headers; the status when it is refused.
    pub(crate) async fn open(
        address: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, u16> {
        let url = format!("ws://{address}{path}");
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            let value = HeaderValue::from_str(value).unwrap();
            request.headers_mut().append(name, value);
        }
        match client_async(request, narrow_connection(address).await).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(refusal)) => Err(refusal.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.send_raw(Message::Text(message.to_string().into()))
            .await;
    }

    pub(crate) async fn send_raw(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// Sends without reading, until the gateway has closed the connection.
    pub(crate) async fn flood(&mut self, message: Message) {
        let flooding = async { while self.0.send(message.clone()).await.is_ok() {} };
        timeout(TIMEOUT, flooding)
            .await
            .expect("the gateway never closed the connection");
    }

    /// Subscribes with a document of `queries/`.
    pub(crate) async fn subscribe(&mut self, id: &str, document: &str, variables: Value) {
        self.ask(id, queries::text(document), variables).await;
    }

    /// Subscribes with any document.
    pub(crate) async fn ask(&mut self, id: &str, query: &str, variables: Value) {
        self.send(json!({
            "type": "subscribe", "id": id, "payload": { "query": query, "variables": variables },
        }))
        .await;
    }

    /// Waits until the gateway has read every message sent so far.
    pub(crate) async fn settle(&mut self) {
        self.send(json!({ "type": "ping" })).await;
        assert_eq!(
            self.receive().await,
            Received::Message(json!({ "type": "pong" }))
        );
    }

    /// The next message or close frame.
    pub(crate) async fn receive(&mut self) -> Received {
        let received = timeout(TIMEOUT, self.next_frame()).await;
        received.expect("no message")
    }

    async fn next_frame(&mut self) -> Received {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => {
                    return Received::Message(serde_json::from_str(&text).unwrap());
                }
                Some(Ok(Message::Close(frame))) => {
                    return Received::Closed(frame.map_or(0, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                // Closed without a close frame.
                Some(Err(_)) | None => return Received::Closed(0),
            }
        }
    }

    /// The data of the next event of `a`, without errors.
    pub(crate) async fn event(&mut self, field: &str) -> Value {
        let received = self.receive().await;
        let Received::Message(message) = &received else {
            panic!("{received:?}");
        };
        assert_eq!(message["type"], "next", "{message}");
        assert_eq!(message["id"], "a", "{message}");
        assert!(message["payload"]["errors"].is_null(), "{message}");
        message["payload"]["data"][field].clone()
    }

    /// The error code of a refused subscription.
    pub(crate) async fn refusal(&mut self, id: &str) -> String {
        let received = self.receive().await;
        let Received::Message(message) = &received else {
            panic!("{received:?}");
        };
        assert_eq!(
            (&message["type"], &message["id"]),
            (&json!("error"), &json!(id))
        );
        let code = &message["payload"][0]["extensions"]["code"];
        code.as_str()
            .unwrap_or_else(|| panic!("{message}"))
            .to_owned()
    }

    /// The close code of the connection; messages before it are skipped.
    pub(crate) async fn end(&mut self) -> u16 {
        loop {
            if let Received::Closed(code) = self.receive().await {
                return code;
            }
        }
    }
}
