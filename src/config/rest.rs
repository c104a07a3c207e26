//! `[rest]`: the REST API at `/api/v1`.

use super::section::{Check, section};

section! {
    /// The REST API for clients of the Django system that idgate takes over from.
    pub struct Rest("rest") {
        /// Whether the public listener serves /api/v1/auth. The policy of trusted documents does not
        /// concern it: each of its operations is one that a document could run.
        pub enabled: bool = true;
    }
}

impl Check for Rest {}
