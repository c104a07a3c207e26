//! Signing in, staying signed in, and ending it: one file per use case.

mod authenticate;
mod legacy;
mod login;
mod refresh;
mod rehash;
mod revoke;
mod step_up;

pub use authenticate::{Authenticated, authenticate, authenticate_listener};
pub use login::{Login, LoginProblem, login};
pub use refresh::{RefreshProblem, refresh};
pub use revoke::{LogoutCredential, RevokeProblem, logout, revoke, revoke_others};
pub use step_up::{StepUpProblem, step_up};
