//! Sign-in, refresh, sign-out and step-up.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject, Union};

use crate::domain::ids::SessionId;
use crate::domain::token::RefreshCredential;
use crate::schema::answer::{IntoProblem, answer};
use crate::schema::directives::{Authenticated, Cost, Credential, PASSWORD_HASH};
use crate::schema::error::Error;
use crate::schema::problem::{
    AccountDeleted, AccountSuspended, EmailNotVerified, InputInvalid, InvalidCredentials, NotFound,
    RateLimited, TokenInvalid,
};
use crate::schema::request::{ContextExt as _, CookieChange};
use crate::schema::types::signed_in::{SignedIn, SteppedUp};
use crate::services::Refused;
use crate::services::session::{
    self, Login, LoginProblem, LogoutCredential, RefreshProblem, RevokeProblem, StepUpProblem,
};

/// The identifier and the password.
#[derive(InputObject)]
pub struct LoginInput {
    /// The e-mail address, or the phone number with its country code.
    email_or_phone: String,
    /// The password.
    password: String,
    /// The `deviceToken` of an earlier sign-in on this device.
    device_token: Option<String>,
}

/// The result of `login`: `SignedIn` with tokens for a new session. `InvalidCredentials` for a
/// wrong password and for an unknown address alike; `AccountSuspended`, `AccountDeleted` and
/// `EmailNotVerified` are only returned after the right password.
#[derive(Union)]
pub enum LoginResult {
    SignedIn(Box<SignedIn>),
    InvalidCredentials(InvalidCredentials),
    AccountSuspended(AccountSuspended),
    AccountDeleted(AccountDeleted),
    EmailNotVerified(EmailNotVerified),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

impl IntoProblem<LoginResult> for LoginProblem {
    fn into_problem(self) -> LoginResult {
        match self {
            Self::InvalidCredentials => InvalidCredentials::NO_MATCH.into(),
            Self::InvalidCredentialsOrPending => InvalidCredentials::NO_MATCH_OR_PENDING.into(),
            Self::Suspended => AccountSuspended.into(),
            Self::Deleted(offer) => AccountDeleted(offer).into(),
            Self::EmailNotVerified => EmailNotVerified.into(),
        }
    }
}

/// The refresh token to exchange.
#[derive(InputObject)]
pub struct RefreshSessionInput {
    /// The refresh token; omit it if it is in the cookie.
    refresh_token: Option<String>,
}

/// The result of `refreshSession`: `SignedIn` with new tokens. `TokenInvalid` if the session has
/// ended: sign in again.
#[derive(Union)]
pub enum RefreshSessionResult {
    SignedIn(Box<SignedIn>),
    TokenInvalid(TokenInvalid),
    RateLimited(RateLimited),
}

impl IntoProblem<RefreshSessionResult> for RefreshProblem {
    fn into_problem(self) -> RefreshSessionResult {
        match self {
            Self::TokenInvalid => TokenInvalid.into(),
        }
    }
}

/// The session has ended.
#[derive(SimpleObject)]
pub struct LoggedOut {
    /// Whether there was a session to end.
    ended: bool,
}

/// The result of `logout`: `LoggedOut`, even if the session had already ended.
#[derive(Union)]
pub enum LogoutResult {
    LoggedOut(LoggedOut),
    RateLimited(RateLimited),
}

/// The session to end.
#[derive(InputObject)]
pub struct RevokeSessionInput {
    /// The ID of one of the sessions of `me`.
    session_id: ID,
}

/// The session has ended with immediate effect.
#[derive(SimpleObject)]
pub struct SessionRevoked {
    /// The ID of the session.
    session_id: ID,
}

/// The result of `revokeSession`: `SessionRevoked` with the ID of the session; `NotFound` if the
/// user has no such live session.
#[derive(Union)]
pub enum RevokeSessionResult {
    SessionRevoked(SessionRevoked),
    NotFound(NotFound),
    RateLimited(RateLimited),
}

impl IntoProblem<RevokeSessionResult> for RevokeProblem {
    fn into_problem(self) -> RevokeSessionResult {
        match self {
            Self::NotFound => NotFound.into(),
        }
    }
}

/// All sessions of the user except the current one have ended.
#[derive(SimpleObject)]
pub struct OtherSessionsRevoked {
    /// The number of sessions that ended.
    count: i64,
}

/// The result of `revokeOtherSessions`: `OtherSessionsRevoked` with the number of sessions that
/// ended, which may be zero.
#[derive(Union)]
pub enum RevokeOtherSessionsResult {
    OtherSessionsRevoked(OtherSessionsRevoked),
    RateLimited(RateLimited),
}

/// The password, to authenticate again.
#[derive(InputObject)]
pub struct StepUpInput {
    /// The password of the signed-in user.
    password: String,
}

/// The result of `stepUp`: `SteppedUp` with an access token that counts as a recent sign-in;
/// `InvalidCredentials` if the password is wrong.
#[derive(Union)]
pub enum StepUpResult {
    SteppedUp(SteppedUp),
    InvalidCredentials(InvalidCredentials),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

impl IntoProblem<StepUpResult> for StepUpProblem {
    fn into_problem(self) -> StepUpResult {
        match self {
            Self::InvalidCredentials => InvalidCredentials::NO_MATCH.into(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub struct SessionMutations;

#[Object]
impl SessionMutations {
    /// Signs in with a password. The result is the same for a wrong password, for an address
    /// without an account and, where addresses must be confirmed, for an unconfirmed account.
    #[graphql(directive = Cost::apply(PASSWORD_HASH), directive = Credential::apply())]
    async fn login(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The identifier and the password.")] input: LoginInput,
    ) -> Result<LoginResult, Error> {
        let login = Login {
            email_or_phone: input.email_or_phone,
            password: input.password.into(),
            device_token: input.device_token,
        };
        let outcome = session::login(context.app(), context.caller(), login).await;
        answer(outcome, |tokens| {
            Box::new(SignedIn::deliver(context, tokens))
        })
    }

    /// Exchanges a refresh token for a new one and a new access token. Each token can be used once:
    /// repeated within seconds it gets the same result, later it ends the session.
    #[graphql(directive = Cost::apply(PASSWORD_HASH), directive = Credential::apply())]
    async fn refresh_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The refresh token, unless it is in the cookie.")]
        input: RefreshSessionInput,
    ) -> Result<RefreshSessionResult, Error> {
        let by_cookie = input.refresh_token.is_none();
        let presented = match input.refresh_token {
            Some(token) => RefreshCredential::parse(&token),
            None => context.cookie()?.map(RefreshCredential::Token),
        };
        let outcome = session::refresh(context.app(), &context.caller().client, presented).await;
        if by_cookie && matches!(outcome, Err(Refused::Because(RefreshProblem::TokenInvalid))) {
            context.request().change_cookie(CookieChange::Clear);
        }
        answer(outcome, |tokens| {
            Box::new(SignedIn::deliver(context, tokens))
        })
    }

    /// Ends the session of the access token or the cookie.
    #[graphql(directive = Authenticated::apply())]
    async fn logout(&self, context: &Context<'_>) -> Result<LogoutResult, Error> {
        let person = context.caller().signed_in();
        let cookie = if person.is_some() {
            context.cookie().ok().flatten()
        } else {
            context.cookie()?
        };
        let had_cookie = cookie.is_some();
        let client = &context.caller().client;
        let credential = match (person, cookie) {
            (Some(person), Some(token)) if person.session().is_of_legacy_token() => {
                // The cookie belongs to another session than a token of the old system.
                let token = RefreshCredential::Token(token);
                let other = LogoutCredential::RefreshToken(token);
                let outcome = session::logout(context.app(), client, other).await;
                if outcome.is_err() {
                    return answer(outcome, |ended| LoggedOut { ended });
                }
                LogoutCredential::Caller(person)
            }
            (Some(person), _) => LogoutCredential::Caller(person),
            (None, Some(token)) => LogoutCredential::RefreshToken(RefreshCredential::Token(token)),
            (None, None) => return Err(Error::unauthenticated()),
        };
        let outcome = session::logout(context.app(), client, credential).await;
        if had_cookie && outcome.is_ok() {
            context.request().change_cookie(CookieChange::Clear);
        }
        answer(outcome, |ended| LoggedOut { ended })
    }

    /// Ends one of the user's own sessions with immediate effect.
    #[graphql(directive = Authenticated::apply())]
    async fn revoke_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The session to end.")] input: RevokeSessionInput,
    ) -> Result<RevokeSessionResult, Error> {
        let person = context.authorize()?;
        let Ok(id) = input.session_id.parse::<SessionId>() else {
            return Ok(RevokeSessionResult::NotFound(NotFound));
        };
        let outcome = session::revoke(context.app(), context.caller(), person, id).await;
        answer(outcome, |()| SessionRevoked {
            session_id: id.to_string().into(),
        })
    }

    /// Ends all of the user's sessions except the current one.
    #[graphql(directive = Authenticated::apply())]
    async fn revoke_other_sessions(
        &self,
        context: &Context<'_>,
    ) -> Result<RevokeOtherSessionsResult, Error> {
        let person = context.authorize()?;
        let outcome = session::revoke_others(context.app(), context.caller(), person).await;
        answer(outcome, |count| OtherSessionsRevoked {
            count: i64::try_from(count).unwrap_or(i64::MAX),
        })
    }

    /// Authenticates the signed-in user again, for operations that require a recent sign-in.
    #[graphql(directive = Authenticated::apply(), directive = Cost::apply(PASSWORD_HASH), directive = Credential::apply())]
    async fn step_up(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The password.")] input: StepUpInput,
    ) -> Result<StepUpResult, Error> {
        let person = context.authorize()?;
        let password = input.password.into();
        let outcome = session::step_up(context.app(), context.caller(), person, password).await;
        answer(outcome, SteppedUp::from)
    }
}
