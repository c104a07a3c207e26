//! The documents of `queries/`, by name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

/// Every document: its name, which is the name of its file, to its text.
pub(crate) static DOCUMENTS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let folders = entries(&Path::new(env!("CARGO_MANIFEST_DIR")).join("queries"));
    let files = folders
        .iter()
        .filter(|path| path.is_dir())
        .flat_map(|folder| entries(folder));
    files
        .map(|file| (stem(&file), std::fs::read_to_string(&file).unwrap()))
        .collect()
});

/// The text of a document.
pub(crate) fn text(name: &str) -> &'static str {
    DOCUMENTS
        .get(name)
        .unwrap_or_else(|| panic!("queries/ has no {name}.graphql"))
}

/// The id of a trusted document.
pub(crate) fn id(name: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(text(name))))
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap().to_str().unwrap().to_owned()
}
