//! The database schema, as an ordered list of migrations that run on Postgres and on SQLite.
//!
//! Only structure lives here: no application types, so that an old migration never changes its
//! meaning when the application does. See `migrations/README.md` for the expand/contract rule.

pub use sea_orm_migration::prelude::{MigratorTrait, SchemaManager};

use sea_orm_migration::prelude::*;

mod m20261123_000001_identity;
mod m20261123_000002_sessions;
mod m20261123_000003_audit;
mod m20261123_000004_delivery;
mod m20261123_000005_recovery;
mod m20261123_000006_outbox_trail;
mod m20261123_000007_identities;
mod m20261123_000008_audit_links;
mod m20261123_000009_search;
mod m20261129_000010_claims;
mod m20261129_000011_recovery_window;
mod m20261129_000012_folded;
mod m20261129_000013_unused;
mod m20261130_000014_lifecycle;
mod m20261130_000015_media;
mod m20261130_000016_data_exports;
mod m20261130_000017_imported_passwords;
mod m20261130_000018_imports;
mod m20261130_000019_legacy_sign_outs;
mod portable;

/// Runs every migration in order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_identity::Migration),
            Box::new(m20261123_000002_sessions::Migration),
            Box::new(m20261123_000003_audit::Migration),
            Box::new(m20261123_000004_delivery::Migration),
            Box::new(m20261123_000005_recovery::Migration),
            Box::new(m20261123_000006_outbox_trail::Migration),
            Box::new(m20261123_000007_identities::Migration),
            Box::new(m20261123_000008_audit_links::Migration),
            Box::new(m20261123_000009_search::Migration),
            Box::new(m20261129_000010_claims::Migration),
            Box::new(m20261129_000011_recovery_window::Migration),
            Box::new(m20261129_000012_folded::Migration),
            Box::new(m20261129_000013_unused::Migration),
            Box::new(m20261130_000014_lifecycle::Migration),
            Box::new(m20261130_000016_data_exports::Migration),
            Box::new(m20261130_000015_media::Migration),
            Box::new(m20261130_000017_imported_passwords::Migration),
            Box::new(m20261130_000018_imports::Migration),
            Box::new(m20261130_000019_legacy_sign_outs::Migration),
        ]
    }
}
