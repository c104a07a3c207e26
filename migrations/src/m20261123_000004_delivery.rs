//! The transactional outbox.

use sea_orm_migration::prelude::*;

use crate::portable::{
    count, drop_tables, id, instant, optional_bytes, optional_instant, optional_text,
    required_text, run, table,
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

fn outbox_messages() -> TableCreateStatement {
    table("outbox_messages")
        .col(id("id").primary_key())
        .col(required_text("kind"))
        .col(required_text("channel"))
        .col(optional_bytes("sealed_body"))
        .col(instant("created_at"))
        .col(instant("available_at"))
        .col(count("attempts"))
        .col(optional_instant("delivered_at"))
        .col(optional_instant("dead_at"))
        .col(optional_text("last_failure"))
        .check(Expr::cust("channel IN ('email', 'sms', 'none')"))
        .check(Expr::cust("delivered_at IS NULL OR sealed_body IS NULL"))
        .to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(outbox_messages()).await?;
        run(
            manager,
            &[
                "CREATE INDEX outbox_messages_due ON outbox_messages (available_at, id) \
               WHERE delivered_at IS NULL AND dead_at IS NULL",
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["outbox_messages"]).await
    }
}
