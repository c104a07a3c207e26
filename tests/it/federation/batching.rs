//! The cost of references: one statement for each kind of key, however many there are.

use serde_json::{Value, json};

use super::{
    HEADER, ROUTER, SECRET, entities, errors, found, ids, session, unknown, user, user_of,
};
use crate::harness::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_people_are_one_statement_and_keep_their_order() {
    let app = TestApp::with(&[ROUTER]).await;
    let ada = app.register("ada@example.com").await;
    let mut people = Vec::new();
    for number in 0..12 {
        let person = app.register(&format!("person-{number}@example.com")).await;
        people.push(person.user_id);
    }
    // Existing ids between unknown ones.
    let wanted: Vec<String> = (0..1_000)
        .map(|number| match (number % 83, people.get(number / 83)) {
            (0, Some(person)) => person.clone(),
            _ => unknown(number),
        })
        .collect();
    let of: Vec<Value> = wanted.iter().map(|id| user(id)).collect();
    let (answer, work) = app.work_of(entities(&ada, &of)).await;
    assert_eq!(work.statements, 2, "the caller's own and one more");
    assert_eq!(errors(&answer), []);
    let is_known = |id: &&str| people.iter().any(|person| person == id);
    let expected = wanted.iter().map(String::as_str);
    let expected = expected.map(|id| Some(id).filter(is_known).unwrap_or_default());
    assert_eq!(ids(&answer), expected.collect::<Vec<_>>());
    assert_eq!(
        found(&answer)
            .iter()
            .filter(|entity| !entity.is_null())
            .count(),
        12
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_cost_nothing_and_come_back_as_often() {
    let app = TestApp::with(&[ROUTER]).await;
    let ada = app.register("ada@example.com").await;
    let eve = app.register("eve@example.com").await;
    let of = vec![user(&eve.user_id); 1_000];
    let (answer, work) = app.work_of(entities(&ada, &of)).await;
    assert_eq!(work.statements, 2);
    assert_eq!(ids(&answer), vec![eve.user_id.as_str(); 1_000]);
    // The caller's own account is loaded already.
    let of = vec![user(&ada.user_id); 1_000];
    let (answer, work) = app.work_of(entities(&ada, &of)).await;
    assert_eq!(
        (work.statements, ids(&answer)[999]),
        (1, ada.user_id.as_str())
    );
    // Anonymous, with aliases: only fields that need a row cost a statement.
    let router = app.anonymous().with(HEADER, SECRET);
    let twice = "query($of: [_Any!]!) { a: _entities(representations: $of) { __typename } \
                 b: _entities(representations: $of) { ... on User { pid } } }";
    let variables = json!({ "of": vec![user(&eve.user_id); 400] });
    let (answer, work) = app.work_of(router.ask(twice, variables)).await;
    assert_eq!(answer.root("b")[399]["pid"].as_str().unwrap().len(), 12);
    assert_eq!(work.statements, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_key_costs_one_statement() {
    let app = TestApp::with(&[ROUTER]).await;
    let support = app.appoint("support@example.com", "staff support").await;
    let mut of = Vec::new();
    let mut wanted = Vec::new();
    for number in 0..10 {
        let email = format!("person-{number}@example.com");
        let person = app.register(&email).await;
        let id = person.session_id().await;
        of.extend([
            user(&person.user_id),
            user_of(&email.to_uppercase()),
            session(&id),
        ]);
        of.extend([
            user(&unknown(number)),
            user_of(&format!("{number}@example.net")),
        ]);
        of.push(session(&unknown(number)));
        wanted.extend([person.user_id.clone(), person.user_id, id]);
        wanted.extend([String::new(), String::new(), String::new()]);
    }
    let (answer, work) = app.work_of(entities(&support, &of)).await;
    assert_eq!(errors(&answer), []);
    assert_eq!(ids(&answer), wanted);
    assert_eq!(
        work.statements, 4,
        "the caller, by id, by address, sessions"
    );
}
