//! `idgate schema`: prints, checks or writes the GraphQL schema, the subgraph schema, the OpenAPI document
//! of the REST API and the manifest of trusted documents. Tests only check these files; this command is the one way to change them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::generated::{self, failed};
use super::{Failure, say};
use crate::app::document_id;
use crate::rest;
use crate::schema::{self, Authorization};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Fail unless the files in schema/ and queries/manifest.json are what this binary has.
    #[arg(long, conflicts_with = "write")]
    check: bool,
    /// Write the files in schema/ and queries/manifest.json.
    #[arg(long)]
    write: bool,
    /// Print the OpenAPI document of the REST API.
    #[arg(long, conflicts_with_all = ["check", "write", "subgraph"])]
    openapi: bool,
    /// Print the subgraph schema; `silent` leaves out @authenticated and @requiresScopes for routers
    /// that refuse them.
    #[arg(
        long,
        value_enum,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "declared",
        conflicts_with_all = ["check", "write"]
    )]
    subgraph: Option<Subgraph>,
    /// The project folder, for --check and --write.
    #[arg(long, default_value = ".", value_name = "FOLDER")]
    project: PathBuf,
}

/// Whether the printed subgraph has directives of authorization.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Subgraph {
    Declared,
    Silent,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    if !arguments.check && !arguments.write {
        let printed = match arguments.subgraph {
            None if arguments.openapi => rest::openapi().to_owned(),
            None => schema::sdl(),
            Some(Subgraph::Declared) => schema::subgraph_sdl(Authorization::Declared).to_owned(),
            Some(Subgraph::Silent) => schema::subgraph_sdl(Authorization::Omitted).to_owned(),
        };
        say(printed.trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let files = [
        (
            arguments.project.join("schema/schema.graphql"),
            schema::sdl(),
        ),
        (
            arguments.project.join("schema/subgraph.graphql"),
            schema::subgraph_sdl(Authorization::Declared).to_owned(),
        ),
        (
            arguments.project.join("schema/openapi.json"),
            rest::openapi().to_owned(),
        ),
        (
            arguments.project.join("queries/manifest.json"),
            manifest(&arguments.project)?,
        ),
    ];
    generated::write_or_check(files, arguments.write, "idgate schema --write")
}

/// Every document of `queries/<capability>/`, by the hash of its text.
fn manifest(project: &Path) -> Result<String, Failure> {
    let mut documents = BTreeMap::new();
    let root = project.join("queries");
    for folder in entries(&root)?.iter().filter(|path| path.is_dir()) {
        for file in entries(folder)? {
            if file
                .extension()
                .is_some_and(|extension| extension == "graphql")
            {
                let text = std::fs::read_to_string(&file).map_err(|error| failed(&file, &error))?;
                documents.insert(document_id(&text), text);
            }
        }
    }
    let manifest = json!({ "version": 1, "documents": documents });
    let text = serde_json::to_string_pretty(&manifest)
        .map_err(|error| Failure::Failed(error.to_string()))?;
    Ok(text + "\n")
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let read = std::fs::read_dir(folder).map_err(|error| failed(folder, &error))?;
    let mut paths: Vec<PathBuf> = read
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    paths.sort();
    Ok(paths)
}
