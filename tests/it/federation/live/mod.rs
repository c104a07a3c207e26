//! Subscriptions through a router, over every transport that routers use.

mod ending;
mod entering;
mod limits;

use std::net::SocketAddr;

use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use super::{HEADER, ROUTER, SECRET};
use crate::federation::surface::{LISTEN, Listener};
use crate::harness::{EventStream, Received, SignedIn, Socket, TestApp, http, queries};

const PROTOCOL: (&str, &str) = ("sec-websocket-protocol", "graphql-transport-ws");
/// The router's secret, as a header.
const PROOF: (&str, &str) = (HEADER, SECRET);

/// How a router subscribes.
#[derive(Clone, Debug)]
enum Way {
    Socket(&'static str),
    Stream(Method, &'static str, &'static str),
}

const EVENTS: &str = "text/event-stream";

/// Everything that the routers in service do: Apollo's opens sockets; Hive Gateway gets or posts,
/// or opens sockets; Hive Router posts and takes either kind of stream.
fn ways() -> [Way; 7] {
    let multipart = "multipart/mixed;subscriptionSpec=\"1.0\", text/event-stream";
    [
        Way::Socket("/graphql/ws"),
        Way::Socket("/graphql"),
        Way::Stream(Method::POST, "/graphql/stream", EVENTS),
        Way::Stream(Method::GET, "/graphql/stream", EVENTS),
        Way::Stream(Method::POST, "/graphql", EVENTS),
        Way::Stream(Method::GET, "/graphql", EVENTS),
        Way::Stream(Method::POST, "/graphql", multipart),
    ]
}

/// A subscriber to `SessionEvents`, once accepted.
enum Listening {
    Socket(Box<Socket>),
    Stream(EventStream),
}

impl Way {
    /// Asks with these headers, and with this in `connection_init` where there is one; the status
    /// when that is refused.
    async fn ask(
        &self,
        address: SocketAddr,
        headers: &[(&str, &str)],
        payload: Value,
    ) -> Result<Listening, u16> {
        let query = queries::text("SessionEvents");
        match self {
            Self::Socket(path) => {
                let headers = [&[PROTOCOL], headers].concat();
                let mut socket = Socket::open(address, path, &headers).await?;
                let init = json!({ "type": "connection_init", "payload": payload });
                socket.send(init).await;
                Ok(Listening::Socket(Box::new(socket)))
            }
            Self::Stream(method, path, accept) => {
                let mut url = Url::parse(&format!("http://{address}{path}")).unwrap();
                if *method == Method::GET {
                    url.query_pairs_mut().append_pair("query", query);
                }
                let mut request = http()
                    .request(method.clone(), url)
                    .header("accept", *accept);
                for (name, value) in headers {
                    request = request.header(*name, *value);
                }
                if *method == Method::POST {
                    request = request.json(&json!({ "query": query }));
                }
                let response = request.send().await.unwrap();
                match response.status().as_u16() {
                    200 => Ok(Listening::Stream(EventStream::of(response))),
                    status => Err(status),
                }
            }
        }
    }

    /// Listens for this person, whom the router names in a header.
    async fn listen(&self, router: &Listener, person: &SignedIn<'_>) -> Listening {
        let bearer = format!("Bearer {}", person.access_token);
        let headers = [PROOF, ("authorization", bearer.as_str())];
        let asked = self.ask(router.address, &headers, json!({})).await;
        let mut listening = asked.unwrap_or_else(|status| panic!("{self:?}: {status}"));
        listening.begin().await;
        listening
    }
}

impl Listening {
    /// Subscribes, and waits until that is done.
    async fn begin(&mut self) {
        if let Self::Socket(socket) = self {
            let ack = json!({ "type": "connection_ack" });
            assert_eq!(socket.receive().await, Received::Message(ack));
            socket.subscribe("a", "SessionEvents", json!({})).await;
            socket.settle().await;
        }
    }

    /// The next event.
    async fn event(&mut self) -> Value {
        match self {
            Self::Socket(socket) => socket.event("sessionEvents").await,
            Self::Stream(stream) => {
                let (name, data) = stream.next().await.expect("an event");
                assert_eq!(name, "next", "{data}");
                assert!(data["errors"].is_null(), "{data}");
                data["data"]["sessionEvents"].clone()
            }
        }
    }

    /// The codes and names of everything received until the end; no events.
    async fn end(&mut self) -> String {
        match self {
            Self::Socket(socket) => match socket.receive().await {
                Received::Closed(code) => code.to_string(),
                Received::Message(message) => message.to_string(),
            },
            Self::Stream(stream) => {
                let mut received = Vec::new();
                while let Some((name, data)) = stream.next().await {
                    assert!(data["data"].is_null(), "{data}");
                    let code = data["errors"][0]["extensions"]["code"].as_str();
                    received.push(code.map_or(name, str::to_owned));
                }
                received.join(" ")
            }
        }
    }

    /// Whether it is a socket; streams end differently.
    fn is_socket(&self) -> bool {
        matches!(self, Self::Socket(_))
    }
}

/// A gateway with a listener for its router.
async fn with_router(more: &[(&str, &str)]) -> (TestApp, Listener) {
    let settings = [&[ROUTER, LISTEN], more].concat();
    let app = TestApp::with(&settings).await;
    let router = Listener::open(&app).await;
    (app, router)
}
