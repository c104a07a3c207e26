//! What the command line and the background loops do; no mutation reaches it.

pub mod admin;
pub mod delivery;
pub mod first_start;
pub mod housekeeping;
pub mod keys;
pub mod outbox;
