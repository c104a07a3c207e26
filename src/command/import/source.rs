//! The legacy database that a command reads.

use std::path::{Path, PathBuf};

use rustix::process::{Pid, test_kill_process};
use zeroize::Zeroizing;

use super::super::Failure;
use crate::app::App;
use crate::domain::legacy::Mapping;
use crate::services::operator::import::ImportProblem;
use crate::stores::legacy::{LegacyError, LegacyLocation, LegacySource};

/// What the name of a copy of a SQLite source begins with; the process id follows.
const COPY: &str = "source-";
const COPY_ENDING: &str = ".sqlite3";

/// The folder of imports, which is made if need be.
pub(super) fn folder(app: &App) -> Result<PathBuf, Failure> {
    let folder = app.config.data_dir.join("import");
    std::fs::create_dir_all(&folder)
        .map_err(|error| Failure::Failed(format!("{}: {error}", folder.display())))?;
    Ok(folder)
}

/// Opens the source for reading.
pub(super) async fn open(
    location: &LegacyLocation,
    mapping: &Mapping,
    folder: &Path,
) -> Result<LegacySource, Failure> {
    remove_stale_copies(folder);
    let copy = folder.join(format!("{COPY}{}{COPY_ENDING}", std::process::id()));
    let opened = LegacySource::open(location, mapping, &copy).await;
    opened.map_err(|error| match error {
        LegacyError::Url | LegacyError::Mapping(_) => Failure::Usage(error.to_string()),
        LegacyError::Database(_) => Failure::Failed(error.to_string()),
    })
}

/// Why a command that reads the source failed.
pub(super) fn failure(problem: ImportProblem) -> Failure {
    match problem {
        ImportProblem::Source(LegacyError::Mapping(why)) => Failure::Usage(why),
        problem => Failure::Failed(problem.to_string()),
    }
}

/// Removes copies of sources that killed processes left behind.
fn remove_stale_copies(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let process = name
            .strip_prefix(COPY)
            .and_then(|rest| rest.strip_suffix(COPY_ENDING));
        let process = process
            .and_then(|id| id.parse().ok())
            .and_then(Pid::from_raw);
        if process.is_some_and(|process| test_kill_process(process).is_err()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// The place that a URL names.
pub(super) fn location(source: &str) -> Result<LegacyLocation, Failure> {
    let source = if source == "-" {
        let mut line = Zeroizing::new(String::new());
        std::io::stdin()
            .read_line(&mut line)
            .map_err(|error| Failure::Usage(format!("the source cannot be read: {error}")))?;
        line
    } else {
        Zeroizing::new(source.to_owned())
    };
    let source = source.trim();
    let Some((scheme, path)) = source.split_once("://") else {
        return Err(wrong_source());
    };
    match scheme {
        "postgres" | "postgresql" => Ok(LegacyLocation::Postgres(source.into())),
        "mysql" => Ok(LegacyLocation::MySql(source.into())),
        "mariadb" => Ok(LegacyLocation::MySql(format!("mysql://{path}").into())),
        "sqlite" if !path.is_empty() => Ok(LegacyLocation::Sqlite(path.into())),
        _ => Err(wrong_source()),
    }
}

fn wrong_source() -> Failure {
    let message = "--source is a URL: postgres://…, mysql://… or sqlite://PATH";
    Failure::Usage(message.to_owned())
}
