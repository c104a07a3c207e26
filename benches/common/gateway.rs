//! A gateway in this process, without a network: requests go into its router.
//!
//! Its rows are in a SQLite file, or in the Postgres database of `DATABASE_URL`, which should be empty.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::Request;
use idgate::app::{App, database_settings};
use idgate::config::Config;
use idgate::crypto::random::Random;
use idgate::domain::clock::Clock;
use idgate::services::operator::{first_start, keys};
use idgate::stores;
use idgate::transport::{self, Audience, Server};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

const PASSWORD: &str = "correct horse battery staple";
const ROUTER_SECRET: &str = "a router that is only measured 0123456789";

/// Requests that are measured.
pub(crate) const REQUESTS: [&str; 3] = ["me", "login", "entities"];

/// The gateway, with a hundred accounts.
pub(crate) struct Gateway {
    router: Router,
    people: Vec<String>,
    access_token: String,
    _data: TempDir,
}

impl Gateway {
    /// Starts one whose hashes cost next to nothing.
    pub(crate) async fn start() -> Self {
        let data = tempfile::tempdir().expect("a directory can be made");
        let mut settings: Vec<(String, String)> = [
            ("IDGATE_DATA_DIR", data.path().to_str().expect("a path")),
            ("IDGATE_SERVER__LISTEN", "127.0.0.1:8080"),
            ("IDGATE_HASHING__MEMORY_KIB", "8"),
            ("IDGATE_HASHING__ITERATIONS", "1"),
            ("IDGATE_HASHING__THREADS", "1"),
            ("IDGATE_THROTTLE__SCALE", "1000000"),
            ("IDGATE_ROUTER__SECRET", ROUTER_SECRET),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        if let Some(url) = database_url() {
            settings.push(("IDGATE_DATABASE__URL".to_owned(), url));
        }
        let config = Arc::new(Config::load(None, settings).expect("the settings are valid"));
        let random = Random::seeded(1);
        first_start::prepare(&config, &random).expect("the directory is writable");
        let database = database_settings(&config);
        stores::migrate(&database)
            .await
            .expect("the database can be migrated");
        let app = App::open(config, Clock::System, random).await;
        let app = Arc::new(app.expect("the database can be opened"));
        keys::ensure(&app).await.expect("there is a signing key");
        let listen = SocketAddr::from(([127, 0, 0, 1], 8080));
        let server = Server::new(
            app,
            Audience::Public,
            listen,
            Arc::new(AtomicBool::new(false)),
        );
        let mut gateway = Self {
            router: transport::router(&server),
            people: Vec::new(),
            access_token: String::new(),
            _data: data,
        };
        for number in 0..100 {
            let registered = gateway.register(number).await;
            gateway.access_token = text(&registered["accessToken"]);
            gateway.people.push(text(&registered["user"]["id"]));
        }
        gateway
    }

    async fn register(&self, number: usize) -> Value {
        let query = "mutation($input: RegisterInput!) { register(input: $input) { \
                     ... on SignedIn { accessToken user { id } } } }";
        let input = json!({
            "email": format!("user-{number}@example.com"), "password": PASSWORD,
            "firstName": "Ada", "lastName": "Lovelace",
        });
        let body = json!({ "query": query, "variables": { "input": input } });
        let answer = self.send(&body.to_string()).await;
        let answer: Value = serde_json::from_str(&answer).expect("answers are JSON");
        answer["data"]["register"].clone()
    }

    /// The body of a request of [`REQUESTS`].
    pub(crate) fn body(&self, name: &str) -> String {
        let (query, variables) = match name {
            "me" => (
                "{ me { id email role firstName lastName isVerified } }",
                json!({}),
            ),
            "login" => (
                "mutation($e: String!, $p: String!) { login(input: { emailOrPhone: $e, \
                 password: $p }) { __typename ... on SignedIn { accessToken refreshToken \
                 user { id email role } } } }",
                json!({ "e": "user-1@example.com", "p": PASSWORD }),
            ),
            "entities" => {
                let people = self.people.iter();
                let of: Vec<Value> = people
                    .map(|id| json!({ "__typename": "User", "id": id }))
                    .collect();
                (
                    "query($r: [_Any!]!) { _entities(representations: $r) { \
                     ... on User { id pid role firstName } } }",
                    json!({ "r": of }),
                )
            }
            other => panic!("{other} is none of {REQUESTS:?}"),
        };
        json!({ "query": query, "variables": variables }).to_string()
    }

    /// Sends a body to `/graphql`, and returns the answer, which must be without errors.
    pub(crate) async fn send(&self, body: &str) -> String {
        let mut request = Request::post("/graphql")
            .header("host", "127.0.0.1:8080")
            .header("content-type", "application/json")
            .header("accept", "application/json");
        if !self.access_token.is_empty() {
            request = request
                .header("authorization", format!("Bearer {}", self.access_token))
                .header("idgate-router-secret", ROUTER_SECRET);
        }
        let mut request = request
            .body(Body::from(body.to_owned()))
            .expect("a request");
        let client = SocketAddr::from(([127, 0, 0, 1], 50_000));
        request.extensions_mut().insert(ConnectInfo(client));
        let Ok(response) = self.router.clone().oneshot(request).await;
        let bytes = to_bytes(response.into_body(), usize::MAX).await;
        let answer = String::from_utf8(bytes.expect("a body").to_vec()).expect("a text");
        assert!(!answer.contains("\"errors\""), "{answer}");
        answer
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

#[expect(
    clippy::disallowed_methods,
    reason = "where a measurement keeps its rows is no setting of idgate"
)]
fn database_url() -> Option<String> {
    std::env::var("DATABASE_URL").ok()
}
