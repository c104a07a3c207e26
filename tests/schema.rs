//! The schema as clients find it: the file, the manifest, the documents and the descriptions.
//!
//! Nothing here writes: `idgate schema --write` does.

#![cfg(test)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use async_graphql::dynamic::Schema;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    FieldDefinition, InputValueDefinition, TypeDefinition, TypeKind, TypeSystemDefinition,
};
use async_graphql::{EmptySubscription, Positioned};
use idgate::schema::mutations::Mutation;
use idgate::schema::query::Query;
use serde_json::Value;
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every document of `queries/`, by its path.
fn documents() -> BTreeMap<PathBuf, String> {
    let entries = WalkDir::new(root().join("queries")).into_iter().map(Result::unwrap);
    let files = entries.filter(|entry| entry.path().extension().is_some_and(|it| it == "graphql"));
    let documents: BTreeMap<_, _> = files
        .map(|file| (file.path().to_owned(), std::fs::read_to_string(file.path()).unwrap()))
        .collect();
    assert!(!documents.is_empty());
    documents
}

#[test]
fn the_file_is_the_schema() {
    assert!(
        read("schema/schema.graphql") == idgate::schema::sdl(),
        "schema/schema.graphql is out of date: run `idgate schema --write`"
    );
}

#[test]
fn the_manifest_has_every_document_under_the_hash_of_its_text() {
    let manifest: Value = serde_json::from_str(&read("queries/manifest.json")).unwrap();
    assert_eq!(manifest["version"], 1);
    let listed: BTreeMap<String, String> =
        serde_json::from_value(manifest["documents"].clone()).unwrap();
    let wanted: BTreeMap<String, String> = documents()
        .into_values()
        .map(|text| {
            let digest = Sha256::digest(&text);
            let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            (format!("sha256:{digits}"), text)
        })
        .collect();
    assert!(listed == wanted, "queries/manifest.json is out of date: run `idgate schema --write`");
}
