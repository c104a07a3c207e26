//! Resetting and changing passwords.

use secrecy::SecretString;

use super::Request;
use super::input::{self, input};
use super::output::{Done, Success};
use super::refusal::{IntoRefusal, Refusal};
use crate::app::App;
use crate::domain::problem;
use crate::domain::violation::{Violation, ViolationRule};
use crate::services::password::{
    self, ChangePasswordProblem, ConfirmResetProblem, PasswordReset, ResetProof,
};

input! {
    /// The account whose password to reset.
    pub(super) struct PasswordResetInput {
        /// The e-mail address, which receives a link, or the phone number, which receives a code.
        #[schema(example = "ada@example.com")]
        email_or_phone: String,
        /// The `device_token` of an earlier sign-in on this device.
        device_token: Option<String>,
    }
}

input! {
    /// The new password, with either `token`, or `email_or_phone` and `otp`.
    pub(super) struct PasswordConfirmInput {
        /// The `token` of the link, or of `otp/verify`.
        #[schema(example = "idl_4bB0uS3Pq6nXyZ1aC2dE5fG7hI8jK9lM0nO1pQ2rS3t")]
        token: Option<String>,
        /// The address to which the code was sent, together with `otp`.
        email_or_phone: Option<String>,
        /// The six digits. `code` is read too.
        otp or "code": Option<String>,
        /// With `otp`, the `device_token` of an earlier sign-in on this device.
        device_token: Option<String>,
        /// The new password.
        #[schema(value_type = String, format = Password, example = "correct horse battery staple")]
        new_password: SecretString,
    }
}

input! {
    /// The current password and the new one.
    pub(super) struct PasswordChangeInput {
        /// The current password. Without it a recent sign-in is required. `old_password` is read too.
        #[schema(value_type = Option<String>, format = Password, example = "correct horse battery staple")]
        current_password or "old_password": Option<SecretString>,
        /// The new password.
        #[schema(value_type = String, format = Password, example = "seven brave otters juggling")]
        new_password: SecretString,
    }
}

impl IntoRefusal for ConfirmResetProblem {
    fn into_refusal(self) -> Refusal {
        match self {
            Self::TokenInvalid => problem::TOKEN_INVALID.into(),
            Self::CodeInvalid => problem::CODE_INVALID.into(),
            Self::CodeExpired => problem::CODE_EXPIRED.into(),
            Self::Suspended => problem::ACCOUNT_SUSPENDED.into(),
            Self::PasswordRejected(rejected) => rejected.into_refusal(),
        }
    }
}

impl IntoRefusal for ChangePasswordProblem {
    fn into_refusal(self) -> Refusal {
        match self {
            Self::InvalidCredentials => Refusal::wrong_current_password(),
            Self::StepUpRequired => problem::STEP_UP_REQUIRED.into(),
            Self::PasswordRejected(rejected) => rejected.into_refusal(),
        }
    }
}

/// Send a link or a code to set a new password
///
/// If there is an account; the answer is the same if there is none.
#[utoipa::path(
    post,
    path = "/api/v1/auth/password/reset",
    tag = "password",
    request_body = PasswordResetInput,
    responses((status = 200, description = "A message is on its way, if there is an account.", body = Done)),
)]
pub(super) async fn password_reset(app: &App, request: &Request<'_>) -> Result<Success, Refusal> {
    let input: PasswordResetInput = input::read(request.body)?;
    let (to, device) = (&input.email_or_phone, input.device_token.as_deref());
    password::request_password_reset(app, request.caller, to, device).await?;
    Success::done("If there is an account, a message is on its way.")
}

/// Set a new password with that link or code
///
/// Every session ends; sign in with the new password. If it is too weak, choose another one and send
/// the same token or code again. Also at `/api/v1/auth/password/reset/confirm`.
#[utoipa::path(
    post,
    path = "/api/v1/auth/password/confirm",
    tag = "password",
    request_body = PasswordConfirmInput,
    responses((status = 200, description = "The password was set.", body = Done)),
)]
pub(super) async fn password_confirm(app: &App, request: &Request<'_>) -> Result<Success, Refusal> {
    let input: PasswordConfirmInput = input::read(request.body)?;
    let proof = match (input.token, input.email_or_phone, input.otp) {
        (Some(token), None, None) => ResetProof::Token(token),
        (None, Some(email_or_phone), Some(code)) => ResetProof::Code {
            email_or_phone,
            code,
            device_token: input.device_token,
        },
        _ => {
            let message = "give the token, or the address and the code";
            let violation = Violation::new("token", ViolationRule::ExactlyOne, message);
            return Err(Refusal::invalid([violation]));
        }
    };
    let reset = PasswordReset {
        proof,
        new_password: input.new_password,
    };
    password::confirm_password_reset(app, request.caller, reset).await?;
    Success::done("The password is changed. Sign in with it.")
}

/// Change one's own password
///
/// The other sessions end.
#[utoipa::path(
    post,
    path = "/api/v1/auth/password/change",
    tag = "password",
    request_body = PasswordChangeInput,
    responses((status = 200, description = "The password was changed.", body = Done)),
    security(("bearer" = [])),
)]
pub(super) async fn password_change(app: &App, request: &Request<'_>) -> Result<Success, Refusal> {
    let person = request.signed_in()?;
    let input: PasswordChangeInput = input::read(request.body)?;
    let (current, new) = (input.current_password, input.new_password);
    password::change_password(app, request.caller, person, current, new).await?;
    let message = "The password is changed. Your other sessions have ended.";
    Success::done(message)
}
