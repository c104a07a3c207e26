//! When all sessions of an imported account last ended: tokens that the old system issued before are
//! void.

use sea_orm_migration::prelude::*;

use crate::portable::{cascade, drop_tables, id, instant, table};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let created = table("legacy_sign_outs")
            .col(id("user_id").primary_key())
            .col(instant("signed_out_at"))
            .foreign_key(&mut cascade("legacy_sign_outs", "user_id", "users"))
            .to_owned();
        manager.create_table(created).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["legacy_sign_outs"]).await
    }
}
