//! Trusted documents: the built-in ones, and those of `graphql.documents`.
//!
//! Clients send the id of a document instead of its text: the SHA-256 of the text (GraphQL over HTTP,
//! appendix A), or the id that its manifest assigns.

mod source;

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Written by `idgate schema --write`.
const BUILT_IN: &str = include_str!("../../../queries/manifest.json");

static BUILT_IN_DOCUMENTS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    #[derive(serde::Deserialize)]
    struct Manifest {
        documents: BTreeMap<String, String>,
    }
    serde_json::from_str::<Manifest>(BUILT_IN)
        .map(|manifest| manifest.documents)
        .unwrap_or_default()
});

/// The built-in documents, by id.
#[must_use]
pub fn built_in_documents() -> &'static BTreeMap<String, String> {
    &BUILT_IN_DOCUMENTS
}

/// `sha256:` and the digest of the text in hexadecimal.
#[must_use]
pub fn document_id(text: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(text)))
}

/// A document that clients may name.
#[derive(Debug)]
pub struct TrustedDocument {
    /// The digest of its text.
    pub id: String,
    /// The text.
    pub text: String,
    /// The file that it was read from; `None` for built-in ones.
    pub file: Option<PathBuf>,
    /// Its name in the manifest, for messages.
    pub name: Option<String>,
    /// The id that its manifest assigns.
    pub given_id: Option<String>,
}

/// All trusted documents.
#[derive(Debug, Default)]
pub struct TrustedDocuments {
    by_id: HashMap<String, Arc<TrustedDocument>>,
    configured: Vec<Arc<TrustedDocument>>,
}

impl TrustedDocuments {
    /// The built-in documents.
    #[must_use]
    pub fn built_in() -> Self {
        let mut documents = Self::default();
        for (id, text) in BUILT_IN_DOCUMENTS.iter() {
            let document = TrustedDocument {
                id: id.clone(),
                text: text.clone(),
                file: None,
                name: None,
                given_id: None,
            };
            documents.by_id.insert(id.clone(), Arc::new(document));
        }
        documents
    }

    /// The built-in documents, and those of these manifests and folders.
    ///
    /// # Errors
    /// Every problem with them.
    pub fn load(places: &[PathBuf]) -> Result<Self, DocumentProblems> {
        let mut documents = Self::built_in();
        let mut problems = Vec::new();
        for place in places {
            for found in source::read(place, &mut problems) {
                documents.add(found, &mut problems);
            }
        }
        if problems.is_empty() {
            Ok(documents)
        } else {
            Err(DocumentProblems(problems))
        }
    }

    fn add(&mut self, found: source::Found, problems: &mut Vec<DocumentProblem>) {
        let id = document_id(&found.text);
        let given = found.id.as_deref().map(canonical);
        let problem = |reason: String| DocumentProblem::new(&found.file, &found.label(), reason);
        if let Some(given) = &given {
            if let Some(reason) = unusable_id(given, &id) {
                problems.push(problem(reason));
                return;
            }
            if let Some(other) = self.by_id.get(given).filter(|other| other.id != id) {
                let place = other
                    .file
                    .as_deref()
                    .map_or("the binary".into(), Path::to_string_lossy);
                problems.push(problem(format!("{place} has another document of this id")));
                return;
            }
        }
        let document = Arc::new(TrustedDocument {
            id: id.clone(),
            text: found.text,
            file: Some(found.file),
            name: found.name,
            given_id: found.id,
        });
        self.configured.push(Arc::clone(&document));
        for id in given.into_iter().chain([id]) {
            self.by_id
                .entry(id)
                .or_insert_with(|| Arc::clone(&document));
        }
    }

    /// The document with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&TrustedDocument> {
        self.by_id.get(&canonical(id)).map(AsRef::as_ref)
    }

    /// The documents of manifests and folders, in their order.
    #[must_use]
    pub fn configured(&self) -> &[Arc<TrustedDocument>] {
        &self.configured
    }
}

/// A digest with its prefix and in lower case, in whatever form it was given; other ids unchanged.
fn canonical(id: &str) -> String {
    let bare = id.strip_prefix("sha256:").unwrap_or(id);
    if bare.len() == 64 && bare.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        format!("sha256:{}", bare.to_ascii_lowercase())
    } else {
        id.to_owned()
    }
}

/// Why a manifest cannot assign this id to a document.
fn unusable_id(given: &str, digest: &str) -> Option<String> {
    const MAX_ID_LENGTH: usize = 256;
    if given.starts_with("sha256:") {
        return (given != digest).then(|| format!("the SHA-256 of its text is {digest}"));
    }
    let is_usable = (1..=MAX_ID_LENGTH).contains(&given.len())
        && given.bytes().all(|byte| byte.is_ascii_graphic());
    (!is_usable).then(|| format!("an id has 1 to {MAX_ID_LENGTH} visible ASCII characters"))
}

/// A problem with a document or a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DocumentProblem {
    /// The file or folder.
    pub file: PathBuf,
    /// The name or id of the document; empty for a problem of the file.
    pub document: String,
    /// The problem.
    pub reason: String,
}

impl DocumentProblem {
    /// A problem of a document, or of the whole file.
    #[must_use]
    pub fn new(file: &Path, document: &str, reason: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            document: document.to_owned(),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for DocumentProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.file.display())?;
        if !self.document.is_empty() {
            write!(formatter, "{}: ", self.document)?;
        }
        formatter.write_str(&self.reason)
    }
}

/// Every problem with the documents, one per line.
#[derive(Debug, thiserror::Error)]
pub struct DocumentProblems(pub Vec<DocumentProblem>);

impl fmt::Display for DocumentProblems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, problem) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{problem}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
