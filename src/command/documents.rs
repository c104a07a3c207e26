//! `idgate documents`: checks the trusted documents of front ends.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::{Failure, counted, say};
use crate::app::{DocumentProblem, DocumentProblems, TrustedDocuments};
use crate::config::Config;
use crate::schema::Validator;

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Check documents against the schema and the limits.
    Check {
        /// Manifests and folders (default: those of graphql.documents).
        #[arg(value_name = "PATH")]
        places: Vec<PathBuf>,
        /// As JSON: every document that was read, and every problem.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(action: Action, config: &Config) -> Result<ExitCode, Failure> {
    let Action::Check { places, json } = action;
    let places = if places.is_empty() {
        config.graphql.documents.clone()
    } else {
        places
    };
    if places.is_empty() {
        return Err(Failure::Usage(
            "there is nothing to check: name manifests or folders, or set graphql.documents".into(),
        ));
    }
    let checked = load(&places, config).await;
    if json {
        say_json(&checked)?;
    }
    match checked {
        Ok(documents) => {
            if !json {
                let count = u64::try_from(documents.configured().len()).unwrap_or(u64::MAX);
                say(&format!("{} can be run.", counted(count, "document")));
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(_) if json => Ok(ExitCode::FAILURE),
        Err(problems) => Err(Failure::Failed(problems.to_string())),
    }
}

/// Reads and checks documents.
///
/// # Errors
///
/// Every problem.
pub(super) async fn load(
    places: &[PathBuf],
    config: &Config,
) -> Result<TrustedDocuments, DocumentProblems> {
    let documents = TrustedDocuments::load(places)?;
    let validator = Validator::new(config);
    let mut problems = Vec::new();
    for document in documents.configured() {
        let reasons = validator.check(&document.text).await;
        if reasons.is_empty() {
            continue;
        }
        let name = document.name.clone();
        let name = name.or_else(|| validator.name(&document.text));
        let label = name.or_else(|| document.given_id.clone());
        let label = label.unwrap_or_default();
        let file = document.file.clone().unwrap_or_default();
        let told = reasons.into_iter();
        problems.extend(told.map(|reason| DocumentProblem::new(&file, &label, reason)));
    }
    if problems.is_empty() {
        Ok(documents)
    } else {
        Err(DocumentProblems(problems))
    }
}

fn say_json(checked: &Result<TrustedDocuments, DocumentProblems>) -> Result<(), Failure> {
    let (documents, problems) = match checked {
        Ok(documents) => (documents.configured(), &[][..]),
        Err(DocumentProblems(problems)) => (&[][..], problems.as_slice()),
    };
    let documents = documents
        .iter()
        .map(|document| json!({ "id": document.id, "name": document.name, "file": document.file }));
    let report = json!({ "documents": documents.collect::<Vec<_>>(), "problems": problems });
    let text = serde_json::to_string_pretty(&report);
    say(&text.map_err(|error| Failure::Failed(error.to_string()))?);
    Ok(())
}
