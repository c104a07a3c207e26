//! The work of the command line and of background loops; no mutation uses it.

pub mod admin;
pub mod audit_anchor;
mod audit_integrity;
pub mod audit_linking;
pub mod audit_retention;
pub mod audit_verify;
pub mod data_exports;
pub mod delivery;
pub mod erasing;
pub mod events;
pub mod export_django;
pub mod first_start;
pub mod housekeeping;
pub mod import;
pub mod imported_passwords;
pub mod keys;
pub mod media_removal;
pub mod outbox;
pub mod retention;
pub mod waiting;
