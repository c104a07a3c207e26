//! `/graphql/stream`: one subscription as an event stream, as npm's `graphql-sse` wants it in its
//! "distinct connections mode".

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use futures_util::stream;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at, timeout};
use tracing::Instrument as _;

use super::ending::Ending;
use super::feed::Feed;
use super::places::{Holder, Place};
use super::protocol;
use super::round::{Outcome, Said, Subscription};
use crate::schema::error::{Error, ErrorCode};
use crate::schema::{refusal, timed_out};
use crate::transport::graphql::{Refused, refuse_counted, refused};
use crate::transport::incoming::{read_body, read_query};
use crate::transport::listener::{Connection, Kept};
use crate::transport::negotiation::MediaType;
use crate::transport::{Server, arrival, caller, observed, request_id};

/// Events between the conversation and the connection.
const BETWEEN: usize = 4;
const EVENTS: &str = "text/event-stream";
/// Tells nginx to pass events on as they come.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Answers with a stream, or says why there is none.
pub(in crate::transport) async fn open(
    State(server): State<Arc<Server>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let request_id = request_id(&request);
    let patience = Duration::from_secs(server.app.config.server.request_timeout_seconds);
    let begun = timeout(patience, begin(&server, peer, request, &request_id)).await;
    let begun = begun.unwrap_or_else(|_| {
        let (status, error) = (StatusCode::SERVICE_UNAVAILABLE, timed_out());
        Err(Refused::new(status, error))
    });
    begun.unwrap_or_else(|refused| refuse_counted(&server, MediaType::Json, refused, &request_id))
}

async fn begin(
    server: &Arc<Server>,
    peer: SocketAddr,
    request: Request,
    request_id: &str,
) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    let is_get = parts.method == Method::GET && server.takes_streams_by_get();
    if parts.method != Method::POST && !is_get {
        return Err(Refused::not_allowed("POST", "Use POST."));
    }
    if !accepts_events(&parts.headers) {
        let (status, code) = (StatusCode::NOT_ACCEPTABLE, ErrorCode::NotAcceptable);
        return Err(refused(status, code, "Accept text/event-stream."));
    }
    let call = if is_get {
        let query = parts.uri.query().unwrap_or_default();
        read_query(query, |json| server.schema.check_json(json))?
    } else {
        read_body(server, &parts, body).await?
    };
    let client = caller::client(server, &parts.headers, peer, request_id);
    let admitted = arrival::admit(server, &parts.headers, &client, call.is_text()).await?;
    let is_required = server.requires_trusted_documents() && admitted.is_none();
    let subscription = Subscription::prepare(server, String::new(), call, is_required)
        .map_err(|error| Refused::new(StatusCode::BAD_REQUEST, error))?;
    let feed = match caller::bearer(&parts.headers) {
        Some(token) => Feed::establish(server, client, token).await,
        None => Ok(None),
    };
    let feed = feed.map_err(|fault| {
        let (status, error) = (StatusCode::SERVICE_UNAVAILABLE, Error::hiding(&fault));
        Refused::new(status, error)
    })?;
    let Some(feed) = feed else {
        let response = refusal(Error::unauthenticated(), request_id);
        observed::answer(&response);
        let text = protocol::next_event(&response) + &protocol::complete_event();
        return Ok(event_stream(Body::from(text)));
    };
    let most = server.app.config.subscriptions.max_connections;
    let place = server.places.take(Holder::Person(feed.person()), most);
    let (Some(place), Some(connection)) = (place, parts.extensions.get::<Connection>()) else {
        let (status, code) = (StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests);
        return Err(refused(
            status,
            code,
            "You have too many connections with live events.",
        ));
    };
    let (out, events) = mpsc::channel(BETWEEN);
    let telling = Telling {
        server: Arc::clone(server),
        request_id: request_id.to_owned(),
        out,
        unsent: VecDeque::new(),
        kept: connection.keep(),
        _place: place,
    };
    connection.spawn(telling.run(feed, subscription).in_current_span());
    // What is left once the telling has ended is an answer like any other: a client that does not
    // read it does not hold the connection.
    let body = stream::unfold(events, |mut events| async move {
        let event: Option<Bytes> = events.recv().await;
        event.map(|event| (Ok::<_, std::convert::Infallible>(event), events))
    });
    Ok(event_stream(Body::from_stream(body)))
}

fn event_stream(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    let media = HeaderValue::from_static("text/event-stream; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, media);
    headers.insert(BUFFERING, HeaderValue::from_static("no"));
    response
}

/// Whether the client takes events; one that does not say takes anything.
fn accepts_events(headers: &HeaderMap) -> bool {
    let mut ranges = ranges(headers).peekable();
    ranges.peek().is_none() || ranges.any(|it| is_one_of(it, &[EVENTS, "text/*", "*/*"]))
}

/// Whether the client asks for events where it could have an answer as well.
pub(in crate::transport) fn wants_stream(headers: &HeaderMap) -> bool {
    let answers = ["application/json", "application/graphql-response+json"];
    ranges(headers).any(|it| is_one_of(it, &[EVENTS]))
        && !ranges(headers).any(|it| is_one_of(it, &answers))
}

/// The media types that a client accepts.
fn ranges(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|range| range.split(';').next().unwrap_or_default().trim())
}

fn is_one_of(range: &str, types: &[&str]) -> bool {
    types.iter().any(|it| range.eq_ignore_ascii_case(it))
}

/// One stream while it lasts.
struct Telling {
    server: Arc<Server>,
    request_id: String,
    out: mpsc::Sender<Bytes>,
    unsent: VecDeque<String>,
    kept: Kept,
    _place: Place,
}

impl Telling {
    async fn run(mut self, mut feed: Feed, subscription: Subscription) {
        let metrics = self.server.app.metrics.clone();
        metrics.listener_began("stream");
        let ending = match feed.add(subscription) {
            Ok(()) => self.tell_all(&mut feed).await,
            Err(ending) => Some(ending),
        };
        if let Some(ending) = ending {
            feed.end(ending);
        }
        // A round that nobody polls would hold its turn, and a connection to the database.
        drop(feed);
        let error = match ending {
            // A stream that ends without `complete` makes clients come back.
            None | Some(Ending::Stopping | Ending::Gone | Ending::Slow) => None,
            Some(Ending::SignedOut | Ending::TokenExpired) => Some(Error::unauthenticated()),
            Some(_) => Some(Error::unavailable()),
        };
        if let Some(error) = error {
            let response = refusal(error, &self.request_id);
            self.unsent.push_back(protocol::next_event(&response));
            self.unsent.push_back(protocol::complete_event());
        }
        let patience = Duration::from_secs(self.server.app.config.subscriptions.write_seconds);
        let rest = async {
            while let Some(text) = self.unsent.pop_front() {
                // It fails when the client is gone.
                let _ = self.out.send(text.into()).await;
            }
        };
        if ending != Some(Ending::Gone) {
            let _ = timeout(patience, rest).await;
        }
        metrics.listener_ended("stream", ending.map_or("refused", Ending::label));
    }

    /// Tells what happens until that ends; nothing when the subscription itself is refused.
    async fn tell_all(&mut self, feed: &mut Feed) -> Option<Ending> {
        let settings = &self.server.app.config.subscriptions;
        let pause = Duration::from_secs(settings.keep_alive_seconds);
        let patience = Duration::from_secs(settings.write_seconds);
        let mut keep_alive = interval_at(Instant::now() + pause, pause);
        loop {
            tokio::select! {
                () = self.kept.stopped() => return Some(Ending::Stopping),
                () = self.out.closed() => return Some(Ending::Gone),
                permit = timeout(patience, self.out.reserve()), if !self.unsent.is_empty() => {
                    match (permit, self.unsent.pop_front()) {
                        (Ok(Ok(permit)), Some(text)) => permit.send(text.into()),
                        (Err(_), _) => return Some(Ending::Slow),
                        _ => return Some(Ending::Gone),
                    }
                }
                outcome = feed.step(self.unsent.is_empty()) => {
                    let Outcome { said, ending } = outcome;
                    let is_refused = keep(&mut self.unsent, said);
                    if is_refused || ending.is_some() {
                        return ending;
                    }
                }
                _ = keep_alive.tick(), if self.unsent.is_empty() => {
                    self.unsent.push_back(protocol::comment());
                }
            }
        }
    }
}

/// Keeps events to be sent; says whether the subscription is refused.
fn keep(unsent: &mut VecDeque<String>, said: Vec<Said>) -> bool {
    for said in said {
        match said {
            Said::Next(_, response) => unsent.push_back(protocol::next_event(&response)),
            Said::Refused(_, errors) => {
                let response = async_graphql::Response::from_errors(errors);
                unsent.push_back(protocol::next_event(&response));
                unsent.push_back(protocol::complete_event());
                return true;
            }
        }
    }
    false
}
