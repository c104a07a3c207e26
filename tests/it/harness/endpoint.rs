//! An HTTP service on the loopback in place of the external ones; it records its requests.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A request that came in.
#[derive(Clone, Debug)]
pub(crate) struct RecordedRequest {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl RecordedRequest {
    /// A header as text; empty when it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

struct Shared {
    /// Status and body of the responses; without a status it never responds.
    answer: Mutex<(Option<StatusCode>, String)>,
    requests: Mutex<Vec<RecordedRequest>>,
}

/// The running service.
pub(crate) struct Endpoint {
    address: SocketAddr,
    shared: Arc<Shared>,
    _listening: JoinSet<()>,
}

impl Endpoint {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            answer: Mutex::new((Some(StatusCode::OK), String::new())),
            requests: Mutex::default(),
        });
        let router = axum::Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        let mut listening = JoinSet::new();
        listening.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            shared,
            _listening: listening,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Sets the response from now on.
    pub(crate) fn answer(&self, status: u16, body: &str) {
        let status = StatusCode::from_u16(status).unwrap();
        *self.shared.answer.lock().unwrap() = (Some(status), body.to_owned());
    }

    /// Never responds from now on.
    pub(crate) fn hang(&self) {
        self.shared.answer.lock().unwrap().0 = None;
    }

    pub(crate) fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.requests.lock().unwrap().clone()
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    shared.requests.lock().unwrap().push(RecordedRequest {
        method,
        path: uri.path().to_owned(),
        headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    let (status, text) = shared.answer.lock().unwrap().clone();
    let Some(status) = status else {
        return std::future::pending().await;
    };
    // Only meaningful on redirects, which must not be followed.
    let elsewhere = [("location", "/elsewhere")];
    (status, elsewhere, text).into_response()
}
