//! The cost of readiness checks.

use std::io::Write as _;

use futures_util::future::join_all;

use crate::harness::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_readiness_checks_costs_one_statement_a_second() {
    let app = TestApp::spawn().await;
    let staff = app.staff().await;
    let probes = || join_all((0..100).map(|_| app.get("/health/ready")));
    // The first one also probes a write.
    let (answers, work) = app.work_of(probes()).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert!(work.statements <= 2, "{work:?}");
    let (_, work) = app.work_of(probes()).await;
    assert_eq!(work.statements, 0);
    app.advance(1);
    let (answers, work) = app.work_of(probes()).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(work.statements, 1);
    drop(staff);
}

/// A cancelled check must not cause another one.
#[tokio::test(flavor = "multi_thread")]
async fn cancelled_checks_cost_no_more() {
    let app = TestApp::spawn().await;
    assert_eq!(app.get("/health/ready").await.status, 200);
    app.advance(1);
    let (answer, work) = app
        .work_of(async {
            for _ in 0..50 {
                let mut connection = app.connect();
                let head = "GET /health/ready HTTP/1.1\r\nhost: localhost\r\n\r\n";
                connection.write_all(head.as_bytes()).unwrap();
                drop(connection);
            }
            app.get("/health/ready").await
        })
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(work.statements, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_positive_result_expires_after_its_second() {
    let app = TestApp::spawn().await;
    assert_eq!(app.get("/health/ready").await.status, 200);
    app.execute("ALTER TABLE seaql_migrations RENAME TO hidden")
        .await;
    app.advance(1);
    assert_eq!(app.get("/health/ready").await.status, 503);
    app.execute("ALTER TABLE hidden RENAME TO seaql_migrations")
        .await;
    assert_eq!(app.get("/health/ready").await.status, 503);
    // A clock that is set back expires it as well.
    app.advance(-3600);
    assert_eq!(app.get("/health/ready").await.status, 200);
}
