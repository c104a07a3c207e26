//! Administering other users' accounts: one file per use case.

mod invite_user;
mod revoke_user_sessions;
mod set_role;
mod set_staff_functions;
mod suspend;
mod update_user;

pub use crate::services::staff_change::{Target, forbidden};
pub use crate::stores::user::{ProfileChange, StaffRecord};
pub use invite_user::{InviteProblem, NewPerson, invite_user};
pub use revoke_user_sessions::revoke_user_sessions;
pub use set_role::set_user_role;
pub use set_staff_functions::set_staff_functions;
pub use suspend::{suspend_user, unsuspend_user};
pub use update_user::{UserUpdate, update_user};
