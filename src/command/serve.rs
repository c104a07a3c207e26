//! `idgate serve`: prepare, listen, drain.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Failure;
use crate::app::{self, App};
use crate::config::Config;
use crate::crypto::random::Random;
use crate::domain::clock::Clock;
use crate::fault::Fault;
use crate::providers::mailer::Mailer;
use crate::providers::sms::Sms;
use crate::services::operator::{first_start, keys};
use crate::stores::Database;
use crate::transport::{self, Audience, Server};
use crate::{telemetry, work};

pub(super) async fn run(config: Config) -> Result<ExitCode, Failure> {
    telemetry::start(&config.telemetry).map_err(|error| Failure::Failed(error.to_string()))?;
    check_surfaces(&config)?;
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let random = Random::system();
    first_start::prepare(&config, &random)?;
    if config.database.migrates_at_start() {
        let applied = Database::migrate(&app::database_settings(&config)).await?;
        if applied > 0 {
            tracing::info!(applied, "the database schema was brought up to date");
        }
    }
    let app = Arc::new(App::build(Arc::new(config), Clock::System, random).await?);
    keys::ensure(&app).await?;
    serve(app).await
}

/// Refuses surfaces that this binary does not have.
pub(super) fn check_surfaces(config: &Config) -> Result<(), Failure> {
    if config.server.router_listen.is_some() {
        return Err(Failure::Usage(
            "server.router_listen: this version has no federation surface; leave it empty".into(),
        ));
    }
    if config.is_production() && config.graphiql() && !transport::GRAPHIQL_EMBEDDED {
        return Err(Failure::Usage(
            "graphql.graphiql: this binary was built without GraphiQL and would load the public \
             copy, which is refused in production; build with npm on the PATH, or turn it off"
                .into(),
        ));
    }
    Ok(())
}

async fn serve(app: Arc<App>) -> Result<ExitCode, Failure> {
    // Before anybody is served: a stop that comes in between must not cut a request off.
    let stopped = stopped()?;
    let settings = &app.config.server;
    let draining = Arc::new(AtomicBool::new(false));
    let stop = CancellationToken::new();
    let work_stop = CancellationToken::new();
    let tracker = TaskTracker::new();
    work::start(&app, &tracker, &work_stop);

    let public = bind("server.listen", settings.listen).await?;
    let address = local(&public)?;
    let server = Server::new(app.clone(), Audience::Public, address, draining.clone());
    announce(&app, &server, address);
    tracker.spawn(transport::listen(
        public,
        transport::router(&server),
        stop.clone(),
    ));
    if let Some(staff) = settings.staff_listen {
        let listener = bind("server.staff_listen", staff).await?;
        let server = Server::new(app.clone(), Audience::Staff, staff, draining.clone());
        tracker.spawn(transport::listen(
            listener,
            transport::router(&server),
            stop.clone(),
        ));
    }
    if let Some(operations) = settings.ops_listen {
        let listener = bind("server.ops_listen", operations).await?;
        tracker.spawn(transport::listen(
            listener,
            transport::operations_router(&server),
            stop.clone(),
        ));
    }
    stopped.await;
    drain(&app, &draining, &stop, &work_stop, tracker).await;
    Ok(ExitCode::SUCCESS)
}

/// Lets requests in flight finish, within reason.
async fn drain(
    app: &App,
    draining: &AtomicBool,
    stop: &CancellationToken,
    work_stop: &CancellationToken,
    tracker: TaskTracker,
) {
    draining.store(true, Ordering::Relaxed);
    let patience = Duration::from_secs(app.config.server.drain_seconds);
    tracing::info!(
        seconds = patience.as_secs(),
        "stopping; requests in flight may finish"
    );
    stop.cancel();
    work_stop.cancel();
    tracker.close();
    if tokio::time::timeout(patience, tracker.wait())
        .await
        .is_err()
    {
        tracing::warn!("some requests did not finish in time and were cut off");
    }
    if let Err(fault) = app.database.clone().close().await {
        tracing::warn!(?fault, "the database connections did not close cleanly");
    }
}

async fn bind(key: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::Failed(format!(
            "{key}: cannot listen on {address}: {error}; choose another address or stop what \
             uses it"
        ))
    })
}

fn local(listener: &TcpListener) -> Result<SocketAddr, Failure> {
    Ok(listener.local_addr().map_err(Fault::from)?)
}

fn announce(app: &App, server: &Server, address: SocketAddr) {
    let url = app
        .config
        .public_url()
        .as_str()
        .trim_end_matches('/')
        .to_owned();
    tracing::info!(%address, "idgate {} serves {url}/graphql", env!("CARGO_PKG_VERSION"));
    if app.config.graphiql() {
        tracing::info!("GraphiQL is at {url}/graphiql");
        if !transport::GRAPHIQL_EMBEDDED {
            tracing::warn!(
                "GraphiQL's files are not in this binary, which was built without npm: the page \
                 loads the pinned public copy"
            );
        }
    }
    announce_mailbox(app, server, &url);
}

/// Says which messages are shown rather than sent, and where.
fn announce_mailbox(app: &App, server: &Server, url: &str) {
    let mail = matches!(app.mailer, Some(Mailer::DevMailbox(_)));
    let texts = matches!(app.sms, Some(Sms::DevMailbox(_)));
    let what = match (mail, texts) {
        (true, true) => "Messages are",
        (true, false) => "Mail is",
        (false, true) => "Text messages are",
        (false, false) => return,
    };
    if server.shows_mailbox() {
        tracing::info!("{what} not sent but shown at {url}/dev/mailbox");
    } else {
        tracing::info!(
            "{what} not sent, and the development mailbox is off: it is shown on a loopback \
             address only"
        );
    }
}

/// Listens for SIGTERM and SIGINT from now on; the future ends with the first of them.
fn stopped() -> Result<impl Future<Output = ()>, Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Fault::from)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Fault::from)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
