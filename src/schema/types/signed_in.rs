//! The tokens of a session.

use async_graphql::{Context, SimpleObject};

use super::session::Session;
use super::user::User;
use crate::schema::request::{ContextExt as _, CookieChange, TokenDelivery};
use crate::services::{self, SessionTokens};

/// Somebody is signed in: the tokens, and whose they are.
#[derive(Clone, Debug, SimpleObject)]
pub struct SignedIn {
    /// The access token (RFC 9068), for `Authorization: Bearer`.
    access_token: String,
    /// The refresh token, for `refreshSession`. It is `null` where the client asked for a cookie.
    refresh_token: Option<String>,
    /// How many seconds the access token works.
    expires_in: i64,
    /// Keep it and send it with `login`, `requestOtp`, `verifyOtp`, `requestPasswordReset` and
    /// `confirmPasswordReset` from this device: attempts by others elsewhere then cannot use up this
    /// device's. A token that was sent and is still good comes back as it is; after a new password
    /// it is worth nothing, and the next answer has another. It proves nothing else.
    device_token: Option<String>,
    /// The person who signed in.
    user: User,
    /// The session.
    session: Session,
}

impl SignedIn {
    /// Hands the tokens over in the way that the client asked for.
    pub(in crate::schema) fn deliver(context: &Context<'_>, started: SessionTokens) -> Self {
        let refresh_token = match context.delivery() {
            TokenDelivery::Body => Some(started.refresh_token.reveal().to_owned()),
            TokenDelivery::Cookie => {
                context.request().change_cookie(CookieChange::Set {
                    token: started.refresh_token,
                    expires_at: started.refresh_expires_at,
                });
                None
            }
        };
        Self {
            access_token: started.access_token,
            refresh_token,
            expires_in: started.expires_in,
            device_token: Some(started.device_token),
            user: User::signed_in_now(started.user),
            session: Session(started.session),
        }
    }
}

/// The person has just proved who they are.
#[derive(Clone, Debug, SimpleObject)]
pub struct SteppedUp {
    /// An access token whose `auth_time` is now.
    access_token: String,
    /// How many seconds it works.
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
