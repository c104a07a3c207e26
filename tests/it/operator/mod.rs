//! Commands and background loops, one round at a time.

mod housekeeping;
mod keys;
mod work;
