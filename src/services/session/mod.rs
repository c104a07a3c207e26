//! Signing in, staying signed in, and ending it: one file per use case.

mod authenticate;
mod login;
mod refresh;
mod revoke;
mod step_up;

pub use authenticate::{Authenticated, authenticate};
pub use login::{Login, LoginRefusal, login};
pub use refresh::{RefreshRefusal, refresh};
pub use revoke::{LogoutCredential, RevokeRefusal, logout, revoke, revoke_others};
pub use step_up::{StepUpRefusal, step_up};
