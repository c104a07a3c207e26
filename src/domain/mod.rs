//! The words of identity: values that are right once they exist, and the rules they carry.
//!
//! Everything here is pure: nothing reads a database, the network or the environment, and only
//! [`clock`] knows what time it is. Every layer may use this one; it uses none of them.

pub mod audit;
pub mod caller;
pub mod clock;
pub mod code;
pub mod digits;
pub mod email;
pub mod event;
pub mod html;
pub mod identifier;
pub mod identity;
pub mod ids;
pub mod link;
pub mod network;
pub mod password;
pub mod permission;
pub mod phone;
pub mod pid;
pub mod rank;
pub mod role;
pub mod search;
pub mod session;
pub mod text;
pub mod token;
pub mod user;
pub mod user_agent;
pub mod violation;
