//! Sign-in, refresh and sign-out.

use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use super::Request;
use super::input::{self, input};
use super::output::{Done, Envelope, Success, Tokens};
use super::refusal::{IntoRefusal, Refusal};
use crate::app::App;
use crate::domain::problem;
use crate::domain::token::RefreshCredential;
use crate::services::session::{self, Login, LoginProblem, LogoutCredential, RefreshProblem};

input! {
    /// The identifier and the password.
    pub(super) struct LoginInput {
        /// The e-mail address, or the phone number with its country code.
        #[schema(example = "ada@example.com")]
        email_or_phone: String,
        /// The password.
        #[schema(value_type = String, format = Password, min_length = 1, example = "correct horse battery staple")]
        password: SecretString,
        /// The `device_token` of an earlier sign-in on this device.
        device_token: Option<String>,
    }
}

input! {
    /// The refresh token to exchange.
    pub(super) struct RefreshInput {
        /// The refresh token.
        #[schema(value_type = String, example = "idr_4bB0uS3Pq6nXyZ1aC2dE5fG7hI8jK9lM0nO1pQ2rS3t")]
        refresh: SecretString,
    }
}

input! {
    /// The session to end: that of the access token, or else that of this refresh token.
    pub(super) struct LogoutInput {
        /// The refresh token; optional with an access token.
        #[schema(value_type = Option<String>, example = "idr_4bB0uS3Pq6nXyZ1aC2dE5fG7hI8jK9lM0nO1pQ2rS3t")]
        refresh: Option<SecretString>,
    }
}

/// New tokens, in the envelope and, for clients of Simple JWT, beside it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Refreshed {
    #[serde(flatten)]
    envelope: Envelope<Tokens>,
    /// `data.access`, where Simple JWT has it.
    access: String,
    /// `data.refresh`, where Simple JWT has it.
    refresh: String,
}

impl IntoRefusal for LoginProblem {
    fn into_refusal(self) -> Refusal {
        match self {
            Self::InvalidCredentials => problem::NO_MATCH.into(),
            Self::InvalidCredentialsOrPending => problem::NO_MATCH_OR_PENDING.into(),
            Self::Suspended => problem::ACCOUNT_SUSPENDED.into(),
            Self::Deleted(offer) => offer.into_refusal(),
            Self::EmailNotVerified => problem::EMAIL_NOT_VERIFIED.into(),
        }
    }
}

impl IntoRefusal for RefreshProblem {
    fn into_refusal(self) -> Refusal {
        match self {
            Self::TokenInvalid => Refusal::refresh_token(),
        }
    }
}

/// Sign in with a password
///
/// The answer is the same for a wrong password, for an address without an account and, where addresses
/// must be confirmed, for an unconfirmed account. A suspended or deleted account, and an address that
/// is not confirmed, are only told after the right password (403).
#[utoipa::path(
    post,
    path = "/api/v1/auth/login",
    tag = "session",
    request_body = LoginInput,
    responses((status = 200, description = "Signed in: the tokens of a new session.", body = Envelope<Tokens>)),
)]
pub(super) async fn login(app: &App, request: &Request<'_>) -> Result<Success, Refusal> {
    let input: LoginInput = input::read(request.body)?;
    let login = Login {
        email_or_phone: input.email_or_phone,
        password: input.password,
        device_token: input.device_token,
    };
    let tokens = session::login(app, request.caller, login).await?;
    Success::ok("Login successful.", Tokens::of(app, tokens))
}

/// Exchange a refresh token for a new one and a new access token
///
/// Each token can be used once: repeated within seconds it gets the same answer, later it ends the
/// session. The tokens are in `data`, and also at the top, where Simple JWT has them.
#[utoipa::path(
    post,
    path = "/api/v1/auth/refresh",
    tag = "session",
    request_body = RefreshInput,
    responses((status = 200, description = "The next tokens of the session.", body = Refreshed)),
)]
pub(super) async fn refresh(app: &App, request: &Request<'_>) -> Result<Success, Refusal> {
    let input: RefreshInput = input::read(request.body)?;
    let presented = parse(&input.refresh);
    let tokens = session::refresh(app, &request.caller.client, presented).await?;
    let tokens = Tokens::of(app, tokens);
    let body = Refreshed {
        access: tokens.access.clone(),
        refresh: tokens.refresh.clone(),
        envelope: Envelope::new("Tokens refreshed.", tokens),
    };
    Success::new(200, &body)
}

/// End a session
///
/// The session of the access token, or without a valid one that of the refresh token in the body. The
/// answer is the same if it had ended before.
#[utoipa::path(
    post,
    path = "/api/v1/auth/logout",
    tag = "session",
    request_body = LogoutInput,
    responses((status = 200, description = "The session has ended.", body = Done)),
    security((), ("bearer" = [])),
)]
pub(super) async fn logout(app: &App, request: &Request<'_>) -> Result<Success, Refusal> {
    let input: LogoutInput = input::read(request.body)?;
    let presented = input.refresh.as_ref().and_then(parse);
    let client = &request.caller.client;
    let credential = match (request.caller.signed_in(), presented) {
        (Some(person), Some(token)) if person.session().is_of_legacy_token() => {
            // Access and refresh token are two sessions where the old system issued them.
            session::logout(app, client, LogoutCredential::RefreshToken(token)).await?;
            LogoutCredential::Caller(person)
        }
        (Some(person), _) => LogoutCredential::Caller(person),
        (None, Some(token)) => LogoutCredential::RefreshToken(token),
        (None, None) if input.refresh.is_some() => return Err(Refusal::refresh_token()),
        (None, None) => {
            request.signed_in()?;
            return Err(Refusal::Unauthenticated { had_token: false });
        }
    };
    session::logout(app, client, credential).await?;
    Success::done("Logout successful.")
}

fn parse(presented: &SecretString) -> Option<RefreshCredential> {
    use secrecy::ExposeSecret as _;
    RefreshCredential::parse(presented.expose_secret())
}
