//! `idgate migrate`: bring the database schema up to date. Never makes keys.

use std::process::ExitCode;

use super::{Failure, say};
use crate::app;
use crate::config::Config;
use crate::services::operator::first_start;
use crate::stores::Database;

pub(super) async fn run(config: Config) -> Result<ExitCode, Failure> {
    if config.is_embedded_database() {
        first_start::make_data_dir(&config.data_dir)?;
        let file = app::sqlite_file(&config.data_dir);
        if !file.exists() {
            let file = std::path::absolute(&file).unwrap_or(file);
            say(&format!(
                "There was no database: {} is new.",
                file.display()
            ));
        }
    }
    let tell = |folded| say(&format!("{folded} accounts were prepared for searches."));
    let settings = app::database_settings(&config);
    let applied = Database::migrate_telling(&settings, tell).await?;
    match applied {
        0 => say("The database schema is up to date."),
        1 => say("1 migration was applied."),
        count => say(&format!("{count} migrations were applied.")),
    }
    Ok(ExitCode::SUCCESS)
}
