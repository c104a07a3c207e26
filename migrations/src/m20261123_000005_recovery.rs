//! More purposes for links, messages that expire, and an index of revoked sessions.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::portable::{
    bytes, cascade, drop_tables, id, instant, optional_instant, required_text, run, table,
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const ANY: &str = "purpose IN ('verify_email', 'reset_password', 'change_email', \
    'revert_email', 'new_phone', 'invitation')";
const FIRST: &str = "purpose IN ('verify_email')";

/// Changes the purposes that a link may have.
pub(crate) async fn allow(
    manager: &SchemaManager<'_>,
    purposes: &'static str,
) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::Sqlite {
        return rebuild(manager, purposes).await;
    }
    let check = format!("ALTER TABLE links ADD CONSTRAINT links_purpose_check CHECK ({purposes})");
    let drop = "ALTER TABLE links DROP CONSTRAINT links_purpose_check";
    run(manager, &[drop, &check]).await
}

/// SQLite cannot change a `CHECK` constraint, so the table is rebuilt.
async fn rebuild(manager: &SchemaManager<'_>, purposes: &'static str) -> Result<(), DbErr> {
    let columns = "id, user_id, purpose, address, token_hash, created_at, expires_at";
    let anew = table("links_anew")
        .col(id("id").primary_key())
        .col(id("user_id"))
        .col(required_text("purpose"))
        .col(required_text("address"))
        .col(bytes("token_hash").unique_key())
        .col(instant("created_at"))
        .col(instant("expires_at"))
        .foreign_key(&mut cascade("links", "user_id", "users"))
        .check(Expr::cust(purposes))
        .to_owned();
    manager.create_table(anew).await?;
    let copy = format!("INSERT INTO links_anew ({columns}) SELECT {columns} FROM links");
    run(manager, &[&copy]).await?;
    drop_tables(manager, &["links"]).await?;
    let finish = [
        "ALTER TABLE links_anew RENAME TO links",
        "CREATE INDEX links_of_user ON links (user_id, purpose)",
        "CREATE INDEX links_expiry ON links (expires_at)",
    ];
    run(manager, &finish).await
}

fn outbox() -> TableAlterStatement {
    let mut outbox = Table::alter();
    outbox.table(Alias::new("outbox_messages"));
    outbox
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        allow(manager, ANY).await?;
        let add = outbox()
            .add_column(optional_instant("expires_at"))
            .to_owned();
        manager.alter_table(add).await?;
        let index = "CREATE INDEX sessions_revoked ON sessions (revoked_at) \
                     WHERE revoked_at IS NOT NULL";
        run(manager, &[index]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let drop = outbox().drop_column(Alias::new("expires_at")).to_owned();
        run(manager, &["DROP INDEX sessions_revoked"]).await?;
        manager.alter_table(drop).await?;
        run(
            manager,
            &["DELETE FROM links WHERE purpose <> 'verify_email'"],
        )
        .await?;
        allow(manager, FIRST).await
    }
}
