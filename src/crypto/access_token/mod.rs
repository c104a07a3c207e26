//! Access tokens: JSON Web Tokens in the profile of RFC 9068, signed by rotating key pairs.
//!
//! The keys, what a token says, and the snapshot of all keys that signs, verifies and publishes.
//! Whether a session is still alive, and where keys are stored, is decided above.

mod claims;
mod key;
mod key_set;
#[cfg(test)]
mod tests;

pub use self::claims::{Claims, TokenError};
pub use self::key::{Algorithm, KeyError, SigningKey, UnknownAlgorithm};
pub use self::key_set::KeySet;
