//! What verifying an imported password costs, until it is hashed anew.

use sea_orm_migration::prelude::*;

use crate::portable::run;

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const INDEX: &str = "CREATE INDEX passwords_imported ON passwords (imported_rounds) \
                     WHERE imported_rounds IS NOT NULL";

const DOWN: [&str; 2] = [
    "DROP INDEX passwords_imported",
    "ALTER TABLE passwords DROP COLUMN imported_rounds",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let added = Table::alter()
            .table(Alias::new("passwords"))
            .add_column(ColumnDef::new(Alias::new("imported_rounds")).big_integer())
            .to_owned();
        manager.alter_table(added).await?;
        run(manager, &[INDEX]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, &DOWN).await
    }
}
