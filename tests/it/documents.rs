//! The documents of `queries/` as clients run them: each of them does what its name says.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Answer, Google, PASSWORD, SignedIn, TestApp, queries};

/// Runs documents and remembers which.
struct Tour<'a> {
    app: &'a TestApp,
    seen: BTreeSet<String>,
}

impl Tour<'_> {
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
        let answer = self.app.anonymous().run(document, variables).await;
        self.note(document, &answer, kind);
        answer
    }

    async fn by(&mut self, person: &SignedIn<'_>, document: &str, variables: Value, kind: &str) {
        let answer = person.run(document, variables).await;
        self.note(document, &answer, kind);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_document_runs_to_its_success() {
    let google = Google::spawn().await;
    let app = &google.app;
    let mut tour = Tour {
        app,
        seen: BTreeSet::new(),
    };
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

    let input = json!({ "emailOrPhone": "ada@example.com", "password": PASSWORD });
    let answer = tour
        .anonymous("Login", json!({ "input": input }), "SignedIn")
        .await;
    let phone = SignedIn::from_answer(app, &answer, "login");
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
    visit_google(&mut tour, &google, &ada).await;
    let token = json!({ "input": { "refreshToken": ada.refresh_token } });
    tour.anonymous("RefreshSession", token, "SignedIn").await;
    tour.by(&ada, "Logout", json!({}), "LoggedOut").await;

    let all: BTreeSet<String> = queries::DOCUMENTS.keys().cloned().collect();
    assert_eq!(tour.seen, all, "documents that this tour leaves out");
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
        let named = ["query", "mutation"].iter().any(|kind| {
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
