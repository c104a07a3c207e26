//! An account with one way in, and the result of using it.

use reqwest::Method;
use serde_json::{Value, json};

use super::{End, Entry};
use crate::federation::{HEADER, SECRET};
use crate::harness::{Anonymous, Answer, EventStream, Google, PASSWORD, Received, SignedIn};
use crate::harness::{Socket, TestApp, queries};

const NEW: &str = "staple battery horse correct";

/// An account of which one entry is about to be used.
pub(super) struct Account<'a> {
    google: &'a Google,
    entry: Entry,
    pub(super) email: String,
    /// A session that was not used yet.
    session: Option<SignedIn<'a>>,
    cookie: String,
    device: Value,
    /// A code, or the token of a link.
    proof: String,
    socket: Option<Socket>,
    stream: Option<EventStream>,
}

async fn run(client: &Anonymous<'_>, document: &str, input: Value) -> Answer {
    client.run(document, json!({ "input": input })).await
}

/// The role and the function of a caller who got in, or nothing.
async fn standing(person: &SignedIn<'_>) -> Option<(String, String)> {
    let answer = person
        .ask("{ me { role staffFunctions } }", json!({}))
        .await;
    if answer.code() == "UNAUTHENTICATED" {
        return None;
    }
    let me = answer.root("me");
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Some((word(&me["role"]), word(&me["staffFunctions"][0])))
}

/// A socket that a router holds for this person, named in the handshake.
async fn socket_of_a_router(person: &SignedIn<'_>) -> Socket {
    person.app().caught_up().await;
    let bearer = format!("Bearer {}", person.access_token);
    let headers = [
        ("sec-websocket-protocol", "graphql-transport-ws"),
        ("authorization", bearer.as_str()),
        (HEADER, SECRET),
    ];
    let address = person.app().address();
    let mut socket = Socket::open(address, "/graphql", &headers).await.unwrap();
    socket.send(json!({ "type": "connection_init" })).await;
    let ack = Received::Message(json!({ "type": "connection_ack" }));
    assert_eq!(socket.receive().await, ack);
    socket.subscribe("a", "SessionEvents", json!({})).await;
    socket.settle().await;
    socket
}

/// A stream that a router holds for this person.
async fn stream_of_a_router(person: &SignedIn<'_>) -> EventStream {
    person.app().caught_up().await;
    let request = person.app().request(Method::POST, "/graphql");
    let request = request.json(&json!({ "query": queries::text("SessionEvents") }));
    let request = request.header("accept", "text/event-stream");
    let request = request.header(HEADER, SECRET);
    let response = request.bearer_auth(&person.access_token).send().await;
    EventStream::of(response.unwrap())
}

impl<'a> Account<'a> {
    pub(super) async fn of(
        google: &'a Google,
        root: &SignedIn<'_>,
        entry: Entry,
        end: End,
    ) -> Self {
        let app = &google.app;
        let email = format!("{entry:?}.{end:?}@example.com").to_lowercase();
        let [(role, functions), _] = end.roles();
        let mut account = Self {
            google,
            entry,
            email,
            session: None,
            cookie: String::new(),
            device: Value::Null,
            proof: String::new(),
            socket: None,
            stream: None,
        };
        let email = account.email.as_str();
        if entry == Entry::Invitation {
            let functions: Vec<&str> = functions.split_terminator(',').collect();
            let input = json!({ "email": email, "role": role, "staffFunctions": functions });
            let answer = root.run("InviteUser", json!({ "input": input })).await;
            assert_eq!(answer.typename("inviteUser"), "UserInvited");
            account.proof = app.token(email, "invitation").await;
            return account;
        }
        let session = if entry.is_of_unproven_address() {
            app.register(email).await
        } else {
            let what = format!("{role} {functions}").to_lowercase();
            app.appoint(email, what.trim()).await
        };
        account.prepare(&session).await;
        account.session = Some(session);
        if entry == Entry::Router {
            account.session = Some(account.session.unwrap().refreshed().await);
        }
        account
    }

    /// Requests the code or link that the entry needs.
    async fn prepare(&mut self, session: &SignedIn<'_>) {
        let (app, email) = (&self.google.app, self.email.as_str());
        let client = app.anonymous();
        let code = async |purpose: &str, kind: &str| {
            client.request_otp(email, purpose).await;
            app.code(email, kind).await
        };
        match self.entry {
            Entry::Cookie => {
                let browser = client.with("idgate-delivery", "cookie");
                let answer = browser.login(email, PASSWORD).await;
                let cookie = answer.header("set-cookie").split(';').next();
                self.cookie = cookie.unwrap().to_owned();
            }
            Entry::Device => {
                let answer = client.login(email, PASSWORD).await;
                self.device = answer.root("login")["deviceToken"].clone();
            }
            Entry::Socket => {
                self.socket = Some(session.listen("SessionEvents", json!({})).await);
            }
            Entry::Stream => self.stream = Some(session.stream("SessionEvents").await),
            Entry::RouterSocket => self.socket = Some(socket_of_a_router(session).await),
            Entry::RouterStream => self.stream = Some(stream_of_a_router(session).await),
            Entry::LoginCode => self.proof = code("LOGIN", "login_code").await,
            Entry::ResetCode => self.proof = code("RESET_PASSWORD", "password_reset").await,
            Entry::ResetLink => {
                let input = json!({ "emailOrPhone": email });
                run(&client, "RequestPasswordReset", input).await;
                self.proof = app.token(email, "password_reset").await;
            }
            Entry::VerifyLink => self.proof = app.confirmation_token(email).await,
            Entry::VerifyCode => {
                app.advance(120);
                self.proof = code("VERIFY_EMAIL", "verify_email").await;
            }
            Entry::RevertLink => {
                let moved = format!("moved.{email}");
                let input = json!({ "input": { "email": moved } });
                session.run("RequestEmailChange", input).await;
                let token = app.token(&moved, "change_email").await;
                let input = json!({ "input": { "token": token } });
                let answer = session.run("ConfirmEmailChange", input).await;
                assert_eq!(answer.typename("confirmEmailChange"), "EmailChanged");
                self.proof = app.token(email, "email_changed").await;
                self.email = moved;
            }
            Entry::Provider => {
                let input = json!({ "input": { "idToken": self.id_token() } });
                let answer = session.run("LinkGoogle", input).await;
                assert_eq!(answer.typename("linkGoogle"), "GoogleLinked");
                // A token of the provider is good for one use.
                app.advance(1);
            }
            _ => {}
        }
    }

    fn id_token(&self) -> String {
        let claims = json!({ "sub": self.email, "email": self.email, "hd": "example.com" });
        self.google.token(&claims)
    }

    /// Uses the entry, and returns the role and function of the caller; nothing when it is closed.
    pub(super) async fn enter(&mut self, other: &TestApp) -> Option<(String, String)> {
        let app = &self.google.app;
        let (client, email) = (app.anonymous(), self.email.as_str());
        let (answer, field) = match self.entry {
            Entry::AccessToken => return standing(self.session.as_ref()?).await,
            Entry::OtherInstance => return standing(&self.session.as_ref()?.at(other)).await,
            Entry::Router => return self.through_a_router().await,
            Entry::Socket | Entry::Stream | Entry::RouterSocket | Entry::RouterStream => {
                return self.listen().await;
            }
            Entry::RefreshToken => {
                let token = &self.session.as_ref()?.refresh_token;
                (client.refresh(token).await, "refreshSession")
            }
            Entry::Cookie => {
                let browser = client
                    .with("idgate-delivery", "cookie")
                    .with("idgate-csrf", "1")
                    .with("cookie", &self.cookie);
                let answer = run(&browser, "RefreshSession", json!({})).await;
                (answer, "refreshSession")
            }
            Entry::LoginCode => {
                let answer = client.verify_otp(email, "LOGIN", &self.proof).await;
                (answer, "verifyOtp")
            }
            Entry::VerifyCode => {
                let answer = client.verify_otp(email, "VERIFY_EMAIL", &self.proof).await;
                (answer, "verifyOtp")
            }
            Entry::VerifyLink => {
                let input = json!({ "token": self.proof, "password": PASSWORD });
                (run(&client, "VerifyEmail", input).await, "verifyEmail")
            }
            Entry::ResetCode => {
                let input = json!({
                    "emailOrPhone": email, "code": self.proof, "newPassword": NEW,
                });
                return self.set_password(input).await;
            }
            Entry::ResetLink | Entry::Invitation => {
                let input = json!({ "token": self.proof, "newPassword": NEW });
                return self.set_password(input).await;
            }
            Entry::RevertLink => return self.revert().await,
            Entry::Provider => {
                let answer = self.google.present(&self.id_token()).await;
                (answer, "loginWithGoogle")
            }
            Entry::Password => (client.login(email, PASSWORD).await, "login"),
            Entry::Device => {
                let input = json!({
                    "emailOrPhone": email, "password": PASSWORD, "deviceToken": self.device,
                });
                (run(&client, "Login", input).await, "login")
            }
        };
        self.signed_in(&answer, field).await
    }

    /// What this sign-in leads to, if it is this account.
    async fn signed_in(&self, answer: &Answer, field: &str) -> Option<(String, String)> {
        if answer.typename(field) != "SignedIn" {
            assert!(!answer.text.contains("ccessToken"), "{}", answer.text);
            return None;
        }
        let person = SignedIn::from_answer(&self.google.app, answer, field);
        let known = self.session.as_ref();
        let is_other = known.is_some_and(|known| known.user_id != person.user_id);
        if is_other {
            return None;
        }
        standing(&person).await
    }

    async fn set_password(&self, input: Value) -> Option<(String, String)> {
        let client = self.google.app.anonymous();
        let answer = run(&client, "ConfirmPasswordReset", input).await;
        let is_set = answer.typename("confirmPasswordReset") == "PasswordChanged";
        let login = client.login(&self.email, NEW).await;
        let person = self.signed_in(&login, "login").await;
        assert_eq!(is_set, person.is_some(), "{}", login.text);
        person
    }

    async fn revert(&self) -> Option<(String, String)> {
        let client = self.google.app.anonymous();
        let input = json!({ "token": self.proof });
        let answer = run(&client, "RevertEmailChange", input).await;
        if answer.typename("revertEmailChange") != "EmailReverted" {
            return None;
        }
        let before = self.email.trim_start_matches("moved.");
        let token = self.google.app.token(before, "email_reverted").await;
        let input = json!({ "token": token, "newPassword": NEW });
        run(&client, "ConfirmPasswordReset", input).await;
        let login = client.login(before, NEW).await;
        self.signed_in(&login, "login").await
    }

    async fn through_a_router(&self) -> Option<(String, String)> {
        let session = self.session.as_ref()?;
        let router = session.clone().with(HEADER, SECRET);
        let query = "query($of: [_Any!]!) { _entities(representations: $of) { \
                     ... on User { email role staffFunctions } } }";
        let key = json!({ "__typename": "User", "id": session.user_id });
        let answer = router.ask(query, json!({ "of": [key] })).await;
        let user = &answer.json["data"]["_entities"][0];
        if answer.json["errors"].is_array() || user.is_null() {
            assert!(!answer.text.contains(&self.email), "{}", answer.text);
            return None;
        }
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Some((word(&user["role"]), word(&user["staffFunctions"][0])))
    }

    /// The first message after another sign-in, if any.
    async fn listen(&mut self) -> Option<(String, String)> {
        let client = self.google.app.anonymous();
        client.login(&self.email, PASSWORD).await;
        let payload = if let Some(mut socket) = self.socket.take() {
            match socket.receive().await {
                Received::Closed(code) => {
                    assert_eq!(code, 4401, "{}", self.email);
                    return None;
                }
                Received::Message(message) => message["payload"].clone(),
            }
        } else {
            self.stream.take()?.next().await?.1
        };
        if let Some(error) = payload["errors"].get(0) {
            assert_eq!(error["extensions"]["code"], "UNAUTHENTICATED", "{payload}");
            return None;
        }
        assert!(payload["data"]["sessionEvents"].is_object(), "{payload}");
        standing(self.session.as_ref()?).await
    }
}
