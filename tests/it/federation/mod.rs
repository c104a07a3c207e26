//! Federation: the entities that other subgraphs refer to.

mod batching;
mod directives;
mod keys;
mod live;
mod surface;
mod tls;

use serde_json::{Value, json};

use crate::harness::{Answer, SignedIn, TestApp};

/// What the router proves itself with here.
pub(crate) const SECRET: &str = "a secret that only the router has 0123456789";
/// The setting of that.
pub(crate) const ROUTER: (&str, &str) = ("IDGATE_ROUTER__SECRET", SECRET);
/// Where it sends it.
pub(crate) const HEADER: &str = "idgate-router-secret";

const ENTITIES: &str = "query($of: [_Any!]!) { _entities(representations: $of) { __typename \
                        ... on User { id firstName } ... on Session { id } } }";

/// Resolves these references through the router, as this user.
async fn entities(person: &SignedIn<'_>, of: &[Value]) -> Answer {
    let router = person.clone().with(HEADER, SECRET);
    router.ask(ENTITIES, json!({ "of": of })).await
}

/// The same from an anonymous caller.
async fn anonymous_entities(app: &TestApp, of: &[Value]) -> Answer {
    let router = app.anonymous().with(HEADER, SECRET);
    router.ask(ENTITIES, json!({ "of": of })).await
}

fn user(id: &str) -> Value {
    json!({ "__typename": "User", "id": id })
}

fn session(id: &str) -> Value {
    json!({ "__typename": "Session", "id": id })
}

fn user_of(email: &str) -> Value {
    json!({ "__typename": "User", "email": email })
}

/// What was found, in order.
fn found(answer: &Answer) -> &Vec<Value> {
    let found = answer.json["data"]["_entities"].as_array();
    found.unwrap_or_else(|| panic!("no entities in {}", answer.text))
}

/// The id of each, in order; empty for none.
fn ids(answer: &Answer) -> Vec<&str> {
    found(answer)
        .iter()
        .map(|entity| entity["id"].as_str().unwrap_or_default())
        .collect()
}

/// Each error as the place it is in and its code.
fn errors(answer: &Answer) -> Vec<(String, String)> {
    let errors = answer.json["errors"].as_array().cloned();
    let written = |error: Value| {
        let code = error["extensions"]["code"].as_str().unwrap().to_owned();
        (error["path"].to_string(), code)
    };
    errors
        .unwrap_or_default()
        .into_iter()
        .map(written)
        .collect()
}

/// An id of no user.
fn unknown(number: usize) -> String {
    format!("00000000-0000-7000-8000-{number:012}")
}
