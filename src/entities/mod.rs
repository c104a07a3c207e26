//! The tables as SeaORM entities: columns and relations, no behaviour.
//!
//! `convert` turns rows into values of [`crate::domain`].

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
pub mod redemption;
pub mod refresh_token;
pub mod session;
pub mod signing_key;
pub mod user;
