//! Output types, one per file.

pub mod audit_event;
pub mod audit_filter;
pub mod auth_config;
pub mod data_export;
pub mod deleted_record;
pub mod enums;
pub mod identity;
pub mod public_user;
pub mod session;
pub mod session_event;
pub mod signed_in;
pub mod user;
pub mod user_list;
pub mod user_stats;
