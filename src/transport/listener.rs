//! Listening: accepting connections, and ending those that hold on to one without using it.
//!
//! What is said on a connection lives in the router; nothing here reads a request. A handler that
//! keeps a connection for longer than an answer says so by [`Connection::keep`].

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tower::ServiceExt as _;

use super::tls::Tls;
use crate::config::Config;

/// How long to leave the system alone when it gives out no more connections.
const EXHAUSTED: Duration = Duration::from_millis(500);
/// How long a connection that was told to end may take to do so.
const FAREWELL: Duration = Duration::from_secs(1);
/// How often a silent HTTP/2 peer is asked whether it is still there, and how long it may take.
const ARE_YOU_THERE: Duration = Duration::from_secs(20);

/// Bytes of a request's head, and of what is read of a body at a time: eight times what proxies
/// let through. Larger heads are answered with 431; the library's default is 400 KB.
const LARGEST_HEAD: usize = 64 * 1024;
/// The same for HTTP/2, where each header counts 32 bytes besides its own (RFC 9113 §6.5.2).
const LARGEST_HEADER_LIST: u32 = 64 * 1024;

/// What a listener grants its clients.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time; further ones wait in the system's queue.
    pub connections: usize,
    /// From connecting to the end of the first request's head.
    pub head: Duration,
    /// From an answer to the end of the next request's head.
    pub idle: Duration,
}

impl Limits {
    /// What the configuration says.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let server = &config.server;
        Self {
            connections: server.max_connections,
            head: Duration::from_secs(server.head_timeout_seconds),
            idle: Duration::from_secs(server.idle_timeout_seconds),
        }
    }
}

/// Marks requests of a connection that began with a certificate of the configured authorities.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClientCertificate;

/// The connection of a request, for handlers that keep it.
#[derive(Clone)]
pub(super) struct Connection(Arc<Shared>);

struct Shared {
    requests: watch::Sender<usize>,
    stop: CancellationToken,
    tasks: TaskTracker,
    _place: OwnedSemaphorePermit,
    _awaited: TaskTrackerToken,
}

/// A connection that is in use for as long as this exists, whatever becomes of its requests.
pub(super) struct Kept {
    connection: Connection,
    _under_way: UnderWay,
}

impl Connection {
    /// Runs something beside the answer; a stop waits for it.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.tasks.spawn(task);
    }

    /// Says that the connection is in use, and holds its place: also after it turned into
    /// something else than HTTP.
    pub(super) fn keep(&self) -> Kept {
        Kept {
            connection: self.clone(),
            _under_way: UnderWay::begin(&self.0.requests),
        }
    }
}

impl Kept {
    /// Waits until the gateway stops.
    pub(super) async fn stopped(&self) {
        self.connection.0.stop.cancelled().await;
    }
}

/// Serves a router until told to stop; then requests in flight finish.
pub async fn listen(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    listen_with(None, listener, router, limits, stop).await;
}

/// The same, behind TLS where there is some.
pub async fn listen_with(
    tls: Option<Tls>,
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let connections = TaskTracker::new();
    let builder = builder();
    while let Some(accepted) = stop.run_until_cancelled(accept(&listener, &places)).await {
        let Some((stream, peer, place)) = accepted else {
            continue;
        };
        let (builder, router, stop) = (builder.clone(), router.clone(), stop.clone());
        let tls = tls.clone();
        let connection = Connection(Arc::new(Shared {
            requests: watch::Sender::new(0),
            stop: stop.clone(),
            tasks: connections.clone(),
            _place: place,
            _awaited: connections.token(),
        }));
        connections.spawn(async move {
            match tls {
                None => serve(&builder, stream, (peer, None), router, limits, connection).await,
                Some(tls) => {
                    if let Some(stream) = greet(&tls, stream, limits, &stop).await {
                        let peer = (peer, Some(ClientCertificate));
                        serve(&builder, stream, peer, router, limits, connection).await;
                    }
                }
            }
        });
    }
    // From here on the system refuses new connections.
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// The next connection and its place; nothing when accepting failed.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Answers are small and complete: waiting for more to send only delays them.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection keeps its delays");
            }
            Some((stream, peer, place))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            // Out of file descriptors, most likely: trying again at once would only spin.
            tokio::time::sleep(EXHAUSTED).await;
            None
        }
    }
}

/// Begins TLS, as long as a head may take; nothing with those who show no good certificate.
async fn greet(
    tls: &Tls,
    stream: TcpStream,
    limits: Limits,
    stop: &CancellationToken,
) -> Option<TlsStream<TcpStream>> {
    let greeting = tokio::time::timeout(limits.head, tls.accept(stream));
    match stop.run_until_cancelled(greeting).await? {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            // Somebody who is not the router, or a router with an old certificate.
            tracing::info!(%error, "a connection to the router's listener was refused");
            None
        }
        Err(_) => None,
    }
}

fn builder() -> Builder<TokioExecutor> {
    // Names of headers are equal in any case (RFC 9110 §5.1). Clients that compare letters expect
    // those that HTTP/1 servers have always written.
    let mut builder = Builder::new(TokioExecutor::new()).title_case_headers(true);
    builder.http1().max_buf_size(LARGEST_HEAD);
    builder
        .http2()
        .max_header_list_size(LARGEST_HEADER_LIST)
        .timer(TokioTimer::new())
        .keep_alive_interval(ARE_YOU_THERE)
        .keep_alive_timeout(ARE_YOU_THERE);
    builder
}

/// Serves one connection until the client leaves, is too slow, or the gateway stops.
async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    builder: &Builder<TokioExecutor>,
    stream: S,
    (peer, certificate): (SocketAddr, Option<ClientCertificate>),
    router: Router,
    limits: Limits,
    connection: Connection,
) {
    let Shared { requests, stop, .. } = connection.0.as_ref();
    let asked = connection.clone();
    let service = tower::service_fn(move |mut request: Request<_>| {
        let under_way = UnderWay::begin(&asked.0.requests);
        request.extensions_mut().insert(ConnectInfo(peer));
        certificate.map(|it| request.extensions_mut().insert(it));
        request.extensions_mut().insert(asked.clone());
        let answered = router.clone().oneshot(request);
        async move {
            let answer = answered.await;
            drop(under_way);
            answer
        }
    });
    let service = TowerToHyperService::new(service);
    let stream = TokioIo::new(stream);
    let mut served = pin!(builder.serve_connection_with_upgrades(stream, service));
    // Slowloris: a head that arrives a byte at a time, or never, must not hold a connection.
    let farewell = tokio::select! {
        outcome = served.as_mut() => return note(outcome),
        () = neglected(requests, limits.head, limits.idle) => FAREWELL,
        () = stop.cancelled() => limits.head,
    };
    served.as_mut().graceful_shutdown();
    tokio::select! {
        outcome = served.as_mut() => note(outcome),
        () = neglected(requests, farewell, FAREWELL) => {}
    }
}

/// Waits until a connection has had no request under way for longer than it may.
async fn neglected(requests: &watch::Sender<usize>, first: Duration, later: Duration) {
    let mut under_way = requests.subscribe();
    let mut patience = first;
    loop {
        let is_quiet = *under_way.borrow_and_update() == 0;
        let changed = under_way.changed();
        if !is_quiet {
            // It only fails without a sender, and there is `requests`.
            let _ = changed.await;
        } else if tokio::time::timeout(patience, changed).await.is_err() {
            return;
        }
        patience = later;
    }
}

/// A request that is being answered; counted until it is dropped, also by a client that leaves.
struct UnderWay(watch::Sender<usize>);

impl UnderWay {
    fn begin(count: &watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count = count.saturating_add(1));
        Self(count.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// Clients leave in the middle of things every day: that is worth a line only to who looks for it.
fn note(outcome: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = outcome {
        tracing::debug!(error, "a connection ended early");
    }
}
