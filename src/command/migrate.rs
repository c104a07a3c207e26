//! `idgate migrate`: brings the database schema up to date, and creates no keys.

use std::process::ExitCode;

use super::{Failure, say};
use crate::app;
use crate::config::Config;
use crate::services::operator::first_start;
use crate::stores::{self, DatabaseLocation};

pub(super) async fn run(config: Config) -> Result<ExitCode, Failure> {
    if config.database.is_embedded() {
        first_start::make_data_dir(&config.data_dir)?;
    }
    let settings = app::database_settings(&config);
    let missing = match &settings.location {
        DatabaseLocation::Sqlite(file) if !file.exists() => Some(file.clone()),
        _ => None,
    };
    let progress = |folded| say(&format!("{folded} accounts were prepared for searches."));
    let applied = stores::migrate_with_progress(&settings, progress).await?;
    if let Some(file) = missing {
        let file = std::path::absolute(&file).unwrap_or(file);
        say(&format!(
            "There was no database: {} is new.",
            file.display()
        ));
    }
    match applied {
        0 => say("The database schema is up to date."),
        1 => say("1 migration was applied."),
        count => say(&format!("{count} migrations were applied.")),
    }
    Ok(ExitCode::SUCCESS)
}
