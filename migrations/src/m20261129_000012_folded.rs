//! Folded forms of the columns that accounts are searched and ordered by.
//!
//! Folding happens in idgate, so the columns are empty until `idgate migrate` has filled them, and
//! in rows that an older instance adds. A search reads the original text there.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::portable::{optional_text, run};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const COLUMNS: [&str; 3] = ["email_folded", "first_name_folded", "last_name_folded"];

/// Without the extension a search reads every row, see the migration `search`.
const FRAGMENTS: &str = "DO $$ BEGIN \
    CREATE EXTENSION IF NOT EXISTS pg_trgm; \
    CREATE INDEX users_search ON users USING gin ((coalesce(email_folded, lower(email), '') \
    || ' ' || coalesce(phone, '') || ' ' || coalesce(first_name_folded, lower(first_name)) \
    || ' ' || coalesce(last_name_folded, lower(last_name))) gin_trgm_ops); \
    EXCEPTION WHEN insufficient_privilege OR undefined_file OR undefined_object \
    OR feature_not_supported THEN \
    RAISE WARNING 'no index for searching people: %', SQLERRM; \
    END $$";

const FRAGMENTS_BEFORE: &str = "DO $$ BEGIN \
    CREATE EXTENSION IF NOT EXISTS pg_trgm; \
    CREATE INDEX users_search ON users USING gin ((lower(coalesce(email, '') || ' ' || \
    coalesce(phone, '') || ' ' || first_name || ' ' || last_name)) gin_trgm_ops); \
    EXCEPTION WHEN insufficient_privilege OR undefined_file OR undefined_object \
    OR feature_not_supported THEN \
    RAISE WARNING 'no index for searching people: %', SQLERRM; \
    END $$";

/// Cut, because an index row holds 2704 bytes at most, and a character can fold to eighteen.
const NAME: &str = "substr(coalesce(last_name_folded, '') || ' ' || \
                    coalesce(first_name_folded, ''), 1, 300)";

fn users() -> TableAlterStatement {
    Table::alter().table(Alias::new("users")).to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_sqlite = manager.get_database_backend() == DbBackend::Sqlite;
        for column in COLUMNS {
            let mut added = optional_text(column);
            let statement = users().add_column(&mut added).to_owned();
            manager.alter_table(statement).await?;
        }
        // By code point, whatever the locale of the database.
        let collation = if is_sqlite { "" } else { " COLLATE \"C\"" };
        let email = format!(
            "CREATE INDEX users_email_order ON users ((coalesce(email_folded, ''){collation}), id)"
        );
        let name = format!("CREATE INDEX users_name_order ON users (({NAME}{collation}), id)");
        let indices = [
            "DROP INDEX IF EXISTS users_search",
            "DROP INDEX users_name_order",
            "DROP INDEX users_email_order",
            &email,
            &name,
            "CREATE INDEX users_unfolded ON users (id) WHERE first_name_folded IS NULL",
        ];
        run(manager, &indices).await?;
        if is_sqlite {
            return Ok(());
        }
        run(manager, &[FRAGMENTS]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let indices = [
            "DROP INDEX IF EXISTS users_search",
            "DROP INDEX users_unfolded",
            "DROP INDEX users_name_order",
            "DROP INDEX users_email_order",
            "CREATE INDEX users_email_order ON users (lower(coalesce(email, '')), id)",
            "CREATE INDEX users_name_order ON users (lower(last_name || ' ' || first_name), id)",
        ];
        run(manager, &indices).await?;
        for column in COLUMNS.into_iter().rev() {
            let statement = users().drop_column(Alias::new(column)).to_owned();
            manager.alter_table(statement).await?;
        }
        if manager.get_database_backend() == DbBackend::Sqlite {
            return Ok(());
        }
        run(manager, &[FRAGMENTS_BEFORE]).await
    }
}
