//! Access tokens: JSON Web Tokens in the profile of RFC 9068, signed by rotating keys.
//!
//! Where keys are stored and whether a session is live is decided by the callers.

mod claims;
mod key;
mod key_set;
#[cfg(test)]
mod tests;

pub use self::claims::{Claims, TokenError};
pub use self::key::{KeyError, SigningKey};
pub use self::key_set::KeySet;
