//! Somebody who listens, over a real WebSocket.

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

/// How long anything may take that should happen at once.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What a socket says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    /// A message of the protocol.
    Message(Value),
    /// The end, with the code.
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

    /// Waits until everything so far has been told, and until other instances are heard.
    pub(crate) async fn caught_up(&self) {
        let mut connected = self.app.event_bus.connected();
        let hearing = connected.wait_for(|connected| *connected);
        timeout(TIMEOUT, hearing).await.unwrap().unwrap();
        let mut heard = self.app.event_bus.subscribe();
        let before = self.audited().await;
        // Told after what came before; where text is no document to run, it is not there.
        let nobody = self.anonymous();
        nobody.login("nobody@example.com", "not a password").await;
        let mut after = self.audited().await;
        after.retain(|event| !before.contains(event));
        for last in after {
            let told = async { while !heard.recv().await.unwrap().contains(&last) {} };
            timeout(TIMEOUT, told).await.expect("it is told");
        }
    }

    /// A connection for which little is kept while nobody reads, so that tests of that are short.
    pub(crate) async fn narrow_connection(&self) -> TcpStream {
        narrow_connection(self.address).await
    }

    /// A socket on which nothing has been said.
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
    /// A socket that was told who this is.
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
            socket.hear().await,
            Said::Message(json!({ "type": "connection_ack" }))
        );
        socket
    }

    /// A socket that listens to a document of `queries/`, under the id `a`.
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
            .expect("an end of patience");
    }

    /// Listens to a document of `queries/`.
    pub(crate) async fn subscribe(&mut self, id: &str, document: &str, variables: Value) {
        self.ask(id, queries::text(document), variables).await;
    }

    /// Listens to a document of one's own.
    pub(crate) async fn ask(&mut self, id: &str, query: &str, variables: Value) {
        self.send(json!({
            "type": "subscribe", "id": id, "payload": { "query": query, "variables": variables },
        }))
        .await;
    }

    /// Waits until everything that was sent has been read.
    pub(crate) async fn settle(&mut self) {
        self.send(json!({ "type": "ping" })).await;
        assert_eq!(self.hear().await, Said::Message(json!({ "type": "pong" })));
    }

    /// What is said next.
    pub(crate) async fn hear(&mut self) -> Said {
        let said = timeout(TIMEOUT, self.heard()).await;
        said.expect("nothing is said")
    }

    async fn heard(&mut self) -> Said {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => {
                    return Said::Message(serde_json::from_str(&text).unwrap());
                }
                Some(Ok(Message::Close(frame))) => {
                    return Said::Closed(frame.map_or(0, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                // Closed without a word.
                Some(Err(_)) | None => return Said::Closed(0),
            }
        }
    }

    /// The data of the next event of `a`, without errors.
    pub(crate) async fn event(&mut self, field: &str) -> Value {
        let said = self.hear().await;
        let Said::Message(message) = &said else {
            panic!("{said:?}");
        };
        assert_eq!(message["type"], "next", "{message}");
        assert_eq!(message["id"], "a", "{message}");
        assert!(message["payload"]["errors"].is_null(), "{message}");
        message["payload"]["data"][field].clone()
    }

    /// The code with which a subscription is refused.
    pub(crate) async fn refusal(&mut self, id: &str) -> String {
        let said = self.hear().await;
        let Said::Message(message) = &said else {
            panic!("{said:?}");
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

    /// The code with which the connection ends, after whatever else is said.
    pub(crate) async fn end(&mut self) -> u16 {
        loop {
            if let Said::Closed(code) = self.hear().await {
                return code;
            }
        }
    }
}
