//! Clients: anonymous and signed in, as two types.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, TestApp, queries};

/// The password of all test users.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A client without an access token.
#[derive(Clone)]
pub(crate) struct Anonymous<'a> {
    app: &'a TestApp,
    headers: Vec<(&'static str, String)>,
}

impl<'a> Anonymous<'a> {
    pub(super) fn new(app: &'a TestApp) -> Self {
        Self {
            app,
            headers: Vec::new(),
        }
    }

    /// The same person, sending one more header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same person at another instance.
    pub(crate) fn at<'b>(&self, app: &'b TestApp) -> Anonymous<'b> {
        Anonymous {
            app,
            headers: self.headers.clone(),
        }
    }

    /// Runs a document of `queries/`.
    pub(crate) async fn run(&self, document: &str, variables: Value) -> Answer {
        self.ask(queries::text(document), variables).await
    }

    /// Runs a document of `queries/` by its id.
    pub(crate) async fn run_by_id(&self, document: &str, variables: Value) -> Answer {
        let id = queries::id(document);
        self.send(&json!({ "documentId": id, "variables": variables }))
            .await
    }

    /// The same client with this user agent, and this address in `X-Forwarded-For`.
    pub(crate) fn located(self, agent: &str, address: &str) -> Self {
        self.with("user-agent", agent)
            .with("x-forwarded-for", address)
    }

    /// Runs any document.
    pub(crate) async fn ask(&self, query: &str, variables: Value) -> Answer {
        self.send(&json!({ "query": query, "variables": variables }))
            .await
    }

    /// Sends a request body.
    pub(crate) async fn send(&self, body: &Value) -> Answer {
        let mut request = self.app.request(Method::POST, "/graphql").json(body);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        Answer::of(request).await
    }

    /// Registers with [`PASSWORD`].
    pub(crate) async fn register(&self, email: &str) -> Answer {
        let input = json!({
            "email": email, "password": PASSWORD, "firstName": "Ada", "lastName": "Lovelace",
        });
        self.run("Register", json!({ "input": input })).await
    }

    /// Tries to sign in.
    pub(crate) async fn login(&self, identifier: &str, password: &str) -> Answer {
        let input = json!({ "emailOrPhone": identifier, "password": password });
        self.run("Login", json!({ "input": input })).await
    }

    /// Asks for a code.
    pub(crate) async fn request_otp(&self, to: &str, purpose: &str) -> Answer {
        let input = json!({ "emailOrPhone": to, "purpose": purpose });
        self.run("RequestOtp", json!({ "input": input })).await
    }

    /// Submits a code.
    pub(crate) async fn verify_otp(&self, to: &str, purpose: &str, code: &str) -> Answer {
        let input = json!({ "emailOrPhone": to, "purpose": purpose, "code": code });
        self.run("VerifyOtp", json!({ "input": input })).await
    }

    /// Presents a refresh token.
    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.run(
            "RefreshSession",
            json!({ "input": { "refreshToken": token } }),
        )
        .await
    }
}

/// A client with an access token.
#[derive(Clone)]
pub(crate) struct SignedIn<'a> {
    pub(super) app: &'a TestApp,
    client: Anonymous<'a>,
    /// The user's id.
    pub(crate) user_id: String,
    /// The access token.
    pub(crate) access_token: String,
    /// The refresh token; empty when it travels in a cookie.
    pub(crate) refresh_token: String,
}

impl<'a> SignedIn<'a> {
    /// The client of a successful sign-in.
    pub(crate) fn from_answer(app: &'a TestApp, answer: &Answer, field: &str) -> Self {
        assert_eq!(answer.typename(field), "SignedIn", "{}", answer.text);
        let signed_in = answer.root(field);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let access_token = text(&signed_in["accessToken"]);
        Self {
            app,
            client: Anonymous::new(app).with("authorization", format!("Bearer {access_token}")),
            user_id: text(&signed_in["user"]["id"]),
            access_token,
            refresh_token: text(&signed_in["refreshToken"]),
        }
    }

    /// The instance this client talks to.
    pub(crate) fn app(&self) -> &'a TestApp {
        self.app
    }

    /// The same person at another instance.
    pub(crate) fn at<'b>(&self, app: &'b TestApp) -> SignedIn<'b> {
        SignedIn {
            app,
            client: self.client.at(app),
            user_id: self.user_id.clone(),
            access_token: self.access_token.clone(),
            refresh_token: self.refresh_token.clone(),
        }
    }

    /// The same client with this user agent, and this address in `X-Forwarded-For`.
    pub(crate) fn located(mut self, agent: &str, address: &str) -> Self {
        self.client = self.client.located(agent, address);
        self
    }

    /// The same person, sending one more header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.client = self.client.with(name, value);
        self
    }

    /// Runs a document of `queries/` by its id.
    pub(crate) async fn run_by_id(&self, document: &str, variables: Value) -> Answer {
        self.client.run_by_id(document, variables).await
    }

    /// Runs a document of `queries/`.
    pub(crate) async fn run(&self, document: &str, variables: Value) -> Answer {
        self.client.run(document, variables).await
    }

    /// Runs any document.
    pub(crate) async fn ask(&self, query: &str, variables: Value) -> Answer {
        self.client.ask(query, variables).await
    }

    /// The client after a refresh that must succeed.
    pub(crate) async fn refreshed(&self) -> SignedIn<'a> {
        let answer = Anonymous::new(self.app).refresh(&self.refresh_token).await;
        Self::from_answer(self.app, &answer, "refreshSession")
    }

    /// Whether the access token is still accepted.
    pub(crate) async fn is_signed_in(&self) -> bool {
        let answer = self.run("Me", json!({})).await;
        if answer.code() == "UNAUTHENTICATED" {
            assert!(answer.json["data"]["me"].is_null(), "{}", answer.text);
            return false;
        }
        assert_eq!(answer.root("me")["id"], self.user_id);
        true
    }

    /// The live sessions, newest first.
    pub(crate) async fn sessions(&self) -> Vec<Value> {
        let answer = self.run("MySessions", json!({ "first": 100 })).await;
        answer.root("me")["sessions"]["nodes"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// The id of this client's own session.
    pub(crate) async fn session_id(&self) -> String {
        let sessions = self.sessions().await;
        let current = sessions.iter().find(|session| session["current"] == true);
        current.expect("a current session")["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}
