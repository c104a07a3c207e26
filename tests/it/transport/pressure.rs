//! Load: many requests at once, slow clients, and clients that disconnect mid-request.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::json;

use crate::harness::{SignedIn, TestApp, queries};

/// The limit for anything that should happen soon, even on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_at_once_all_get_their_own_answer() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let deep = "sessions(first: 100) { nodes { id ".repeat(25) + &"} }".repeat(25);
    let deep = format!("{{ me {{ {deep} }} }}");
    let answers = stream::iter(0..1_000)
        .map(|number| {
            let (app, ada, deep) = (&app, &ada, &deep);
            async move {
                match number % 5 {
                    0 => assert!(ada.is_signed_in().await),
                    1 => {
                        let name = format!("q{number}");
                        let text = format!("query {name} {{ {name}: __typename }}");
                        let answer = app.anonymous().ask(&text, json!({})).await;
                        assert_eq!(answer.root(&name), "Query");
                    }
                    2 => {
                        let answer = app.anonymous().ask(deep, json!({})).await;
                        answer.assert_refusal(400, "QUERY_TOO_EXPENSIVE");
                    }
                    3 => app
                        .post("[")
                        .await
                        .assert_refusal(400, "BATCHING_NOT_SUPPORTED"),
                    _ => assert_eq!(app.get("/health/live").await.status, 200),
                }
            }
        })
        .buffer_unordered(200);
    assert_eq!(answers.count().await, 1_000);
    assert!(ada.is_signed_in().await);
}

/// Sends a mutation that has to wait for a lock, and leaves without reading the answer.
fn ask_and_leave(app: &TestApp, person: &SignedIn<'_>, reset: bool) {
    let body = json!({
        "query": queries::text("UpdateProfile"),
        "variables": { "input": { "city": "London" } },
    })
    .to_string();
    let mut connection = app.connect();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         authorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{body}",
        person.access_token,
        body.len()
    );
    connection.write_all(head.as_bytes()).unwrap();
    let moment = Some(Duration::from_millis(300));
    connection.set_read_timeout(moment).unwrap();
    // The request is in flight: no response yet.
    assert!(connection.read(&mut [0; 1]).is_err());
    if !reset {
        connection.shutdown(std::net::Shutdown::Both).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn work_stops_when_the_client_leaves() {
    let app = TestApp::with(&[
        ("IDGATE_SERVER__MAX_CONNECTIONS", "16"),
        ("IDGATE_GRAPHQL__TIMEOUT_SECONDS", "300"),
        ("IDGATE_SERVER__REQUEST_TIMEOUT_SECONDS", "300"),
    ])
    .await;
    let other = app.second_instance().await;
    let ada = app.register("ada@example.com").await;
    let lock = if app.is_sqlite() {
        "BEGIN IMMEDIATE"
    } else {
        "BEGIN; LOCK TABLE users IN EXCLUSIVE MODE"
    };
    app.execute(lock).await;
    // More than there are slots: each must be freed.
    for number in 0..24 {
        ask_and_leave(&app, &ada, number % 2 == 0);
    }
    let started = Instant::now();
    let served = app.exchange(|connection| {
        connection
            .write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
    });
    assert!(served.starts_with("HTTP/1.1 200 "), "{served}");
    assert!(started.elapsed() < DEADLINE);
    app.execute("ROLLBACK").await;
    // A write queued after all those that might still wait.
    let input = json!({ "input": { "country": "France" } });
    let answer = ada.at(&other).run("UpdateProfile", input).await;
    assert_eq!(answer.typename("updateProfile"), "ProfileUpdated");
    let written = "SELECT COUNT(*) FROM users WHERE city = 'London'";
    assert_eq!(app.number(written).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_leave_in_the_middle_of_a_body_hold_nothing_up() {
    let app = TestApp::with(&[("IDGATE_SERVER__MAX_CONNECTIONS", "16")]).await;
    for _ in 0..200 {
        let mut connection = app.connect();
        let head =
            b"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                     content-length: 100000\r\n\r\n{\"query\":";
        connection.write_all(head).unwrap();
    }
    let answer = app.anonymous().ask("{ __typename }", json!({})).await;
    assert_eq!(answer.root("__typename"), "Query");
}
