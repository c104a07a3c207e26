//! Writes, and the reads that belong to a write: one file per table, each function one statement.
//!
//! Functions that take a [`Tx`] run inside the caller's transaction; those that take a [`Database`]
//! are single statements, and those that take any connection are either. Rules live in the
//! services, batched reads in the selectors. `find` and `find_*` may find nothing, `lock` and
//! `lock_*` hold the row until the transaction ends.

pub mod audit_chain;
pub mod audit_event;
pub mod audit_link;
pub mod audit_tally;
pub mod avatar_upload;
mod bulk;
pub mod data_export;
pub mod database;
pub mod decoy;
pub mod deleted_record;
pub mod erasure_request;
pub mod event_queue;
pub mod expired;
pub mod identity;
pub mod import_record;
pub mod import_run;
pub mod import_seen;
pub mod legacy;
pub mod legacy_sign_out;
pub mod link;
pub mod media_removal;
mod migrate;
pub mod outbox_message;
pub mod password;
pub mod person_data;
pub mod person_key;
pub mod redemption;
pub mod refresh_token;
pub mod session;
pub mod signing_key;
pub mod user;
pub mod waiting;

pub use database::{Database, DatabaseLocation, DatabaseSettings, Tx};
pub use migrate::{migrate, migrate_with_progress};
