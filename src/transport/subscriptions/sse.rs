//! `/graphql/stream`: one subscription per request as server-sent events, in the "distinct
//! connections mode" of the graphql-sse protocol.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use futures_util::stream;
use secrecy::ExposeSecret as _;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at, timeout};
use tracing::Instrument as _;

use super::batch::{BatchOutcome, ServerMessage, Subscription};
use super::close_reason::CloseReason;
use super::limits::{ConnectionKey, ConnectionPermit};
use super::protocol;
use super::session::SubscriptionSession;
use crate::schema::error::{Error, ErrorCode};
use crate::schema::{refusal, timed_out};
use crate::transport::graphql_request::{read_body, read_query};
use crate::transport::listener::{Connection, ConnectionHold};
use crate::transport::negotiation::MediaType;
use crate::transport::rejection::{Rejection, reject_graphql};
use crate::transport::request_head::{Head, RequestHead};
use crate::transport::server::Server;
use crate::transport::{authentication, request_log};

/// Events between the session and the response body.
const CHANNEL_CAPACITY: usize = 4;
/// Tells nginx not to buffer the response.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Responds with an event stream, or with the reason for the refusal.
pub(in crate::transport) async fn open(
    State(server): State<Arc<Server>>,
    Extension(head): Head,
    request: Request,
) -> Response {
    let limit = Duration::from_secs(server.app.config.server.request_timeout_seconds);
    let started = timeout(limit, start(&server, &head, request)).await;
    let response = started.unwrap_or_else(|_| {
        let (status, error) = (StatusCode::SERVICE_UNAVAILABLE, timed_out());
        Err(Rejection::new(status, error))
    });
    response.unwrap_or_else(|rejection| {
        reject_graphql(&server, MediaType::Json, rejection, head.request_id())
    })
}

async fn start(
    server: &Arc<Server>,
    head: &RequestHead,
    request: Request,
) -> Result<Response, Rejection> {
    let (parts, body) = request.into_parts();
    let is_get = parts.method == Method::GET && server.allows_sse_by_get();
    if parts.method != Method::POST && !is_get {
        return Err(Rejection::method_not_allowed("POST", "Use POST."));
    }
    if !head.accept.stream {
        let (status, code) = (StatusCode::NOT_ACCEPTABLE, ErrorCode::NotAcceptable);
        return Err(Rejection::of(status, code, "Accept text/event-stream."));
    }
    let graphql_request = if is_get {
        let query = parts.uri.query().unwrap_or_default();
        read_query(query, |json| server.schema.check_json(json))?
    } else {
        read_body(server, head, body).await?
    };
    let client = head.client(server);
    let has_text = graphql_request.has_text();
    let staff = authentication::require_staff_for_text(server, head, &client, has_text).await?;
    let is_required = server.requires_trusted_documents() && staff.is_none();
    let subscription = Subscription::prepare(server, String::new(), graphql_request, is_required)
        .map_err(|error| Rejection::new(StatusCode::BAD_REQUEST, error))?;
    let session = match &head.access_token {
        Some(token) => SubscriptionSession::establish(server, client, token.expose_secret()).await,
        None => Ok(None),
    };
    let session = session.map_err(|fault| {
        let (status, error) = (StatusCode::SERVICE_UNAVAILABLE, Error::hiding(&fault));
        Rejection::new(status, error)
    })?;
    let Some(session) = session else {
        let response = refusal(Error::unauthenticated(), head.request_id());
        request_log::response(&response);
        let text = protocol::next_event(&response) + &protocol::complete_event();
        return Ok(event_stream(Body::from(text)));
    };
    let max = server.app.config.subscriptions.max_connections;
    let key = ConnectionKey::User(session.user());
    let permit = server.connections.try_acquire(key, max);
    let (Some(permit), Some(connection)) = (permit, parts.extensions.get::<Connection>()) else {
        let (status, code) = (StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests);
        return Err(Rejection::of(
            status,
            code,
            "You have too many connections with live events.",
        ));
    };
    let (out, events) = mpsc::channel(CHANNEL_CAPACITY);
    let sse = SseSession {
        server: Arc::clone(server),
        request_id: head.request_id().to_owned(),
        out,
        unsent: VecDeque::new(),
        hold: connection.hold(),
        _permit: permit,
    };
    connection.spawn(sse.run(session, subscription).in_current_span());
    // The rest of the body after the session has ended is subject to the usual write limits: a
    // client that does not read it does not hold the connection.
    let body = stream::unfold(events, |mut events| async move {
        let event: Option<Bytes> = events.recv().await;
        event.map(|event| (Ok::<_, std::convert::Infallible>(event), events))
    });
    Ok(event_stream(Body::from_stream(body)))
}

fn event_stream(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_static("text/event-stream; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// One open stream.
struct SseSession {
    server: Arc<Server>,
    request_id: String,
    out: mpsc::Sender<Bytes>,
    unsent: VecDeque<String>,
    hold: ConnectionHold,
    _permit: ConnectionPermit,
}

impl SseSession {
    async fn run(mut self, mut session: SubscriptionSession, subscription: Subscription) {
        let metrics = self.server.app.metrics.clone();
        metrics.connection_opened("stream");
        let reason = match session.add(subscription) {
            Ok(()) => self.forward_events(&mut session).await,
            Err(reason) => Some(reason),
        };
        if let Some(reason) = reason {
            session.end(reason);
        }
        // A batch that is no longer polled would keep its permit and database connection.
        drop(session);
        let error = match reason {
            // Clients reconnect after a stream that ends without `complete`.
            None
            | Some(
                CloseReason::ShuttingDown | CloseReason::Disconnected | CloseReason::SlowConsumer,
            ) => None,
            Some(CloseReason::SignedOut | CloseReason::TokenExpired) => {
                Some(Error::unauthenticated())
            }
            Some(_) => Some(Error::unavailable()),
        };
        if let Some(error) = error {
            let response = refusal(error, &self.request_id);
            self.unsent.push_back(protocol::next_event(&response));
            self.unsent.push_back(protocol::complete_event());
        }
        let limit = Duration::from_secs(self.server.app.config.subscriptions.write_seconds);
        let flush = async {
            while let Some(text) = self.unsent.pop_front() {
                // Fails when the client is gone.
                let _ = self.out.send(text.into()).await;
            }
        };
        if reason != Some(CloseReason::Disconnected) {
            let _ = timeout(limit, flush).await;
        }
        metrics.connection_closed("stream", reason.map_or("refused", CloseReason::label));
    }

    /// Forwards events until the connection is closed; `None` when the subscription is refused.
    async fn forward_events(&mut self, session: &mut SubscriptionSession) -> Option<CloseReason> {
        let settings = &self.server.app.config.subscriptions;
        let period = Duration::from_secs(settings.keep_alive_seconds);
        let limit = Duration::from_secs(settings.write_seconds);
        let mut keep_alive = interval_at(Instant::now() + period, period);
        loop {
            tokio::select! {
                () = self.hold.shutdown() => return Some(CloseReason::ShuttingDown),
                () = self.out.closed() => return Some(CloseReason::Disconnected),
                permit = timeout(limit, self.out.reserve()), if !self.unsent.is_empty() => {
                    match (permit, self.unsent.pop_front()) {
                        (Ok(Ok(permit)), Some(text)) => permit.send(text.into()),
                        (Err(_), _) => return Some(CloseReason::SlowConsumer),
                        _ => return Some(CloseReason::Disconnected),
                    }
                }
                outcome = session.next(self.unsent.is_empty()) => {
                    let BatchOutcome { messages, close } = outcome;
                    let is_refused = enqueue(&mut self.unsent, messages);
                    if is_refused || close.is_some() {
                        return close;
                    }
                }
                _ = keep_alive.tick(), if self.unsent.is_empty() => {
                    self.unsent.push_back(protocol::comment());
                }
            }
        }
    }
}

/// Encodes messages and queues them; returns whether the subscription is refused.
fn enqueue(unsent: &mut VecDeque<String>, messages: Vec<ServerMessage>) -> bool {
    for message in messages {
        match message {
            ServerMessage::Next(_, response) => unsent.push_back(protocol::next_event(&response)),
            ServerMessage::Error(_, errors) => {
                let response = async_graphql::Response::from_errors(errors);
                unsent.push_back(protocol::next_event(&response));
                unsent.push_back(protocol::complete_event());
                return true;
            }
        }
    }
    false
}
