//! Erasing: by one person, by two, and when the time to restore is over.

use idgate::services::operator::retention::{self, DataKind};
use idgate::services::operator::{audit_linking, audit_verify, housekeeping};
use serde_json::{Value, json};

use super::{ADA, DAY, admin, delete, erase, events, restore};
use crate::harness::{PASSWORD, TestApp};

const TWO: (&str, &str) = ("IDGATE_LIFECYCLE__ERASE_NEEDS_TWO", "true");

/// The tables with rows of people, and how many there are of anyone but administrators.
async fn rows_left(app: &TestApp, user: &str) -> i64 {
    let id = app.id_literal(user);
    let mut left = 0;
    for (table, column) in [
        ("users", "id"),
        ("passwords", "user_id"),
        ("sessions", "user_id"),
        ("links", "user_id"),
        ("identities", "user_id"),
        ("outbox_messages", "user_id"),
        ("person_keys", "user_id"),
        ("deleted_records", "record_id"),
        ("erasure_requests", "user_id"),
    ] {
        left += app
            .number(&format!(
                "SELECT COUNT(*) FROM {table} WHERE {column} = {id}"
            ))
            .await;
    }
    left
}

/// One run of housekeeping; returns how many accounts it erased.
async fn tidied(app: &TestApp) -> u64 {
    let tidied = housekeeping::tidy(&app.app).await.unwrap();
    tidied.of(DataKind::DeletedAccounts)
}

async fn audit_holds(app: &TestApp) {
    audit_linking::link_waiting(&app.app).await.unwrap();
    let report = audit_verify::verify(&app.app, Vec::new(), |_, _| ()).await;
    let report = report.unwrap();
    assert!(report.finding.is_none(), "{:?}", report.finding);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_account_leaves_only_unreadable_audit_events() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    for deleted_first in [false, true] {
        let ada = app.appoint(ADA, "client").await;
        app.login(ADA).await;
        if deleted_first {
            delete(&root, &ada.user_id).await;
        }
        let answer = erase(&root, &ada.user_id).await;
        assert_eq!(
            answer.typename("eraseUser"),
            "UserErased",
            "{}",
            answer.text
        );
        assert_eq!(answer.root("eraseUser")["userId"], ada.user_id);
        assert_eq!(rows_left(&app, &ada.user_id).await, 0);
        assert!(!ada.is_signed_in().await);
        let gone = restore(&root, &ada.user_id).await;
        assert_eq!(gone.typename("restoreUser"), "NotFound");
        let twice = erase(&root, &ada.user_id).await;
        assert_eq!(twice.typename("eraseUser"), "NotFound");

        let filter = json!({ "subjectId": ada.user_id });
        let answer = root
            .run("AuditEvents", json!({ "filter": filter, "first": 50 }))
            .await;
        let nodes = answer.root("auditEvents")["nodes"].as_array().unwrap();
        assert!(nodes.len() >= 3, "{}", answer.text);
        for event in nodes {
            if event["action"] == "user.erased" {
                let changes = event["changes"].as_array().unwrap();
                let reason = changes.iter().find(|change| change["field"] == "reason");
                assert_eq!(reason.unwrap()["after"], "request 4711");
                assert_eq!(event["actor"]["id"], root.user_id);
            } else {
                assert_eq!(event["changes"], Value::Null, "{event}");
                assert_eq!(event["ipAddress"], Value::Null, "{event}");
            }
        }
        audit_holds(&app).await;
        // The address is free, and nothing is known of who had it.
        let login = app.anonymous().login(ADA, PASSWORD).await;
        assert_eq!(login.typename("login"), "InvalidCredentials");
    }
    assert_eq!(events(&app, "user.erased").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_two_are_needed_another_one_confirms_within_a_day() {
    let app = TestApp::with(&[TWO]).await;
    let root = admin(&app).await;
    let eve = app.appoint("eve@example.com", "admin").await;
    let ada = app.register(ADA).await;
    let answer = erase(&root, &ada.user_id).await;
    assert_eq!(
        answer.typename("eraseUser"),
        "ErasureRequested",
        "{}",
        answer.text
    );
    assert_eq!(
        answer.root("eraseUser")["expiresAt"],
        "2026-03-02T12:00:00+00:00"
    );
    assert!(ada.is_signed_in().await, "nothing has happened yet");
    app.advance(60);
    let again = erase(&root, &ada.user_id).await;
    assert_eq!(
        again.root("eraseUser")["expiresAt"],
        "2026-03-02T12:00:00+00:00"
    );
    assert_eq!(events(&app, "user.erasure_requested").await, 1);
    let answer = erase(&eve, &ada.user_id).await;
    assert_eq!(answer.typename("eraseUser"), "UserErased");
    assert_eq!(rows_left(&app, &ada.user_id).await, 0);
    audit_holds(&app).await;

    // A request ends after a day, and with the rights of its author.
    let grace = app.register("grace@example.com").await;
    erase(&root, &grace.user_id).await;
    app.advance(DAY);
    let (root, eve) = (
        app.login("root@example.com").await,
        app.login("eve@example.com").await,
    );
    let late = erase(&eve, &grace.user_id).await;
    assert_eq!(late.typename("eraseUser"), "ErasureRequested");
    super::on(&root, "SuspendUser", &eve.user_id, json!({})).await;
    let alone = erase(&root, &grace.user_id).await;
    assert_eq!(alone.typename("eraseUser"), "ErasureRequested");
    assert_eq!(app.number("SELECT COUNT(*) FROM erasure_requests").await, 1);
    // Restoring takes a request back as well.
    delete(&root, &grace.user_id).await;
    restore(&root, &grace.user_id).await;
    assert_eq!(app.number("SELECT COUNT(*) FROM erasure_requests").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_whose_time_is_over_are_erased_in_batches_and_others_stay() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let mut gone = Vec::new();
    for number in 0..60 {
        let person = app.register(&format!("p{number}@example.com")).await;
        delete(&root, &person.user_id).await;
        gone.push(person.user_id);
    }
    let own = app.register("own@example.com").await;
    own.run("DeleteMyAccount", json!({})).await;
    let live = app.register(ADA).await;
    // It lost its only address to the owner of that address, so there is no record of it.
    let squatter = app.register("squatter@example.com").await;
    app.execute(
        "UPDATE users SET deleted_at = '2026-03-01 12:00:00+00:00' \
                 WHERE email = 'squatter@example.com'",
    )
    .await;
    assert_eq!(tidied(&app).await, 0);
    app.advance(14 * DAY);
    assert_eq!(tidied(&app).await, 1);
    assert_eq!(rows_left(&app, &own.user_id).await, 0);
    app.advance(16 * DAY);
    let other = app.second_instance().await;
    let due = retention::due(&app.app).await.unwrap();
    let due = due.iter().find(|due| due.kind == DataKind::DeletedAccounts);
    assert_eq!(due.unwrap().rows, 61);
    let (one, two) = tokio::join!(tidied(&app), tidied(&other));
    assert_eq!(one + two, 61, "{one} {two}");
    for id in gone.iter().chain([&squatter.user_id]) {
        assert_eq!(rows_left(&app, id).await, 0);
    }
    assert_eq!(events(&app, "user.erased").await, 62);
    audit_holds(&app).await;
    assert_eq!(app.login(ADA).await.user_id, live.user_id);
    assert_eq!(tidied(&app).await, 0);
}
