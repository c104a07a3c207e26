//! Identities at providers that people sign in with.

use sea_orm_migration::prelude::*;

use crate::portable::{
    cascade, drop_tables, id, instant, optional_instant, optional_text, required_text, run, table,
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

fn identities() -> TableCreateStatement {
    table("identities")
        .col(id("id").primary_key())
        .col(id("user_id"))
        .col(required_text("issuer"))
        .col(required_text("subject"))
        .col(optional_text("email"))
        .col(instant("created_at"))
        .col(optional_instant("last_used_at"))
        .col(optional_instant("unlinked_at"))
        .foreign_key(&mut cascade("identities", "user_id", "users"))
        .check(Expr::cust("length(issuer) > 0"))
        .check(Expr::cust("length(subject) BETWEEN 1 AND 255"))
        .to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(identities()).await?;
        run(
            manager,
            &[
                // One account per provider identity, also with concurrent requests.
                "CREATE UNIQUE INDEX identities_subject ON identities (issuer, subject)",
                "CREATE INDEX identities_of_user ON identities (user_id, created_at, id)",
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["identities"]).await
    }
}
