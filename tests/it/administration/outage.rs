//! Administration while a store is unavailable: it goes on, or is refused and changes
//! nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{join, join_all};
use serde_json::json;

use super::{admin, events, on};
use crate::harness::{SignedIn, TestApp, free_address};

#[tokio::test(flavor = "multi_thread")]
async fn without_the_shared_store_administrators_go_on_within_a_budget_of_this_instance() {
    let url = format!("redis://{}", free_address());
    let app = TestApp::with(&[
        ("IDGATE_REDIS__URL", &url),
        ("IDGATE_THROTTLE__SCALE", "1"),
        ("IDGATE_THROTTLE__ADMINISTER_USER", "5/60"),
    ])
    .await;
    let root = admin(&app).await;
    let ada = app.appoint("ada@example.com", "client").await;
    for (document, field, more, kind) in [
        (
            "UpdateUser",
            "updateUser",
            json!({ "city": "London" }),
            "UserUpdated",
        ),
        (
            "SetUserRole",
            "setUserRole",
            json!({ "role": "STAFF" }),
            "UserRoleChanged",
        ),
        ("SuspendUser", "suspendUser", json!({}), "UserSuspended"),
        (
            "UnsuspendUser",
            "unsuspendUser",
            json!({}),
            "UserUnsuspended",
        ),
        (
            "RevokeUserSessions",
            "revokeUserSessions",
            json!({}),
            "UserSessionsRevoked",
        ),
    ] {
        let answer = on(&root, document, &ada.user_id, more).await;
        assert_eq!(answer.typename(field), kind, "{}", answer.text);
    }
    assert!(!ada.is_signed_in().await);
    let (answer, work) = app
        .work_of(on(&root, "SuspendUser", &ada.user_id, json!({})))
        .await;
    assert_eq!(answer.typename("suspendUser"), "RateLimited");
    assert_eq!((work.events, work.messages), (0, 0));
    app.advance(60);
    let answer = on(&root, "SuspendUser", &ada.user_id, json!({})).await;
    assert_eq!(answer.typename("suspendUser"), "UserSuspended");
    assert_eq!(events(&app, "user.suspended").await, 2);
    let ready = app.get("/health/ready").await;
    assert_eq!(ready.json["status"], "degraded");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_database_administration_is_unavailable_and_nothing_is_half_done() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let ada = app.register("ada@example.com").await;
    if app.is_sqlite() {
        // A SQLite file cannot go away; a closed pool stays closed.
        app.app.database.clone().close().await.unwrap();
    } else {
        app.forbid_connections(true).await;
    }
    let invitation = json!({ "email": "grace@example.com", "role": "CLIENT" });
    let answers = [
        on(
            &root,
            "SetUserRole",
            &ada.user_id,
            json!({ "role": "STAFF" }),
        )
        .await,
        on(&root, "SuspendUser", &ada.user_id, json!({})).await,
        on(&root, "RevokeUserSessions", &ada.user_id, json!({})).await,
        root.run("InviteUser", json!({ "input": invitation })).await,
        root.run("Users", json!({ "first": 1 })).await,
        root.run("AuditEvents", json!({ "first": 1 })).await,
    ];
    for answer in answers {
        answer.assert_refusal(503, "SERVICE_UNAVAILABLE");
        assert_eq!(answer.header("retry-after"), "1", "{}", answer.text);
    }
    if !app.is_sqlite() {
        app.forbid_connections(false).await;
        let answer = on(&root, "SuspendUser", &ada.user_id, json!({})).await;
        assert_eq!(answer.typename("suspendUser"), "UserSuspended");
        assert!(!ada.is_signed_in().await);
        assert_eq!(events(&app, "user.suspended").await, 1);
        assert_eq!(events(&app, "user.invited").await, 0);
    }
}

/// The database goes away while changes are under way: what was answered as done is done, with its
/// event; of what was refused at most one each was cut off between its end and its answer.
#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_changes_survive_a_database_outage() {
    let app = TestApp::spawn().await;
    if app.is_sqlite() {
        return; // SQLite has no server that could go away.
    }
    let root = admin(&app).await;
    let mut people = Vec::new();
    for number in 0..4 {
        people.push(app.register(&format!("p{number}@example.com")).await);
    }
    let done = AtomicUsize::new(0);
    let turns = [
        ("SuspendUser", "suspendUser"),
        ("UnsuspendUser", "unsuspendUser"),
    ];
    let in_and_out = async |person: &SignedIn<'_>| {
        for (document, field) in turns.into_iter().cycle() {
            let answer = on(&root, document, &person.user_id, json!({})).await;
            if answer.code() == "SERVICE_UNAVAILABLE" {
                break;
            }
            assert!(
                answer.typename(field).starts_with("User"),
                "{}",
                answer.text
            );
            done.fetch_add(1, Ordering::Relaxed);
        }
    };
    let outage = async {
        while done.load(Ordering::Relaxed) < 8 {
            tokio::task::yield_now().await;
        }
        app.forbid_connections(true).await;
    };
    let all = join(join_all(people.iter().map(in_and_out)), outage);
    let limit = Duration::from_mins(1);
    tokio::time::timeout(limit, all).await.expect("an end");
    app.forbid_connections(false).await;

    let done = i64::try_from(done.into_inner()).unwrap();
    let suspended = events(&app, "user.suspended").await;
    let unsuspended = events(&app, "user.unsuspended").await;
    let recorded = suspended + unsuspended;
    assert!(
        (done..=done + 4).contains(&recorded),
        "{recorded} of {done}"
    );
    let kept_out = "SELECT COUNT(*) FROM users WHERE suspended_at IS NOT NULL";
    assert_eq!(app.number(kept_out).await, suspended - unsuspended);
}
