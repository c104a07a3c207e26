//! `/graphql/ws`: graphql-transport-ws, the protocol of npm's `graphql-ws`.
//!
//! async-graphql implements this protocol too, but runs each subscription as one long execution,
//! with one caller and one set of data loaders for its whole life, and with unbounded streams.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::StreamExt as _;
use futures_util::stream::SplitStream;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, interval_at, timeout};
use tracing::Instrument as _;
use tungstenite::error::ProtocolError;

use super::batch::{BatchOutcome, ServerMessage, Subscription, unavailable};
use super::close_reason::CloseReason;
use super::limits::{ConnectionKey, ConnectionPermit};
use super::protocol::{self, ClientMessage};
use super::session::SubscriptionSession;
use super::writer::{CHANNEL_CAPACITY, Outgoing, write};
use crate::domain::caller::Client;
use crate::domain::network;
use crate::schema::error::{Error, ErrorCode};
use crate::schema::refusal;
use crate::transport::graphql_request::read_params;
use crate::transport::listener::{Connection, ConnectionHold};
use crate::transport::rejection::reject;
use crate::transport::request_head::{Head, bearer_token};
use crate::transport::server::Server;
use crate::transport::{origin, request_log};

/// How long a closing handshake may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Pings in a row that may go unanswered.
const MAX_MISSED_PONGS: u32 = 2;

/// Handles the opening handshake.
pub(in crate::transport) async fn open(
    State(server): State<Arc<Server>>,
    Extension(head): Head,
    request: Request,
) -> Response {
    let (mut parts, _) = request.into_parts();
    // Cross-site WebSocket hijacking: browsers let any page open a socket to anywhere.
    if server.serves_browsers() && !origin::is_allowed(&server, &head) {
        let error = Error::of(
            ErrorCode::Forbidden,
            "Pages of this origin may not listen here.",
        );
        return reject(StatusCode::FORBIDDEN, error, head.request_id());
    }
    let connection = parts.extensions.get::<Connection>().map(Connection::hold);
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    let (Some(hold), Ok(upgrade)) = (connection, upgrade) else {
        let message = "Open a WebSocket here, with the subprotocol graphql-transport-ws.";
        let error = Error::of(ErrorCode::BadUserInput, message);
        return reject(StatusCode::BAD_REQUEST, error, head.request_id());
    };
    let client = head.client(&server);
    let max = server.app.config.subscriptions.max_unknown;
    let key = ConnectionKey::Network(network::bucket(client.address));
    let Some(permit) = server.connections.try_acquire(key, max) else {
        let message = "Too many connections from this address wait to say who they are.";
        let error = Error::of(ErrorCode::TooManyRequests, message);
        return reject(StatusCode::TOO_MANY_REQUESTS, error, head.request_id());
    };
    let limit = server.app.config.server.body_limit;
    let upgrade = upgrade
        .protocols([protocol::SUBPROTOCOL])
        .max_message_size(limit)
        .max_frame_size(limit)
        // Messages are flushed one by one, so larger buffers gain nothing.
        .read_buffer_size(4096)
        .write_buffer_size(0);
    let token = head.access_token.clone();
    let handshake = Handshake {
        client,
        token: token.filter(|_| server.accepts_handshake_token()),
    };
    // The upgrade runs outside of the request.
    let span = tracing::Span::current();
    upgrade.on_upgrade(|socket| {
        let serving = serve(socket, server, handshake, permit, hold);
        serving.instrument(span)
    })
}

/// What is taken from the handshake.
struct Handshake {
    client: Client,
    /// The user's access token, forwarded by a router.
    token: Option<SecretString>,
}

async fn serve(
    socket: WebSocket,
    server: Arc<Server>,
    handshake: Handshake,
    permit: ConnectionPermit,
    hold: ConnectionHold,
) {
    let metrics = server.app.metrics.clone();
    metrics.connection_opened("websocket");
    let has_subprotocol = socket.protocol().is_some();
    let (sink, mut frames) = socket.split();
    let (out, outgoing) = mpsc::channel(CHANNEL_CAPACITY);
    let limit = Duration::from_secs(server.app.config.subscriptions.write_seconds);
    let mut writing = pin!(write(sink, outgoing, limit));
    let mut connection = WsSession::new(server, handshake, permit, hold);
    let (reason, can_write) = if has_subprotocol {
        tokio::select! {
            reason = connection.run(&mut frames, &out) => (reason, true),
            reason = &mut writing => (reason, false),
        }
    } else {
        (CloseReason::SubprotocolNotAcceptable, true)
    };
    if let Some(session) = &connection.session {
        session.end(reason);
    }
    // A batch that is no longer polled would keep its permit and database connection.
    connection.session = None;
    if can_write {
        let send_close = async {
            if let Some((code, text)) = reason.close_code() {
                let reason = text.into();
                let close = Message::Close(Some(CloseFrame { code, reason }));
                // Fails only when the writer has given up.
                let _ = out.send(Outgoing::Message(close)).await;
            }
            drop(out);
        };
        let close = async {
            // Nothing is read before the close frame is written: pings would be answered until
            // then.
            tokio::join!(send_close, writing);
            // Wait for the client's close frame (RFC 6455 §7.1.2). If the client closed first,
            // reading on lets the library send its reply.
            while let Some(Ok(_)) = frames.next().await {}
        };
        let _ = timeout(CLOSE_TIMEOUT, close).await;
    }
    drop(connection);
    metrics.connection_closed("websocket", reason.label());
}

/// The state of one connection.
struct WsSession {
    server: Arc<Server>,
    client: Client,
    handshake_token: Option<SecretString>,
    permit: ConnectionPermit,
    hold: ConnectionHold,
    session: Option<SubscriptionSession>,
    unsent: VecDeque<Outgoing>,
    keep_alive: Interval,
    missed_pongs: u32,
}

impl WsSession {
    fn new(
        server: Arc<Server>,
        handshake: Handshake,
        permit: ConnectionPermit,
        hold: ConnectionHold,
    ) -> Self {
        let period = Duration::from_secs(server.app.config.subscriptions.keep_alive_seconds);
        Self {
            server,
            client: handshake.client,
            handshake_token: handshake.token,
            permit,
            hold,
            session: None,
            unsent: VecDeque::new(),
            keep_alive: interval_at(Instant::now() + period, period),
            missed_pongs: 0,
        }
    }

    async fn run(
        &mut self,
        frames: &mut SplitStream<WebSocket>,
        out: &mpsc::Sender<Outgoing>,
    ) -> CloseReason {
        let limit = Duration::from_secs(self.server.app.config.subscriptions.init_seconds);
        let mut deadline = pin!(tokio::time::sleep(limit));
        loop {
            let handled = tokio::select! {
                () = self.hold.shutdown() => Err(CloseReason::ShuttingDown),
                permit = out.reserve(), if !self.unsent.is_empty() => {
                    if let (Ok(permit), Some(message)) = (permit, self.unsent.pop_front()) {
                        permit.send(message);
                    }
                    Ok(())
                }
                outcome = next(self.session.as_mut(), self.unsent.is_empty()) => self.deliver(outcome),
                frame = frames.next() => match frame {
                    Some(Ok(frame)) => self.receive(frame).await,
                    Some(Err(error)) => Err(read_error(error)),
                    None => Err(CloseReason::Disconnected),
                },
                _ = self.keep_alive.tick() => self.send_ping(),
                () = deadline.as_mut(), if self.session.is_none() => Err(CloseReason::InitTimeout),
            };
            if let Err(reason) = handled {
                return reason;
            }
        }
    }

    async fn receive(&mut self, frame: Message) -> Result<(), CloseReason> {
        self.missed_pongs = 0;
        let text = match frame {
            Message::Text(text) => text,
            Message::Binary(_) => return Err(CloseReason::InvalidMessage("Messages are text")),
            // The library buffers a pong for each ping without bound. Queueing a flush subjects a
            // client that pings without reading to the limit of the send queue.
            Message::Ping(_) => return self.enqueue(Outgoing::Flush),
            Message::Pong(_) => return Ok(()),
            Message::Close(_) => return Err(CloseReason::Disconnected),
        };
        let checked = self.server.schema.check_json(text.as_bytes());
        checked.map_err(|_| CloseReason::InvalidMessage("The message holds too many values"))?;
        match protocol::parse(&text).map_err(CloseReason::InvalidMessage)? {
            ClientMessage::ConnectionInit(payload) => self.init(&payload).await,
            ClientMessage::Ping => self.send(protocol::pong()),
            ClientMessage::Pong => Ok(()),
            ClientMessage::Subscribe { id, payload } => self.subscribe(&id, payload),
            ClientMessage::Complete { id } => {
                if let Some(session) = &mut self.session {
                    session.remove(&id);
                }
                Ok(())
            }
        }
    }

    async fn init(&mut self, payload: &Map<String, Value>) -> Result<(), CloseReason> {
        if self.session.is_some() {
            return Err(CloseReason::DuplicateInit);
        }
        let forwarded = self.handshake_token.take();
        let forwarded = forwarded.as_ref().map(ExposeSecret::expose_secret);
        let token = token(forwarded, protocol::authorization(payload));
        let token = token.ok_or(CloseReason::Forbidden)?;
        let session =
            SubscriptionSession::establish(&self.server, self.client.clone(), token).await;
        let session = session.map_err(|fault| unavailable(&fault))?;
        let session = session.ok_or(CloseReason::Forbidden)?;
        let max = self.server.app.config.subscriptions.max_connections;
        let key = ConnectionKey::User(session.user());
        let permit = self.server.connections.try_acquire(key, max);
        self.permit = permit.ok_or(CloseReason::TooManyConnections)?;
        self.session = Some(session);
        self.send(protocol::connection_ack())
    }

    fn subscribe(&mut self, id: &str, payload: Map<String, Value>) -> Result<(), CloseReason> {
        let max = self.server.app.config.subscriptions.max_per_connection;
        let session = self.session.as_mut().ok_or(CloseReason::NotInitialised)?;
        if session.has(id) {
            return Err(CloseReason::DuplicateId);
        }
        if session.count() >= max {
            let message = "There are too many subscriptions on this connection.";
            return self.refuse(id, Error::of(ErrorCode::TooManyRequests, message));
        }
        let is_required = session.requires_trusted_documents();
        let prepared = match read_params(payload) {
            Ok(request) => Subscription::prepare(&self.server, id.to_owned(), request, is_required),
            Err(rejection) => Err(rejection.error),
        };
        match prepared {
            Ok(subscription) => session.add(subscription),
            Err(error) => self.refuse(id, error),
        }
    }

    fn refuse(&mut self, id: &str, error: Error) -> Result<(), CloseReason> {
        request_log::refused_subscription(&self.server, error.code);
        let response = refusal(error, &self.client.request_id);
        self.send(protocol::error(id, &response.errors))
    }

    fn deliver(&mut self, outcome: BatchOutcome) -> Result<(), CloseReason> {
        for message in outcome.messages {
            let Some(session) = &mut self.session else {
                break;
            };
            match message {
                ServerMessage::Next(subscription, response) if session.is_active(&subscription) => {
                    self.send(protocol::next(subscription.id(), &response))?;
                }
                ServerMessage::Error(subscription, errors) if session.is_active(&subscription) => {
                    session.remove(subscription.id());
                    self.send(protocol::error(subscription.id(), &errors))?;
                }
                // The client has completed the subscription in the meantime.
                ServerMessage::Next(..) | ServerMessage::Error(..) => {}
            }
        }
        outcome.close.map_or(Ok(()), Err)
    }

    fn send(&mut self, text: String) -> Result<(), CloseReason> {
        self.enqueue(Outgoing::Message(Message::Text(text.into())))
    }

    /// Bounds what is queued for a client that sends requests without reading the responses.
    fn enqueue(&mut self, outgoing: Outgoing) -> Result<(), CloseReason> {
        if self.unsent.len() > 2 * self.server.app.config.subscriptions.queue {
            return Err(CloseReason::SlowConsumer);
        }
        self.unsent.push_back(outgoing);
        Ok(())
    }

    /// Detects dead peers: without pings, a broken connection looks like an idle one.
    fn send_ping(&mut self) -> Result<(), CloseReason> {
        if self.missed_pongs >= MAX_MISSED_PONGS {
            return Err(CloseReason::Disconnected);
        }
        self.missed_pongs += 1;
        let ping = Message::Ping(Vec::new().into());
        self.unsent.push_back(Outgoing::Message(ping));
        Ok(())
    }
}

/// The token of a connection, from the handshake and from the payload of `connection_init`.
///
/// A router may send both. Two different ones are rejected: an intermediary may have checked the
/// other one. Cookies are not accepted: browsers send them for any page (cross-site WebSocket
/// hijacking).
fn token<'a>(forwarded: Option<&'a str>, init: Option<&'a str>) -> Option<&'a str> {
    let Some(init) = init else { return forwarded };
    let init = bearer_token(init)?;
    let agree = forwarded.is_none_or(|forwarded| forwarded == init);
    agree.then_some(init)
}

/// The reason for a read error. A client that disconnects without a close frame is not an error.
fn read_error(error: axum::Error) -> CloseReason {
    use tungstenite::Error::{AlreadyClosed, ConnectionClosed, Io, Protocol};
    let error = error.into_inner().downcast::<tungstenite::Error>();
    match error.as_deref() {
        Ok(
            Io(_)
            | AlreadyClosed
            | ConnectionClosed
            | Protocol(ProtocolError::ResetWithoutClosingHandshake),
        ) => CloseReason::Disconnected,
        _ => CloseReason::InvalidMessage("This cannot be read, or is too large"),
    }
}

async fn next(session: Option<&mut SubscriptionSession>, may_start: bool) -> BatchOutcome {
    match session {
        Some(session) => session.next(may_start).await,
        None => std::future::pending().await,
    }
}
