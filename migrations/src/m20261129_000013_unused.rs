//! Removes a column that nothing reads, and a column of two indices that no query uses.

use sea_orm_migration::prelude::*;

use crate::m20261123_000001_identity::passwords;
use crate::portable::{drop_tables, run};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const UP: [&str; 4] = [
    "DROP INDEX users_email_role",
    "DROP INDEX users_phone_role",
    // Not the unique indices: their condition is narrower than that of a lookup by address.
    "CREATE INDEX users_email ON users (email_canonical) WHERE deleted_at IS NULL",
    "CREATE INDEX users_phone ON users (phone) WHERE deleted_at IS NULL",
];

const DOWN: [&str; 4] = [
    "DROP INDEX users_email",
    "DROP INDEX users_phone",
    "CREATE INDEX users_email_role ON users (email_canonical, role)",
    "CREATE INDEX users_phone_role ON users (phone, role)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let dropped = Table::alter()
            .table(Alias::new("passwords"))
            .drop_column(Alias::new("set_before_proof"))
            .to_owned();
        manager.alter_table(dropped).await?;
        run(manager, &UP).await
    }

    /// Rebuilds the table, because a column that is added again comes last.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, &DOWN).await?;
        let copy = "CREATE TABLE passwords_copy AS SELECT user_id, hash, changed_at FROM passwords";
        run(manager, &[copy]).await?;
        drop_tables(manager, &["passwords"]).await?;
        manager.create_table(passwords()).await?;
        let restore = "INSERT INTO passwords (user_id, hash, changed_at) \
                       SELECT user_id, hash, changed_at FROM passwords_copy";
        run(manager, &[restore]).await?;
        drop_tables(manager, &["passwords_copy"]).await
    }
}
