//! One-time codes.

use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Request;
use super::input::{self, Field, input};
use super::output::{Envelope, Profile, Success, Tokens};
use super::refusal::{IntoRefusal, Refusal};
use crate::app::App;
use crate::domain::code::CodePurpose;
use crate::domain::problem;
use crate::domain::violation::ViolationRule;
use crate::services::otp::{self, OtpVerification, Verified, VerifyOtpProblem};

/// What a code is for. It cannot be used for anything else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(super) enum Purpose {
    /// Sign in without a password.
    #[default]
    Login,
    /// Set a new password.
    ResetPassword,
    /// The same, under its name in the old system.
    Reset,
    /// Verify the e-mail address of the account.
    VerifyEmail,
    /// Verify the phone number of the account.
    VerifyPhone,
    /// Authenticate again, in a session.
    StepUp,
}

impl Field for Purpose {
    fn read(value: Option<Value>) -> Result<Self, (ViolationRule, &'static str)> {
        let text = String::read(value)?;
        Ok(match text.as_str() {
            "login" => Self::Login,
            "reset_password" => Self::ResetPassword,
            "reset" => Self::Reset,
            "verify_email" => Self::VerifyEmail,
            "verify_phone" => Self::VerifyPhone,
            "step_up" => Self::StepUp,
            _ => return Err((ViolationRule::NotAllowed, "codes have no such purpose")),
        })
    }
}

impl From<Purpose> for CodePurpose {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Login => Self::Login,
            Purpose::ResetPassword | Purpose::Reset => Self::ResetPassword,
            Purpose::VerifyEmail => Self::VerifyEmail,
            Purpose::VerifyPhone => Self::VerifyPhone,
            Purpose::StepUp => Self::StepUp,
        }
    }
}

input! {
    /// The recipient and the purpose of the code.
    pub(super) struct OtpRequestInput {
        /// The e-mail address, or the phone number with its country code.
        #[schema(example = "ada@example.com")]
        email_or_phone: String,
        /// The purpose; `login` if omitted.
        purpose: Option<Purpose>,
        /// The `device_token` of an earlier sign-in on this device.
        device_token: Option<String>,
    }
}

input! {
    /// The code to redeem.
    pub(super) struct OtpVerifyInput {
        /// The address to which it was sent.
        #[schema(example = "ada@example.com")]
        email_or_phone: String,
        /// The purpose for which it was requested; `login` if omitted.
        purpose: Option<Purpose>,
        /// The six digits. `code` is read too.
        #[schema(example = "314159")]
        otp or "code": String,
        /// With `verify_email` and `verify_phone`: the password chosen at registration. It is only kept
        /// if it is sent here, or if the session that registered sends the code.
        #[schema(value_type = Option<String>, format = Password)]
        password: Option<SecretString>,
        /// The `device_token` of an earlier sign-in on this device.
        device_token: Option<String>,
    }
}

/// A code was sent if there is an account that can use it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OtpSent {
    /// Seconds until the code expires.
    #[schema(example = 300)]
    expires_in: i64,
    /// Seconds until another code can be requested.
    #[schema(example = 60)]
    resend_after: i64,
}

/// What the code authorized, by its purpose.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum OtpVerified {
    /// `login`, and the verifications without a session: a new session.
    SignedIn(Box<Tokens>),
    /// The verifications in a session: the address is verified.
    Verified {
        /// The user.
        user: Box<Profile>,
    },
    /// `reset_password`: a token for `password/confirm`.
    ResetAllowed {
        /// The token.
        token: String,
        /// Seconds until it expires.
        expires_in: i64,
    },
    /// `step_up`: an access token that counts as a recent sign-in.
    SteppedUp {
        /// The access token.
        access: String,
        /// Seconds until it expires.
        expires_in: i64,
    },
}

impl IntoRefusal for VerifyOtpProblem {
    fn into_refusal(self) -> Refusal {
        match self {
            Self::CodeInvalid => problem::CODE_INVALID.into(),
            Self::CodeExpired => problem::CODE_EXPIRED.into(),
            Self::InvalidCredentials => problem::NO_MATCH.into(),
            Self::Suspended => problem::ACCOUNT_SUSPENDED.into(),
        }
    }
}

/// Send a one-time code
///
/// If there is an account that can use it; the answer is the same if there is none. `step_up` needs a
/// signed-in user.
#[utoipa::path(
    post,
    path = "/api/v1/auth/otp/request",
    tag = "otp",
    request_body = OtpRequestInput,
    responses((status = 200, description = "A code is on its way, if there is an account.", body = Envelope<OtpSent>)),
    security((), ("bearer" = [])),
)]
pub(super) async fn otp_request(app: &App, request: &Request<'_>) -> Result<Success, Refusal> {
    let input: OtpRequestInput = input::read(request.body)?;
    let purpose = input.purpose.unwrap_or_default();
    if purpose == Purpose::StepUp {
        request.signed_in()?;
    }
    let (to, device) = (&input.email_or_phone, input.device_token.as_deref());
    let sent = otp::request_otp(app, request.caller, to, purpose.into(), device).await?;
    let data = OtpSent {
        expires_in: sent.expires_in,
        resend_after: sent.resend_after,
    };
    Success::ok("If there is an account, a code is on its way.", data)
}

/// Redeem a one-time code
///
/// What it authorizes depends on its purpose. A few wrong attempts invalidate it.
#[utoipa::path(
    post,
    path = "/api/v1/auth/otp/verify",
    tag = "otp",
    request_body = OtpVerifyInput,
    responses((status = 200, description = "The code was right.", body = Envelope<OtpVerified>)),
    security((), ("bearer" = [])),
)]
pub(super) async fn otp_verify(app: &App, request: &Request<'_>) -> Result<Success, Refusal> {
    let input: OtpVerifyInput = input::read(request.body)?;
    let verification = OtpVerification {
        email_or_phone: input.email_or_phone,
        purpose: input.purpose.unwrap_or_default().into(),
        code: input.otp,
        password: input.password,
        device_token: input.device_token,
    };
    let verified = otp::verify_otp(app, request.caller, verification).await?;
    let data = match verified {
        Verified::SignedIn(tokens) => OtpVerified::SignedIn(Box::new(Tokens::of(app, *tokens))),
        Verified::SteppedUp(stepped_up) => OtpVerified::SteppedUp {
            access: stepped_up.access_token,
            expires_in: stepped_up.expires_in,
        },
        Verified::Contact(user) => OtpVerified::Verified {
            user: Box::new(Profile::of(app, &user)),
        },
        Verified::Reset { token, expires_in } => OtpVerified::ResetAllowed {
            token: token.reveal().to_owned(),
            expires_in,
        },
    };
    Success::ok("The code is right.", data)
}
