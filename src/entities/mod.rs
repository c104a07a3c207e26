//! The database rows as SeaORM models, one per table: columns and relations, no behaviour.
//!
//! Rows become the values of [`crate::domain`] in `convert`, the only place that knows how a
//! closed set is spelled in a text column.

mod convert;

pub mod audit_chain;
pub mod audit_checkpoint;
pub mod audit_event;
pub mod audit_link;
pub mod audit_tally;
pub mod audit_unlinked;
pub mod identity;
pub mod link;
pub mod outbox_message;
pub mod password;
pub mod person_key;
pub mod refresh_token;
pub mod session;
pub mod signing_key;
pub mod spent_proof;
pub mod user;
