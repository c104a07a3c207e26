//! The documents of `queries/` as clients run them: each of them does what its name says, leaves the
//! event that `recorded` expects, and costs what `costs` says.

mod costs;
mod leaving;
mod recorded;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::harness::{Answer, CommandCounter, Google, PASSWORD, SignedIn, TestApp, Work, queries};
use crate::media::{self, Place};
use costs::Cost;
use recorded::Record;

/// Runs documents and remembers which.
struct Tour<'a> {
    app: &'a TestApp,
    seen: BTreeSet<String>,
    /// What wrote an audit event.
    recorded: Vec<Record>,
    /// What each document cost when it was first run.
    costs: BTreeMap<String, Cost>,
    commands: Option<CommandCounter>,
}

/// Mutations that succeed without an audit event. This list may only shrink: a refresh is recorded
/// only when the device changed, since it happens every few minutes.
const UNRECORDED: [&str; 1] = ["RefreshSession"];

impl<'a> Tour<'a> {
    async fn of(app: &'a TestApp) -> Self {
        Self {
            app,
            seen: BTreeSet::new(),
            recorded: Vec::new(),
            costs: BTreeMap::new(),
            commands: CommandCounter::of(app).await,
        }
    }

    fn note(&mut self, document: &str, answer: &Answer, kind: &str) {
        assert!(
            answer.json["errors"].is_null(),
            "{document}: {}",
            answer.text
        );
        if !kind.is_empty() {
            let root = answer.json["data"]
                .as_object()
                .unwrap()
                .values()
                .next()
                .unwrap();
            assert_eq!(root["__typename"], kind, "{document}: {}", answer.text);
        }
        self.seen.insert(document.to_owned());
    }

    async fn anonymous(&mut self, document: &str, variables: Value, kind: &str) -> Answer {
        let client = self.app.anonymous();
        let client = client.located(recorded::AGENT, recorded::ADDRESS);
        let run = client.run_by_id(document, variables);
        self.watch(document, run, kind).await
    }

    /// Runs a document, and notes what it cost and whether it left an event.
    async fn watch(
        &mut self,
        document: &str,
        run: impl Future<Output = Answer>,
        kind: &str,
    ) -> Answer {
        let (answer, work) = self.measure(document, run).await;
        self.note(document, &answer, kind);
        if work.events > 0 {
            self.recorded.push(Record::of(document, &answer));
        }
        answer
    }

    /// Runs an operation, and notes what it cost if it is the first of this name.
    async fn measure<T>(&mut self, name: &str, run: impl Future<Output = T>) -> (T, Work) {
        let before = self.commands().await;
        let (outcome, work) = self.app.work_of(run).await;
        let after = self.commands().await;
        let cost = Cost {
            statements: work.statements,
            commands: after.zip(before).map(|(after, before)| after - before),
        };
        self.costs.entry(name.to_owned()).or_insert(cost);
        (outcome, work)
    }

    async fn commands(&self) -> Option<u64> {
        match &self.commands {
            Some(commands) => Some(commands.counted().await),
            None => None,
        }
    }

    async fn by(&mut self, person: &SignedIn<'_>, document: &str, variables: Value, kind: &str) {
        self.with(person, document, variables, kind).await;
    }

    async fn with(
        &mut self,
        person: &SignedIn<'_>,
        document: &str,
        variables: Value,
        kind: &str,
    ) -> Answer {
        let person = person.clone();
        let person = person.located(recorded::AGENT, recorded::ADDRESS);
        let run = person.run_by_id(document, variables);
        self.watch(document, run, kind).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_document_runs_to_its_success() {
    let google = Google::with(&[recorded::PROXIES]).await;
    let app = &google.app;
    let mut tour = Tour::of(app).await;
    everything(&mut tour, &google).await;

    let all: BTreeSet<String> = queries::DOCUMENTS.keys().cloned().collect();
    assert_eq!(tour.seen, all, "documents that this tour leaves out");
    let mutations = all
        .iter()
        .filter(|name| queries::text(name).contains("\nmutation "));
    let quiet: Vec<&String> = mutations
        .filter(|name| !tour.recorded.iter().any(|entry| entry.document == **name))
        .collect();
    assert_eq!(quiet, UNRECORDED, "mutations without an audit event");
    recorded::assert_complete(app, &tour.recorded).await;
}

/// Every document.
async fn everything(tour: &mut Tour<'_>, google: &Google) {
    let app = tour.app;
    tour.anonymous("AuthConfig", json!({}), "").await;
    let input = json!({
        "email": "ada@example.com", "password": PASSWORD, "firstName": "Ada",
        "lastName": "Lovelace", "role": "VENDOR",
    });
    let answer = tour
        .anonymous("Register", json!({ "input": input }), "SignedIn")
        .await;
    let ada = SignedIn::from_answer(app, &answer, "register");
    tour.by(&ada, "Me", json!({}), "").await;
    tour.by(&ada, "User", json!({ "id": ada.user_id }), "")
        .await;
    tour.by(
        &ada,
        "UpdateProfile",
        json!({ "input": { "city": "London" } }),
        "ProfileUpdated",
    )
    .await;
    avatar(tour, &ada).await;
    tour.by(
        &ada,
        "StepUp",
        json!({ "input": { "password": PASSWORD } }),
        "SteppedUp",
    )
    .await;
    let wanted = json!({ "input": { "email": "ada@example.com" } });
    tour.anonymous(
        "RequestEmailVerification",
        wanted,
        "EmailVerificationRequested",
    )
    .await;
    let token = app.confirmation_token("ada@example.com").await;
    let proof = json!({ "input": { "token": token, "password": PASSWORD } });
    tour.anonymous("VerifyEmail", proof, "SignedIn").await;

    audit(tour, &ada).await;
    recovery(tour).await;
    moving(tour).await;

    let input = json!({ "emailOrPhone": "ada@example.org", "password": PASSWORD });
    let answer = tour
        .anonymous("Login", json!({ "input": input }), "SignedIn")
        .await;
    let phone = SignedIn::from_answer(app, &answer, "login");
    let ada = tour.app.login("ada@example.org").await;
    tour.by(&ada, "MySessions", json!({ "first": 10 }), "")
        .await;
    let revoked = json!({ "input": { "sessionId": phone.session_id().await } });
    tour.by(&ada, "RevokeSession", revoked, "SessionRevoked")
        .await;
    tour.by(
        &ada,
        "RevokeOtherSessions",
        json!({}),
        "OtherSessionsRevoked",
    )
    .await;
    visit_google(tour, google, &ada).await;
    // By the program that signed in: another one would be noted.
    let input = json!({ "emailOrPhone": "ada@example.org", "password": PASSWORD });
    let answer = tour
        .anonymous("Login", json!({ "input": input }), "SignedIn")
        .await;
    let token = SignedIn::from_answer(app, &answer, "login").refresh_token;
    let token = json!({ "input": { "refreshToken": token } });
    tour.anonymous("RefreshSession", token, "SignedIn").await;
    tour.by(&ada, "Logout", json!({}), "LoggedOut").await;

    administration(tour).await;
    leaving::leaving(tour).await;
    listening(tour).await;
}

/// An avatar, from its upload to its removal.
async fn avatar(tour: &mut Tour<'_>, ada: &SignedIn<'_>) {
    let bytes = media::png(1);
    let input = json!({ "contentType": "image/png", "contentLength": bytes.len() });
    let input = json!({ "input": input });
    let begun = tour
        .with(ada, "BeginAvatarUpload", input, "AvatarUpload")
        .await;
    let place = Place::of(&begun);
    assert_eq!(place.send(bytes).await.status, 204);
    let input = json!({ "input": { "uploadId": place.id } });
    tour.by(ada, "SetAvatar", input, "AvatarSet").await;
    tour.by(ada, "RemoveAvatar", json!({}), "AvatarRemoved")
        .await;
}

/// Administrative mutations.
async fn administration(tour: &mut Tour<'_>) {
    let app = tour.app;
    let root = app.appoint("root@example.com", "admin").await;
    let grace = json!({ "email": "grace@example.com", "role": "CLIENT" });
    let grace = json!({ "input": grace });
    let invited = tour.with(&root, "InviteUser", grace, "UserInvited").await;
    let id = invited.root("inviteUser")["user"]["id"].clone();
    tour.app
        .execute("UPDATE users SET email_verified = TRUE WHERE email = 'grace@example.com'")
        .await;
    for (document, input, kind) in [
        ("UpdateUser", json!({ "vendorId": "v-1" }), "UserUpdated"),
        ("SetUserRole", json!({ "role": "STAFF" }), "UserRoleChanged"),
        (
            "SetStaffFunctions",
            json!({ "staffFunctions": ["SALES"] }),
            "StaffFunctionsChanged",
        ),
        ("SuspendUser", json!({}), "UserSuspended"),
        ("UnsuspendUser", json!({}), "UserUnsuspended"),
        ("RevokeUserSessions", json!({}), "UserSessionsRevoked"),
    ] {
        let mut input = input;
        input["userId"] = id.clone();
        tour.by(&root, document, json!({ "input": input }), kind)
            .await;
    }
    for (document, variables) in [
        ("Users", json!({ "first": 10 })),
        ("SearchUsers", json!({ "search": "grace" })),
        ("NewUsers", json!({ "since": "2026-01-01T00:00:00Z" })),
        ("SuspendedUsers", json!({})),
        ("StaffMembers", json!({ "role": "STAFF" })),
        ("UserDetails", json!({ "id": id })),
        ("UserStats", json!({})),
    ] {
        tour.by(&root, document, variables, "").await;
    }
}

/// Subscriptions.
async fn listening(tour: &mut Tour<'_>) {
    let root = tour.app.login("root@example.com").await;
    for (document, field) in [
        ("SessionEvents", "sessionEvents"),
        ("AuditStream", "auditEvents"),
    ] {
        let mut socket = root.listen(document, json!({})).await;
        tour.app.login("root@example.com").await;
        assert!(socket.event(field).await.is_object(), "{document}");
        tour.seen.insert(document.to_owned());
    }
}

/// The audit log, as read by the user and by staff.
async fn audit(tour: &mut Tour<'_>, ada: &SignedIn<'_>) {
    tour.by(ada, "MyAuditEvents", json!({ "first": 10 }), "")
        .await;
    tour.app.register("auditor@example.com").await;
    let promote = "UPDATE users SET role = 'admin' WHERE email = 'auditor@example.com'";
    tour.app.execute(promote).await;
    let auditor = tour.app.login("auditor@example.com").await;
    tour.by(&auditor, "AuditEvents", json!({ "first": 10 }), "")
        .await;
}

/// Codes and passwords.
async fn recovery(tour: &mut Tour<'_>) {
    let app = tour.app;
    let email = "ada@example.com";
    let wanted = json!({ "input": { "emailOrPhone": email } });
    tour.anonymous("RequestPasswordReset", wanted, "PasswordResetRequested")
        .await;
    let token = app.token(email, "password_reset").await;
    let new = json!({ "input": { "token": token, "newPassword": PASSWORD } });
    tour.anonymous("ConfirmPasswordReset", new, "PasswordChanged")
        .await;
    let wanted = json!({ "input": { "emailOrPhone": email, "purpose": "LOGIN" } });
    tour.anonymous("RequestOtp", wanted, "OtpSent").await;
    let code = app.code(email, "login_code").await;
    let typed = json!({ "input": { "emailOrPhone": email, "purpose": "LOGIN", "code": code } });
    let answer = tour.anonymous("VerifyOtp", typed, "SignedIn").await;
    let ada = SignedIn::from_answer(app, &answer, "verifyOtp");
    let change = json!({ "input": { "currentPassword": PASSWORD, "newPassword": PASSWORD } });
    tour.by(&ada, "ChangePassword", change, "PasswordChanged")
        .await;
    app.execute("DELETE FROM passwords").await;
    let set = json!({ "input": { "newPassword": PASSWORD } });
    tour.by(&ada, "SetPassword", set, "PasswordChanged").await;
}

/// Another address, back, and there again; another number.
async fn moving(tour: &mut Tour<'_>) {
    let app = tour.app;
    for _ in 0..2 {
        app.advance(61);
        let ada = app.login("ada@example.com").await;
        let wanted = json!({ "input": { "email": "ada@example.org" } });
        tour.by(&ada, "RequestEmailChange", wanted, "EmailChangeRequested")
            .await;
        let token = app.token("ada@example.org", "change_email").await;
        let proof = json!({ "input": { "token": token } });
        tour.by(&ada, "ConfirmEmailChange", proof, "EmailChanged")
            .await;
        if !tour.seen.contains("RevertEmailChange") {
            let token = app.token("ada@example.com", "email_changed").await;
            let link = json!({ "input": { "token": token } });
            tour.anonymous("RevertEmailChange", link, "EmailReverted")
                .await;
            let token = app.token("ada@example.com", "email_reverted").await;
            let new = json!({ "input": { "token": token, "newPassword": PASSWORD } });
            tour.anonymous("ConfirmPasswordReset", new, "PasswordChanged")
                .await;
        }
    }
    let ada = app.login("ada@example.org").await;
    let number = "+16502530000";
    let wanted = json!({ "input": { "phone": number } });
    tour.by(&ada, "RequestPhoneChange", wanted, "PhoneChangeRequested")
        .await;
    let code = app.code(number, "change_phone").await;
    let proof = json!({ "input": { "phone": number, "code": code } });
    tour.by(&ada, "ConfirmPhoneChange", proof, "PhoneChanged")
        .await;
}

async fn visit_google(tour: &mut Tour<'_>, google: &Google, ada: &SignedIn<'_>) {
    let token = || json!({ "input": { "idToken": google.token(&json!({})) } });
    tour.by(ada, "LinkGoogle", token(), "GoogleLinked").await;
    tour.by(ada, "MyIdentities", json!({}), "").await;
    tour.anonymous("LoginWithGoogle", token(), "SignedIn").await;
    tour.by(ada, "UnlinkGoogle", json!({}), "GoogleUnlinked")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operation_of_a_document_has_the_name_of_its_file() {
    for (name, text) in queries::DOCUMENTS.iter() {
        let named = ["query", "mutation", "subscription"].iter().any(|kind| {
            text.contains(&format!("\n{kind} {name}("))
                || text.contains(&format!("\n{kind} {name} {{"))
        });
        assert!(named, "{name}.graphql");
        assert!(
            text.starts_with("# "),
            "{name}.graphql does not say what it is for"
        );
    }
}
