//! What successful operations answer.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::{Object, ObjectBuilder, Type};

use super::avatar;
use super::refusal::Refusal;
use crate::app::App;
use crate::domain::user::User;
use crate::services::SessionTokens;

/// The answer of a successful operation: a status and a body.
#[derive(Debug)]
pub struct Success {
    /// The HTTP status.
    pub status: u16,
    /// The JSON of the body.
    pub body: String,
}

impl Success {
    /// Status 200, in the envelope.
    pub(super) fn ok<T: Serialize>(message: &'static str, data: T) -> Result<Self, Refusal> {
        Self::new(200, &Envelope::new(message, data))
    }

    /// Status 200 and nothing to tell.
    pub(super) fn done(message: &'static str) -> Result<Self, Refusal> {
        let body = Done {
            success: true,
            message,
            data: (),
        };
        Self::new(200, &body)
    }

    /// Any status and body.
    pub(super) fn new<T: Serialize>(status: u16, body: &T) -> Result<Self, Refusal> {
        let body = serde_json::to_string(body).map_err(|error| Refusal::Fault(error.into()))?;
        Ok(Self { status, body })
    }
}

/// The envelope of successful answers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Envelope<T> {
    /// `true`.
    #[schema(example = true)]
    pub(super) success: bool,
    /// What happened, for people.
    pub(super) message: &'static str,
    /// The result; `null` where there is nothing to tell.
    pub(super) data: T,
}

impl<T> Envelope<T> {
    pub(super) fn new(message: &'static str, data: T) -> Self {
        Self {
            success: true,
            message,
            data,
        }
    }
}

/// The envelope where there is nothing to tell.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Done {
    /// `true`.
    #[schema(example = true)]
    success: bool,
    /// What happened, for people.
    message: &'static str,
    /// `null`.
    #[schema(schema_with = null)]
    data: (),
}

fn null() -> Object {
    let null = ObjectBuilder::new().schema_type(Type::Null);
    null.description(Some("`null`.")).build()
}

/// An account, as its owner sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Profile {
    /// The id: a UUID, and the `sub` of access tokens.
    #[schema(example = "01932d3c-7f65-7c1e-9a5d-3c1f0f6a9b11")]
    id: String,
    /// A short public identifier.
    #[schema(example = "k3v9x2m7q4wd")]
    pid: String,
    /// The e-mail address.
    #[schema(example = "ada@example.com")]
    email: Option<String>,
    /// The phone number, in E.164.
    #[schema(example = "+14155550123")]
    phone: Option<String>,
    /// Given name.
    #[schema(example = "Ada")]
    first_name: String,
    /// Family name.
    #[schema(example = "Lovelace")]
    last_name: String,
    /// The address of the picture, or of the configured default.
    avatar: Option<String>,
    /// A short biography.
    bio: String,
    /// Country.
    country: String,
    /// State or region.
    state: String,
    /// City.
    city: String,
    /// Street address.
    address: String,
    /// Preferred language, a BCP 47 tag.
    #[schema(example = "en")]
    locale: Option<String>,
    /// The role: `client`, `vendor`, `staff` or `admin`.
    #[schema(example = "client")]
    role: &'static str,
    /// How the account was created: `email`, `phone` or `google`.
    #[schema(example = "email")]
    auth_provider: &'static str,
    /// Whether the platform vouches for the account.
    is_verified: bool,
    /// Whether the e-mail address was confirmed.
    email_verified: bool,
    /// Whether the phone number was confirmed.
    phone_verified: bool,
    /// The last sign-in.
    #[schema(format = DateTime)]
    last_login: Option<String>,
    /// When the account was created.
    #[schema(format = DateTime, example = "2026-01-05T09:30:00Z")]
    created_at: String,
    /// When the account was last changed.
    #[schema(format = DateTime, example = "2026-01-05T09:30:00Z")]
    updated_at: String,
}

impl Profile {
    pub(super) fn of(app: &App, user: &User) -> Self {
        let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        Self {
            id: user.id.to_string(),
            pid: user.pid.clone(),
            email: user.email.clone(),
            phone: user.phone.clone(),
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
            avatar: avatar(app, user),
            bio: user.bio.clone(),
            country: user.country.clone(),
            state: user.state.clone(),
            city: user.city.clone(),
            address: user.address.clone(),
            locale: user.locale.clone(),
            role: user.role.as_str(),
            auth_provider: user.auth_provider.as_str(),
            is_verified: user.is_verified,
            email_verified: user.email_verified,
            phone_verified: user.phone_verified,
            last_login: user.last_login_at.map(text),
            created_at: text(user.created_at),
            updated_at: text(user.updated_at),
        }
    }
}

/// The tokens of a session, and its user.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tokens {
    /// The access token, for `Authorization: Bearer`.
    #[schema(example = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.c2ln")]
    pub(super) access: String,
    /// The refresh token. Each can be used once.
    #[schema(example = "idr_4bB0uS3Pq6nXyZ1aC2dE5fG7hI8jK9lM0nO1pQ2rS3t")]
    pub(super) refresh: String,
    /// Seconds until the access token expires.
    #[schema(example = 600)]
    expires_in: i64,
    /// Store it and send it with later requests of this device, which gives the device its own rate
    /// limit. It authenticates nothing.
    device_token: String,
    /// The user.
    user: Profile,
}

impl Tokens {
    pub(super) fn of(app: &App, tokens: SessionTokens) -> Self {
        Self {
            user: Profile::of(app, &tokens.user),
            access: tokens.access_token,
            refresh: tokens.refresh_token.reveal().to_owned(),
            expires_in: tokens.expires_in,
            device_token: tokens.device_token,
        }
    }
}
