//! Signing in, staying signed in, and ending it.

#![expect(
    missing_docs,
    reason = "the members of a union are documented by their types"
)]

use async_graphql::{Context, ID, InputObject, Object, SimpleObject, Union};

use crate::domain::ids::SessionId;
use crate::domain::token::{PlainToken, TokenKind};
use crate::schema::error::Error;
use crate::schema::problem::{
    AccountSuspended, EmailNotVerified, InputInvalid, InvalidCredentials, NotFound, RateLimited,
    TokenInvalid,
};
use crate::schema::request::{Asked as _, CookieChange};
use crate::schema::types::signed_in::{SignedIn, SteppedUp};
use crate::services::session::{
    self, Login, LoginRefusal, LogoutCredential, RefreshRefusal, RevokeRefusal, StepUpRefusal,
};

/// Who wants to sign in, and how they prove it.
#[derive(InputObject)]
pub struct LoginInput {
    /// The e-mail address, or the phone number with its country code.
    email_or_phone: String,
    /// The password.
    password: String,
    /// The `deviceToken` of an earlier sign-in on this device.
    device_token: Option<String>,
}

/// What comes of `login`.
#[derive(Union)]
pub enum LoginResult {
    SignedIn(Box<SignedIn>),
    InvalidCredentials(InvalidCredentials),
    AccountSuspended(AccountSuspended),
    EmailNotVerified(EmailNotVerified),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

/// The refresh token to exchange.
#[derive(InputObject)]
pub struct RefreshSessionInput {
    /// The refresh token; leave it out where it is in the cookie.
    refresh_token: Option<String>,
}

/// What comes of `refreshSession`.
#[derive(Union)]
pub enum RefreshSessionResult {
    SignedIn(Box<SignedIn>),
    TokenInvalid(TokenInvalid),
    RateLimited(RateLimited),
}

/// The session is over.
#[derive(SimpleObject)]
pub struct LoggedOut {
    /// Whether there was one to end.
    ended: bool,
}

/// What comes of `logout`.
#[derive(Union)]
pub enum LogoutResult {
    LoggedOut(LoggedOut),
    RateLimited(RateLimited),
}

/// The session to end.
#[derive(InputObject)]
pub struct RevokeSessionInput {
    /// One of the sessions of `me`.
    session_id: ID,
}

/// The session has ended, for every request from now on.
#[derive(SimpleObject)]
pub struct SessionRevoked {
    /// Which one.
    session_id: ID,
}

/// What comes of `revokeSession`.
#[derive(Union)]
pub enum RevokeSessionResult {
    SessionRevoked(SessionRevoked),
    NotFound(NotFound),
    RateLimited(RateLimited),
}

/// All sessions but the one that asked have ended.
#[derive(SimpleObject)]
pub struct OtherSessionsRevoked {
    /// How many there were.
    count: i64,
}

/// What comes of `revokeOtherSessions`.
#[derive(Union)]
pub enum RevokeOtherSessionsResult {
    OtherSessionsRevoked(OtherSessionsRevoked),
    RateLimited(RateLimited),
}

/// A proof of who asks.
#[derive(InputObject)]
pub struct StepUpInput {
    /// The password of the signed-in person.
    password: String,
}

/// What comes of `stepUp`.
#[derive(Union)]
pub enum StepUpResult {
    SteppedUp(SteppedUp),
    InvalidCredentials(InvalidCredentials),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

/// Signing in, staying signed in, and ending it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionMutations;

#[Object]
impl SessionMutations {
    /// Signs in with a password. The refusal is the same for a wrong password and for an address
    /// without an account and, where addresses have to be confirmed, for an account that nobody
    /// has confirmed.
    async fn login(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who signs in, and the proof of it.")] input: LoginInput,
    ) -> Result<LoginResult, Error> {
        let login = Login {
            email_or_phone: input.email_or_phone,
            password: input.password.into(),
            device_token: input.device_token,
        };
        match session::login(context.app(), context.caller(), login).await {
            Ok(started) => {
                let signed_in = SignedIn::deliver(context, started);
                Ok(LoginResult::SignedIn(Box::new(signed_in)))
            }
            Err(LoginRefusal::InvalidCredentials) => {
                let refusal = if context.app().config.confirmation_required() {
                    InvalidCredentials::NO_MATCH_OR_PENDING
                } else {
                    InvalidCredentials::NO_MATCH
                };
                Ok(LoginResult::InvalidCredentials(refusal))
            }
            Err(LoginRefusal::Suspended) => Ok(LoginResult::AccountSuspended(AccountSuspended)),
            Err(LoginRefusal::EmailNotVerified) => {
                Ok(LoginResult::EmailNotVerified(EmailNotVerified))
            }
            Err(LoginRefusal::Invalid(rules)) => Ok(LoginResult::InputInvalid(rules.into())),
            Err(LoginRefusal::RateLimited(limit)) => {
                Ok(LoginResult::RateLimited(RateLimited(limit)))
            }
            Err(LoginRefusal::Overloaded) => Err(Error::unavailable()),
            Err(LoginRefusal::Fault(fault)) => Err(fault.into()),
        }
    }

    /// Exchanges the refresh token for a new one and a new access token. Each token works once;
    /// sent again within seconds it gives the same answer, later it ends the session.
    async fn refresh_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The refresh token, unless it is in the cookie.")]
        input: RefreshSessionInput,
    ) -> Result<RefreshSessionResult, Error> {
        let by_cookie = input.refresh_token.is_none();
        let presented = match input.refresh_token {
            Some(token) => PlainToken::parse(TokenKind::Refresh, &token),
            None => context.cookie()?,
        };
        match session::refresh(context.app(), &context.caller().client, presented).await {
            Ok(started) => {
                let signed_in = SignedIn::deliver(context, started);
                Ok(RefreshSessionResult::SignedIn(Box::new(signed_in)))
            }
            Err(RefreshRefusal::TokenInvalid) => {
                if by_cookie {
                    context.request().change_cookie(CookieChange::Clear);
                }
                Ok(RefreshSessionResult::TokenInvalid(TokenInvalid))
            }
            Err(RefreshRefusal::RateLimited(limit)) => {
                Ok(RefreshSessionResult::RateLimited(RateLimited(limit)))
            }
            Err(RefreshRefusal::Fault(fault)) => Err(fault.into()),
        }
    }

    /// Ends the session of the access token, or of the cookie.
    async fn logout(&self, context: &Context<'_>) -> Result<LogoutResult, Error> {
        let person = context.caller().signed_in();
        let cookie = if person.is_some() {
            context.cookie().ok().flatten()
        } else {
            context.cookie()?
        };
        let had_cookie = cookie.is_some();
        let credential = match (person, cookie) {
            (Some(person), _) => LogoutCredential::Caller(person),
            (None, Some(token)) => LogoutCredential::RefreshToken(token),
            (None, None) => return Err(Error::unauthenticated()),
        };
        match session::logout(context.app(), &context.caller().client, credential).await {
            Ok(ended) => {
                if had_cookie {
                    context.request().change_cookie(CookieChange::Clear);
                }
                Ok(LogoutResult::LoggedOut(LoggedOut { ended }))
            }
            // There is nothing to be found about a session one is in.
            Err(RevokeRefusal::NotFound) => Ok(LogoutResult::LoggedOut(LoggedOut { ended: false })),
            Err(RevokeRefusal::RateLimited(limit)) => {
                Ok(LogoutResult::RateLimited(RateLimited(limit)))
            }
            Err(RevokeRefusal::Fault(fault)) => Err(fault.into()),
        }
    }

    /// Ends one of the person's own sessions, on the next request it makes anywhere.
    async fn revoke_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which session to end.")] input: RevokeSessionInput,
    ) -> Result<RevokeSessionResult, Error> {
        let person = context.signed_in()?;
        let Ok(id) = input.session_id.parse::<SessionId>() else {
            return Ok(RevokeSessionResult::NotFound(NotFound));
        };
        match session::revoke(context.app(), context.caller(), person, id).await {
            Ok(()) => Ok(RevokeSessionResult::SessionRevoked(SessionRevoked {
                session_id: id.to_string().into(),
            })),
            Err(RevokeRefusal::NotFound) => Ok(RevokeSessionResult::NotFound(NotFound)),
            Err(RevokeRefusal::RateLimited(limit)) => {
                Ok(RevokeSessionResult::RateLimited(RateLimited(limit)))
            }
            Err(RevokeRefusal::Fault(fault)) => Err(fault.into()),
        }
    }

    /// Ends all of the person's sessions but the one that asks.
    async fn revoke_other_sessions(
        &self,
        context: &Context<'_>,
    ) -> Result<RevokeOtherSessionsResult, Error> {
        let person = context.signed_in()?;
        match session::revoke_others(context.app(), context.caller(), person).await {
            Ok(count) => Ok(RevokeOtherSessionsResult::OtherSessionsRevoked(
                OtherSessionsRevoked {
                    count: i64::try_from(count).unwrap_or(i64::MAX),
                },
            )),
            // Ending no other session is a success with a count of zero.
            Err(RevokeRefusal::NotFound) => Ok(RevokeOtherSessionsResult::OtherSessionsRevoked(
                OtherSessionsRevoked { count: 0 },
            )),
            Err(RevokeRefusal::RateLimited(limit)) => {
                Ok(RevokeOtherSessionsResult::RateLimited(RateLimited(limit)))
            }
            Err(RevokeRefusal::Fault(fault)) => Err(fault.into()),
        }
    }

    /// Proves again who the signed-in person is, for operations that ask for a recent proof.
    async fn step_up(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The proof.")] input: StepUpInput,
    ) -> Result<StepUpResult, Error> {
        let person = context.signed_in()?;
        let password = input.password.into();
        match session::step_up(context.app(), context.caller(), person, password).await {
            Ok(stepped_up) => Ok(StepUpResult::SteppedUp(stepped_up.into())),
            Err(StepUpRefusal::InvalidCredentials) => Ok(StepUpResult::InvalidCredentials(
                InvalidCredentials::NO_MATCH,
            )),
            Err(StepUpRefusal::SessionEnded) => Err(Error::unauthenticated()),
            Err(StepUpRefusal::Invalid(rules)) => Ok(StepUpResult::InputInvalid(rules.into())),
            Err(StepUpRefusal::RateLimited(limit)) => {
                Ok(StepUpResult::RateLimited(RateLimited(limit)))
            }
            Err(StepUpRefusal::Overloaded) => Err(Error::unavailable()),
            Err(StepUpRefusal::Fault(fault)) => Err(fault.into()),
        }
    }
}
