//! A router that authenticates with a client certificate.
//!
//! The certificates are issued by two test CAs, whose keys were not kept.

use std::path::Path;

use futures_util::{SinkExt as _, StreamExt as _};
use idgate::transport::Tls;
use reqwest::{Certificate, Client, Identity};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, HandshakeKind, RootCertStore, SupportedProtocolVersion};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::surface::Listener;
use super::{HEADER, ROUTER, SECRET};
use crate::harness::{Answer, EventStream, TestApp, queries};

const ROUTER_PEM: &[u8] = include_bytes!("certificates/router.pem");
const STRANGER_PEM: &[u8] = include_bytes!("certificates/stranger.pem");
const AUTHORITY_PEM: &[u8] = include_bytes!("certificates/authority.pem");

const LISTEN: (&str, &str) = ("IDGATE_SERVER__ROUTER_LISTEN", "127.0.0.1:0");

fn file(name: &str) -> String {
    let folder = "tests/it/federation/certificates";
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(folder)
        .join(name);
    file.to_str().unwrap().to_owned()
}

/// A gateway whose router shows a certificate.
async fn gateway(more: &[(&str, &str)]) -> TestApp {
    let files = ["gateway.pem", "gateway_key.pem", "authority.pem"].map(file);
    let mut settings = vec![
        LISTEN,
        ("IDGATE_ROUTER__CERTIFICATE_FILE", files[0].as_str()),
        ("IDGATE_ROUTER__KEY_FILE", &files[1]),
        ("IDGATE_ROUTER__CLIENT_CA_FILE", &files[2]),
    ];
    settings.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    settings.extend(more);
    TestApp::with(&settings).await
}

/// A client with this certificate.
fn client(identity: Option<&[u8]>) -> Client {
    let mut client = Client::builder()
        .no_proxy()
        .tls_certs_only([Certificate::from_pem(AUTHORITY_PEM).unwrap()]);
    if let Some(identity) = identity {
        client = client.identity(Identity::from_pem(identity).unwrap());
    }
    client.build().unwrap()
}

fn ask(listener: &Listener, identity: Option<&[u8]>) -> reqwest::RequestBuilder {
    let url = format!("https://localhost:{}/graphql", listener.address.port());
    let request = client(identity).post(url);
    request.json(&json!({ "query": "{ _service { __typename } }" }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_the_configured_ca_is_enough() {
    let app = gateway(&[]).await;
    let listener = Listener::open(&app).await;
    let answer = Answer::of(ask(&listener, Some(ROUTER_PEM))).await;
    assert_eq!(answer.root("_service")["__typename"], "_Service");
    for identity in [None, Some(STRANGER_PEM)] {
        let refused = ask(&listener, identity).send().await;
        assert!(refused.is_err(), "{refused:?}");
    }
    let plain = format!("http://{}/graphql", listener.address);
    let plain = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .post(plain);
    assert!(
        plain
            .json(&json!({ "query": "{ __typename }" }))
            .send()
            .await
            .is_err()
    );
    // Refused connections hold no slot.
    let answer = Answer::of(ask(&listener, Some(ROUTER_PEM))).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_secret_as_well_both_are_needed() {
    let app = gateway(&[ROUTER]).await;
    let listener = Listener::open(&app).await;
    let answer = Answer::of(ask(&listener, Some(ROUTER_PEM))).await;
    answer.assert_refusal(403, "FORBIDDEN");
    let answer = Answer::of(ask(&listener, Some(ROUTER_PEM)).header(HEADER, SECRET)).await;
    assert_eq!(answer.root("_service")["__typename"], "_Service");
    let refused = ask(&listener, None).header(HEADER, SECRET).send().await;
    assert!(refused.is_err(), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_make_no_tls_are_refused_with_the_setting_that_names_them() {
    let nothing = file("nothing.pem");
    let not_pem = file("../tls.rs");
    let (stranger, authority) = (file("stranger.pem"), file("authority.pem"));
    for (setting, wrong, key) in [
        ("CERTIFICATE_FILE", &nothing, "router.certificate_file"),
        ("CERTIFICATE_FILE", &not_pem, "router.certificate_file"),
        ("KEY_FILE", &nothing, "router.key_file"),
        ("KEY_FILE", &authority, "router.key_file"),
        // A key of another certificate.
        ("KEY_FILE", &stranger, "router.key_file"),
        ("CLIENT_CA_FILE", &nothing, "router.client_ca_file"),
        ("CLIENT_CA_FILE", &not_pem, "router.client_ca_file"),
    ] {
        let name = format!("IDGATE_ROUTER__{setting}");
        let app = gateway(&[(name.as_str(), wrong.as_str())]).await;
        let error = Tls::load(&app.app.config.router).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{key}: ")), "{error}");
        assert!(error.contains(wrong.as_str()), "{error}");
        assert!(!error.contains("BEGIN"), "{error}");
    }
}

/// Sockets and streams show the certificate as well; the person is named by their own token alone.
#[tokio::test(flavor = "multi_thread")]
async fn live_events_come_behind_a_certificate_too() {
    let app = gateway(&[]).await;
    let listener = Listener::open(&app).await;
    let ada = app.register("ada@example.com").await;
    let bearer = format!("Bearer {}", ada.access_token);
    let query = queries::text("SessionEvents");

    let stream = TcpStream::connect(listener.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = resuming(&TLS13).connect(name, stream).await.unwrap();
    let mut request = "wss://localhost/graphql".into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("authorization", bearer.parse().unwrap());
    headers.insert(
        "sec-websocket-protocol",
        "graphql-transport-ws".parse().unwrap(),
    );
    let (mut socket, _) = client_async(request, stream).await.unwrap();
    for message in [
        json!({ "type": "connection_init" }),
        json!({ "type": "subscribe", "id": "a", "payload": { "query": query } }),
        json!({ "type": "ping" }),
    ] {
        let message = Message::Text(message.to_string().into());
        socket.send(message).await.unwrap();
    }
    let mut next = async || {
        let Message::Text(text) = socket.next().await.unwrap().unwrap() else {
            panic!("no text")
        };
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    assert_eq!(next().await["type"], "connection_ack");
    assert_eq!(next().await["type"], "pong");

    let url = format!("https://localhost:{}/graphql", listener.address.port());
    let request = client(Some(ROUTER_PEM))
        .post(url)
        .bearer_auth(&ada.access_token);
    let request = request.header("accept", "text/event-stream");
    let response = request.json(&json!({ "query": query })).send().await;
    let mut events = EventStream::of(response.unwrap());

    app.caught_up().await;
    app.login("ada@example.com").await;
    let kind = next().await["payload"]["data"]["sessionEvents"]["kind"].clone();
    assert_eq!(kind, "SIGNED_IN");
    let (_, data) = events.next().await.unwrap();
    assert_eq!(data["data"]["sessionEvents"]["kind"], "SIGNED_IN");
}

/// A client that resumes TLS sessions instead of presenting its certificate again.
fn resuming(version: &'static SupportedProtocolVersion) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(AUTHORITY_PEM).unwrap())
        .unwrap();
    let chain = vec![CertificateDer::from_pem_slice(ROUTER_PEM).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(ROUTER_PEM).unwrap();
    let config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .unwrap();
    TlsConnector::from(std::sync::Arc::new(config))
}

/// An expired certificate presented before its expiry must not be accepted
/// afterwards, which resuming would.
#[tokio::test(flavor = "multi_thread")]
async fn every_connection_shows_the_certificate_again() {
    let app = gateway(&[]).await;
    let listener = Listener::open(&app).await;
    for version in [&TLS12, &TLS13] {
        let connector = resuming(version);
        for _ in 0..3 {
            let stream = TcpStream::connect(listener.address).await.unwrap();
            let name = ServerName::try_from("localhost").unwrap();
            let mut stream = connector.connect(name, stream).await.unwrap();
            let question =
                "GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
            stream.write_all(question.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            let (_, connection) = stream.get_ref();
            assert_eq!(connection.handshake_kind(), Some(HandshakeKind::Full));
        }
    }
}
