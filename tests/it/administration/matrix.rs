//! The permission matrix, measured by running every operation as every role.
//!
//! `docs/permissions.md` is what these tests find; `IDGATE_TEST_WRITE_PERMISSIONS=1` writes it.

use std::fmt::Write as _;
use std::path::Path;

use async_graphql::parser::types::TypeKind;
use idgate::domain::permission::{Permission, PermissionSet};
use idgate::domain::role::{Role, StaffFunctions};
use serde_json::{Value, json};

use crate::federation::{HEADER, ROUTER, SECRET};
use crate::harness::{Answer, SignedIn, TestApp, queries};
use crate::incidents::sdl;

/// Every kind of caller.
pub(crate) const RANKS: [&str; 7] = [
    "client",
    "vendor",
    "staff",
    "staff support",
    "staff editor",
    "staff sales",
    "admin",
];

const HEAD: &str = "\
# Who may do what

The first table is the matrix of `src/domain/permission.rs`. The others are measured by running
every operation as every role; `tests/it/administration/matrix.rs` compares this page with both, and
writes it when `IDGATE_TEST_WRITE_PERMISSIONS` is set. Access to one's own data needs no permission.
`staff` without a function and the three functions are columns of their own; several functions grant
the sum.

Which accounts a role may administer: see [the decision](decisions/administration.md).
";

#[tokio::test(flavor = "multi_thread")]
async fn the_permissions_page_matches_what_the_gateway_does() {
    let app = TestApp::with(&[ROUTER]).await;
    let mut people = Vec::new();
    for what in RANKS {
        let email = format!("{}@example.com", what.replace(' ', "-"));
        people.push(app.appoint(&email, what).await);
    }
    let page = [
        HEAD.to_owned(),
        permissions(),
        operations(&app, &people).await,
        own_fields(&people).await,
        fields_of_others(&people).await,
        fields_of_strangers(&app, &people).await,
    ]
    .join("\n");
    println!("{page}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/permissions.md");
    if is_to_be_written() {
        std::fs::write(&file, &page).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(written == page, "docs/permissions.md is not what happens");
}

#[expect(
    clippy::disallowed_methods,
    reason = "what a test run does is no setting of idgate"
)]
fn is_to_be_written() -> bool {
    std::env::var_os("IDGATE_TEST_WRITE_PERMISSIONS").is_some()
}

/// A table in Markdown: a mark for each rank, a row for all that have the same marks.
fn table(title: &str, rows: &[(String, Vec<bool>)]) -> String {
    let ranks = "client | vendor | staff | + support | + editor | + sales | admin";
    let mut text = format!("## {title}\n\n| | {ranks} |\n|{}\n", " --- |".repeat(8));
    let mut grouped: Vec<(Vec<&str>, &[bool])> = Vec::new();
    for (name, marks) in rows {
        match grouped.iter_mut().find(|(_, other)| other == marks) {
            Some((names, _)) => names.push(name),
            None => grouped.push((vec![name], marks)),
        }
    }
    for (names, marks) in grouped {
        let _ = write!(text, "| `{}` |", names.join("` `"));
        for mark in marks {
            text.push_str(if *mark { " yes |" } else { " |" });
        }
        text.push('\n');
    }
    text
}

pub(crate) fn set_of(what: &str) -> PermissionSet {
    let (role, functions) = what.split_once(' ').unwrap_or((what, ""));
    let role: Role = role.parse().unwrap();
    PermissionSet::of(role, StaffFunctions::from_text(functions))
}

fn permissions() -> String {
    let row = |permission: Permission| {
        let marks = RANKS.map(|what| set_of(what).holds(permission)).to_vec();
        (permission.to_string(), marks)
    };
    table("Permissions", &Permission::ALL.map(row))
}

/// The documents that a client is forbidden to run: those that need a permission.
async fn guarded(app: &TestApp) -> Vec<&'static str> {
    let mut found = Vec::new();
    let target = app.register("target@example.net").await;
    for document in queries::DOCUMENTS.keys() {
        // Of one's own, since some documents end the session that runs them.
        let client = app.register(&format!("{document}@example.com")).await;
        let answer = client.run(document, variables(document, &target, 8)).await;
        if answer.code() == "FORBIDDEN" {
            found.push(document.as_str());
        }
    }
    assert!(found.len() > 10, "{found:?}");
    found
}

/// Every operation that needs a permission, on a user within reach of all who have one.
async fn operations(app: &TestApp, people: &[SignedIn<'_>]) -> String {
    let mut rows = Vec::new();
    for document in guarded(app).await {
        let mut marks = Vec::new();
        for (place, person) in people.iter().enumerate() {
            let email = format!("{document}-{place}@example.net");
            let target = app.register(&email).await;
            let answer = person
                .run(document, variables(document, &target, place))
                .await;
            let allowed = answer.json["errors"].is_null();
            assert!(allowed || answer.code() == "FORBIDDEN", "{}", answer.text);
            marks.push(allowed);
        }
        let asked = variables(document, &people[0], 9);
        let anonymous = app.anonymous().run(document, asked).await;
        assert_eq!(anonymous.code(), "UNAUTHENTICATED", "{document}");
        rows.push((document.to_owned(), marks));
    }
    table("Operations", &rows)
}

/// What the document proposes, about this person.
pub(crate) fn variables(document: &str, target: &SignedIn<'_>, place: usize) -> Value {
    let mut lines = queries::text(document).lines();
    let line = lines.find_map(|line| line.strip_prefix("# variables: "));
    let mut variables: Value = serde_json::from_str(line.unwrap_or("{}")).unwrap();
    if variables.get("id").is_some() {
        variables["id"] = json!(target.user_id);
    } else if document == "InviteUser" {
        let email = format!("invited{place}@example.org");
        variables["input"] = json!({ "email": email, "role": "CLIENT" });
    } else if variables["input"].get("userId").is_some() {
        variables["input"]["userId"] = json!(target.user_id);
    }
    variables
}

/// The fields of a user, each as it is selected.
pub(crate) fn fields() -> Vec<(String, String)> {
    let types = sdl::types();
    let user = types
        .into_iter()
        .find(|definition| definition.name.node == "User")
        .unwrap();
    let TypeKind::Object(user) = user.kind else {
        panic!("User is an object")
    };
    let fields = user.fields.into_iter().map(|field| field.node);
    fields
        .map(|field| {
            let name = field.name.to_string();
            let is_list = !field.arguments.is_empty();
            let kind = field.ty.to_string();
            let kind = kind.trim_matches(['[', ']', '!']);
            let is_object = sdl::types().iter().any(|definition| {
                definition.name.node == kind && matches!(definition.kind, TypeKind::Object(_))
            });
            let selected = if is_list {
                format!("{name} {{ nodes {{ id }} }}")
            } else if is_object {
                format!("{name} {{ id }}")
            } else {
                name.clone()
            };
            (name, selected)
        })
        .collect()
}

/// Whether an answer shows the field: a refusal is one error, and `null`.
fn shows(answer: &Answer) -> bool {
    let errors = answer.json["errors"].as_array();
    errors.is_none_or(|errors| {
        assert_eq!(
            (errors.len(), answer.code()),
            (1, "FORBIDDEN"),
            "{}",
            answer.text
        );
        false
    })
}

async fn own_fields(people: &[SignedIn<'_>]) -> String {
    let mut rows = Vec::new();
    for (name, selected) in fields() {
        let mut marks = Vec::new();
        for person in people {
            let query = format!("{{ me {{ id {selected} }} }}");
            let answer = person.ask(&query, json!({})).await;
            assert_eq!(answer.json["data"]["me"]["id"], person.user_id);
            marks.push(shows(&answer));
        }
        rows.push((name, marks));
    }
    table("Fields of one's own account", &rows)
}

/// By every path that there is: alone, in a list, and as the result of a change.
async fn fields_of_others(people: &[SignedIn<'_>]) -> String {
    let other = &people[1];
    let mut rows = Vec::new();
    for (name, selected) in fields() {
        let mut marks = Vec::new();
        for person in people
            .iter()
            .filter(|person| person.user_id != other.user_id)
        {
            let id = &other.user_id;
            let person_of = format!("{{ id {selected} }}");
            let vendors = "users(first: 1, filter: {role: VENDOR})";
            let update = format!("updateUser(input: {{userId: \"{id}\"}})");
            let paths = [
                format!("{{ user(id: \"{id}\") {person_of} }}"),
                format!("{{ {vendors} {{ nodes {person_of} }} }}"),
                format!("{{ {vendors} {{ edges {{ node {person_of} }} }} }}"),
                format!("mutation {{ {update} {{ ... on UserUpdated {{ user {person_of} }} }} }}"),
            ];
            let mut shown = Vec::new();
            for path in paths {
                shown.push(shows(&person.ask(&path, json!({})).await));
            }
            assert!(
                shown.iter().all(|marks| *marks == shown[0]),
                "{name}: {shown:?}"
            );
            marks.push(shown[0]);
            if marks.len() == 1 {
                // A vendor reads another account as a client does.
                marks.push(shown[0]);
            }
        }
        rows.push((name, marks));
    }
    table("Fields of others", &rows)
}

/// A reference from another subgraph gives no more than an anonymous caller sees.
async fn fields_of_strangers(app: &TestApp, people: &[SignedIn<'_>]) -> String {
    let other = &people[1];
    let mut rows = Vec::new();
    for (name, selected) in fields() {
        let reference = |keys: Value| {
            let mut reference = keys;
            reference["__typename"] = json!("User");
            json!({ "of": [reference] })
        };
        let query = format!(
            "query($of: [_Any!]!) {{ _entities(representations: $of) {{ ... on User \
             {{ id {selected} }} }} }}"
        );
        let mut marks = Vec::new();
        for person in people
            .iter()
            .filter(|person| person.user_id != other.user_id)
        {
            let router = person.clone().with(HEADER, SECRET);
            let by_id = reference(json!({ "id": other.user_id }));
            let answer = router.ask(&query, by_id).await;
            assert_eq!(answer.json["data"]["_entities"][0]["id"], other.user_id);
            marks.push(shows(&answer));
            if marks.len() == 1 {
                // A vendor is a stranger as a client is.
                marks.push(shows(&answer));
            }
            // The other key leads to the same guards.
            let by_email = reference(json!({ "email": "vendor@example.com" }));
            let answer = router.ask(&query, by_email).await;
            if !answer.json["data"]["_entities"][0].is_null() {
                assert_eq!(Some(&shows(&answer)), marks.last(), "{name}");
            }
        }
        let anonymous = app.anonymous().with(HEADER, SECRET);
        let answer = anonymous
            .ask(&query, reference(json!({ "id": other.user_id })))
            .await;
        assert_eq!(
            shows(&answer),
            marks[0],
            "anonymous callers see what strangers see: {name}"
        );
        rows.push((name, marks));
    }
    table(
        "Fields of others, as another subgraph refers to them",
        &rows,
    )
}
