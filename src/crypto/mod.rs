//! Cryptographic building blocks: randomness, sealing, the keyring, password hashing, access tokens.
//!
//! Nothing here reads a clock, a file, a database or a network: time and keys come in as arguments.
//! It may use `config` and `domain`. What a key protects, and when it rotates, is decided above.

pub mod access_token;
pub mod hasher;
pub mod id_token;
pub mod keyring;
pub mod random;
pub mod seal;
