//! The vocabulary of identity: values that are valid once constructed, and the rules about them.
//!
//! Pure: no database, network or environment, and only [`clock`] knows the time. Every layer may use
//! this one; it uses none of them.

pub mod audit;
pub mod avatar;
pub mod caller;
pub mod clock;
pub mod code;
pub mod data_export;
pub mod deletion;
pub mod digits;
pub mod email;
pub mod event;
pub mod html;
pub mod identifier;
pub mod identity;
pub mod ids;
pub mod legacy;
pub mod link;
pub mod media;
pub mod network;
pub mod password;
pub mod permission;
pub mod phone;
pub mod pid;
pub mod problem;
pub mod rank;
pub mod role;
pub mod search;
pub mod session;
pub mod text;
pub mod token;
pub mod user;
pub mod user_agent;
pub mod violation;
