//! Accounts, their passwords, the keys that seal their audit details, and signing keys.

use sea_orm_migration::prelude::*;

use crate::portable::{
    bytes, cascade, count, drop_tables, flag, id, instant, optional_instant, optional_text,
    required_text, run, table, text,
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

/// The lengths that the services also enforce.
const LENGTHS: &str = "length(first_name) <= 150 AND length(last_name) <= 150 \
    AND length(bio) <= 2000 AND length(country) <= 100 AND length(state) <= 100 \
    AND length(city) <= 100 AND length(address) <= 255 AND length(staff_note) <= 2000";

fn users() -> TableCreateStatement {
    table("users")
        .col(id("id").primary_key())
        .col(required_text("pid").unique_key())
        .col(
            ColumnDef::new(Alias::new("legacy_id"))
                .big_integer()
                .null()
                .unique_key(),
        )
        .col(optional_text("email"))
        .col(optional_text("email_canonical"))
        .col(flag("email_verified"))
        .col(optional_text("phone"))
        .col(flag("phone_verified"))
        .col(text("first_name"))
        .col(text("last_name"))
        .col(optional_text("avatar"))
        .col(text("bio"))
        .col(text("country"))
        .col(text("state"))
        .col(text("city"))
        .col(text("address"))
        .col(optional_text("locale"))
        .col(required_text("role"))
        .col(text("staff_functions"))
        .col(required_text("auth_provider"))
        .col(flag("is_verified"))
        .col(optional_text("vendor_id"))
        .col(text("staff_note"))
        .col(count("credential_version"))
        .col(optional_instant("suspended_at"))
        .col(optional_text("suspended_reason"))
        .col(optional_instant("last_login_at"))
        .col(instant("created_at"))
        .col(instant("updated_at"))
        .col(optional_instant("deleted_at"))
        .check(Expr::cust("role IN ('client', 'vendor', 'staff', 'admin')"))
        .check(Expr::cust("auth_provider IN ('email', 'phone', 'google')"))
        .check(Expr::cust("(email IS NULL) = (email_canonical IS NULL)"))
        .check(Expr::cust(
            "email IS NOT NULL OR phone IS NOT NULL OR deleted_at IS NOT NULL",
        ))
        .check(Expr::cust("email IS NOT NULL OR NOT email_verified"))
        .check(Expr::cust("phone IS NOT NULL OR NOT phone_verified"))
        .check(Expr::cust("length(pid) BETWEEN 1 AND 50"))
        .check(Expr::cust(LENGTHS))
        .to_owned()
}

pub(crate) fn passwords() -> TableCreateStatement {
    table("passwords")
        .col(id("user_id").primary_key())
        .col(required_text("hash"))
        .col(flag("set_before_proof"))
        .col(instant("changed_at"))
        .foreign_key(&mut cascade("passwords", "user_id", "users"))
        .check(Expr::cust("length(hash) > 0"))
        .to_owned()
}

/// No foreign key: erasing a person deletes the key and keeps the account.
fn person_keys() -> TableCreateStatement {
    table("person_keys")
        .col(id("user_id").primary_key())
        .col(bytes("sealed_key"))
        .col(instant("created_at"))
        .to_owned()
}

fn signing_keys() -> TableCreateStatement {
    table("signing_keys")
        .col(required_text("kid").primary_key())
        .col(required_text("algorithm"))
        .col(bytes("sealed_private_key"))
        .col(required_text("public_jwk"))
        .col(instant("created_at"))
        .col(instant("active_from"))
        .check(Expr::cust("algorithm IN ('ES256', 'EdDSA', 'RS256')"))
        .to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [users(), passwords(), person_keys(), signing_keys()] {
            manager.create_table(table).await?;
        }
        run(
            manager,
            &[
                // Unique among live rows only, so that a deleted account frees its address.
                "CREATE UNIQUE INDEX users_live_email ON users (email_canonical) \
                 WHERE deleted_at IS NULL",
                "CREATE UNIQUE INDEX users_live_phone ON users (phone) WHERE deleted_at IS NULL",
                "CREATE INDEX users_email_role ON users (email_canonical, role)",
                "CREATE INDEX users_phone_role ON users (phone, role)",
                "CREATE INDEX users_created ON users (created_at, id)",
                "CREATE INDEX users_role ON users (role, created_at, id)",
                "CREATE INDEX users_country ON users (country, created_at, id)",
                "CREATE INDEX users_verified ON users (is_verified, created_at, id)",
                "CREATE INDEX users_deleted ON users (deleted_at) WHERE deleted_at IS NOT NULL",
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(
            manager,
            &["signing_keys", "person_keys", "passwords", "users"],
        )
        .await
    }
}
