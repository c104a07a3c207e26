//! Writes, and the reads that belong to a write: one file per table, each function one statement.
//!
//! Functions that take a [`Tx`] run inside the caller's transaction; functions that take a
//! [`Database`] are single statements of their own. Rules live in the services, batched reads in
//! the selectors. Names say the shape: `find_*` may find nothing, `lock_*` holds the row until
//! the transaction ends, `insert`, `consume`, `revoke` write.

pub mod audit_chain;
pub mod audit_event;
pub mod audit_link;
pub mod audit_tally;
pub mod database;
pub mod decoy;
pub mod event_queue;
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

pub use database::{Database, DatabaseLocation, DatabaseSettings, Tx};
