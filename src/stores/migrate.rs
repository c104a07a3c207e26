//! Bringing the database schema up to date.

use migrations::{Migrator, MigratorTrait};

use super::database::DatabaseSettings;
use super::user::fold_missing;
use crate::fault::Fault;

/// Applies the missing migrations and fills the columns that only idgate can compute; returns how
/// many migrations there were.
///
/// On Postgres an advisory lock makes a second instance wait.
pub async fn migrate(settings: &DatabaseSettings) -> Result<u64, Fault> {
    let progress = |folded| tracing::info!(folded, "accounts were prepared for searches");
    migrate_with_progress(settings, progress).await
}

/// The same, reporting now and then how many accounts were filled so far.
pub async fn migrate_with_progress(
    settings: &DatabaseSettings,
    progress: impl Fn(u64),
) -> Result<u64, Fault> {
    let connection = settings.connect_to_migrate().await?;
    let pending = Migrator::get_pending_migrations(&connection).await?.len();
    Migrator::up(&connection, None).await?;
    fold_missing(&connection, progress).await?;
    connection.close().await?;
    Ok(u64::try_from(pending)?)
}
