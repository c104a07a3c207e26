//! The HTTP server: accepts connections, and closes idle ones.
//!
//! axum's own server has no idle timeout per request, so a slow client could hold a connection
//! forever. Requests are handled by the router; a handler that uses the connection for longer than
//! its response takes a [`Connection::hold`].

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

/// Pause after a failed `accept`, most likely for want of file descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(500);
/// How long a graceful shutdown of a connection may take.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);
/// Interval of HTTP/2 keep-alive pings, and the time to wait for the answer.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Read buffer, and so the largest request head, in bytes: eight times the usual limit of proxies.
/// Larger heads are answered with 431; hyper's default is 400 KB.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// The same for HTTP/2, where each header counts 32 bytes extra (RFC 9113 §6.5.2).
const MAX_HEADER_LIST_BYTES: u32 = 64 * 1024;

/// Limits on the connections of a listener.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections; further ones wait in the backlog of the socket.
    pub connections: usize,
    /// Time from connecting to the end of the first request head.
    pub head: Duration,
    /// Time from a response to the end of the next request head.
    pub idle: Duration,
}

impl Limits {
    /// The configured limits.
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

/// Request extension: the connection presented a client certificate of the configured authorities.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClientCertificate;

/// Request extension: the connection, for handlers that outlive their response.
#[derive(Clone)]
pub(super) struct Connection(Arc<Shared>);

struct Shared {
    in_flight: watch::Sender<usize>,
    stop: CancellationToken,
    tasks: TaskTracker,
    _permit: OwnedSemaphorePermit,
    _token: TaskTrackerToken,
}

/// Keeps a connection open until dropped, whether or not it has requests in flight.
pub(super) struct ConnectionHold {
    connection: Connection,
    _in_flight: InFlight,
}

impl Connection {
    /// Spawns a task that a shutdown waits for.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.tasks.spawn(task);
    }

    /// Exempts the connection from the idle timeout, also after an upgrade from HTTP.
    pub(super) fn hold(&self) -> ConnectionHold {
        ConnectionHold {
            connection: self.clone(),
            _in_flight: InFlight::begin(&self.0.in_flight),
        }
    }
}

impl ConnectionHold {
    /// Waits until the gateway shuts down.
    pub(super) async fn shutdown(&self) {
        self.connection.0.stop.cancelled().await;
    }
}

/// Serves a router until `stop`, then waits for the requests in flight.
pub async fn listen(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    listen_with(None, listener, router, limits, stop).await;
}

/// The same, over TLS if given.
pub async fn listen_with(
    tls: Option<Tls>,
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    let connections = TaskTracker::new();
    let builder = builder();
    while let Some(accepted) = stop.run_until_cancelled(accept(&listener, &permits)).await {
        let Some((stream, peer, permit)) = accepted else {
            continue;
        };
        let (builder, router, stop) = (builder.clone(), router.clone(), stop.clone());
        let tls = tls.clone();
        let connection = Connection(Arc::new(Shared {
            in_flight: watch::Sender::new(0),
            stop: stop.clone(),
            tasks: connections.clone(),
            _permit: permit,
            _token: connections.token(),
        }));
        connections.spawn(async move {
            match tls {
                None => serve(&builder, stream, (peer, None), router, limits, connection).await,
                Some(tls) => {
                    if let Some(stream) = tls_handshake(&tls, stream, limits, &stop).await {
                        let peer = (peer, Some(ClientCertificate));
                        serve(&builder, stream, peer, router, limits, connection).await;
                    }
                }
            }
        });
    }
    // From here on, new connections are refused by the operating system.
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// The next connection and its permit; `None` when accepting failed.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Responses are written in one piece: Nagle's algorithm would only delay them.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection keeps its delays");
            }
            Some((stream, peer, permit))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_BACKOFF).await;
            None
        }
    }
}

/// The TLS handshake, within the time limit of a request head; `None` when it fails.
async fn tls_handshake(
    tls: &Tls,
    stream: TcpStream,
    limits: Limits,
    stop: &CancellationToken,
) -> Option<TlsStream<TcpStream>> {
    let handshake = tokio::time::timeout(limits.head, tls.accept(stream));
    match stop.run_until_cancelled(handshake).await? {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            // The client is not the router, or its certificate has expired.
            tracing::info!(%error, "a connection to the router's listener was refused");
            None
        }
        Err(_) => None,
    }
}

fn builder() -> Builder<TokioExecutor> {
    // Header names are case-insensitive (RFC 9110 §5.1). Clients that compare them by case expect
    // the traditional spelling of HTTP/1 servers.
    let mut builder = Builder::new(TokioExecutor::new()).title_case_headers(true);
    builder.http1().max_buf_size(MAX_HEAD_BYTES);
    builder
        .http2()
        .max_header_list_size(MAX_HEADER_LIST_BYTES)
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE);
    builder
}

/// Serves one connection until the client disconnects, is too slow, or the gateway shuts down.
async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    builder: &Builder<TokioExecutor>,
    stream: S,
    (peer, certificate): (SocketAddr, Option<ClientCertificate>),
    router: Router,
    limits: Limits,
    connection: Connection,
) {
    let Shared {
        in_flight, stop, ..
    } = connection.0.as_ref();
    let extension = connection.clone();
    let service = tower::service_fn(move |mut request: Request<_>| {
        let in_flight = InFlight::begin(&extension.0.in_flight);
        request.extensions_mut().insert(ConnectInfo(peer));
        certificate.map(|certificate| request.extensions_mut().insert(certificate));
        request.extensions_mut().insert(extension.clone());
        let response = router.clone().oneshot(request);
        async move {
            let response = response.await;
            drop(in_flight);
            response
        }
    });
    let service = TowerToHyperService::new(service);
    let stream = TokioIo::new(stream);
    let mut served = pin!(builder.serve_connection_with_upgrades(stream, service));
    // Slowloris: a head that arrives a byte at a time, or never, must not hold a connection.
    let grace = tokio::select! {
        outcome = served.as_mut() => return log(outcome),
        () = idle_timeout(in_flight, limits.head, limits.idle) => SHUTDOWN_GRACE,
        () = stop.cancelled() => limits.head,
    };
    served.as_mut().graceful_shutdown();
    tokio::select! {
        outcome = served.as_mut() => log(outcome),
        () = idle_timeout(in_flight, grace, SHUTDOWN_GRACE) => {}
    }
}

/// Waits until a connection has been without a request for `first` after it was opened, or for
/// `later` after a request.
async fn idle_timeout(in_flight: &watch::Sender<usize>, first: Duration, later: Duration) {
    let mut requests = in_flight.subscribe();
    let mut timeout = first;
    loop {
        let is_idle = *requests.borrow_and_update() == 0;
        let changed = requests.changed();
        if !is_idle {
            // Fails only when the sender is dropped, and `in_flight` is alive.
            let _ = changed.await;
        } else if tokio::time::timeout(timeout, changed).await.is_err() {
            return;
        }
        timeout = later;
    }
}

/// A counted request; also uncounted when it is cancelled because the client disconnects.
struct InFlight(watch::Sender<usize>);

impl InFlight {
    fn begin(count: &watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count = count.saturating_add(1));
        Self(count.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// Clients disconnect in the middle of requests all the time, so this is only for debugging.
fn log(outcome: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = outcome {
        tracing::debug!(error, "a connection ended early");
    }
}
