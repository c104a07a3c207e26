//! The router's surface: its authentication, and its contents.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use idgate::schema::{Authorization, subgraph_sdl};
use idgate::transport::{self, Audience, Limits, Server, Tls};
use reqwest::Method;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{HEADER, ROUTER, SECRET};
use crate::harness::{Answer, PASSWORD, TestApp, http, queries};

pub(super) const LISTEN: (&str, &str) = ("IDGATE_SERVER__ROUTER_LISTEN", "127.0.0.1:0");
const SDL: &str = "{ _service { sdl } }";

/// The router's listener of a gateway.
pub(super) struct Listener {
    pub(super) address: SocketAddr,
    pub(super) stop: CancellationToken,
    _listening: JoinSet<()>,
}

impl Listener {
    pub(super) async fn open(app: &TestApp) -> Self {
        let tls = Tls::load(&app.app.config.router).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let draining = Arc::new(AtomicBool::new(false));
        let server = Server::new(Arc::clone(&app.app), Audience::Router, address, draining);
        let stop = CancellationToken::new();
        let mut listening = JoinSet::new();
        listening.spawn(transport::listen_with(
            tls,
            listener,
            transport::router(&server),
            Limits::of(&app.app.config),
            stop.clone(),
        ));
        Self {
            address,
            stop,
            _listening: listening,
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        http().request(method, format!("http://{}{path}", self.address))
    }

    async fn ask(&self, query: &str, secrets: &[&str]) -> Answer {
        let mut request = self.request(Method::POST, "/graphql");
        for secret in secrets {
            request = request.header(HEADER, *secret);
        }
        Answer::of(request.json(&json!({ "query": query }))).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_public_listener_a_secret_is_right_or_refused() {
    let old = "the secret of last year 0123456789 abcdef";
    let app = TestApp::with(&[ROUTER, ("IDGATE_ROUTER__SECRET_PREVIOUS", old)]).await;
    let sdl = subgraph_sdl(Authorization::Declared);
    for secret in [SECRET, old] {
        let answer = app
            .anonymous()
            .with(HEADER, secret)
            .ask(SDL, json!({}))
            .await;
        assert_eq!(answer.root("_service")["sdl"], sdl);
    }
    let longer = format!("{SECRET}0");
    for secret in ["", "wrong", &SECRET[1..], &longer, &SECRET.to_uppercase()] {
        let answer = app
            .anonymous()
            .with(HEADER, secret)
            .ask("{ me { id } }", json!({}))
            .await;
        answer.assert_refusal(403, "FORBIDDEN");
    }
    let twice = app.anonymous().with(HEADER, SECRET).with(HEADER, SECRET);
    twice
        .ask(SDL, json!({}))
        .await
        .assert_refusal(403, "FORBIDDEN");
    // Without one it is the public surface, where the fields do not exist.
    let answer = app.anonymous().ask(SDL, json!({})).await;
    assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED");
    let me = app.anonymous().ask("{ me { id } }", json!({})).await;
    assert_eq!(me.json, json!({ "data": { "me": null } }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_opens_nothing_where_no_router_is_expected() {
    let without = TestApp::spawn().await;
    let answer = without
        .anonymous()
        .with(HEADER, SECRET)
        .ask(SDL, json!({}))
        .await;
    answer.assert_refusal(403, "FORBIDDEN");
    let elsewhere = TestApp::with(&[ROUTER, LISTEN]).await;
    let answer = elsewhere
        .anonymous()
        .with(HEADER, SECRET)
        .ask(SDL, json!({}))
        .await;
    answer.assert_refusal(403, "FORBIDDEN");
    // A router listener without a secret or a certificate serves no request.
    let router = Listener::open(&without).await;
    router.ask(SDL, &[]).await.assert_refusal(403, "FORBIDDEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_routers_listener_serves_the_graph_to_the_router_and_nothing_else() {
    let app = TestApp::with(&[ROUTER, LISTEN]).await;
    let router = Listener::open(&app).await;
    let answer = router.ask(SDL, &[SECRET]).await;
    assert_eq!(
        answer.root("_service")["sdl"],
        subgraph_sdl(Authorization::Declared)
    );
    for secrets in [&[][..], &["wrong"], &[SECRET, SECRET], &["wrong", SECRET]] {
        let answer = router.ask(SDL, secrets).await;
        answer.assert_refusal(403, "FORBIDDEN");
    }
    let get = router.request(Method::GET, "/graphql?query={__typename}");
    let answer = Answer::of(get.header(HEADER, SECRET)).await;
    answer.assert_refusal(405, "METHOD_NOT_ALLOWED");
    assert_eq!(answer.header("allow"), "POST");
    for (path, status) in [
        ("/health/live", 200),
        ("/health/ready", 200),
        ("/graphiql", 404),
        ("/dev/mailbox.json", 404),
        ("/.well-known/jwks.json", 404),
        ("/metrics", 404),
    ] {
        let answer = Answer::of(router.request(Method::GET, path).header(HEADER, SECRET)).await;
        assert_eq!(answer.status, status, "{path}");
    }
    let foreign = router
        .request(Method::POST, "/graphql")
        .header("origin", "https://evil.test");
    let answer = Answer::of(
        foreign
            .header(HEADER, SECRET)
            .json(&json!({ "query": SDL })),
    )
    .await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_other_than_the_router_are_refused_before_the_body_is_read() {
    let app = TestApp::with(&[ROUTER, LISTEN]).await;
    let router = Listener::open(&app).await;
    let mut connection = std::net::TcpStream::connect(router.address).unwrap();
    let head = "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                connection: close\r\ncontent-length: 1000000\r\n\r\n";
    connection.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    std::io::Read::read_to_end(&mut connection, &mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(answer.contains("\"FORBIDDEN\""), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_router_sends_documents_of_its_own_and_people_act_through_it() {
    let app = TestApp::with(&[
        ROUTER,
        ("IDGATE_GRAPHQL__TRUSTED_DOCUMENTS", "required"),
        ("IDGATE_GRAPHQL__INTROSPECTION", "false"),
    ])
    .await;
    let answer = app.anonymous().ask("{ me { id } }", json!({})).await;
    assert_eq!(answer.code(), "PERSISTED_DOCUMENT_REQUIRED");
    let router = app.anonymous().with(HEADER, SECRET);
    let input = json!({ "email": "ada@example.com", "password": PASSWORD });
    let document = queries::text("Register");
    let answer = router.ask(document, json!({ "input": input })).await;
    assert_eq!(answer.typename("register"), "SignedIn");
    let token = answer.root("register")["accessToken"]
        .as_str()
        .unwrap()
        .to_owned();
    let ada = router
        .clone()
        .with("authorization", format!("Bearer {token}"));
    let answer = ada.ask("{ me { email } }", json!({})).await;
    assert_eq!(answer.root("me")["email"], "ada@example.com");
    // The secret alone authenticates no user.
    let answer = router
        .ask("{ me { email } users { nodes { id } } }", json!({}))
        .await;
    assert_eq!(answer.code(), "UNAUTHENTICATED");
    let answer = router
        .ask("{ __schema { queryType { name } } }", json!({}))
        .await;
    assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED");
    // The limits of documents hold, one credential at a time among them.
    let login = "login(input: { emailOrPhone: \"a@example.com\", password: \"x\" }) { __typename }";
    let twice = format!("mutation {{ a: {login} b: {login} }}");
    let answer = router.ask(&twice, json!({})).await;
    answer.assert_refusal(400, "QUERY_TOO_EXPENSIVE");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_can_keep_silent_about_authorization() {
    let silent = ("IDGATE_ROUTER__AUTHORIZATION_DIRECTIVES", "false");
    let app = TestApp::with(&[ROUTER, silent]).await;
    let answer = app
        .anonymous()
        .with(HEADER, SECRET)
        .ask(SDL, json!({}))
        .await;
    let sdl = answer.root("_service")["sdl"].as_str().unwrap();
    assert_eq!(sdl, subgraph_sdl(Authorization::Omitted));
    assert!(!sdl.contains("@requiresScopes") && !sdl.contains("@authenticated"));
}
