//! The contents of GraphiQL's editors: the documents of `queries/`, one tab each.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rust_embed::Embed;
use serde::Serialize;

use crate::app::document_id;
use crate::transport::server::Audience;

/// The documents, embedded.
#[derive(Embed)]
#[folder = "queries"]
struct Documents;

/// The folder of the operations of administrators.
const ADMINISTRATION: &str = "administration";

/// The most frequent operations of administrators, which come first.
const FREQUENT: [&str; 10] = [
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

/// The documents of the sign-in panel.
const PANEL: [&str; 5] = ["Login", "Logout", "Me", "RefreshSession", "StepUp"];

static DOCUMENTS: LazyLock<Vec<Document>> = LazyLock::new(read);

/// A document of `queries/`.
struct Document {
    capability: String,
    name: String,
    text: String,
    tab: Tab,
}

/// The contents of an editor; GraphiQL names the tab after the operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Tab {
    query: String,
    /// JSON, formatted by the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    variables: Option<String>,
}

impl Tab {
    /// Splits off the example variables of a document: the comment line `# variables: { … }`.
    fn of_document(document: &str) -> Self {
        let example = |line: &str| {
            line.strip_prefix("# variables:")
                .map(|text| text.trim().to_owned())
        };
        let query: Vec<&str> = document
            .lines()
            .filter(|line| example(line).is_none())
            .collect();
        Self {
            query: query.join("\n"),
            variables: document.lines().find_map(example),
        }
    }
}

/// The tabs of a listener: for staff the operations of administrators, else all documents.
pub(super) fn of(audience: Audience) -> Vec<Tab> {
    let shown =
        |document: &&Document| audience != Audience::Staff || document.capability == ADMINISTRATION;
    let shown = DOCUMENTS.iter().filter(shown);
    shown.map(|document| document.tab.clone()).collect()
}

/// The ids of the panel's documents: before signing in, staff can run only these.
pub(super) fn panel_documents() -> BTreeMap<&'static str, String> {
    let documents = PANEL.iter().filter_map(|name| {
        let document = DOCUMENTS.iter().find(|document| document.name == *name)?;
        Some((*name, document_id(&document.text)))
    });
    documents.collect()
}

/// All documents, sorted by capability; the frequent ones of administration first.
fn read() -> Vec<Document> {
    let paths = Documents::iter().filter(|path| path.ends_with(".graphql"));
    let mut documents: Vec<Document> = paths.filter_map(|path| read_one(&path)).collect();
    documents.sort_by_cached_key(|document| {
        let place = FREQUENT.iter().position(|name| *name == document.name);
        let place = place.unwrap_or(FREQUENT.len());
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
    fn staff_see_frequent_operations_first_with_a_comment_and_an_example() {
        let tabs = of(Audience::Staff);
        for (tab, name) in tabs.iter().zip(FREQUENT) {
            assert!(tab.query.starts_with("# "), "{name}: {}", tab.query);
            assert!(
                tab.query.contains(&format!(" {name}(")),
                "{name}: {}",
                tab.query
            );
            assert!(tab.variables.is_some(), "{name}");
        }
        assert!(tabs.len() > FREQUENT.len());
        assert!(of(Audience::Public).len() > tabs.len());
        let known = panel_documents();
        assert_eq!(known.into_keys().collect::<Vec<_>>(), PANEL);
    }
}
