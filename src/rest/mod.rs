//! REST: `/api/v1/auth/…`, for the clients of the Django system that idgate takes over from.
//!
//! As thin as `schema`, on the same services, so limits, audit events and refusals are the same. The
//! envelope and the names of fields are those of the old system. Nothing here knows HTTP beyond
//! methods, paths and statuses: `transport` reads the request, authenticates it and writes the answer.
//!
//! `operation` has the table of operations, `input` reads bodies, `output` and `refusal` are what is
//! answered, `openapi` describes it. Each of the other files is a capability.

mod account;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod google;
mod input;
mod openapi;
pub mod operation;
mod otp;
mod output;
mod password;
mod refusal;
mod session;

use std::sync::Arc;

use crate::app::App;
use crate::domain::caller::{AuthState, Caller, SignedIn};
use crate::domain::user::User;

pub use self::openapi::openapi;
pub use self::output::Success;
pub use self::refusal::{Failure, Refusal};

/// A request whose sender is authenticated.
#[derive(Debug)]
pub struct Request<'a> {
    /// Who sends it.
    pub caller: &'a Caller,
    /// Their account, if they are signed in.
    pub account: Option<&'a Arc<User>>,
    /// The body; empty if there is none.
    pub body: &'a [u8],
}

impl Request<'_> {
    /// The signed-in caller.
    fn signed_in(&self) -> Result<&SignedIn, Refusal> {
        match self.caller.auth_state() {
            AuthState::SignedIn(person) => Ok(person),
            AuthState::Rejected => Err(Refusal::Unauthenticated { had_token: true }),
            AuthState::Anonymous => Err(Refusal::Unauthenticated { had_token: false }),
        }
    }
}

/// The avatar of a user, or the configured default.
fn avatar(app: &App, user: &User) -> Option<String> {
    app.avatar_url(user.avatar.as_deref())
}
