//! Audit events: personal values sealed, each row with a MAC.

use sea_orm_migration::prelude::*;

use crate::portable::{
    bytes, drop_tables, id, instant, optional_bytes, optional_id, optional_text, required_text,
    run, table,
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

/// No foreign keys: an event outlives the rows it refers to.
fn audit_events() -> TableCreateStatement {
    table("audit_events")
        .col(id("id").primary_key())
        .col(instant("created_at"))
        .col(required_text("action"))
        .col(optional_id("actor_id"))
        .col(optional_id("on_behalf_of_id"))
        .col(optional_id("subject_id"))
        .col(optional_bytes("identifier_index"))
        .col(optional_bytes("address_index"))
        .col(required_text("request_id"))
        .col(optional_text("operation_name"))
        .col(optional_text("document_id"))
        .col(bytes("sealed_details"))
        .col(bytes("mac"))
        .to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(audit_events()).await?;
        run(
            manager,
            &[
                "CREATE INDEX audit_events_created ON audit_events (created_at, id)",
                "CREATE INDEX audit_events_actor ON audit_events (actor_id, created_at, id)",
                "CREATE INDEX audit_events_subject ON audit_events (subject_id, created_at, id)",
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["audit_events"]).await
    }
}
