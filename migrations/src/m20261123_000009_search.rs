//! Indices for the list of accounts: one for each order, and a trigram index for search.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::portable::run;

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

/// Without the extension, or the privilege to create it, a search reads every row.
const FRAGMENTS: &str = "DO $$ BEGIN \
    CREATE EXTENSION IF NOT EXISTS pg_trgm; \
    CREATE INDEX users_search ON users USING gin ((lower(coalesce(email, '') || ' ' || \
    coalesce(phone, '') || ' ' || first_name || ' ' || last_name)) gin_trgm_ops); \
    EXCEPTION WHEN insufficient_privilege OR undefined_file OR undefined_object \
    OR feature_not_supported THEN \
    RAISE WARNING 'no index for searching people: %', SQLERRM; \
    END $$";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let indices = [
            "CREATE INDEX users_email_order ON users (lower(coalesce(email, '')), id)",
            "CREATE INDEX users_name_order ON users (lower(last_name || ' ' || first_name), id)",
            "CREATE INDEX users_provider ON users (auth_provider, created_at, id)",
            "CREATE INDEX users_suspended ON users (created_at, id) \
             WHERE suspended_at IS NOT NULL",
        ];
        run(manager, &indices).await?;
        if manager.get_database_backend() == DbBackend::Sqlite {
            let login = "CREATE INDEX users_login ON users (coalesce(last_login_at, ''), id)";
            return run(manager, &[login]).await;
        }
        let login = "CREATE INDEX users_login ON users \
                     (coalesce(last_login_at, '-infinity'::timestamptz), id)";
        run(manager, &[login, FRAGMENTS]).await
    }

    /// The extension stays: others may use it.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let indices = [
            "DROP INDEX IF EXISTS users_search",
            "DROP INDEX users_login",
            "DROP INDEX users_suspended",
            "DROP INDEX users_provider",
            "DROP INDEX users_name_order",
            "DROP INDEX users_email_order",
        ];
        run(manager, &indices).await
    }
}
