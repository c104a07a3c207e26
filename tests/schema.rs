//! The public schema: the files, the manifest, the documents and the descriptions.
//!
//! `idgate schema --write` updates the files.

#![cfg(test)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute};
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    FieldDefinition, InputValueDefinition, TypeDefinition, TypeKind, TypeSystemDefinition,
};
use async_graphql::{Positioned, Request, Response, Schema, Variables};
use idgate::schema::Authorization;
use idgate::schema::mutations::Mutation;
use idgate::schema::problem::Problem;
use idgate::schema::query::Query;
use idgate::schema::subscription::Subscription;
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
    let entries = WalkDir::new(root().join("queries"))
        .into_iter()
        .map(Result::unwrap);
    let files = entries.filter(|entry| {
        entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "graphql")
    });
    let documents: BTreeMap<_, _> = files
        .map(|file| {
            (
                file.path().to_owned(),
                std::fs::read_to_string(file.path()).unwrap(),
            )
        })
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
fn the_subgraph_file_is_up_to_date() {
    assert!(
        read("schema/subgraph.graphql") == idgate::schema::subgraph_sdl(Authorization::Declared),
        "schema/subgraph.graphql is out of date: run `idgate schema --write`"
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
            let digest = hex::encode(Sha256::digest(&text));
            (format!("sha256:{digest}"), text)
        })
        .collect();
    assert!(
        listed == wanted,
        "queries/manifest.json is out of date: run `idgate schema --write`"
    );
}

/// An extension that validates a document and stops before execution.
struct NeverRuns;

impl ExtensionFactory for NeverRuns {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for NeverRuns {
    async fn execute(
        &self,
        _: &ExtensionContext<'_>,
        _: Option<&str>,
        _: NextExecute<'_>,
    ) -> Response {
        Response::new(async_graphql::Value::Null)
    }
}

#[tokio::test]
async fn every_document_fits_the_schema_and_so_does_its_example() {
    let schema = Schema::build(Query::default(), Mutation::default(), Subscription)
        .register_output_type::<Problem>()
        .extension(NeverRuns)
        .finish();
    for (path, text) in documents() {
        let example = text
            .lines()
            .find_map(|line| line.strip_prefix("# variables: "));
        let example: Value = serde_json::from_str(example.unwrap_or("{}")).unwrap();
        assert_eq!(
            text.contains("($"),
            example != serde_json::json!({}),
            "{}",
            path.display()
        );
        let request = Request::new(&text).variables(Variables::from_json(example));
        let response = schema.execute(request).await;
        assert!(
            response.errors.is_empty(),
            "{}: {:?}",
            path.display(),
            response.errors
        );
    }
    // Guards against a check that accepts everything.
    let response = schema.execute("{ me { nothing } }").await;
    assert_eq!(response.errors.len(), 1);
}

#[test]
fn everything_in_the_schema_is_described() {
    let mut bare = Vec::new();
    let document = parse_schema(read("schema/schema.graphql")).unwrap();
    for definition in document.definitions {
        if let TypeSystemDefinition::Type(definition) = definition {
            let definition = definition.node;
            if definition.description.is_none() {
                bare.push(definition.name.to_string());
            }
            bare.extend(bare_parts(&definition));
        }
    }
    assert_eq!(bare, [""; 0], "without a description");
}

/// The fields, arguments and values of a type that have no description.
fn bare_parts(definition: &TypeDefinition) -> Vec<String> {
    let name = definition.name.node.as_str();
    match &definition.kind {
        TypeKind::Object(object) => bare_fields(name, &object.fields),
        TypeKind::Interface(interface) => bare_fields(name, &interface.fields),
        TypeKind::InputObject(input) => bare_inputs(name, &input.fields),
        TypeKind::Enum(values) => {
            let bare = values
                .values
                .iter()
                .filter(|value| value.node.description.is_none());
            bare.map(|value| format!("{name}.{}", value.node.value))
                .collect()
        }
        TypeKind::Scalar | TypeKind::Union(_) => Vec::new(),
    }
}

fn bare_fields(owner: &str, fields: &[Positioned<FieldDefinition>]) -> Vec<String> {
    let mut bare = Vec::new();
    for field in fields {
        let name = format!("{owner}.{}", field.node.name);
        bare.extend(bare_inputs(&name, &field.node.arguments));
        if field.node.description.is_none() {
            bare.push(name);
        }
    }
    bare
}

fn bare_inputs(owner: &str, inputs: &[Positioned<InputValueDefinition>]) -> Vec<String> {
    let bare = inputs
        .iter()
        .filter(|input| input.node.description.is_none());
    bare.map(|input| format!("{owner}.{}", input.node.name))
        .collect()
}
