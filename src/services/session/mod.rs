//! Signing in, staying signed in, and ending it: one file per use case.

mod authenticate;
mod login;
mod refresh;
mod revoke;
mod step_up;

pub use authenticate::{Authenticated, authenticate};
pub use login::{Login, LoginProblem, login};
pub use refresh::{RefreshProblem, refresh};
pub use revoke::{LogoutCredential, RevokeProblem, logout, revoke, revoke_others};
pub use step_up::{StepUpProblem, step_up};
