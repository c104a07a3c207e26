//! Every string, id, timestamp and number of the schema, filled with hostile values:
//! nothing breaks, and the answers are the same on both databases.

mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use async_graphql::parser::types::{TypeDefinition, TypeKind};
use serde_json::{Value, json};

use super::sdl;
use crate::harness::{Answer, PASSWORD, SignedIn, TestApp};

const NIL_ID: &str = "00000000-0000-0000-0000-000000000000";

/// Where a hostile value goes.
#[derive(Clone)]
struct Place {
    /// The field of the root, and how the value gets there: `login input.password`.
    name: String,
    /// The document, with the variable `$a`.
    document: String,
    /// What else the variable holds, where it is an input; `null` where it is the value.
    base: Value,
    /// The field inside the input.
    field: Option<String>,
    kind: String,
}

fn values(place: &Place) -> Vec<(&'static str, String)> {
    let is_cursor = place.name.ends_with(" after") || place.name.ends_with(" before");
    match place.kind.as_str() {
        "String" if is_cursor => values::cursors(),
        "ID" => values::ids(),
        "DateTime" => values::instants(),
        "Int" | "ByteCount" => values::numbers(),
        _ => values::texts(),
    }
}

/// Types whose values are one of a few words; there is nothing to fill in.
fn is_closed(kind: &str, types: &[TypeDefinition]) -> bool {
    let is_enum =
        |it: &TypeDefinition| it.name.node == kind && matches!(it.kind, TypeKind::Enum(_));
    kind == "Boolean" || types.iter().any(is_enum)
}

fn bare(kind: &str) -> String {
    kind.replace(['!', '[', ']'], "")
}

/// Every input with its fields: name and type as they are written.
type Inputs = BTreeMap<String, Vec<(String, String)>>;

fn inputs() -> Inputs {
    let mut inputs = Inputs::new();
    for (input, field, kind) in sdl::inputs() {
        inputs.entry(input).or_default().push((field, kind));
    }
    inputs
}

/// What an operation needs besides the value, so that it gets as far as it can.
fn base(fields: &[(String, String)]) -> Value {
    let mut base = json!({});
    for (field, written) in fields {
        if !written.ends_with('!') {
            continue;
        }
        base[field] = match (field.as_str(), bare(written).as_str()) {
            ("password" | "newPassword", _) => json!(PASSWORD),
            ("emailOrPhone", _) | (_, "EmailAddress") => json!("grace@example.com"),
            (_, "PhoneNumber") => json!("+14155552671"),
            (_, "ID") => json!(NIL_ID),
            (_, "Role") => json!("CLIENT"),
            (_, "ByteCount") => json!(1000),
            ("contentType", _) => json!("image/png"),
            (_, "OtpPurpose") => json!("LOGIN"),
            ("code", _) => json!("123456"),
            (_, "StaffFunction") => json!([]),
            (_, "UserOrderField") => json!("EMAIL"),
            _ => json!("x"),
        };
    }
    base
}

/// Every place in the arguments of queries and mutations, fields of inputs included.
fn places() -> Vec<Place> {
    let (types, inputs) = (sdl::types(), inputs());
    let mut places = Vec::new();
    for (root, operation) in [
        ("Query", "query"),
        ("Mutation", "mutation"),
        ("User", "query"),
    ] {
        let found = types
            .iter()
            .find(|definition| definition.name.node == root)
            .unwrap();
        let TypeKind::Object(object) = &found.kind else {
            panic!("{root} is an object")
        };
        for field in &object.fields {
            let field = &field.node;
            let name = field.name.node.as_str();
            let selected = match name {
                "users" => "{ totalCount nodes { id } }",
                "auditEvents" | "sessions" => "{ nodes { id } }",
                "userStats" => "{ total newPerDay { day } activeSessions }",
                _ => "{ __typename }",
            };
            for argument in &field.arguments {
                let argument = &argument.node;
                let written = argument.ty.node.to_string();
                let kind = bare(&written);
                let asked = format!("{name}({}: $a) {selected}", argument.name.node);
                let asked = if root == "User" {
                    format!("me {{ {asked} }}")
                } else {
                    asked
                };
                let path = if root == "User" {
                    format!("me.{name}")
                } else {
                    name.to_owned()
                };
                let place = Place {
                    name: format!("{path} {}", argument.name.node),
                    document: format!("{operation}($a: {written}) {{ {asked} }}"),
                    base: Value::Null,
                    field: None,
                    kind: kind.clone(),
                };
                let Some(fields) = inputs.get(&kind) else {
                    places.push(place);
                    continue;
                };
                places.extend(fields.iter().map(|(field, kind)| Place {
                    name: format!("{}.{field}", place.name),
                    base: base(fields),
                    field: Some(field.clone()),
                    kind: bare(kind),
                    ..place.clone()
                }));
            }
        }
    }
    // A place in a list by name is a text.
    for argument in ["after", "before"] {
        let by_email = "orderBy: { field: EMAIL }";
        let place = Place {
            name: format!("users by address {argument}"),
            document: format!(
                "query($a: String) {{ users({by_email} {argument}: $a) {{ totalCount }} }}"
            ),
            base: Value::Null,
            field: None,
            kind: "String".to_owned(),
        };
        // Before anything is written: how many people there are is told.
        places.insert(0, place);
    }
    places.retain(|place| !is_closed(&place.kind, &types));
    assert!(places.len() > 100, "{} places", places.len());
    places
}

/// A request with the value as it is written, which JSON of Rust could not hold.
fn body(place: &Place, value: &str) -> String {
    let mark = "a value stands here";
    let given = match &place.field {
        None => json!(mark),
        Some(field) => {
            let mut input = place.base.clone();
            input[field] = json!(mark);
            input
        }
    };
    let body = json!({ "query": place.document, "variables": { "a": given } });
    body.to_string().replace(&format!("\"{mark}\""), value)
}

/// The outcome: an error code, the type of a result, or that there is one.
fn outcome(answer: &Answer) -> String {
    if answer.json["errors"].is_array() {
        return answer.code().to_owned();
    }
    let fields = answer.json["data"].as_object().unwrap();
    let result = fields.values().next().unwrap();
    match (&result["__typename"], &result["totalCount"]) {
        (Value::String(name), _) => name.clone(),
        (_, Value::Number(count)) => format!("data of {count}"),
        _ if result.is_null() => "null".to_owned(),
        _ => "data".to_owned(),
    }
}

async fn ask(app: &TestApp, token: Option<&str>, body: String) -> Answer {
    let request = app.request(reqwest::Method::POST, "/graphql");
    let request = request
        .header("content-type", "application/json")
        .body(body);
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    Answer::of(request).await
}

/// The client that sends it.
async fn sender<'a>(app: &'a TestApp, who: &str, name: &str) -> Option<SignedIn<'a>> {
    let email = format!("{name}@example.com");
    match who {
        "nobody" => None,
        "a client" => Some(app.register(&email).await),
        _ => Some(app.appoint(&email, "admin").await),
    }
}

/// The outcome of every value in every place, grouped by outcome.
async fn survey(app: &TestApp, who: &str) -> String {
    let reader = sender(app, who, "reader").await;
    let mut report = String::new();
    for (number, mut place) in places().into_iter().enumerate() {
        // An accepted mutation may end the sender's sessions.
        let writer = if place.document.starts_with("mutation") {
            sender(app, who, &format!("p{number}")).await
        } else {
            None
        };
        let person = writer.as_ref().or(reader.as_ref());
        if let (Some(person), true) = (person, place.base["userId"].is_string()) {
            place.base["userId"] = json!(person.user_id);
        }
        let token = person.map(|client| client.access_token.as_str());
        let mut outcomes: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (name, value) in values(&place) {
            let answer = ask(app, token, body(&place, &value)).await;
            assert!(
                answer.status < 500,
                "{} {name}: {}",
                place.name,
                answer.text
            );
            let outcome = outcome(&answer);
            assert_ne!(outcome, "INTERNAL_SERVER_ERROR", "{} {name}", place.name);
            outcomes.entry(outcome).or_default().push(name);
        }
        writeln!(report, "{}", place.name).unwrap();
        for (outcome, names) in outcomes {
            writeln!(report, "    {outcome}: {}", names.join(", ")).unwrap();
        }
    }
    report
}

async fn gateway() -> TestApp {
    // The survey is about values, so rate limits must not interfere.
    TestApp::with(&[("IDGATE_THROTTLE__SCALE", "100000")]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_an_anonymous_caller_sends_breaks_either_database() {
    let app = gateway().await;
    insta::assert_snapshot!("hostile_nobody", survey(&app, "nobody").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_a_client_sends_breaks_either_database() {
    let app = gateway().await;
    insta::assert_snapshot!("hostile_client", survey(&app, "a client").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_an_administrator_sends_breaks_either_database() {
    let app = gateway().await;
    insta::assert_snapshot!("hostile_admin", survey(&app, "an administrator").await);
}

#[test]
fn subscriptions_take_nothing_that_queries_do_not() {
    let surveyed: BTreeSet<String> = places().into_iter().map(|place| place.name).collect();
    let inputs = inputs();
    for field in ["auditEvents", "sessionEvents"] {
        for (argument, kind) in sdl::arguments_of("Subscription", field) {
            for (inside, _) in &inputs[&bare(&kind)] {
                let name = format!("{field} {argument}.{inside}");
                assert!(surveyed.contains(&name), "{name}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn literals_are_read_like_variables() {
    let app = gateway().await;
    for (written, code) in [
        (r#""\u0000""#, "BAD_USER_INPUT"),
        ("\"\0\"", "BAD_USER_INPUT"),
        ("\"\"\"\0\"\"\"", "BAD_USER_INPUT"),
        (r#""\ud800""#, "GRAPHQL_PARSE_FAILED"),
        (r#""\udc00\ud800""#, "GRAPHQL_PARSE_FAILED"),
        (r#""\u00""#, "GRAPHQL_PARSE_FAILED"),
    ] {
        for query in [
            format!(
                "mutation {{ login(input: {{ emailOrPhone: {written}, password: \"x\" }}) {{ __typename }} }}"
            ),
            format!("query($a: ID! = {written}) {{ user(id: $a) {{ id }} }}"),
            format!("{{ __typename @include(if: {written}) }}"),
        ] {
            let answer = ask(&app, None, json!({ "query": query }).to_string()).await;
            assert_eq!(answer.code(), code, "{query:?}");
        }
    }
}
