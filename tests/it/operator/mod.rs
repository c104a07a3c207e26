//! Commands and background loops, one round at a time.

mod housekeeping;
mod idle;
mod keys;
mod work;
