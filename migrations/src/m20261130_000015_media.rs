//! Places for uploads, and stored objects that are to be removed.
//!
//! A removal names no account: it has to outlive it. It is no message of the outbox either, which ends
//! by time and by attempts.

use sea_orm_migration::prelude::*;

use crate::portable::{
    cascade, count, drop_tables, id, instant, optional_text, required_text, run, table,
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

fn uploads() -> TableCreateStatement {
    table("avatar_uploads")
        .col(id("id").primary_key())
        .col(id("user_id"))
        .col(required_text("content_type"))
        .col(count("content_length"))
        .col(required_text("state"))
        .col(instant("created_at"))
        .col(instant("expires_at"))
        .foreign_key(&mut cascade("avatar_uploads", "user_id", "users"))
        .check(Expr::cust("state IN ('open', 'taken')"))
        .check(Expr::cust("content_length > 0"))
        .to_owned()
}

fn removals() -> TableCreateStatement {
    table("media_removals")
        .col(id("id").primary_key())
        .col(required_text("storage"))
        .col(required_text("object"))
        .col(instant("created_at"))
        .col(instant("due_at"))
        .col(count("attempts"))
        .col(optional_text("last_failure"))
        .check(Expr::cust("storage IN ('local', 's3', 'cloudinary')"))
        .check(Expr::cust("length(object) > 0"))
        .to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(uploads()).await?;
        manager.create_table(removals()).await?;
        run(
            manager,
            &[
                "CREATE INDEX avatar_uploads_of_user ON avatar_uploads (user_id)",
                "CREATE INDEX avatar_uploads_expired ON avatar_uploads (expires_at)",
                "CREATE INDEX media_removals_due ON media_removals (storage, due_at)",
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["media_removals", "avatar_uploads"]).await
    }
}
