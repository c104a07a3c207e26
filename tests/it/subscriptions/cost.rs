//! What an event costs: its listeners are authorised one by one, and read its rows together.

use serde_json::json;

use crate::harness::{SignedIn, Socket, TestApp};

/// Statements for a change that so many auditors listen to, each with a session of their own.
async fn statements(app: &TestApp, ada: &SignedIn<'_>, auditors: usize) -> u64 {
    let mut sockets: Vec<Socket> = Vec::new();
    for _ in 0..auditors {
        let auditor = app.login("root@example.com").await;
        sockets.push(auditor.listen("AuditStream", json!({})).await);
    }
    let change = async |city: &str| {
        let input = json!({ "input": { "city": city } });
        let answer = ada.run("UpdateProfile", input).await;
        assert_eq!(answer.typename("updateProfile"), "ProfileUpdated");
    };
    // Sign-ins of auditors are events, too.
    change("London").await;
    for socket in &mut sockets {
        while socket.event("auditEvents").await["action"] != "profile.updated" {}
    }
    let heard = async {
        change("Paris").await;
        for socket in &mut sockets {
            let event = socket.event("auditEvents").await;
            assert_eq!(event["changes"][0]["after"], "Paris");
            assert_eq!(event["actor"]["email"], "ada@example.com");
        }
    };
    app.work_of(heard).await.1.statements
}

/// The change itself, and four for all of its auditors: their sessions, the event, the key that opens it, and
/// the person it is about.
#[tokio::test(flavor = "multi_thread")]
async fn statements_for_an_event_do_not_grow_with_its_auditors() {
    let app = TestApp::with(&[
        ("IDGATE_SUBSCRIPTIONS__MAX_CONNECTIONS", "100"),
        // So long that a busy machine does not matter.
        ("IDGATE_SUBSCRIPTIONS__GATHER_MILLISECONDS", "1000"),
    ])
    .await;
    app.appoint("root@example.com", "admin").await;
    let ada = app.register("ada@example.com").await;
    let one = statements(&app, &ada, 1).await;
    assert_eq!(one, 5 + 4);
    assert_eq!(statements(&app, &ada, 40).await, one);
}
