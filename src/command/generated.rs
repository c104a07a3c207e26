//! Files that are generated from the code: written by a command, and checked by `.ci/run`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{Failure, say};

/// Writes the files, or checks that they are up to date; `command` is the one that writes them.
pub(super) fn write_or_check(
    files: impl IntoIterator<Item = (PathBuf, String)>,
    write: bool,
    command: &str,
) -> Result<ExitCode, Failure> {
    for (file, wanted) in files {
        let name = file.display();
        if write {
            std::fs::write(&file, wanted).map_err(|error| failed(&file, &error))?;
            say(&format!("{name} was written."));
        } else if std::fs::read_to_string(&file).map_err(|error| failed(&file, &error))? == wanted {
            say(&format!("{name} is up to date."));
        } else {
            return Err(Failure::Failed(format!(
                "{name} is out of date; run `{command}` and commit the result"
            )));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A file that cannot be read or written.
pub(super) fn failed(file: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("{}: {error}", file.display()))
}
