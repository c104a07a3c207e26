//! The work of the command line and of background loops; no mutation uses it.

pub mod admin;
pub mod audit_anchor;
mod audit_integrity;
pub mod audit_linking;
pub mod audit_retention;
pub mod audit_verify;
pub mod delivery;
pub mod events;
pub mod first_start;
pub mod housekeeping;
pub mod keys;
pub mod outbox;
pub mod waiting;
