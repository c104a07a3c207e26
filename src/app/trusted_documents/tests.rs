use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

const ME: &str = "query Mine { me { id } }";
const CONFIG: &str = "{ authConfig { methods } }";

fn digest(text: &str) -> String {
    document_id(text).split_off("sha256:".len())
}

fn apollo(operations: &Value) -> Value {
    json!({
        "format": "apollo-persisted-query-manifest",
        "version": 1,
        "operations": operations,
    })
}

/// A folder with one manifest in it.
fn manifest(value: &Value) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("manifest.json");
    fs::write(&file, value.to_string()).unwrap();
    (folder, file)
}

fn reasons(places: &[PathBuf]) -> Vec<String> {
    let DocumentProblems(problems) = TrustedDocuments::load(places).unwrap_err();
    problems.into_iter().map(|problem| problem.reason).collect()
}

#[test]
fn the_documents_of_the_binary_are_known_by_their_digests() {
    let documents = TrustedDocuments::load(&[]).unwrap();
    assert!(documents.configured().is_empty());
    assert!(BUILT_IN_DOCUMENTS.len() > 20);
    for (id, text) in BUILT_IN_DOCUMENTS.iter() {
        assert_eq!(*id, document_id(text));
        assert_eq!(documents.get(id).unwrap().text, *text);
    }
}

#[test]
fn every_manifest_that_build_tools_write_is_read() {
    let me = digest(ME);
    let operation = |id: &str| json!({ "id": id, "name": "Mine", "type": "query", "body": ME });
    for (value, id) in [
        (
            json!({ "version": 1, "documents": { document_id(ME): ME } }),
            document_id(ME),
        ),
        (apollo(&json!([operation(&me)])), me.clone()),
        (apollo(&json!([operation("mine-3")])), "mine-3".to_owned()),
        // graphql-codegen uses SHA-1 unless told otherwise, Relay MD5.
        (
            json!({ "8d1f5e7ef4c4a5a5a5a5a5a5a5a5a5a5a5a5a5a5": ME }),
            "8d1f5e7ef4c4a5a5a5a5a5a5a5a5a5a5a5a5a5a5".to_owned(),
        ),
        (json!({ me.as_str(): ME }), me.to_ascii_uppercase()),
    ] {
        let (_folder, file) = manifest(&value);
        let documents = TrustedDocuments::load(std::slice::from_ref(&file)).unwrap();
        // By its own id, and by its digest in every notation.
        for id in [&id, &me, &document_id(ME)] {
            let found = documents
                .get(id)
                .unwrap_or_else(|| panic!("{id} in {value}"));
            assert_eq!((&found.id, found.text.as_str()), (&document_id(ME), ME));
            assert_eq!(found.file.as_ref(), Some(&file));
        }
        assert_eq!(documents.configured().len(), 1);
    }
}

#[test]
fn a_folder_gives_its_files_at_any_depth_and_nothing_hidden() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("account/own");
    fs::create_dir_all(&inner).unwrap();
    fs::write(inner.join("Mine.graphql"), ME).unwrap();
    fs::write(folder.path().join("notes.md"), "no document").unwrap();
    // The layout of a Kubernetes volume.
    let hidden = folder.path().join("..2026_11_29");
    fs::create_dir(&hidden).unwrap();
    fs::write(hidden.join("Config.gql"), CONFIG).unwrap();
    symlink("..2026_11_29/Config.gql", folder.path().join("Config.gql")).unwrap();
    let documents = TrustedDocuments::load(&[folder.path().to_owned()]).unwrap();
    let texts = documents
        .configured()
        .iter()
        .map(|document| document.text.as_str());
    assert_eq!(texts.collect::<Vec<_>>(), [CONFIG, ME]);
    let alone = TrustedDocuments::load(&[inner.join("Mine.graphql")]).unwrap();
    assert!(alone.get(&digest(ME)).is_some());

    symlink(folder.path(), inner.join("circle")).unwrap();
    let reasons = reasons(&[folder.path().to_owned()]);
    assert!(
        reasons
            .iter()
            .all(|reason| reason == "folders nest deeper than 16"),
        "{reasons:?}"
    );
}

#[test]
fn the_same_document_may_come_twice() {
    let ours = BUILT_IN_DOCUMENTS.iter().next().unwrap();
    let (_folder, first) = manifest(&json!({ "a": ME, "b": ME, ours.0.as_str(): ours.1 }));
    let documents = TrustedDocuments::load(&[first.clone(), first]).unwrap();
    for id in ["a", "b", &digest(ME)] {
        assert_eq!(documents.get(id).unwrap().text, ME);
    }
}

#[test]
fn what_cannot_be_trusted_is_told_with_its_reason() {
    let no_digest = format!("the SHA-256 of its text is {}", document_id(ME));
    let no_id = "an id has 1 to 256 visible ASCII characters".to_owned();
    for (value, reason) in [
        (json!({}), "it lists no document".to_owned()),
        (apollo(&json!([])), "it lists no document".to_owned()),
        (
            json!({ "version": 2, "documents": { "a": ME } }),
            "its `version` is not 1".to_owned(),
        ),
        (
            json!({ "documents": { "a": ME } }),
            "its `version` is not 1".to_owned(),
        ),
        (
            json!({ "version": 2, "operations": [] }),
            "its `version` is not 1".to_owned(),
        ),
        (json!({ document_id(CONFIG): ME }), no_digest.clone()),
        (json!({ digest(CONFIG): ME }), no_digest.clone()),
        (json!({ "sha256:00": ME }), no_digest),
        (json!({ "": ME }), no_id.clone()),
        (json!({ "a b": ME }), no_id.clone()),
        (json!({ "\u{fc}": ME }), no_id.clone()),
        (json!({ "a".repeat(257): ME }), no_id),
    ] {
        let (_folder, file) = manifest(&value);
        assert_eq!(reasons(&[file]), [reason], "{value}");
    }
    for value in [
        json!([]),
        json!(1),
        json!({ "a": 1 }),
        apollo(&json!([{ "id": "a" }])),
    ] {
        let (_folder, file) = manifest(&value);
        let [reason] = reasons(&[file]).try_into().unwrap();
        assert!(
            reason.starts_with("it is no manifest of documents: "),
            "{reason}"
        );
    }
}

#[test]
fn one_id_for_two_documents_is_refused_across_files() {
    let (_one, first) = manifest(&json!({ "a": ME }));
    let (_two, second) = manifest(&json!({ "a": CONFIG }));
    let reasons = reasons(&[first.clone(), second]);
    assert_eq!(
        reasons,
        [format!(
            "{} has another document of this id",
            first.display()
        )]
    );
}

#[test]
fn files_that_cannot_be_read_are_all_told() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    fs::write(place("latin.graphql"), b"# caf\xe9\n{ me { id } }").unwrap();
    fs::write(place("broken.json"), "{").unwrap();
    fs::create_dir(place("empty")).unwrap();
    let places = ["missing", "latin.graphql", "broken.json", "empty"].map(place);
    let reasons = reasons(&places);
    let begins = [
        "No such file",
        "it is not UTF-8",
        "it is not JSON",
        "there is no .graphql",
    ];
    assert_eq!(reasons.len(), begins.len(), "{reasons:?}");
    for (reason, begin) in reasons.iter().zip(begins) {
        assert!(reason.starts_with(begin), "{reason}");
    }
    let endless = reasons_of_device();
    assert_eq!(endless, ["it is not a file"]);
}

fn reasons_of_device() -> Vec<String> {
    reasons(&[PathBuf::from("/dev/zero")])
}
