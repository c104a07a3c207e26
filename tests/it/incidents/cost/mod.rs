//! The bound of what one document may cost:
//!
//! *the fields that an accepted document resolves are never more than the cost that was computed
//! for it, and that is never more than the configuration allows.*
//!
//! Shown by documents that are written at random from the real schema, against a second count that
//! follows the specification (`oracle`), and against real answers.

mod oracle;
mod writer;

use std::collections::BTreeSet;

use async_graphql::Variables;
use async_graphql::parser::types::{BaseType, TypeKind};
use idgate::schema::document::{Document, Limits};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::sdl;
use crate::harness::{SignedIn, TestApp, queries};
use oracle::{MAX_LIST_SIZES, Oracle, named};
use writer::Writer;

/// Limits that refuse nothing here, so that costs can be looked at that are too high.
const WIDE: Limits = Limits {
    metadata: &idgate::schema::METADATA,
    introspection: true,
    depth: 1_000,
    aliases: 10_000,
    root_fields: 1_000,
    directives: 10_000,
    tokens: 1_000_000,
    expanded_nodes: 1_000_000,
    cost: usize::MAX,
    representations: usize::MAX,
    variables: 1_000,
    variable_depth: 100,
    variable_values: 100_000,
};

fn cost(document: &Document, variables: &Value) -> usize {
    let variables = Variables::from_json(variables.clone());
    document.cost(None, &variables).unwrap()
}

/// A list missing from the tables would count as one entry.
#[test]
fn every_list_of_the_schema_is_known_to_the_cost() {
    let mut paged = BTreeSet::new();
    let mut lists = BTreeSet::new();
    for definition in sdl::types() {
        let TypeKind::Object(object) = &definition.kind else {
            continue;
        };
        for field in &object.fields {
            let field = &field.node;
            let sized = |name: &str| {
                field
                    .arguments
                    .iter()
                    .any(|argument| argument.node.name.node == name)
            };
            if sized("first") || sized("last") {
                assert!(sized("first") && sized("last"), "{}", field.name);
                paged.insert(named(&field.ty.node).to_owned());
            }
            if let BaseType::List(_) = field.ty.node.base {
                lists.insert((definition.name.to_string(), field.name.to_string()));
            }
        }
    }
    for (of, field) in &lists {
        if paged.contains(of) {
            assert!(["nodes", "edges"].contains(&field.as_str()), "{of}.{field}");
            continue;
        }
        let longest = MAX_LIST_SIZES.iter().find(|(name, _)| name == field);
        let (_, longest) = longest.unwrap_or_else(|| {
            panic!("say at {of}.{field} by `AtMost`, and here, how long it can be")
        });
        // One field and, for each entry, one more.
        let document = Document::prepare(format!("{{ {field} }}"), &WIDE).unwrap();
        assert!(cost(&document, &json!({})) > *longest, "{of}.{field}");
    }
    assert!(paged.len() >= 3 && lists.len() >= 10, "{lists:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn a_document_resolves_no_more_than_its_cost(seed in any::<u64>()) {
        let written = Writer::write(seed, None);
        let document = Document::prepare(written.text.clone(), &WIDE).unwrap();
        let computed = cost(&document, &written.variables);
        let oracle = Oracle::new(&document.parsed, &written.variables);
        let resolved = oracle.resolved();
        prop_assert!(resolved <= computed, "{resolved} > {computed}: {}", written.text);
        // It is a bound, and not just a large number: conditions and short lists are what lies
        // between, and the lists are at most so much shorter.
        let roomy = oracle.with_everything_included();
        prop_assert!(computed <= roomy.saturating_mul(10), "{computed} ≫ {roomy}: {}", written.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_has_no_more_changes_than_are_counted() {
    let app = TestApp::spawn().await;
    let root = app.appoint("root@example.com", "admin").await;
    let ada = app.register("ada@example.com").await;
    let mut input = json!({ "userId": ada.user_id });
    for (field, kind) in sdl::fields_of_input("UpdateUserInput") {
        if kind == "String" {
            let is_locale = field == "locale";
            input[field] = json!(if is_locale { "fr" } else { "else" });
        }
    }
    let answer = root.run("UpdateUser", json!({ "input": input })).await;
    assert_eq!(
        answer.typename("updateUser"),
        "UserUpdated",
        "{}",
        answer.text
    );
    let answer = root.run("AuditEvents", json!({ "first": 1 })).await;
    let changes = answer.root("auditEvents")["nodes"][0]["changes"].clone();
    let longest = MAX_LIST_SIZES.iter().find(|(name, _)| *name == "changes");
    assert_eq!(
        changes.as_array().unwrap().len(),
        longest.unwrap().1,
        "{changes}"
    );
}

/// The largest page of a trusted document must be allowed.
#[tokio::test(flavor = "multi_thread")]
async fn every_trusted_document_fits_with_its_largest_page() {
    let app = TestApp::spawn().await;
    let most = app.app.config.graphql.max_complexity;
    for (name, text) in queries::DOCUMENTS.iter() {
        let document = Document::prepare(text.clone(), &WIDE).unwrap();
        let largest = cost(&document, &json!({ "first": 100, "last": 100 }));
        assert!(largest <= most, "{name} costs {largest}");
    }
}

/// How many fields there are in an answer: each has a key.
fn fields(value: &Value) -> usize {
    match value {
        Value::Object(members) => members.values().map(|member| 1 + fields(member)).sum(),
        Value::Array(entries) => entries.iter().map(fields).sum(),
        _ => 0,
    }
}

async fn people(app: &TestApp) -> SignedIn<'_> {
    let root = app.appoint("root@example.com", "admin").await;
    for number in 0..25 {
        let email = format!("person-{number}@example.com");
        let person = app.register(&email).await;
        for _ in 0..number % 4 {
            let city = json!({ "input": { "city": "London", "country": "GB" } });
            person.run("UpdateProfile", city).await;
        }
        for _ in 0..2 {
            app.login(&email).await;
        }
    }
    root
}

/// The same with the real engine, a real database and the default limits.
#[tokio::test(flavor = "multi_thread")]
async fn accepted_documents_resolve_no_more_than_their_cost() {
    let app = TestApp::with(&[
        ("IDGATE_GRAPHQL__MAX_ALIASES", "10000"),
        ("IDGATE_GRAPHQL__MAX_DIRECTIVES", "1000"),
        ("IDGATE_GRAPHQL__MAX_DEPTH", "30"),
        ("IDGATE_GRAPHQL__MAX_EXPANDED_NODES", "100000"),
        ("IDGATE_GRAPHQL__MAX_ROOT_FIELDS", "1000"),
        ("IDGATE_GRAPHQL__MAX_TOKENS", "100000"),
    ])
    .await;
    let most = app.app.config.graphql.max_complexity;
    let root = people(&app).await;
    let (mut ran, mut refused, mut largest) = (0, 0, 0);
    for seed in 0..300 {
        let written = Writer::write(seed, Some(&root.user_id));
        let document = Document::prepare(written.text.clone(), &WIDE).unwrap();
        let computed = cost(&document, &written.variables);
        let answer = root.ask(&written.text, written.variables).await;
        if answer.code() == "QUERY_TOO_EXPENSIVE" {
            assert!(
                computed > most,
                "{computed}: {} {}",
                answer.text,
                written.text
            );
            refused += 1;
            continue;
        }
        assert!(computed <= most, "{computed} was run: {}", written.text);
        assert_ne!(
            answer.code(),
            "GRAPHQL_VALIDATION_FAILED",
            "{} {}",
            answer.text,
            written.text
        );
        let resolved = fields(&answer.json["data"]);
        assert!(
            resolved <= computed,
            "{resolved} > {computed}: {}",
            written.text
        );
        ran += 1;
        largest = largest.max(resolved);
    }
    assert!(
        ran > 100 && refused > 10 && largest > 100,
        "{ran} {refused} {largest}"
    );
}
