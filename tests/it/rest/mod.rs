//! The REST API: what clients of the system before send and read.

mod codes;
mod documented;
mod google;
mod parity;
mod passwords;
mod profile;
mod sessions;
mod surface;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, PASSWORD, TestApp};

/// A client of the REST API.
#[derive(Clone)]
pub(crate) struct Client<'a> {
    app: &'a TestApp,
    token: Option<String>,
}

impl<'a> Client<'a> {
    pub(crate) fn of(app: &'a TestApp) -> Self {
        Self { app, token: None }
    }

    /// The client of a successful sign-in.
    pub(crate) fn signed_in(app: &'a TestApp, answer: &Answer) -> Self {
        let token = answer.json["data"]["access"].as_str();
        let token = token
            .unwrap_or_else(|| panic!("{}", answer.text))
            .to_owned();
        Self {
            app,
            token: Some(token),
        }
    }

    pub(crate) fn with_token(&self, token: impl Into<String>) -> Self {
        Self {
            app: self.app,
            token: Some(token.into()),
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.app.request(method, &format!("/api/v1/auth/{path}"));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        let answer = Answer::of(self.request(method, path).json(body)).await;
        assert_envelope(&answer);
        answer
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, &body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let answer = Answer::of(self.request(Method::GET, path)).await;
        assert_envelope(&answer);
        answer
    }

    pub(crate) async fn register(&self, email: &str) -> Answer {
        let body = json!({
            "email": email, "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace",
        });
        self.post("register", body).await
    }

    pub(crate) async fn login(&self, identifier: &str, password: &str) -> Answer {
        let body = json!({ "email_or_phone": identifier, "password": password });
        self.post("login", body).await
    }
}

/// What holds for every answer: the envelope, JSON, no cookie, not cached.
pub(crate) fn assert_envelope(answer: &Answer) {
    let (body, text) = (&answer.json, &answer.text);
    assert_eq!(
        answer.header("content-type"),
        "application/json; charset=utf-8",
        "{text}"
    );
    assert!(!answer.headers.contains_key("set-cookie"), "{text}");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(
        body["message"]
            .as_str()
            .is_some_and(|message| !message.is_empty()),
        "{text}"
    );
    let member = |name: &str| body.as_object().is_some_and(|body| body.contains_key(name));
    if answer.status < 400 {
        assert_eq!(body["success"], true, "{text}");
        assert!(
            member("data") && !member("error") && !member("code"),
            "{text}"
        );
        return;
    }
    assert_eq!(body["success"], false, "{text}");
    assert!(
        body["code"].as_str().is_some_and(|code| !code.is_empty()),
        "{text}"
    );
    assert!(
        body["error"].is_string() || body["error"].is_object(),
        "{text}"
    );
    assert_eq!(body["request_id"], answer.header("x-request-id"), "{text}");
    let names_scheme = answer.header("www-authenticate") == "Bearer";
    assert_eq!(names_scheme, answer.status == 401, "{text}");
    let retries = answer.header("retry-after");
    assert_eq!(
        !retries.is_empty(),
        matches!(answer.status, 429 | 503),
        "{text}"
    );
    if !retries.is_empty() {
        assert_eq!(body["retry_after"].to_string(), retries);
    }
}

/// Asserts the status and the code of a refusal.
pub(crate) fn assert_refused(answer: &Answer, status: u16, code: &str) {
    let found = (
        answer.status,
        answer.json["code"].as_str().unwrap_or_default(),
    );
    assert_eq!(found, (status, code), "{}", answer.text);
}
