//! An OpenID Connect issuer on a real socket: signs any claims, publishes its keys, and can
//! be slow, broken or excessive.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use idgate::config::Algorithm;
use idgate::crypto::access_token::SigningKey;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{Answer, TestApp};

/// The client that tokens are for.
pub(crate) const CLIENT: &str = "web.apps.example.com";
/// The maximum age of a token, in seconds.
const HOUR: i64 = 3_600;

/// How the issuer answers requests for its keys.
#[derive(Clone, Debug)]
pub(crate) enum IssuerBehaviour {
    /// With the keys.
    Normal,
    /// With a failure.
    Failing,
    /// Never.
    Hanging,
    /// With ten megabytes.
    Huge,
    /// With a redirect.
    Redirecting,
    /// With something that is no key set.
    NotJson,
}

/// A key pair of an issuer.
struct Pair {
    private: RsaKeyPair,
    public: Value,
}

struct Shared {
    keys: Mutex<Vec<Arc<Pair>>>,
    behaviour: Mutex<IssuerBehaviour>,
    max_age: Mutex<Option<u64>>,
    fetches: AtomicU64,
    strays: AtomicU64,
}

/// The issuer.
pub(crate) struct Issuer {
    name: String,
    address: SocketAddr,
    shared: Arc<Shared>,
    serial: AtomicU64,
    _listener: JoinSet<()>,
}

impl Issuer {
    /// An issuer named by its own URL.
    pub(crate) async fn start() -> Self {
        Self::named(None).await
    }

    /// An issuer that claims another name.
    async fn named(name: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let name = name.map_or_else(|| format!("http://{address}"), str::to_owned);
        let shared = Arc::new(Shared {
            keys: Mutex::new(vec![Arc::new(Pair::new())]),
            behaviour: Mutex::new(IssuerBehaviour::Normal),
            max_age: Mutex::new(None),
            fetches: AtomicU64::new(0),
            strays: AtomicU64::new(0),
        });
        let routes = Router::new()
            .route("/jwks", get(publish))
            .fallback(stray)
            .with_state(Arc::clone(&shared));
        let mut listening = JoinSet::new();
        listening.spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self {
            name,
            address,
            shared,
            serial: AtomicU64::new(0),
            _listener: listening,
        }
    }

    /// The `iss` of its tokens.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The number of requests for its keys.
    pub(crate) fn fetches(&self) -> u64 {
        self.shared.fetches.load(Ordering::Relaxed)
    }

    /// The number of all other requests.
    pub(crate) fn strays(&self) -> u64 {
        self.shared.strays.load(Ordering::Relaxed)
    }

    pub(crate) fn behave(&self, behaviour: IssuerBehaviour) {
        *self.shared.behaviour.lock().unwrap() = behaviour;
    }

    pub(crate) fn allow_use_for(&self, seconds: u64) {
        *self.shared.max_age.lock().unwrap() = Some(seconds);
    }

    /// Signs with a new key from now on, and withdraws the old ones.
    pub(crate) fn rotate(&self) {
        *self.shared.keys.lock().unwrap() = vec![Arc::new(Pair::new())];
    }

    /// The public half of the key it signs with.
    pub(crate) fn public_key(&self) -> Value {
        self.pair().public.clone()
    }

    /// The JOSE header of its tokens.
    pub(crate) fn header(&self) -> Value {
        json!({ "alg": "RS256", "kid": self.public_key()["kid"], "typ": "JWT" })
    }

    /// Signs exactly this header and these claims.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        self.pair().sign(header, claims)
    }

    fn pair(&self) -> Arc<Pair> {
        Arc::clone(self.shared.keys.lock().unwrap().last().unwrap())
    }

    /// Claims about Ada at this second, with changes; `null` removes a claim.
    pub(crate) fn claims(&self, now: i64, changes: &Value) -> Value {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let mut claims = json!({
            "iss": self.name, "aud": CLIENT, "azp": CLIENT, "sub": "1001",
            "email": "ada@gmail.com", "email_verified": true,
            "given_name": "Ada", "family_name": "Lovelace",
            "iat": now, "exp": now + HOUR, "jti": serial.to_string(),
        });
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        claims
    }
}

impl Pair {
    fn new() -> Self {
        let instant = DateTime::UNIX_EPOCH;
        let key = SigningKey::generate(Algorithm::Rs256, instant).unwrap();
        Self {
            private: RsaKeyPair::from_pkcs8(key.private_der()).unwrap(),
            public: key.public_jwk().clone(),
        }
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let encoded = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encoded(header), encoded(claims));
        let mut signature = vec![0; self.private.public_modulus_len()];
        let random = SystemRandom::new();
        self.private
            .sign(
                &RSA_PKCS1_SHA256,
                &random,
                signed.as_bytes(),
                &mut signature,
            )
            .unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

async fn publish(State(shared): State<Arc<Shared>>) -> Response {
    shared.fetches.fetch_add(1, Ordering::Relaxed);
    let behaviour = shared.behaviour.lock().unwrap().clone();
    match behaviour {
        IssuerBehaviour::Normal => {
            let keys: Vec<Value> = shared
                .keys
                .lock()
                .unwrap()
                .iter()
                .map(|pair| pair.public.clone())
                .collect();
            let mut headers = HeaderMap::new();
            if let Some(seconds) = *shared.max_age.lock().unwrap() {
                let value = format!("public, max-age={seconds}, must-revalidate");
                headers.insert(header::CACHE_CONTROL, value.parse().unwrap());
            }
            (headers, json!({ "keys": keys }).to_string()).into_response()
        }
        IssuerBehaviour::Failing => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        IssuerBehaviour::Hanging => std::future::pending().await,
        IssuerBehaviour::Huge => vec![b' '; 10 * 1024 * 1024].into_response(),
        IssuerBehaviour::Redirecting => {
            let elsewhere = [(header::LOCATION, "/elsewhere")];
            (StatusCode::FOUND, elsewhere).into_response()
        }
        IssuerBehaviour::NotJson => "<html>welcome to the hotel</html>".into_response(),
    }
}

async fn stray(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.strays.fetch_add(1, Ordering::Relaxed);
    StatusCode::NOT_FOUND
}

/// A gateway and the issuer it trusts.
pub(crate) struct Google {
    pub(crate) issuer: Issuer,
    pub(crate) app: TestApp,
}

impl Google {
    pub(crate) async fn spawn() -> Self {
        Self::with(&[]).await
    }

    pub(crate) async fn with(changes: &[(&str, &str)]) -> Self {
        Self::of(Issuer::start().await, changes).await
    }

    /// The same with Google's own name.
    pub(crate) async fn genuine() -> Self {
        Self::genuine_with(&[]).await
    }

    /// The same with some settings changed.
    pub(crate) async fn genuine_with(changes: &[(&str, &str)]) -> Self {
        let issuer = Issuer::named(Some("https://accounts.google.com")).await;
        Self::of(issuer, changes).await
    }

    async fn of(issuer: Issuer, changes: &[(&str, &str)]) -> Self {
        let jwks = format!("{}/jwks", issuer.url());
        let mut settings = vec![
            ("IDGATE_GOOGLE__CLIENT_IDS", CLIENT),
            ("IDGATE_GOOGLE__ISSUER", issuer.name()),
            ("IDGATE_GOOGLE__JWKS_URL", jwks.as_str()),
            // A slow test machine is no outage; tests of outages set their own timeouts.
            ("IDGATE_GOOGLE__TIMEOUT_MILLISECONDS", "9000"),
        ];
        settings.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        settings.extend(changes);
        let app = TestApp::with(&settings).await;
        Self { issuer, app }
    }

    /// The current time, in seconds.
    pub(crate) fn now(&self) -> i64 {
        self.app.app.clock.now().timestamp()
    }

    /// A token about Ada, with changes.
    pub(crate) fn token(&self, changes: &Value) -> String {
        let claims = self.issuer.claims(self.now(), changes);
        self.issuer.sign(&self.issuer.header(), &claims)
    }

    /// Signs in with a token about Ada, with changes.
    pub(crate) async fn login(&self, changes: &Value) -> Answer {
        self.present(&self.token(changes)).await
    }

    /// Signs in with this token.
    pub(crate) async fn present(&self, token: &str) -> Answer {
        let input = json!({ "idToken": token });
        let client = self.app.anonymous();
        client
            .run("LoginWithGoogle", json!({ "input": input }))
            .await
    }

    /// The result of signing in with a changed token about Ada.
    pub(crate) async fn outcome(&self, changes: &Value) -> String {
        let answer = self.login(changes).await;
        answer.typename("loginWithGoogle").to_owned()
    }
}
