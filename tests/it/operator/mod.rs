//! What commands and loops do, one round at a time.

mod housekeeping;
mod keys;
mod work;
