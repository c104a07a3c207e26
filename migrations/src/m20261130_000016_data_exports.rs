//! Exports of a person's data, and the sealed parts of their archives.

use sea_orm_migration::prelude::*;

use crate::portable::{
    bytes, cascade, count, drop_tables, id, instant, optional_instant, optional_text,
    required_text, run, table,
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

fn data_exports() -> TableCreateStatement {
    table("data_exports")
        .col(id("id").primary_key())
        .col(id("user_id"))
        .col(required_text("state"))
        .col(instant("requested_at"))
        .col(optional_instant("leased_until"))
        .col(count("attempts"))
        .col(count("records_written"))
        .col(count("records_total"))
        .col(count("size"))
        .col(optional_text("signature"))
        .col(instant("expires_at"))
        .foreign_key(&mut cascade("data_exports", "user_id", "users"))
        .check(Expr::cust(
            "state IN ('waiting', 'running', 'ready', 'failed')",
        ))
        .check(Expr::cust("(state = 'ready') = (signature IS NOT NULL)"))
        .check(Expr::cust(
            "(state = 'running') = (leased_until IS NOT NULL)",
        ))
        .to_owned()
}

fn data_export_parts() -> TableCreateStatement {
    table("data_export_parts")
        .col(id("export_id"))
        .col(count("number"))
        .col(bytes("sealed_bytes"))
        .primary_key(Index::create().col("export_id").col("number"))
        .foreign_key(&mut cascade(
            "data_export_parts",
            "export_id",
            "data_exports",
        ))
        .to_owned()
}

const INDICES: [&str; 3] = [
    "CREATE INDEX data_exports_of_user ON data_exports (user_id)",
    "CREATE INDEX data_exports_expiry ON data_exports (expires_at)",
    "CREATE INDEX data_exports_due ON data_exports (requested_at, id) \
     WHERE state IN ('waiting', 'running')",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [data_exports(), data_export_parts()] {
            manager.create_table(table).await?;
        }
        run(manager, &INDICES).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["data_export_parts", "data_exports"]).await
    }
}
