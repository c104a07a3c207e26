//! `/graphql/ws`: graphql-transport-ws, the protocol of npm's `graphql-ws`.
//!
//! The engine has this protocol too, but runs each subscription as one long execution: with one
//! caller and one set of loaders for its whole life, and with streams that nobody bounds.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, FromRequestParts as _, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, interval_at, timeout};
use tracing::Instrument as _;
use tungstenite::error::ProtocolError;

use super::ending::Ending;
use super::feed::Feed;
use super::places::{Holder, Place};
use super::protocol::{self, Heard};
use super::round::{Outcome, Said, Subscription, unavailable};
use crate::domain::caller::Client;
use crate::domain::network;
use crate::schema::error::{Error, ErrorCode};
use crate::schema::refusal;
use crate::transport::graphql::refuse;
use crate::transport::incoming::read_members;
use crate::transport::listener::{Connection, Kept};
use crate::transport::{Server, caller, observed, request_id};

/// Messages between the conversation and the writer.
const BETWEEN: usize = 4;
/// How long a closing handshake may take.
const FAREWELL: Duration = Duration::from_secs(2);
/// Signs of life that a client may owe.
const MOST_MISSED: u32 = 2;

/// Answers the handshake.
pub(in crate::transport) async fn open(
    State(server): State<Arc<Server>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let request_id = request_id(&request);
    let (mut parts, _) = request.into_parts();
    // Cross-site WebSocket hijacking: browsers let any page open a socket to anywhere.
    if server.serves_browsers() && !caller::has_allowed_origin(&server, &parts.headers) {
        let error = Error::of(
            ErrorCode::Forbidden,
            "Pages of this origin may not listen here.",
        );
        return refuse(StatusCode::FORBIDDEN, error, &request_id);
    }
    let connection = parts.extensions.get::<Connection>().map(Connection::keep);
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    let (Some(kept), Ok(upgrade)) = (connection, upgrade) else {
        let message = "Open a WebSocket here, with the subprotocol graphql-transport-ws.";
        let error = Error::of(ErrorCode::BadUserInput, message);
        return refuse(StatusCode::BAD_REQUEST, error, &request_id);
    };
    let client = caller::client(&server, &parts.headers, peer, &request_id);
    let most = server.app.config.subscriptions.max_unknown;
    let unknown = Holder::Unknown(network::bucket(client.address));
    let Some(place) = server.places.take(unknown, most) else {
        let message = "Too many connections from this address wait to say who they are.";
        let error = Error::of(ErrorCode::TooManyRequests, message);
        return refuse(StatusCode::TOO_MANY_REQUESTS, error, &request_id);
    };
    let limit = server.app.config.server.body_limit;
    let upgrade = upgrade
        .protocols([protocol::SUBPROTOCOL])
        .max_message_size(limit)
        .max_frame_size(limit)
        // What is sent is written out one by one; nothing is gained by a large buffer.
        .read_buffer_size(4096)
        .write_buffer_size(0);
    let bearer = caller::bearer(&parts.headers).filter(|_| server.reads_handshakes());
    let handshake = Handshake {
        client,
        forwarded: bearer.map(SecretString::from),
    };
    // The upgrade runs outside of the request.
    let span = tracing::Span::current();
    upgrade.on_upgrade(|socket| {
        let talking = serve(socket, server, handshake, place, kept);
        talking.instrument(span)
    })
}

/// What the handshake says of the other side.
struct Handshake {
    client: Client,
    /// The token of the person for whom a router listens.
    forwarded: Option<SecretString>,
}

async fn serve(
    socket: WebSocket,
    server: Arc<Server>,
    handshake: Handshake,
    place: Place,
    kept: Kept,
) {
    let metrics = server.app.metrics.clone();
    metrics.listener_began("websocket");
    let speaks = socket.protocol().is_some();
    let (sink, mut frames) = socket.split();
    let (out, outgoing) = mpsc::channel(BETWEEN);
    let patience = Duration::from_secs(server.app.config.subscriptions.write_seconds);
    let mut writing = pin!(write(sink, outgoing, patience));
    let mut conversation = Conversation::new(server, handshake, place, kept);
    let (ending, can_write) = if speaks {
        tokio::select! {
            ending = conversation.run(&mut frames, &out) => (ending, true),
            ending = &mut writing => (ending, false),
        }
    } else {
        (Ending::WrongProtocol, true)
    };
    if let Some(feed) = &conversation.feed {
        feed.end(ending);
    }
    // A round that nobody polls would hold its turn, and a connection to the database.
    conversation.feed = None;
    if can_write {
        let closing = async {
            if let Some((code, reason)) = ending.close() {
                let reason = reason.into();
                let farewell = Message::Close(Some(CloseFrame { code, reason }));
                // It fails when the writer gives up, which then is the end.
                let _ = out.send(Outgoing::Message(farewell)).await;
            }
            drop(out);
        };
        let goodbye = async {
            // Nothing is read before the close is written: pings would be answered until then.
            tokio::join!(closing, writing);
            // The client answers with a close of its own (RFC 6455 §7.1.2); to one that closed
            // first, the library answers while it looks for more.
            while let Some(Ok(_)) = frames.next().await {}
        };
        let _ = timeout(FAREWELL, goodbye).await;
    }
    drop(conversation);
    metrics.listener_ended("websocket", ending.label());
}

/// What waits for the writer.
enum Outgoing {
    /// This is sent.
    Message(Message),
    /// What the library answered by itself is sent.
    Flush,
}

/// Writes messages one after the other, for as long as the client takes them.
async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut outgoing: mpsc::Receiver<Outgoing>,
    patience: Duration,
) -> Ending {
    while let Some(next) = outgoing.recv().await {
        let written = async {
            match next {
                Outgoing::Message(message) => sink.send(message).await,
                Outgoing::Flush => sink.flush().await,
            }
        };
        match timeout(patience, written).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Ending::Gone,
            Err(_) => return Ending::Slow,
        }
    }
    Ending::Gone
}

/// What is known about one connection.
struct Conversation {
    server: Arc<Server>,
    client: Client,
    forwarded: Option<SecretString>,
    place: Place,
    kept: Kept,
    feed: Option<Feed>,
    unsent: VecDeque<Outgoing>,
    keep_alive: Interval,
    missed: u32,
}

impl Conversation {
    fn new(server: Arc<Server>, handshake: Handshake, place: Place, kept: Kept) -> Self {
        let pause = Duration::from_secs(server.app.config.subscriptions.keep_alive_seconds);
        Self {
            server,
            client: handshake.client,
            forwarded: handshake.forwarded,
            place,
            kept,
            feed: None,
            unsent: VecDeque::new(),
            keep_alive: interval_at(Instant::now() + pause, pause),
            missed: 0,
        }
    }

    async fn run(
        &mut self,
        frames: &mut SplitStream<WebSocket>,
        out: &mpsc::Sender<Outgoing>,
    ) -> Ending {
        let patience = Duration::from_secs(self.server.app.config.subscriptions.init_seconds);
        let mut deadline = pin!(tokio::time::sleep(patience));
        loop {
            let went_well = tokio::select! {
                () = self.kept.stopped() => Err(Ending::Stopping),
                permit = out.reserve(), if !self.unsent.is_empty() => {
                    if let (Ok(permit), Some(message)) = (permit, self.unsent.pop_front()) {
                        permit.send(message);
                    }
                    Ok(())
                }
                outcome = step(self.feed.as_mut(), self.unsent.is_empty()) => self.tell(outcome),
                frame = frames.next() => match frame {
                    Some(Ok(frame)) => self.take(frame).await,
                    Some(Err(error)) => Err(misread(error)),
                    None => Err(Ending::Gone),
                },
                _ = self.keep_alive.tick() => self.ask_for_a_sign(),
                () = deadline.as_mut(), if self.feed.is_none() => Err(Ending::InitTimeout),
            };
            if let Err(ending) = went_well {
                return ending;
            }
        }
    }

    async fn take(&mut self, frame: Message) -> Result<(), Ending> {
        self.missed = 0;
        let text = match frame {
            Message::Text(text) => text,
            Message::Binary(_) => return Err(Ending::BadMessage("Messages are text")),
            // The library keeps a pong for each in a buffer that has no end: a client that pings
            // without reading is held to what waits for it, like any that does not read.
            Message::Ping(_) => return self.queue(Outgoing::Flush),
            Message::Pong(_) => return Ok(()),
            Message::Close(_) => return Err(Ending::Gone),
        };
        let fits = self.server.schema.check_json(text.as_bytes());
        fits.map_err(|_| Ending::BadMessage("The message holds too many values"))?;
        match protocol::read(&text).map_err(Ending::BadMessage)? {
            Heard::Init(payload) => self.init(&payload).await,
            Heard::Ping => self.say(protocol::pong()),
            Heard::Pong => Ok(()),
            Heard::Subscribe { id, call } => self.subscribe(&id, call),
            Heard::Complete { id } => {
                if let Some(feed) = &mut self.feed {
                    feed.remove(&id);
                }
                Ok(())
            }
        }
    }

    async fn init(&mut self, payload: &Map<String, Value>) -> Result<(), Ending> {
        if self.feed.is_some() {
            return Err(Ending::InitTwice);
        }
        let forwarded = self.forwarded.take();
        let forwarded = forwarded.as_ref().map(ExposeSecret::expose_secret);
        let token = token(forwarded, protocol::authorization(payload)).ok_or(Ending::Refused)?;
        let feed = Feed::establish(&self.server, self.client.clone(), token).await;
        let feed = feed.map_err(|fault| unavailable(&fault))?;
        let feed = feed.ok_or(Ending::Refused)?;
        let most = self.server.app.config.subscriptions.max_connections;
        let place = self.server.places.take(Holder::Person(feed.person()), most);
        self.place = place.ok_or(Ending::TooMany)?;
        self.feed = Some(feed);
        self.say(protocol::acknowledged())
    }

    fn subscribe(&mut self, id: &str, call: Map<String, Value>) -> Result<(), Ending> {
        let most = self.server.app.config.subscriptions.max_per_connection;
        let feed = self.feed.as_mut().ok_or(Ending::NotInitialised)?;
        if feed.has(id) {
            return Err(Ending::DuplicateId);
        }
        if feed.count() >= most {
            let message = "There are too many subscriptions on this connection.";
            return self.refuse(id, Error::of(ErrorCode::TooManyRequests, message));
        }
        let is_required = feed.requires_trusted_documents();
        let prepared = match read_members(call) {
            Ok(call) => Subscription::prepare(&self.server, id.to_owned(), call, is_required),
            Err(refused) => Err(refused.error),
        };
        match prepared {
            Ok(subscription) => feed.add(subscription),
            Err(error) => self.refuse(id, error),
        }
    }

    fn refuse(&mut self, id: &str, error: Error) -> Result<(), Ending> {
        observed::refused_subscription(&self.server, error.code);
        let response = refusal(error, &self.client.request_id);
        self.say(protocol::error(id, &response.errors))
    }

    fn tell(&mut self, outcome: Outcome) -> Result<(), Ending> {
        for said in outcome.said {
            let Some(feed) = &mut self.feed else { break };
            match said {
                Said::Next(subscription, response) if feed.wants(&subscription) => {
                    self.say(protocol::next(subscription.id(), &response))?;
                }
                Said::Refused(subscription, errors) if feed.wants(&subscription) => {
                    feed.remove(subscription.id());
                    self.say(protocol::error(subscription.id(), &errors))?;
                }
                // The client had enough of it meanwhile.
                Said::Next(..) | Said::Refused(..) => {}
            }
        }
        outcome.ending.map_or(Ok(()), Err)
    }

    fn say(&mut self, text: String) -> Result<(), Ending> {
        self.queue(Outgoing::Message(Message::Text(text.into())))
    }

    /// A client that asks without reading the answers fills no more than this.
    fn queue(&mut self, outgoing: Outgoing) -> Result<(), Ending> {
        if self.unsent.len() > 2 * self.server.app.config.subscriptions.queue {
            return Err(Ending::Slow);
        }
        self.unsent.push_back(outgoing);
        Ok(())
    }

    /// A connection that broke without a word looks like one on which nothing happens.
    fn ask_for_a_sign(&mut self) -> Result<(), Ending> {
        if self.missed >= MOST_MISSED {
            return Err(Ending::Gone);
        }
        self.missed += 1;
        let ping = Message::Ping(Vec::new().into());
        self.unsent.push_back(Outgoing::Message(ping));
        Ok(())
    }
}

/// The token of a connection, from its handshake and from the value in `connection_init`.
///
/// A router may send both. Two different ones are none: something in between may have looked at
/// the other. A cookie is none either, since a browser sends it along for any page.
fn token<'a>(forwarded: Option<&'a str>, said: Option<&'a str>) -> Option<&'a str> {
    let Some(said) = said else { return forwarded };
    let said = caller::token_of(said)?;
    forwarded.is_none_or(|it| it == said).then_some(said)
}

/// Why nothing more can be read. Clients leave without a word every day, which is no mistake.
fn misread(error: axum::Error) -> Ending {
    use tungstenite::Error::{AlreadyClosed, ConnectionClosed, Io, Protocol};
    let error = error.into_inner().downcast::<tungstenite::Error>();
    match error.as_deref() {
        Ok(
            Io(_)
            | AlreadyClosed
            | ConnectionClosed
            | Protocol(ProtocolError::ResetWithoutClosingHandshake),
        ) => Ending::Gone,
        _ => Ending::BadMessage("This cannot be read, or is too large"),
    }
}

async fn step(feed: Option<&mut Feed>, may_begin: bool) -> Outcome {
    match feed {
        Some(feed) => feed.step(may_begin).await,
        None => std::future::pending().await,
    }
}
