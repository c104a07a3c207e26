//! What GraphiQL's editors are filled with: the documents of `queries/`, one tab each.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rust_embed::Embed;
use serde::Serialize;

use crate::app::document_id;
use crate::transport::server::Audience;

/// The documents that become tabs.
#[derive(Embed)]
#[folder = "queries"]
struct Documents;

/// The folder of what administrators do.
const ADMINISTRATION: &str = "administration";

/// What an administrator does every day, in the order in which it is needed.
const EVERY_DAY: [&str; 10] = [
    "SearchUsers",
    "UserDetails",
    "InviteUser",
    "SetUserRole",
    "SetStaffFunctions",
    "SuspendUser",
    "UnsuspendUser",
    "RevokeUserSessions",
    "AuditEvents",
    "UserStats",
];

/// What the page runs by itself to sign people in and out.
const OF_THE_PAGE: [&str; 5] = ["Login", "Logout", "Me", "RefreshSession", "StepUp"];

static DOCUMENTS: LazyLock<Vec<Document>> = LazyLock::new(read);

/// A document of `queries/`.
struct Document {
    capability: String,
    name: String,
    text: String,
    tab: Tab,
}

/// What an editor is filled with; GraphiQL names the tab by the operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Tab {
    query: String,
    /// JSON, laid out by the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    variables: Option<String>,
}

impl Tab {
    /// Takes the example out of a document: the comment `# variables: { … }` on a line of its own.
    fn of_document(document: &str) -> Self {
        let example = |line: &str| {
            line.strip_prefix("# variables:")
                .map(|text| text.trim().to_owned())
        };
        let kept: Vec<&str> = document
            .lines()
            .filter(|line| example(line).is_none())
            .collect();
        Self {
            query: kept.join("\n"),
            variables: document.lines().find_map(example),
        }
    }
}

/// The tabs of a surface: what administrators do for staff, every document for everybody else.
pub(super) fn of(audience: Audience) -> Vec<Tab> {
    let shown =
        |document: &&Document| audience != Audience::Staff || document.capability == ADMINISTRATION;
    let shown = DOCUMENTS.iter().filter(shown);
    shown.map(|document| document.tab.clone()).collect()
}

/// The ids of the documents that the page runs itself: without a sign-in, staff can run no others.
pub(super) fn documents_of_the_page() -> BTreeMap<&'static str, String> {
    let documents = OF_THE_PAGE.iter().filter_map(|name| {
        let document = DOCUMENTS.iter().find(|document| document.name == *name)?;
        Some((*name, document_id(&document.text)))
    });
    documents.collect()
}

/// Every document, by capability; of administration first what is for every day.
fn read() -> Vec<Document> {
    let paths = Documents::iter().filter(|path| path.ends_with(".graphql"));
    let mut documents: Vec<Document> = paths.filter_map(|path| read_one(&path)).collect();
    documents.sort_by_cached_key(|document| {
        let place = EVERY_DAY.iter().position(|name| *name == document.name);
        let place = place.unwrap_or(EVERY_DAY.len());
        (document.capability.clone(), place, document.name.clone())
    });
    documents
}

fn read_one(path: &str) -> Option<Document> {
    let (capability, file) = path.split_once('/')?;
    let text = String::from_utf8_lossy(&Documents::get(path)?.data).into_owned();
    Some(Document {
        capability: capability.to_owned(),
        name: file.strip_suffix(".graphql")?.to_owned(),
        tab: Tab::of_document(&text),
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tab_keeps_its_comment_and_takes_its_example_out() {
        let document = "# Signs in.\n# variables: {\"id\": 1}\nquery A($id: ID!) {\n  a\n}\n";
        let tab = Tab::of_document(document);
        assert_eq!(tab.query, "# Signs in.\nquery A($id: ID!) {\n  a\n}");
        assert_eq!(tab.variables.as_deref(), Some("{\"id\": 1}"));
        assert_eq!(Tab::of_document("{ me { id } }\n").variables, None);
    }

    #[test]
    fn every_example_is_a_json_object() {
        for document in DOCUMENTS.iter() {
            let Some(variables) = &document.tab.variables else {
                continue;
            };
            let value: serde_json::Value = serde_json::from_str(variables).expect(&document.name);
            assert!(value.is_object(), "{}", document.name);
        }
    }

    #[test]
    fn staff_find_what_is_for_every_day_first_with_a_comment_and_an_example() {
        let tabs = of(Audience::Staff);
        for (tab, name) in tabs.iter().zip(EVERY_DAY) {
            assert!(tab.query.starts_with("# "), "{name}: {}", tab.query);
            assert!(
                tab.query.contains(&format!(" {name}(")),
                "{name}: {}",
                tab.query
            );
            assert!(tab.variables.is_some(), "{name}");
        }
        assert!(tabs.len() > EVERY_DAY.len());
        assert!(of(Audience::Public).len() > tabs.len());
        let known = documents_of_the_page();
        assert_eq!(known.into_keys().collect::<Vec<_>>(), OF_THE_PAGE);
    }
}
