//! Commands and background loops, one round at a time.

mod housekeeping;
mod idle;
mod keys;
pub(crate) mod retention;
mod work;
