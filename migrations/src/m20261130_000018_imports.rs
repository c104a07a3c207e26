//! Imports from the legacy system: each run, and what became of each of its rows.

use sea_orm_migration::prelude::*;

use crate::portable::{
    bytes, count, drop_tables, flag, id, instant, optional_bytes, optional_id, optional_instant,
    optional_text, required_text, run, table, text,
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

fn import_runs() -> TableCreateStatement {
    table("import_runs")
        .col(id("id").primary_key())
        .col(required_text("source"))
        .col(bytes("mapping"))
        .col(required_text("state"))
        .col(instant("started_at"))
        .col(instant("updated_at"))
        .col(optional_instant("finished_at"))
        .col(ColumnDef::new(Alias::new("position")).big_integer().null())
        .col(count("source_rows"))
        .col(required_text("counts"))
        .check(Expr::cust(
            "state IN ('running', 'interrupted', 'finished', 'differing')",
        ))
        .check(Expr::cust(
            "(state IN ('finished', 'differing')) = (finished_at IS NOT NULL)",
        ))
        .to_owned()
}

/// The row of an erased person stays without what it said, so that the next import does not bring
/// them back.
fn import_records() -> TableCreateStatement {
    table("import_records")
        .col(required_text("kind"))
        .col(
            ColumnDef::new(Alias::new("legacy_id"))
                .big_integer()
                .not_null(),
        )
        .col(required_text("outcome"))
        .col(optional_text("reason"))
        .col(text("set_aside"))
        .col(text("conflicts"))
        .col(optional_id("user_id"))
        .col(optional_bytes("source_digest"))
        .col(optional_bytes("written"))
        .col(optional_bytes("sealed_row"))
        .col(count("profile_rows"))
        .col(count("membership_rows"))
        .col(count("email_rows"))
        .col(count("social_rows"))
        .col(flag("is_resolved"))
        .col(instant("updated_at"))
        .col(optional_instant("gone_at"))
        .col(
            ColumnDef::new(Alias::new("duplicate_of"))
                .big_integer()
                .null(),
        )
        .primary_key(Index::create().col("kind").col("legacy_id"))
        .foreign_key(
            ForeignKey::create()
                .from(Alias::new("import_records"), Alias::new("user_id"))
                .to(Alias::new("users"), Alias::new("id"))
                .on_delete(ForeignKeyAction::SetNull),
        )
        .check(Expr::cust(
            "kind IN ('user', 'profile', 'membership', 'email', 'social')",
        ))
        .check(Expr::cust(
            "outcome IN ('imported', 'quarantined', 'discarded', 'erased')",
        ))
        .check(Expr::cust(
            "(outcome = 'quarantined') = (reason IS NOT NULL)",
        ))
        .check(Expr::cust("user_id IS NULL OR outcome = 'imported'"))
        .to_owned()
}

const INDICES: [&str; 4] = [
    "CREATE UNIQUE INDEX import_runs_running ON import_runs (state) WHERE state = 'running'",
    "CREATE INDEX import_records_of_user ON import_records (user_id) WHERE user_id IS NOT NULL",
    "CREATE INDEX import_records_open ON import_records (kind, legacy_id) \
     WHERE sealed_row IS NOT NULL",
    "CREATE INDEX import_records_duplicates ON import_records (duplicate_of) \
     WHERE duplicate_of IS NOT NULL",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [import_runs(), import_records()] {
            manager.create_table(table).await?;
        }
        run(manager, &INDICES).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["import_records", "import_runs"]).await
    }
}
