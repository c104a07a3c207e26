//! What a recovery undoes: past identities of an account, and when its addresses were changed.

use sea_orm_migration::prelude::*;

use crate::portable::{optional_instant, run};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const SINCE: [&str; 2] = ["email_changed_at", "phone_changed_at"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in SINCE {
            // SQLite adds one column at a time.
            let table = Table::alter()
                .table(Alias::new("users"))
                .add_column(optional_instant(name))
                .to_owned();
            manager.alter_table(table).await?;
        }
        run(
            manager,
            &[
                "UPDATE users SET phone_changed_at = (SELECT MAX(created_at) FROM links \
                   WHERE links.user_id = users.id AND purpose = 'new_phone') \
                 WHERE id IN (SELECT user_id FROM links WHERE purpose = 'new_phone')",
                "DELETE FROM links WHERE purpose = 'new_phone'",
                // Accounts that were soft-deleted because no address of theirs was verified.
                "DELETE FROM identities WHERE user_id IN (SELECT id FROM users \
                   WHERE deleted_at IS NOT NULL AND NOT email_verified AND NOT phone_verified)",
                "DROP INDEX identities_subject",
                // One account per provider identity, also with concurrent requests.
                "CREATE UNIQUE INDEX identities_linked ON identities (issuer, subject) \
                   WHERE unlinked_at IS NULL",
                // Each account remembers its unlinked identities, also those linked elsewhere now.
                "CREATE UNIQUE INDEX identities_remembered \
                   ON identities (user_id, issuer, subject)",
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(
            manager,
            &[
                "DROP INDEX identities_remembered",
                "DROP INDEX identities_linked",
                // One row per provider identity: the linked one, else the newest.
                "DELETE FROM identities WHERE unlinked_at IS NOT NULL AND EXISTS ( \
                   SELECT 1 FROM identities AS other \
                   WHERE other.issuer = identities.issuer AND other.subject = identities.subject \
                     AND other.id <> identities.id \
                     AND (other.unlinked_at IS NULL OR other.unlinked_at > identities.unlinked_at \
                          OR (other.unlinked_at = identities.unlinked_at \
                              AND other.id > identities.id)))",
                "CREATE UNIQUE INDEX identities_subject ON identities (issuer, subject)",
            ],
        )
        .await?;
        for name in SINCE {
            let table = Table::alter()
                .table(Alias::new("users"))
                .drop_column(Alias::new(name))
                .to_owned();
            manager.alter_table(table).await?;
        }
        Ok(())
    }
}
