//! Sessions, their refresh-token families, single-use links, and redemptions.

use sea_orm_migration::prelude::*;

use crate::portable::{
    bytes, cascade, drop_tables, id, instant, optional_bytes, optional_id, optional_instant,
    optional_text, required_text, run, table, text,
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

fn sessions() -> TableCreateStatement {
    table("sessions")
        .col(id("id").primary_key())
        .col(id("user_id"))
        .col(instant("created_at"))
        .col(instant("last_seen_at"))
        .col(instant("expires_at"))
        .col(instant("auth_time"))
        .col(required_text("amr"))
        .col(optional_text("ip_address"))
        .col(text("user_agent"))
        .col(text("browser"))
        .col(text("os"))
        .col(text("device"))
        .col(optional_instant("revoked_at"))
        .col(optional_text("revoked_reason"))
        .foreign_key(&mut cascade("sessions", "user_id", "users"))
        .check(Expr::cust(
            "(revoked_at IS NULL) = (revoked_reason IS NULL)",
        ))
        .to_owned()
}

fn refresh_tokens() -> TableCreateStatement {
    table("refresh_tokens")
        .col(id("id").primary_key())
        .col(id("session_id"))
        .col(bytes("token_hash").unique_key())
        .col(instant("created_at"))
        .col(instant("expires_at"))
        .col(optional_id("predecessor_id"))
        .col(optional_instant("consumed_at"))
        .col(optional_id("successor_id"))
        .col(optional_bytes("sealed_successor"))
        .foreign_key(&mut cascade("refresh_tokens", "session_id", "sessions"))
        .check(Expr::cust("(consumed_at IS NULL) = (successor_id IS NULL)"))
        .check(Expr::cust(
            "sealed_successor IS NULL OR consumed_at IS NOT NULL",
        ))
        .to_owned()
}

fn links() -> TableCreateStatement {
    table("links")
        .col(id("id").primary_key())
        .col(id("user_id"))
        .col(required_text("purpose"))
        .col(required_text("address"))
        .col(bytes("token_hash").unique_key())
        .col(instant("created_at"))
        .col(instant("expires_at"))
        .foreign_key(&mut cascade("links", "user_id", "users"))
        .check(Expr::cust("purpose IN ('verify_email')"))
        .to_owned()
}

/// Digests of redeemed proofs; the primary key makes them single-use.
fn redemptions() -> TableCreateStatement {
    table("redemptions")
        .col(bytes("digest").primary_key())
        .col(instant("redeemed_at"))
        .col(instant("expires_at"))
        .to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [sessions(), refresh_tokens(), links(), redemptions()] {
            manager.create_table(table).await?;
        }
        run(
            manager,
            &[
                "CREATE INDEX sessions_of_user ON sessions (user_id, created_at, id)",
                "CREATE INDEX sessions_expiry ON sessions (expires_at)",
                "CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id)",
                "CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at)",
                "CREATE INDEX refresh_tokens_in_grace ON refresh_tokens (consumed_at) \
                 WHERE sealed_successor IS NOT NULL",
                "CREATE INDEX links_of_user ON links (user_id, purpose)",
                "CREATE INDEX links_expiry ON links (expires_at)",
                "CREATE INDEX redemptions_expiry ON redemptions (expires_at)",
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(
            manager,
            &["redemptions", "links", "refresh_tokens", "sessions"],
        )
        .await
    }
}
