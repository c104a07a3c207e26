//! What each operation costs: the table of `docs/performance.md`, which
//! `IDGATE_TEST_WRITE_COSTS=1` writes, each backend its own columns.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::{Tour, everything, recorded};
use crate::federation::{HEADER, ROUTER, SECRET};
use crate::harness::{Google, queries};
use crate::incidents::sdl;

/// What a request cost the stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    /// SQL statements; `BEGIN` and `COMMIT` are not counted.
    pub(super) statements: u64,
    /// Commands to Redis, where there is one.
    pub(super) commands: Option<u64>,
}

const BEGIN: &str = "<!-- costs: generated -->\n";
const END: &str = "<!-- costs: end -->\n";
const HEAD: &str = "\
| operation | SQLite: statements | Postgres: statements | Redis: commands |
| --- | --- | --- | --- |
";

const USERS: &str = "100 `users` with their `sessions`";
const USERS_QUERY: &str = "{ users(first: 100) { nodes { id email role firstName \
                           sessions(first: 2) { nodes { id userAgent createdAt } } } } }";
const ENTITIES: &str = "`_entities` of 100 users";
const ENTITIES_QUERY: &str = "query($of: [_Any!]!) { _entities(representations: $of) { \
                              ... on User { id pid role firstName } } }";

#[tokio::test(flavor = "multi_thread")]
async fn operations_cost_what_the_page_says() {
    let google = Google::with(&[recorded::PROXIES, ROUTER]).await;
    // A field that reads the time for itself could not share statements with its neighbours.
    google.app.never_repeat_an_instant();
    let mut tour = Tour::of(&google.app).await;
    everything(&mut tour, &google).await;
    lists(&mut tour).await;

    let rows = rows(&tour.costs);
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (table, after) = rest.split_once(END).unwrap();
    let measured = updated(table, &rows, google.app.is_sqlite());
    println!("{measured}");
    if is_to_be_written() {
        std::fs::write(&page, [before, BEGIN, &measured, END, after].concat()).unwrap();
    } else {
        assert_eq!(
            table, measured,
            "docs/performance.md, and what was measured"
        );
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "what a test run does is no setting of idgate"
)]
fn is_to_be_written() -> bool {
    std::env::var_os("IDGATE_TEST_WRITE_COSTS").is_some()
}

/// Lists as long as they can be.
async fn lists(tour: &mut Tour<'_>) {
    let app = tour.app;
    let mut people = Vec::new();
    for number in 0..100 {
        people.push(app.register(&format!("user-{number}@example.com")).await);
    }
    let support = app.appoint("support@example.com", "staff support").await;
    let ask = support.ask(USERS_QUERY, json!({}));
    let (answer, _) = tour.measure(USERS, ask).await;
    let nodes = answer.root("users")["nodes"].as_array().unwrap().clone();
    assert_eq!(nodes.len(), 100, "{}", answer.text);
    let of: Vec<Value> = people
        .iter()
        .map(|person| json!({ "__typename": "User", "id": person.user_id }))
        .collect();
    let router = support.clone().with(HEADER, SECRET);
    let ask = router.ask(ENTITIES_QUERY, json!({ "of": of }));
    let (answer, _) = tour.measure(ENTITIES, ask).await;
    assert!(answer.json["errors"].is_null(), "{}", answer.text);
}

/// The operations by name: every mutation and query of the schema, and the lists.
fn rows(costs: &BTreeMap<String, Cost>) -> Vec<(String, Cost)> {
    let kind = |name: &str| {
        let text = queries::DOCUMENTS.get(name);
        let is = |kind: &str| text.is_some_and(|text| text.contains(&format!("\n{kind} ")));
        (!is("mutation"), !is("query"))
    };
    let mut rows: Vec<_> = costs
        .iter()
        .map(|(name, cost)| (name.clone(), *cost))
        .collect();
    rows.sort_by_key(|(name, _)| (kind(name), name.clone()));
    let mutations: BTreeSet<String> = sdl::mutations()
        .into_iter()
        .map(|(name, _)| name[..1].to_uppercase() + &name[1..])
        .collect();
    let measured = rows.iter().map(|(name, _)| name.clone());
    let measured = measured
        .filter(|name| kind(name) == (false, true))
        .collect();
    assert_eq!(
        mutations, measured,
        "mutations, and those that were measured"
    );
    for (name, _) in &mut rows {
        if !name.contains('`') {
            *name = format!("`{name}`");
        }
    }
    rows
}

/// The table with the columns of this backend as measured, and the other's as they were.
fn updated(table: &str, rows: &[(String, Cost)], is_sqlite: bool) -> String {
    let known: BTreeMap<&str, [&str; 3]> = table
        .lines()
        .filter_map(|line| {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            Some((cells.next()?, [cells.next()?, cells.next()?, cells.next()?]))
        })
        .collect();
    let mut text = HEAD.to_owned();
    for (name, cost) in rows {
        let [sqlite, postgres, redis] = known.get(name.as_str()).copied().unwrap_or_default();
        let statements = cost.statements.to_string();
        let commands = cost.commands.unwrap_or_default().to_string();
        let cells = if is_sqlite {
            [&statements, postgres, redis]
        } else {
            [sqlite, &statements, &commands]
        };
        writeln!(text, "| {name} | {} |", cells.join(" | ")).unwrap();
    }
    text
}
