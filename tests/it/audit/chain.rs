//! The chain: every event linked once, in order, by whichever instance; rows that stay; rows that
//! go when their time is over.

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use idgate::app::App;
use idgate::services::operator::audit_linking::{self, Linked};
use idgate::services::operator::audit_verify::{self, IntegrityError, Report};
use idgate::services::operator::retention::DataKind;
use idgate::services::operator::{audit_retention, housekeeping};
use serde_json::json;

use crate::harness::TestApp;

const DAY: i64 = 86_400;
const EVENTS: &str = "SELECT COUNT(*) FROM audit_events";
const LINKS: &str = "SELECT COUNT(*) FROM audit_links";
const UNLINKED: &str = "SELECT COUNT(*) FROM audit_unlinked";
const CHECKPOINTS: &str = "SELECT COUNT(*) FROM audit_checkpoints";

async fn link_events(app: &TestApp) -> Linked {
    audit_linking::link_waiting(&app.app).await.unwrap()
}

async fn verified(app: &TestApp) -> Report {
    audit_verify::verify(&app.app, Vec::new(), |_, _| ())
        .await
        .unwrap()
}

/// The error that is found, with its position.
async fn first_error(app: &TestApp) -> (IntegrityError, Option<i64>) {
    let finding = verified(app).await.finding.expect("a finding");
    (finding.error, finding.position)
}

/// Events without a notification: each is one failed sign-in.
async fn fail(app: &TestApp, times: usize) {
    for _ in 0..times {
        let client = app.anonymous();
        client.login("nobody@example.com", "not the password").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_link_each_event_once_and_in_order() {
    let app = TestApp::spawn().await;
    let other = app.second_instance().await;
    let instances: [&App; 4] = [&app.app, &other.app, &app.app, &other.app];
    let writing = async {
        let client = app.anonymous();
        for round in 0..6 {
            let emails = (0..5).map(|number| format!("p{round}{number}@example.com"));
            let emails: Vec<String> = emails.collect();
            join_all(emails.iter().map(|email| client.register(email))).await;
        }
    };
    let sealing = async {
        for _ in 0..12 {
            let rounds = instances.map(audit_linking::link_waiting);
            for round in join_all(rounds).await {
                round.unwrap();
            }
        }
    };
    tokio::join!(writing, sealing);
    link_events(&app).await;
    assert_eq!(app.number(EVENTS).await, 30);
    assert_eq!(app.number(LINKS).await, 30);
    assert_eq!(app.number(UNLINKED).await, 0);
    let distinct = "SELECT COUNT(DISTINCT audit_id) FROM audit_links \
                    WHERE position BETWEEN 1 AND 30";
    assert_eq!(app.number(distinct).await, 30);
    let report = verified(&other).await;
    assert_eq!(report.finding, None);
    assert_eq!((report.events, report.links, report.position), (30, 30, 30));
    assert_eq!(link_events(&other).await, Linked::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_do_not_wait_for_the_linker() {
    let app = TestApp::spawn().await;
    fail(&app, 2).await;
    assert_eq!(app.number(UNLINKED).await, 2);
    let report = verified(&app).await;
    assert_eq!((report.unlinked, report.links), (2, 0));
    assert_eq!(report.finding, None);
    if app.is_sqlite() {
        return; // SQLite has one writer at a time.
    }
    link_events(&app).await;
    // A transaction holds the lock on the chain head, like a stalled linker.
    let tx = app.app.begin().await.unwrap();
    let held = idgate::stores::audit_chain::lock(&tx).await.unwrap();
    assert!(held.is_some());
    fail(&app, 1).await;
    let nothing_yet = Linked {
        is_partial: true,
        ..Linked::default()
    };
    assert_eq!(link_events(&app).await, nothing_yet);
    assert_eq!(app.number(UNLINKED).await, 1);
    tx.commit().await.unwrap();
    assert_eq!(link_events(&app).await.events, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_events_than_one_transaction_takes_are_linked_in_one_run() {
    let app = TestApp::spawn().await;
    fail(&app, 1).await;
    // Copies whose codes do not hold: that is for verification to say, not for linking.
    let sql = |n: i32| {
        let id = format!("'00000000-0000-7000-8000-{n:012}'");
        let id = if app.is_sqlite() {
            format!("unhex('0000000000007000800{n:013}')")
        } else {
            id
        };
        format!(
            "INSERT INTO audit_events (id, created_at, action, request_id, sealed_details, mac) \
             SELECT {id}, created_at, action, request_id, sealed_details, mac \
             FROM audit_events ORDER BY id DESC LIMIT 1"
        )
    };
    let copies: Vec<String> = (0..2_100).map(sql).collect();
    app.execute(&copies.join(";")).await;
    assert_eq!(link_events(&app).await.events, 2_101);
    assert_eq!(
        first_error(&app).await,
        (IntegrityError::EventChanged, Some(1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_refuses_to_change_or_remove_audit_rows() {
    let app = TestApp::spawn().await;
    fail(&app, 2).await;
    link_events(&app).await;
    app.advance(DAY);
    assert!(link_events(&app).await.checkpoint);
    let mut attempts = vec![
        "UPDATE audit_events SET action = 'nothing'",
        "UPDATE audit_events SET sealed_details = mac",
        "DELETE FROM audit_events",
        "UPDATE audit_links SET position = position + 10",
        "DELETE FROM audit_links",
        "UPDATE audit_checkpoints SET position = 0",
        "DELETE FROM audit_checkpoints",
        "DELETE FROM audit_chain",
    ];
    if app.is_sqlite() {
        attempts.extend([
            "INSERT OR REPLACE INTO audit_events SELECT * FROM audit_events LIMIT 1",
            "INSERT OR REPLACE INTO audit_links SELECT * FROM audit_links LIMIT 1",
        ]);
    } else {
        attempts.extend([
            "TRUNCATE audit_events",
            "TRUNCATE audit_links",
            "TRUNCATE audit_checkpoints",
        ]);
    }
    for attempt in attempts {
        let refusal = app.refused(attempt).await;
        let expected = refusal.contains("append-only") || refusal.contains("keeps its row");
        assert!(expected, "{attempt}: {refusal}");
    }
    assert_eq!(verified(&app).await.finding, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_days_go_after_their_checkpoint_and_the_rest_still_holds() {
    let app = TestApp::with(&[("IDGATE_RETENTION__AUDIT_EVENTS_DAYS", "2")]).await;
    fail(&app, 3).await;
    link_events(&app).await;
    app.advance(DAY);
    fail(&app, 2).await;
    link_events(&app).await;
    app.advance(DAY);
    // The first day is two days ago: it is the oldest that is kept.
    assert_eq!(
        housekeeping::tidy(&app.app)
            .await
            .unwrap()
            .of(DataKind::AuditEvents),
        0
    );
    app.advance(DAY);
    fail(&app, 1).await;
    link_events(&app).await;
    assert_eq!(app.number(CHECKPOINTS).await, 2);
    assert_eq!(
        housekeeping::tidy(&app.app)
            .await
            .unwrap()
            .of(DataKind::AuditEvents),
        3
    );
    assert_eq!(
        housekeeping::tidy(&app.app)
            .await
            .unwrap()
            .of(DataKind::AuditEvents),
        0
    );
    assert_eq!(app.number("SELECT MIN(position) FROM audit_links").await, 4);
    let removals = "SELECT COUNT(*) FROM audit_events WHERE action = 'audit.removed'";
    assert_eq!(app.number(removals).await, 1);
    link_events(&app).await;
    let report = verified(&app).await;
    assert_eq!(report.finding, None);
    assert_eq!((report.events, report.links), (4, 4));
    assert_eq!((report.removed_through, report.checkpoints), (3, 2));
    // What is left is as safe as before.
    app.refused("DELETE FROM audit_events").await;
    assert_eq!(app.number(EVENTS).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_while_everything_is_kept() {
    let app = TestApp::spawn().await;
    fail(&app, 1).await;
    for _ in 0..3 {
        link_events(&app).await;
        app.advance(400 * DAY);
    }
    assert_eq!(
        audit_retention::remove_old(&app.app, 20, &mut |_| ())
            .await
            .unwrap(),
        0
    );
    assert_eq!(app.number(EVENTS).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tampered_chain_head_is_not_extended() {
    let app = TestApp::spawn().await;
    fail(&app, 2).await;
    link_events(&app).await;
    app.execute("UPDATE audit_chain SET removed_through = position")
        .await;
    fail(&app, 1).await;
    let fault = audit_linking::link_waiting(&app.app).await.unwrap_err();
    assert!(fault.to_string().contains("idgate audit verify"), "{fault}");
    assert_eq!(first_error(&app).await, (IntegrityError::HeadChanged, None));
    app.execute("UPDATE audit_chain SET removed_through = 0")
        .await;
    assert_eq!(link_events(&app).await.events, 1);
    assert_eq!(verified(&app).await.finding, None);
}

/// Takes the triggers away, as an owner of the tables can.
async fn disarm(app: &TestApp) {
    let triggers = [
        ("audit_events", "update"),
        ("audit_events", "delete"),
        ("audit_links", "update"),
        ("audit_links", "delete"),
    ];
    for (table, what) in triggers {
        let on = if app.is_sqlite() {
            String::new()
        } else {
            format!(" ON {table}")
        };
        app.execute(&format!("DROP TRIGGER {table}_{what}{on}"))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_tampering_is_found_at_its_place() {
    let link = |at: i64| format!("SELECT audit_id FROM audit_links WHERE position = {at}");
    let event = |at: i64| format!("DELETE FROM audit_events WHERE id = ({})", link(at));
    let with_link = |at: i64| {
        format!(
            "{}; DELETE FROM audit_links WHERE position = {at}",
            event(at)
        )
    };
    let swap = "UPDATE audit_links SET position = -position WHERE position IN (2, 3); \
                UPDATE audit_links SET position = 5 + position WHERE position < 0";
    let renumber = "DELETE FROM audit_links WHERE position = 2; \
                    UPDATE audit_links SET position = 2 WHERE position = 3; \
                    UPDATE audit_links SET position = 3 WHERE position = 4";
    let unlinked = "(SELECT audit_id FROM audit_unlinked)";
    let cases = [
        (event(2), IntegrityError::EventRemoved, Some(2)),
        (with_link(2), IntegrityError::LinkRemoved, Some(2)),
        (with_link(4), IntegrityError::LinkRemoved, Some(4)),
        (renumber.to_owned(), IntegrityError::LinkChanged, Some(2)),
        (swap.to_owned(), IntegrityError::LinkChanged, Some(2)),
        (
            format!(
                "UPDATE audit_events SET actor_id = id WHERE id = ({})",
                link(3)
            ),
            IntegrityError::EventChanged,
            Some(3),
        ),
        (
            format!("DELETE FROM audit_events WHERE id IN {unlinked}"),
            IntegrityError::EventRemoved,
            None,
        ),
        (
            "DELETE FROM audit_unlinked".to_owned(),
            IntegrityError::Inserted,
            None,
        ),
    ];
    for (tampering, found, at) in cases {
        let app = TestApp::spawn().await;
        fail(&app, 4).await;
        link_events(&app).await;
        fail(&app, 1).await;
        assert_eq!(verified(&app).await.unlinked, 1);
        disarm(&app).await;
        let tampering = if app.is_sqlite() {
            tampering
        } else {
            // There the check on positions is in the way of swapping.
            format!(
                "ALTER TABLE audit_links DROP CONSTRAINT audit_links_position_check; {tampering}"
            )
        };
        let tampering = if app.is_sqlite() {
            format!("PRAGMA ignore_check_constraints = ON; {tampering}")
        } else {
            tampering
        };
        app.execute(&tampering).await;
        assert_eq!(first_error(&app).await, (found, at), "{tampering}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_leaves_a_chain_that_holds() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    ada.run("UpdateProfile", json!({ "input": { "city": "London" } }))
        .await;
    link_events(&app).await;
    app.execute("DELETE FROM person_keys").await;
    assert_eq!(verified(&app).await.finding, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn days_follow_the_time_of_linking() {
    let app = TestApp::spawn().await;
    fail(&app, 1).await;
    app.advance(DAY);
    link_events(&app).await;
    assert_eq!(
        app.number(CHECKPOINTS).await,
        0,
        "nothing was linked on the first day"
    );
    app.advance(DAY);
    assert!(link_events(&app).await.checkpoint);
    assert_eq!(link_events(&app).await, Linked::default());
    let day: DateTime<Utc> = "2026-03-02T00:00:00Z".parse().unwrap();
    let named = format!(
        "SELECT COUNT(*) FROM audit_checkpoints WHERE day = '{}'",
        day.date_naive()
    );
    assert_eq!(app.number(&named).await, 1);
}
