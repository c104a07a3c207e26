//! A gateway for one test: real listener, real database, a fixed clock.
//!
//! `backend` has the stores, `clients` the clients, `queries` the documents they run.

mod answer;
mod backend;
mod clients;
mod commands;
mod cost;
mod cutter;
mod endpoint;
mod issuer;
mod listener;
mod messages;
mod patience;
pub(crate) mod queries;
mod relay;
mod rows;
mod shared_store;
mod smtp;
mod stream;

use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use chrono::{DateTime, Duration, Utc};
use idgate::app::{App, database_settings};
use idgate::config::Config;
use idgate::crypto::random::Random;
use idgate::domain::clock::Clock;
use idgate::services::operator::{first_start, keys};
use idgate::stores::Database;
use idgate::transport::{self, Audience, Limits, Server};
use idgate::work;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub(crate) use answer::Answer;
use backend::Backend;
pub(crate) use clients::{Anonymous, PASSWORD, SignedIn};
pub(crate) use commands::CommandCounter;
pub(crate) use cost::Work;
pub(crate) use cutter::{Cutter, Moment};
pub(crate) use endpoint::Endpoint;
pub(crate) use issuer::{Google, IssuerBehaviour};
pub(crate) use listener::{Received, Socket, narrow_connection};
pub(crate) use messages::wrong;
pub(crate) use patience::{PATIENT, free_address};
pub(crate) use relay::Relay;
pub(crate) use smtp::{SmtpBehaviour, SmtpServer};
pub(crate) use stream::{EventStream, document_id};

/// The time at which every test starts.
const BEGINNING: &str = "2026-03-01T12:00:00Z";

/// One instance of the gateway.
pub(crate) struct TestApp {
    /// The gateway's components.
    pub(crate) app: Arc<App>,
    address: SocketAddr,
    http: reqwest::Client,
    statements: Arc<AtomicU64>,
    observer: sea_orm::DatabaseConnection,
    settings: Vec<(String, String)>,
    clock: Clock,
    draining: Arc<AtomicBool>,
    _listener: JoinSet<()>,
    stop: CancellationToken,
    _stopped_at_last: DropGuard,
    backend: Arc<Backend>,
}

impl TestApp {
    /// A gateway with default settings, except for cheap hashes and high rate limits.
    pub(crate) async fn spawn() -> Self {
        Self::with(&[]).await
    }

    /// The same with some settings changed.
    pub(crate) async fn with(changes: &[(&str, &str)]) -> Self {
        show_errors();
        let backend = Arc::new(Backend::create().await);
        let mut settings = vec![
            ("IDGATE_HASHING__MEMORY_KIB", "8".to_owned()),
            ("IDGATE_HASHING__ITERATIONS", "1".to_owned()),
            ("IDGATE_HASHING__THREADS", "2".to_owned()),
            ("IDGATE_THROTTLE__SCALE", "1000".to_owned()),
        ];
        settings.extend(PATIENT.map(|(name, value)| (name, value.to_owned())));
        settings.extend(backend.settings());
        let is_replaced = |name: &str| changes.iter().any(|(other, _)| *other == name);
        settings.retain(|(name, _)| !is_replaced(name));
        let mut settings: Vec<(String, String)> = settings
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        settings.extend(
            changes
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into())),
        );
        let beginning: DateTime<Utc> = BEGINNING.parse().unwrap();
        Self::start(backend, settings, Clock::fixed(beginning), 1).await
    }

    /// A gateway whose clock moves on by itself.
    pub(crate) async fn in_real_time() -> Self {
        let fixed = Self::spawn().await;
        let (backend, settings) = (Arc::clone(&fixed.backend), fixed.settings.clone());
        Self::start(backend, settings, Clock::System, 5).await
    }

    /// Another instance over the same database, the same shared store and the same clock.
    pub(crate) async fn second_instance(&self) -> Self {
        let settings = self.settings.clone();
        Self::start(Arc::clone(&self.backend), settings, self.clock.clone(), 2).await
    }

    /// Another instance over the same database, with some settings changed.
    pub(crate) async fn over(&self, changes: &[(&str, &str)]) -> Self {
        let mut settings = self.settings.clone();
        settings.retain(|(name, _)| !changes.iter().any(|(other, _)| name == other));
        let changes = changes.iter();
        settings.extend(changes.map(|(name, value)| ((*name).into(), (*value).into())));
        Self::start(Arc::clone(&self.backend), settings, self.clock.clone(), 3).await
    }

    /// The staff listener of another instance of this backend.
    pub(crate) async fn staff(&self) -> Self {
        let settings = self.settings.clone();
        let (backend, clock) = (Arc::clone(&self.backend), self.clock.clone());
        Self::start_for(Audience::Staff, backend, settings, clock, 4).await
    }

    async fn start(
        backend: Arc<Backend>,
        settings: Vec<(String, String)>,
        clock: Clock,
        seed: u64,
    ) -> Self {
        Self::start_for(Audience::Public, backend, settings, clock, seed).await
    }

    async fn start_for(
        audience: Audience,
        backend: Arc<Backend>,
        mut settings: Vec<(String, String)>,
        clock: Clock,
        seed: u64,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let setting = match audience {
            Audience::Public => "IDGATE_SERVER__LISTEN",
            Audience::Staff => "IDGATE_SERVER__STAFF_LISTEN",
            Audience::Router => "IDGATE_SERVER__ROUTER_LISTEN",
        };
        settings.retain(|(name, _)| name != setting);
        settings.push((setting.to_owned(), address.to_string()));
        if !settings
            .iter()
            .any(|(name, _)| name == "IDGATE_SERVER__PUBLIC_URL")
        {
            settings.push((
                "IDGATE_SERVER__PUBLIC_URL".to_owned(),
                format!("http://{address}"),
            ));
        }
        let config = Arc::new(Config::load(None, settings.clone()).unwrap());
        let random = Random::seeded(seed);
        first_start::prepare(&config, &random).unwrap();

        let statements = Arc::new(AtomicU64::new(0));
        let mut database = Database::open(&database_settings(&config)).await.unwrap();
        database.count_statements(Arc::clone(&statements));
        let app = App::with_database(config, database, clock.clone(), random).unwrap();
        let app = Arc::new(app);
        keys::ensure(&app).await.unwrap();

        let draining = Arc::new(AtomicBool::new(false));
        let server = Server::new(Arc::clone(&app), audience, address, Arc::clone(&draining));
        let stop = CancellationToken::new();
        work::start_event_relay(&app, &TaskTracker::new(), &stop);
        let mut listening = JoinSet::new();
        listening.spawn(transport::listen(
            listener,
            transport::router(&server),
            Limits::of(&app.config),
            stop.clone(),
        ));
        let http = http();
        let observer = backend.observer().await;
        Self {
            app,
            address,
            http,
            statements,
            observer,
            settings,
            clock,
            draining,
            _listener: listening,
            _stopped_at_last: stop.clone().drop_guard(),
            stop,
            backend,
        }
    }

    /// An address of this gateway.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request to build by hand.
    pub(crate) fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, self.url(path))
    }

    /// A raw connection.
    pub(crate) fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).unwrap()
    }

    /// The settings with which another process uses the same stores.
    pub(crate) fn settings(&self) -> &[(String, String)] {
        &self.settings
    }

    /// The response to a GET.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(reqwest::Method::GET, path)).await
    }

    /// The response to a POST of these bytes to `/graphql`.
    pub(crate) async fn post(&self, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.request(reqwest::Method::POST, "/graphql");
        Answer::of(
            request
                .header("content-type", "application/json")
                .body(body),
        )
        .await
    }

    /// Writes raw bytes and reads the response.
    pub(crate) fn exchange(
        &self,
        write: impl FnOnce(&mut TcpStream) -> std::io::Result<()>,
    ) -> String {
        let mut connection = self.connect();
        // The gateway may close early.
        let _ = write(&mut connection);
        let mut bytes = Vec::new();
        let _ = connection.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// An anonymous client.
    pub(crate) fn anonymous(&self) -> Anonymous<'_> {
        Anonymous::new(self)
    }

    /// Registers and signs in, where no confirmation is required.
    pub(crate) async fn register(&self, email: &str) -> SignedIn<'_> {
        let answer = self.anonymous().register(email).await;
        SignedIn::from_answer(self, &answer, "register")
    }

    /// Signs in with [`PASSWORD`].
    pub(crate) async fn login(&self, email: &str) -> SignedIn<'_> {
        let answer = self.anonymous().login(email, PASSWORD).await;
        SignedIn::from_answer(self, &answer, "login")
    }

    /// Registers, verifies the address, takes this role (`staff support,sales`), and signs
    /// in with it.
    pub(crate) async fn appoint(&self, email: &str, what: &str) -> SignedIn<'_> {
        self.register(email).await;
        let (role, functions) = what.split_once(' ').unwrap_or((what, ""));
        self.execute(&format!(
            "UPDATE users SET role = '{role}', staff_functions = '{functions}', \
             email_verified = TRUE, is_verified = TRUE WHERE email = '{email}'"
        ))
        .await;
        self.login(email).await
    }

    /// Advances the clock of every instance of this backend.
    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.advance(Duration::seconds(seconds));
    }

    /// From now on every reading of the clock differs, as outside of tests.
    pub(crate) fn never_repeat_an_instant(&self) {
        self.clock.never_repeat();
    }

    /// Makes the Postgres database unreachable, or reachable again.
    pub(crate) async fn forbid_connections(&self, forbidden: bool) {
        self.backend.forbid_connections(forbidden).await;
    }

    /// Puts the instance into draining.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Stops the instance as a signal would; requests in flight may finish.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Another instance that receives this one's events, where instances share a bus.
    pub(crate) async fn neighbour(&self) -> Option<Self> {
        self.backend.redis()?;
        Some(self.second_instance().await)
    }

    /// The address of the shared store, where there is one.
    pub(crate) fn redis_url() -> Option<String> {
        backend::redis_url()
    }
}

/// A client without proxies or redirects, with a timeout.
pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(std::time::Duration::from_mins(3))
        .build()
        .unwrap()
}

/// Shows the gateway's error log, so that failed tests say more.
fn show_errors() {
    let logs = tracing_subscriber::fmt().with_max_level(tracing::Level::ERROR);
    // Only the first call in a process succeeds.
    let _ = logs.with_test_writer().try_init();
}
