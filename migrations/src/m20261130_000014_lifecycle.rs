//! Deleted accounts that can be restored, erasures that wait for a second person, and whom each
//! message concerns.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::m20261123_000005_recovery::allow;
use crate::portable::{
    bytes, cascade, drop_tables, id, instant, optional_id, required_text, run, table,
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const PURPOSES: &str = "purpose IN ('verify_email', 'reset_password', 'change_email', \
    'revert_email', 'new_phone', 'invitation', 'cancel_deletion')";
const PURPOSES_BEFORE: &str = "purpose IN ('verify_email', 'reset_password', 'change_email', \
    'revert_email', 'new_phone', 'invitation')";

/// The row goes with that of the account, so that no copy of an erased account stays.
fn deleted_records() -> TableCreateStatement {
    table("deleted_records")
        .col(id("id").primary_key())
        .col(required_text("model"))
        .col(id("record_id").unique_key())
        .col(required_text("pid"))
        .col(optional_id("deleted_by"))
        .col(instant("deleted_at"))
        .col(instant("restorable_until"))
        .col(bytes("sealed_data"))
        .foreign_key(&mut cascade("deleted_records", "record_id", "users"))
        .check(Expr::cust("model IN ('user')"))
        .check(Expr::cust("restorable_until >= deleted_at"))
        .to_owned()
}

fn erasure_requests() -> TableCreateStatement {
    table("erasure_requests")
        .col(id("user_id").primary_key())
        .col(id("requested_by"))
        .col(instant("requested_at"))
        .col(instant("expires_at"))
        .foreign_key(&mut cascade("erasure_requests", "user_id", "users"))
        .foreign_key(&mut cascade("erasure_requests", "requested_by", "users"))
        .check(Expr::cust("requested_by <> user_id"))
        .to_owned()
}

const UP: [&str; 9] = [
    "CREATE INDEX deleted_records_deleted ON deleted_records (deleted_at, id)",
    "CREATE INDEX deleted_records_due ON deleted_records (restorable_until, id)",
    "CREATE INDEX outbox_messages_of_user ON outbox_messages (user_id) WHERE user_id IS NOT NULL",
    // A deleted account is found by its identity while its owner can bring it back.
    "CREATE INDEX identities_unlinked ON identities (issuer, subject) WHERE unlinked_at IS NOT NULL",
    // And by its address, so the indices have no condition any more.
    "DROP INDEX users_email",
    "DROP INDEX users_phone",
    "CREATE INDEX users_email ON users (email_canonical)",
    "CREATE INDEX users_phone ON users (phone)",
    "CREATE INDEX erasure_requests_expiry ON erasure_requests (expires_at)",
];

const DOWN: [&str; 7] = [
    "DROP INDEX users_email",
    "DROP INDEX users_phone",
    "CREATE INDEX users_email ON users (email_canonical) WHERE deleted_at IS NULL",
    "CREATE INDEX users_phone ON users (phone) WHERE deleted_at IS NULL",
    "DROP INDEX identities_unlinked",
    "DROP INDEX outbox_messages_of_user",
    "DELETE FROM links WHERE purpose = 'cancel_deletion'",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        allow(manager, PURPOSES).await?;
        for table in [deleted_records(), erasure_requests()] {
            manager.create_table(table).await?;
        }
        // Messages from before this migration concern a person who is not recorded.
        let uuid = match manager.get_database_backend() {
            DbBackend::Sqlite => "uuid_text",
            _ => "uuid",
        };
        let column = format!(
            "ALTER TABLE outbox_messages ADD COLUMN user_id {uuid} \
             REFERENCES users (id) ON DELETE CASCADE"
        );
        run(manager, &[&column]).await?;
        run(manager, &UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, &DOWN).await?;
        let column = Table::alter()
            .table(Alias::new("outbox_messages"))
            .drop_column(Alias::new("user_id"))
            .to_owned();
        manager.alter_table(column).await?;
        drop_tables(manager, &["erasure_requests", "deleted_records"]).await?;
        allow(manager, PURPOSES_BEFORE).await
    }
}
