//! Indices for removing delivered messages and dead letters.

use sea_orm_migration::prelude::*;

use crate::portable::run;

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let indices = [
            "CREATE INDEX outbox_messages_delivered ON outbox_messages (delivered_at) \
             WHERE delivered_at IS NOT NULL",
            "CREATE INDEX outbox_messages_dead ON outbox_messages (dead_at) \
             WHERE dead_at IS NOT NULL",
        ];
        run(manager, &indices).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let indices = [
            "DROP INDEX outbox_messages_delivered",
            "DROP INDEX outbox_messages_dead",
        ];
        run(manager, &indices).await
    }
}
