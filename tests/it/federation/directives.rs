//! The access directives in the schema agree with what the gateway does.
//!
//! A router filters fields by these directives before it asks: one too many denies users
//! data they may read, and one too few only costs a request.

use std::collections::BTreeMap;

use async_graphql::Value;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{ConstDirective, TypeKind, TypeSystemDefinition};
use idgate::schema::{Authorization, subgraph_sdl};
use serde_json::{Value as Json, json};

use crate::administration::matrix::{self, RANKS};
use crate::harness::{Answer, TestApp, queries};

/// Which callers a router lets through.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Admission {
    Public,
    SignedIn,
    /// Holders of all scopes of one of these sets.
    Scopes(Vec<Vec<String>>),
}

impl Admission {
    fn of(directives: &[ConstDirective]) -> Self {
        let find = |name: &str| {
            directives
                .iter()
                .find(|directive| directive.name.node == name)
        };
        match (find("authenticated"), find("requiresScopes")) {
            (None, None) => Self::Public,
            (Some(_), None) => Self::SignedIn,
            (None, Some(scopes)) => {
                assert!(find("tag").is_some(), "only staff can use it");
                let Some(Value::List(sets)) =
                    scopes.get_argument("scopes").map(|value| &value.node)
                else {
                    panic!("scopes are lists")
                };
                Self::Scopes(sets.iter().map(texts).collect())
            }
            (Some(_), Some(_)) => panic!("scopes imply a sign-in"),
        }
    }

    fn admits(&self, rank: &str) -> bool {
        let Self::Scopes(sets) = self else {
            return true;
        };
        let scope = matrix::set_of(rank).scope();
        let held: Vec<&str> = scope.split(' ').collect();
        let all = |set: &Vec<String>| set.iter().all(|scope| held.contains(&scope.as_str()));
        sets.iter().any(all)
    }
}

fn texts(set: &Value) -> Vec<String> {
    let Value::List(scopes) = set else {
        panic!("scopes are lists of lists")
    };
    let text = |scope: &Value| match scope {
        Value::String(text) => text.clone(),
        other => panic!("{other} is no scope"),
    };
    scopes.iter().map(text).collect()
}

/// The operations of these types, and which callers a router lets through. Directives are on
/// operations only.
fn operations(types: &[&str]) -> BTreeMap<String, Admission> {
    let document = parse_schema(subgraph_sdl(Authorization::Declared)).unwrap();
    let mut found = BTreeMap::new();
    for definition in document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let definition = definition.node;
        let name = definition.name.node.to_string();
        let on_type: Vec<_> = definition
            .directives
            .into_iter()
            .map(|directive| directive.node)
            .collect();
        assert_eq!(Admission::of(&on_type), Admission::Public, "{name}");
        let fields = match definition.kind {
            TypeKind::Object(object) => object.fields,
            TypeKind::Interface(interface) => interface.fields,
            _ => continue,
        };
        for field in fields {
            let directives: Vec<_> = field
                .node
                .directives
                .into_iter()
                .map(|directive| directive.node)
                .collect();
            let admission = Admission::of(&directives);
            if types.contains(&name.as_str()) {
                found.insert(field.node.name.to_string(), admission);
            } else if !["Query", "Mutation", "Subscription"].contains(&name.as_str()) {
                assert_eq!(admission, Admission::Public, "{name}.{}", field.node.name);
            }
        }
    }
    found
}

/// The documents that run an operation, or listen to it; there is one for each.
fn documents_of(operation: &str, listening: bool) -> Vec<&'static str> {
    let begins = |text: &str, sign: char| text.contains(&format!("\n  {operation}{sign}"));
    let runs = |text: &str| [' ', '(', '\n'].iter().any(|sign| begins(text, *sign));
    let listens = |text: &str| text.contains("\nsubscription ");
    let found = queries::DOCUMENTS.iter();
    let found = found.filter(|(_, text)| runs(text) && listens(text) == listening);
    found.map(|(name, _)| name.as_str()).collect()
}

fn refusal(answer: &Answer) -> &str {
    match answer.code() {
        code @ ("UNAUTHENTICATED" | "FORBIDDEN") => code,
        _ => "",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_stops_exactly_those_whom_the_gateway_would_refuse() {
    let app = TestApp::spawn().await;
    let mut people = Vec::new();
    for rank in RANKS {
        let email = format!("{}@example.com", rank.replace(' ', "-"));
        people.push((rank, app.appoint(&email, rank).await));
    }
    let operations = operations(&["Query", "Mutation"]);
    let scoped = |it: &&Admission| matches!(it, Admission::Scopes(_));
    assert!(
        operations.values().filter(scoped).count() > 9,
        "{operations:?}"
    );
    for (place, (operation, admission)) in operations.iter().enumerate() {
        let documents = documents_of(operation, false);
        assert!(!documents.is_empty(), "{operation} has no document");
        for document in documents {
            let target = app
                .register(&format!("{document}-{place}@example.net"))
                .await;
            let variables = |rank: usize| matrix::variables(document, &target, place * 10 + rank);
            let anonymous = app.anonymous().run(document, variables(9)).await;
            let is_stopped = *admission != Admission::Public;
            assert_eq!(
                refusal(&anonymous) == "UNAUTHENTICATED",
                is_stopped,
                "{document}"
            );
            if !matches!(admission, Admission::Scopes(_)) {
                continue;
            }
            for (number, (rank, person)) in people.iter().enumerate() {
                let answer = person.run(document, variables(number)).await;
                let wanted = if admission.admits(rank) {
                    ""
                } else {
                    "FORBIDDEN"
                };
                assert_eq!(
                    refusal(&answer),
                    wanted,
                    "{document} {rank}: {}",
                    answer.text
                );
            }
        }
    }
}

/// What decides beside the permission has to be asked here: a router knows scopes alone.
#[tokio::test(flavor = "multi_thread")]
async fn callers_are_not_refused_their_own_data() {
    let operations = operations(&["Query", "Mutation"]);
    for (operation, wanted) in [
        ("me", Admission::Public),
        ("login", Admission::Public),
        ("verifyOtp", Admission::Public),
        ("user", Admission::SignedIn),
        ("revokeSession", Admission::SignedIn),
    ] {
        assert_eq!(operations[operation], wanted, "{operation}");
    }
    let app = TestApp::with(&[super::ROUTER]).await;
    app.register("ada@example.com").await;
    let router = app.anonymous().with(super::HEADER, super::SECRET);
    let input = json!({ "emailOrPhone": "ada@example.com", "password": crate::harness::PASSWORD });
    let login = "mutation($input: LoginInput!) { login(input: $input) { ... on SignedIn \
                 { user { email permissions } session { ipAddress } } } }";
    let answer = router.ask(login, json!({ "input": input })).await;
    let user: &Json = &answer.root("login")["user"];
    assert_eq!(user["email"], "ada@example.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_stops_exactly_those_who_may_not_listen() {
    let app = TestApp::spawn().await;
    let operations = operations(&["Subscription"]);
    assert_eq!(operations.len(), 2);
    for (operation, admission) in operations {
        let documents = documents_of(&operation, true);
        assert!(!documents.is_empty(), "{operation} has no document");
        for document in documents {
            assert_ne!(admission, Admission::Public, "{document}");
            let stream = app
                .request(reqwest::Method::POST, "/graphql/stream")
                .header("accept", "text/event-stream")
                .json(&json!({ "query": queries::text(document) }));
            let anonymous = Answer::of(stream).await;
            assert!(
                anonymous.text.contains("UNAUTHENTICATED"),
                "{}",
                anonymous.text
            );
            for rank in RANKS {
                let email = format!("{document}-{}@example.com", rank.replace(' ', "-"));
                let person = app.appoint(&email, rank).await;
                let mut socket = person.socket().await;
                socket.subscribe("a", document, json!({})).await;
                if admission.admits(rank) {
                    socket.settle().await;
                } else {
                    let refusal = socket.refusal("a").await;
                    assert_eq!(refusal, "FORBIDDEN", "{document} {rank}");
                }
            }
        }
    }
}
