//! Ownership of unverified addresses, when an account was first verified, and counts of anonymous
//! attempts.
//!
//! An address belongs to one live account: to the one that verified it, or else to one that has
//! verified nothing. An account that has verified only its other address does not own this one: it
//! blocks no registration, and loses the address when another account verifies it.

use sea_orm_migration::prelude::*;

use crate::portable::{count, drop_tables, instant, optional_instant, required_text, run, table};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

fn tallies() -> TableCreateStatement {
    table("audit_tallies")
        .col(required_text("action"))
        .col(instant("since"))
        .col(count("slot"))
        .col(count("attempts"))
        .col(count("unattributed"))
        .primary_key(
            Index::create()
                .col(Alias::new("action"))
                .col(Alias::new("since"))
                .col(Alias::new("slot")),
        )
        .check(Expr::cust("unattributed <= attempts"))
        .to_owned()
}

fn users() -> TableAlterStatement {
    Table::alter().table(Alias::new("users")).to_owned()
}

const UP: [&str; 6] = [
    "UPDATE users SET first_verified_at = created_at WHERE email_verified OR phone_verified",
    "UPDATE users SET reclaimed_at = (SELECT max(created_at) FROM audit_events \
     WHERE subject_id = users.id AND action = 'account.reclaimed')",
    "DROP INDEX users_live_email",
    "DROP INDEX users_live_phone",
    "CREATE UNIQUE INDEX users_live_email ON users (email_canonical) \
     WHERE deleted_at IS NULL AND (email_verified OR NOT phone_verified)",
    "CREATE UNIQUE INDEX users_live_phone ON users (phone) \
     WHERE deleted_at IS NULL AND (phone_verified OR NOT email_verified)",
];

const DOWN: [&str; 4] = [
    "DROP INDEX users_live_email",
    "DROP INDEX users_live_phone",
    "CREATE UNIQUE INDEX users_live_email ON users (email_canonical) WHERE deleted_at IS NULL",
    "CREATE UNIQUE INDEX users_live_phone ON users (phone) WHERE deleted_at IS NULL",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(tallies()).await?;
        for column in ["first_verified_at", "reclaimed_at"] {
            let mut added = optional_instant(column);
            let statement = users().add_column(&mut added).to_owned();
            manager.alter_table(statement).await?;
        }
        run(manager, &UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, &DOWN).await?;
        for column in ["reclaimed_at", "first_verified_at"] {
            let statement = users().drop_column(Alias::new(column)).to_owned();
            manager.alter_table(statement).await?;
        }
        drop_tables(manager, &["audit_tallies"]).await
    }
}
