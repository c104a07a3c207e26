//! `idgate serve`: prepare, listen, drain.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Failure, documents};
use crate::app::{self, App, TrustedDocuments};
use crate::config::{Config, Telemetry};
use crate::crypto::random::Random;
use crate::domain::clock::Clock;
use crate::domain::phone;
use crate::fault::Fault;
use crate::providers::mailer::Mailer;
use crate::providers::sms::Sms;
use crate::services::operator::{first_start, imported_passwords, keys};
use crate::stores;
use crate::transport::{self, Audience, Limits, Server, Tls};
use crate::{telemetry, work};

pub(super) async fn run(config: Config) -> Result<ExitCode, Failure> {
    let Telemetry { log, format, .. } = &config.telemetry;
    telemetry::start(log, *format).map_err(|error| Failure::Failed(error.to_string()))?;
    let documents = check(&config).await?;
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let random = Random::system();
    survive_file_limits()?;
    first_start::prepare(&config, &random)?;
    let _claim = first_start::claim(&config)?;
    if config.database.migrates_at_start() {
        let applied = stores::migrate(&app::database_settings(&config)).await?;
        if applied > 0 {
            tracing::info!(applied, "the database schema was brought up to date");
        }
    }
    let app = Arc::new(App::open(Arc::new(config), Clock::System, random).await?);
    app.set_documents(documents);
    keys::ensure(&app).await?;
    imported_passwords::equalize(&app).await?;
    // A failure is logged by the store itself.
    let _ = app.volatile.ping(app.clock.now()).await;
    for concern in app.volatile.memory_concerns().await {
        tracing::warn!("{concern}");
    }
    serve(app).await
}

/// Checks everything that serving needs, before anything changes and without connecting, and returns
/// the trusted documents.
pub(super) async fn check(config: &Config) -> Result<TrustedDocuments, Failure> {
    check_surfaces(config)?;
    check_messages(config)?;
    let documents = documents::load(&config.graphql.documents, config)
        .await
        .map_err(|problems| Failure::Usage(format!("graphql.documents: {problems}")))?;
    app::check(config).map_err(|unusable| Failure::Usage(unusable.to_string()))?;
    Ok(documents)
}

/// Handles SIGXFSZ, which would end the process: without the signal, a write beyond the file size
/// limit fails like one on a full disk.
fn survive_file_limits() -> Result<(), Failure> {
    let file_limit = rustix::process::Signal::XFSZ.as_raw();
    // The handler outlives the stream.
    signal(SignalKind::from_raw(file_limit))
        .map(drop)
        .map_err(|error| Failure::from(Fault::from(error)))
}

/// Refuses listeners that cannot be served.
fn check_surfaces(config: &Config) -> Result<(), Failure> {
    load_tls(config)?;
    if config.is_production() && config.graphql.graphiql && !transport::GRAPHIQL_EMBEDDED {
        return Err(Failure::Usage(
            "graphql.graphiql: this binary was built without GraphiQL and would load the public \
             copy, which is refused in production; build with npm on the PATH, or turn it off"
                .into(),
        ));
    }
    Ok(())
}

/// The TLS settings of the router's listener, if it has any.
fn load_tls(config: &Config) -> Result<Option<Tls>, Failure> {
    Tls::load(&config.router).map_err(|error| Failure::Usage(error.to_string()))
}

/// Checks the texts and templates of messages.
fn check_messages(config: &Config) -> Result<(), Failure> {
    let loaded = app::load_templates(config);
    loaded
        .map(drop)
        .map_err(|error| Failure::Usage(error.to_string()))
}

async fn serve(app: Arc<App>) -> Result<ExitCode, Failure> {
    // Registered before the first request, so that a signal never cuts one off.
    let mut signals = Signals::listen()?;
    let settings = &app.config.server;
    let draining = Arc::new(AtomicBool::new(false));
    let stop = CancellationToken::new();
    let work_stop = CancellationToken::new();
    let tracker = TaskTracker::new();
    let limits = Limits::of(&app.config);
    tokio::task::spawn_blocking(phone::load_rules);
    work::start(&app, &tracker, &work_stop);
    check_mail(&app, &tracker, &work_stop);
    reload_documents(&app, &tracker, &work_stop)?;

    let public = bind("server.listen", settings.listen).await?;
    let address = local(&public)?;
    let server = Server::new(app.clone(), Audience::Public, address, draining.clone());
    announce(&app, &server, address);
    tracker.spawn(transport::listen(
        public,
        transport::router(&server),
        limits,
        stop.clone(),
    ));
    if let Some(staff) = settings.staff_listen {
        let listener = bind("server.staff_listen", staff).await?;
        announce_staff(&app);
        let server = Server::new(app.clone(), Audience::Staff, staff, draining.clone());
        tracker.spawn(transport::listen(
            listener,
            transport::router(&server),
            limits,
            stop.clone(),
        ));
    }
    if let Some(address) = settings.router_listen {
        let listener = bind("server.router_listen", address).await?;
        let address = local(&listener)?;
        let server = Server::new(app.clone(), Audience::Router, address, draining.clone());
        let tls = load_tls(&app.config)?;
        tracing::info!(%address, tls = tls.is_some(), "the federation router is served");
        let routes = transport::router(&server);
        tracker.spawn(transport::listen_with(
            tls,
            listener,
            routes,
            limits,
            stop.clone(),
        ));
    }
    if let Some(operations) = settings.ops_listen {
        let listener = bind("server.ops_listen", operations).await?;
        let address = local(&listener)?;
        tracing::info!(
            %address,
            "health with its details is at http://{address}/health/ready, metrics at \
             http://{address}/metrics"
        );
        tracker.spawn(transport::listen(
            listener,
            transport::operations_router(&server),
            limits,
            stop.clone(),
        ));
    }
    signals.next().await;
    draining.store(true, Ordering::Relaxed);
    give_notice(settings.drain_notice_seconds, &mut signals).await;
    drain(&app, &stop, &work_stop, tracker).await;
    Ok(ExitCode::SUCCESS)
}

/// Logs at start why mail cannot be sent, rather than when the first message waits.
fn check_mail(app: &Arc<App>, tracker: &TaskTracker, stop: &CancellationToken) {
    if !app.config.outbox.enabled {
        return;
    }
    let (app, stop) = (Arc::clone(app), stop.clone());
    tracker.spawn(stop.run_until_cancelled_owned(async move {
        if let Some(mailer) = &app.mailer
            && let Err(error) = mailer.reach().await
        {
            tracing::warn!(%error, "no mail leaves; messages wait until the mail server takes them");
        }
    }));
}

/// Reloads the trusted documents at each SIGHUP. On errors, which are logged, the previous ones stay.
///
/// Without configured documents SIGHUP keeps its default and ends the process.
fn reload_documents(
    app: &Arc<App>,
    tracker: &TaskTracker,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    if app.config.graphql.documents.is_empty() {
        return Ok(());
    }
    let mut hangup = signal(SignalKind::hangup()).map_err(Fault::from)?;
    let (app, stop) = (Arc::clone(app), stop.clone());
    tracker.spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = hangup.recv() => {}
            }
            match documents::load(&app.config.graphql.documents, &app.config).await {
                Ok(documents) => {
                    let count = documents.configured().len();
                    app.set_documents(documents);
                    tracing::info!(count, "the trusted documents were read again");
                }
                Err(problems) => {
                    tracing::error!(%problems, "the trusted documents stay as they were");
                }
            }
        }
    });
    Ok(())
}

/// Keeps serving while probes already report draining, because a load balancer sends requests until
/// its next probe. A second signal ends the wait.
async fn give_notice(seconds: u64, signals: &mut Signals) {
    if seconds == 0 {
        return;
    }
    tracing::info!(seconds, "stopping; new requests are served until then");
    tokio::select! {
        () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
        () = signals.next() => {}
    }
}

/// Waits for running requests, up to the configured time.
async fn drain(
    app: &App,
    stop: &CancellationToken,
    work_stop: &CancellationToken,
    tracker: TaskTracker,
) {
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
    let url = app.config.server.public_url.as_str();
    let url = url.trim_end_matches('/');
    tracing::info!(%address, "idgate {} serves {url}/graphql", env!("CARGO_PKG_VERSION"));
    if app.config.graphql.graphiql {
        tracing::info!("GraphiQL is at {url}/graphiql");
        if !transport::GRAPHIQL_EMBEDDED {
            tracing::warn!(
                "GraphiQL's files are not in this binary, which was built without npm: the page \
                 loads the pinned public copy"
            );
        }
    }
    announce_mailbox(app, server, url);
}

/// Logs where GraphiQL is on the staff listener, or why there is none.
fn announce_staff(app: &App) {
    let Some(origin) = &app.config.server.staff_url else {
        return;
    };
    let url = origin.to_header();
    if app.config.is_production() && !transport::GRAPHIQL_EMBEDDED {
        tracing::warn!(
            "staff are served at {url}/graphql, without GraphiQL: this binary was built without npm"
        );
    } else {
        tracing::info!("staff are served at {url}, GraphiQL at {url}/graphiql");
    }
}

/// Logs which messages the mailbox shows instead of sending, and where.
fn announce_mailbox(app: &App, server: &Server, url: &str) {
    let mail = matches!(app.mailer, Some(Mailer::DevMailbox(_)));
    let texts = matches!(app.sms, Some(Sms::DevMailbox(_)));
    let what = match (mail, texts) {
        (true, true) => "Messages are",
        (true, false) => "Mail is",
        (false, true) => "Text messages are",
        (false, false) => return,
    };
    if server.serves_mailbox() {
        tracing::info!("{what} not sent but shown at {url}/dev/mailbox");
    } else {
        tracing::info!(
            "{what} not sent, and the development mailbox is off: it is shown on a loopback \
             address only"
        );
    }
}

/// SIGTERM and SIGINT, handled from its construction on.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(Fault::from)?,
            interrupt: signal(SignalKind::interrupt()).map_err(Fault::from)?,
        })
    }

    /// Waits for the next signal.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
