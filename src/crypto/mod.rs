//! Cryptographic building blocks: randomness, sealing, the keyring, password hashing, access tokens.
//!
//! Nothing here reads a clock, a file, a database or a network: time and keys are arguments.

pub mod access_token;
pub mod hasher;
pub mod id_token;
pub mod keyring;
pub mod random;
pub mod seal;
pub mod simplejwt;
