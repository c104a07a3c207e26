//! The tokens issued at sign-in.

use async_graphql::{Context, SimpleObject};

use super::session::Session;
use super::user::User;
use crate::schema::request::{ContextExt as _, CookieChange, TokenDelivery};
use crate::services::{self, SessionTokens};

/// The user is signed in.
#[derive(Clone, Debug, SimpleObject)]
pub struct SignedIn {
    /// The access token (RFC 9068), for `Authorization: Bearer`.
    access_token: String,
    /// The refresh token, for `refreshSession`. `null` if the client asked for a cookie.
    refresh_token: Option<String>,
    /// Seconds until the access token expires.
    expires_in: i64,
    /// Store it and send it with `login`, `requestOtp`, `verifyOtp`, `requestPasswordReset` and
    /// `confirmPasswordReset` from this device, which gives the device its own rate limit: attempts
    /// from elsewhere cannot use it up. A valid token is returned unchanged; a new password
    /// invalidates it, and the next response has another. It authenticates nothing.
    device_token: Option<String>,
    /// The signed-in user.
    user: User,
    /// The session.
    session: Session,
}

impl SignedIn {
    /// Delivers the tokens in the way that the client asked for.
    pub(in crate::schema) fn deliver(context: &Context<'_>, tokens: SessionTokens) -> Self {
        let refresh_token = match context.delivery() {
            TokenDelivery::Body => Some(tokens.refresh_token.reveal().to_owned()),
            TokenDelivery::Cookie => {
                context.request().change_cookie(CookieChange::Set {
                    token: tokens.refresh_token,
                    expires_at: tokens.refresh_expires_at,
                });
                None
            }
        };
        Self {
            access_token: tokens.access_token,
            refresh_token,
            expires_in: tokens.expires_in,
            device_token: Some(tokens.device_token),
            user: User::signed_in_now(tokens.user),
            session: Session(tokens.session),
        }
    }
}

/// The user has authenticated again.
#[derive(Clone, Debug, SimpleObject)]
pub struct SteppedUp {
    /// An access token whose `auth_time` is now.
    access_token: String,
    /// Seconds until it expires.
    expires_in: i64,
}

impl From<services::SteppedUp> for SteppedUp {
    fn from(stepped_up: services::SteppedUp) -> Self {
        Self {
            access_token: stepped_up.access_token,
            expires_in: stepped_up.expires_in,
        }
    }
}
