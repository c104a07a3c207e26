//! Reading documents from folders of `.graphql` files and from the manifests of build tools.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::DocumentProblem;

/// The maximum size of a file.
const MAX_FILE_BYTES: u64 = 32 * 1024 * 1024;
/// The maximum depth of folders, which also ends cycles of symbolic links.
const MAX_FOLDER_DEPTH: usize = 16;

/// A document in a file.
#[derive(Debug)]
pub(super) struct Found {
    /// The id that its manifest assigns.
    pub(super) id: Option<String>,
    /// Its name in the manifest.
    pub(super) name: Option<String>,
    pub(super) text: String,
    pub(super) file: PathBuf,
}

impl Found {
    /// The name in messages.
    pub(super) fn label(&self) -> String {
        let label = self.name.as_ref().or(self.id.as_ref());
        label.cloned().unwrap_or_default()
    }
}

/// The documents of a manifest or a folder.
pub(super) fn read(place: &Path, problems: &mut Vec<DocumentProblem>) -> Vec<Found> {
    let mut found = Vec::new();
    match fs::metadata(place) {
        Ok(metadata) if metadata.is_dir() => {
            read_folder(place, MAX_FOLDER_DEPTH, &mut found, problems);
            if found.is_empty() {
                let reason = "there is no .graphql or .gql file in it";
                problems.push(DocumentProblem::new(place, "", reason));
            }
        }
        Ok(_) if is_document(place) => read_document(place, &mut found, problems),
        Ok(_) => read_manifest(place, &mut found, problems),
        Err(error) => problems.push(DocumentProblem::new(place, "", error.to_string())),
    }
    found
}

fn is_document(file: &Path) -> bool {
    let extension = file.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("graphql" | "gql"))
}

/// Skips hidden entries: Kubernetes volumes contain every file a second time in hidden folders.
fn read_folder(
    folder: &Path,
    depth: usize,
    found: &mut Vec<Found>,
    problems: &mut Vec<DocumentProblem>,
) {
    let Some(depth) = depth.checked_sub(1) else {
        let reason = format!("folders nest deeper than {MAX_FOLDER_DEPTH}");
        problems.push(DocumentProblem::new(folder, "", reason));
        return;
    };
    let entries = fs::read_dir(folder).and_then(|entries| {
        entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<_>, _>>()
    });
    let mut entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            problems.push(DocumentProblem::new(folder, "", error.to_string()));
            return;
        }
    };
    entries.sort();
    for entry in entries {
        let name = entry.file_name().unwrap_or_default();
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if entry.is_dir() {
            read_folder(&entry, depth, found, problems);
        } else if is_document(&entry) {
            read_document(&entry, found, problems);
        }
    }
}

fn read_document(file: &Path, found: &mut Vec<Found>, problems: &mut Vec<DocumentProblem>) {
    match text_of(file) {
        Ok(text) => found.push(Found {
            id: None,
            name: None,
            text,
            file: file.to_owned(),
        }),
        Err(reason) => problems.push(DocumentProblem::new(file, "", reason)),
    }
}

fn text_of(file: &Path) -> Result<String, String> {
    let opened = File::open(file).map_err(|error| error.to_string())?;
    let is_file = opened.metadata().is_ok_and(|metadata| metadata.is_file());
    if !is_file {
        return Err("it is not a file".to_owned());
    }
    let mut bytes = Vec::new();
    opened
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("it is larger than {MAX_FILE_BYTES} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

fn read_manifest(file: &Path, found: &mut Vec<Found>, problems: &mut Vec<DocumentProblem>) {
    let listed = text_of(file).and_then(|text| documents_of(&text));
    match listed {
        Ok(listed) if listed.is_empty() => {
            problems.push(DocumentProblem::new(file, "", "it lists no document"));
        }
        Ok(listed) => found.extend(listed.into_iter().map(|(id, name, text)| Found {
            id: Some(id),
            name,
            text,
            file: file.to_owned(),
        })),
        Err(reason) => problems.push(DocumentProblem::new(file, "", reason)),
    }
}

/// Id, name and text.
type Listed = (String, Option<String>, String);

/// The manifest of Apollo's build tools.
#[derive(Deserialize)]
struct Apollo {
    version: u32,
    operations: Vec<ApolloOperation>,
}

#[derive(Deserialize)]
struct ApolloOperation {
    id: String,
    name: Option<String>,
    body: String,
}

fn documents_of(text: &str) -> Result<Vec<Listed>, String> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    let unlike = |error: serde_json::Error| format!("it is no manifest of documents: {error}");
    if value.get("operations").is_some_and(Value::is_array) {
        let manifest = Apollo::deserialize(value).map_err(unlike)?;
        check_version(manifest.version)?;
        let operations = manifest.operations.into_iter();
        return Ok(operations
            .map(|operation| (operation.id, operation.name, operation.body))
            .collect());
    }
    let by_id = match value.get("documents") {
        // Our own: a version beside the documents.
        Some(documents @ Value::Object(_)) => {
            let version = value.get("version").and_then(Value::as_u64);
            check_version(
                version
                    .and_then(|version| u32::try_from(version).ok())
                    .unwrap_or(0),
            )?;
            BTreeMap::<String, String>::deserialize(documents).map_err(unlike)?
        }
        // graphql-codegen and Relay: texts by id, and nothing else.
        _ => BTreeMap::<String, String>::deserialize(value).map_err(unlike)?,
    };
    Ok(by_id
        .into_iter()
        .map(|(id, text)| (id, None, text))
        .collect())
}

fn check_version(version: u32) -> Result<(), String> {
    if version == 1 {
        Ok(())
    } else {
        Err("its `version` is not 1".to_owned())
    }
}
