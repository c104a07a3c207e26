//! What a read costs: a constant number of statements, however long the lists are.

use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{SignedIn, TestApp};

async fn statements(app: &TestApp, person: &SignedIn<'_>, query: &str) -> u64 {
    let (answer, work) = app.work_of(person.ask(query, json!({}))).await;
    answer.root("me");
    work.statements
}

#[tokio::test(flavor = "multi_thread")]
async fn me_is_one_statement() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    assert_eq!(
        statements(&app, &ada, "{ me { id email role permissions } }").await,
        1
    );
    assert_eq!(
        statements(&app, &ada, "{ me { id } again: me { email } }").await,
        1
    );
    let by_id = format!(
        "{{ me {{ id }} user(id: \"{}\") {{ email }} }}",
        ada.user_id
    );
    assert_eq!(statements(&app, &ada, &by_id).await, 1);
}

/// Reads that depend on the time name one instant per request: with an instant each, every field
/// would be a batch of its own.
#[tokio::test(flavor = "multi_thread")]
async fn time_that_passes_during_a_request_splits_no_batch() {
    let app = TestApp::in_real_time().await;
    let ada = app.register("ada@example.com").await;
    let fields = "me { sessions(first: 5) { totalCount nodes { id } } }";
    let aliases: Vec<_> = (0..8)
        .map(|number| format!("m{number}: {fields}"))
        .collect();
    let query = aliases.join(" ");
    let (answer, work) = app
        .work_of(ada.ask(&format!("{{ {query} }}"), json!({})))
        .await;
    assert_eq!(answer.root("m7")["sessions"]["totalCount"], 1);
    assert_eq!(work.statements, 3);
}

/// Requests that wait at the same moment share statements, and each gets its own answer.
#[tokio::test(flavor = "multi_thread")]
async fn many_callers_at_once_are_each_answered_as_themselves() {
    let app = TestApp::spawn().await;
    let mut people = Vec::new();
    for number in 0..8 {
        people.push(app.register(&format!("user{number}@example.com")).await);
    }
    let ended = people.pop().unwrap();
    ended.run("Logout", json!({})).await;
    let callers = people
        .iter()
        .cycle()
        .take(70)
        .chain(std::iter::repeat_n(&ended, 10));
    let ask = async |person: &SignedIn<'_>| {
        let answer = person.ask("{ me { id } }", json!({})).await;
        (person.user_id.clone(), answer)
    };
    let (answers, work) = app.work_of(join_all(callers.map(ask))).await;
    for (user, answer) in answers {
        if user == ended.user_id {
            assert_eq!(answer.code(), "UNAUTHENTICATED");
        } else {
            assert_eq!(answer.root("me")["id"], user);
        }
    }
    assert!(work.statements <= 80, "{}", work.statements);
}

/// Signing in writes the last sign-in, an audit event, the session and its refresh token.
#[tokio::test(flavor = "multi_thread")]
async fn signing_in_and_staying_signed_in_cost_few_statements() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let (_, work) = app.work_of(app.login("ada@example.com")).await;
    assert_eq!(work.statements, 5, "login");
    let (_, work) = app.work_of(ada.refreshed()).await;
    // Postgres can write to several tables in one statement.
    let expected = if app.is_sqlite() { 5 } else { 2 };
    assert_eq!(work.statements, expected, "refreshSession");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anonymous_request_costs_no_statement() {
    let app = TestApp::spawn().await;
    let (answer, work) = app.work_of(app.anonymous().run("Me", json!({}))).await;
    assert_eq!((answer.status, work.statements), (200, 0));
    let forged = app.anonymous().with("authorization", "Bearer not.a.token");
    let (answer, work) = app.work_of(forged.run("Me", json!({}))).await;
    assert_eq!((answer.code(), work.statements), ("UNAUTHENTICATED", 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_cost_one_more_statement_however_many_there_are() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let query = "{ me { sessions(first: 50) { nodes { id browser current } } } }";
    assert_eq!(statements(&app, &ada, query).await, 2);
    for _ in 0..20 {
        app.login("ada@example.com").await;
    }
    assert_eq!(ada.sessions().await.len(), 21);
    assert_eq!(statements(&app, &ada, query).await, 2);
    let twice = "{ me { sessions(first: 50) { nodes { id } } } \
                 again: me { sessions(first: 50) { nodes { browser } } } }";
    assert_eq!(statements(&app, &ada, twice).await, 2);
    let counted = "{ me { sessions(first: 5) { totalCount nodes { id } } } }";
    assert_eq!(statements(&app, &ada, counted).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_sessions_meet_without_gap_or_overlap() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    for _ in 0..6 {
        app.advance(1);
        app.login("ada@example.com").await;
    }
    let all: Vec<_> = ada
        .sessions()
        .await
        .iter()
        .map(|node| node["id"].clone())
        .collect();
    assert_eq!(all.len(), 7);
    let (mut found, mut after) = (Vec::new(), json!(null));
    loop {
        let variables = json!({ "first": 3, "after": after });
        let answer = ada.run("MySessions", variables).await;
        let page = answer.root("me")["sessions"].clone();
        assert_eq!(page["totalCount"], 7);
        found.extend(
            page["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|node| node["id"].clone()),
        );
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(found, all);
    for arguments in [
        "first: 101",
        "first: -1",
        "first: 1, last: 1",
        "after: \"junk\"",
    ] {
        let query = format!("{{ me {{ sessions({arguments}) {{ nodes {{ id }} }} }} }}");
        let answer = ada.ask(&query, json!({})).await;
        assert_eq!(
            answer.code(),
            "BAD_USER_INPUT",
            "{arguments}: {}",
            answer.text
        );
    }
}
