//! Resetting, changing and setting passwords.

use async_graphql::{Context, InputObject, Object, SimpleObject, Union};

use crate::domain::violation::{Violation, ViolationRule};
use crate::schema::answer::{IntoProblem, answer};
use crate::schema::directives::{Authenticated, Cost, Credential, PASSWORD_HASH};
use crate::schema::error::Error;
use crate::schema::problem::{
    AccountSuspended, CodeExpired, CodeInvalid, Conflict, InputInvalid, InvalidCredentials,
    PasswordBreached, PasswordTooWeak, RateLimited, StepUpRequired, TokenInvalid,
};
use crate::schema::request::ContextExt as _;
use crate::services::password::{
    self, ChangePasswordProblem, ConfirmResetProblem, PasswordReset, ResetProof, SetPasswordProblem,
};

/// The account whose password to reset.
#[derive(InputObject)]
pub struct RequestPasswordResetInput {
    /// The e-mail address, which receives a link, or the phone number, which receives a code.
    email_or_phone: String,
    /// The `deviceToken` of an earlier sign-in on this device, which gives the device its own rate
    /// limit.
    device_token: Option<String>,
}

/// A message was sent if there is an account.
#[derive(SimpleObject)]
pub struct PasswordResetRequested {
    /// A message for the user. It is the same whether or not there is an account.
    message: String,
}

/// The result of `requestPasswordReset`: `PasswordResetRequested`, whether or not there is an
/// account.
#[derive(Union)]
pub enum RequestPasswordResetResult {
    PasswordResetRequested(PasswordResetRequested),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

/// The new password, with either `token`, or `emailOrPhone` and `code`.
#[derive(InputObject)]
pub struct ConfirmPasswordResetInput {
    /// The `token` of the link, or of `verifyOtp`.
    token: Option<String>,
    /// The address to which the code was sent, together with `code`.
    email_or_phone: Option<String>,
    /// The six-digit code.
    code: Option<String>,
    /// With `code`, the `deviceToken` of an earlier sign-in on this device.
    device_token: Option<String>,
    /// The new password.
    new_password: String,
}

/// The password was set. Other sessions have ended.
#[derive(SimpleObject)]
pub struct PasswordChanged {
    /// A message for the user.
    message: String,
}

impl PasswordChanged {
    fn saying(message: &str) -> Self {
        Self {
            message: message.to_owned(),
        }
    }
}

/// The result of `confirmPasswordReset`: `PasswordChanged` without a session; sign in with the new
/// password. For `TokenInvalid`, `CodeInvalid` and `CodeExpired`, request another message; for
/// `PasswordTooWeak` and `PasswordBreached`, choose another password and use the same token or
/// code.
#[derive(Union)]
pub enum ConfirmPasswordResetResult {
    PasswordChanged(PasswordChanged),
    TokenInvalid(TokenInvalid),
    CodeInvalid(CodeInvalid),
    CodeExpired(CodeExpired),
    AccountSuspended(AccountSuspended),
    PasswordTooWeak(PasswordTooWeak),
    PasswordBreached(PasswordBreached),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

impl IntoProblem<ConfirmPasswordResetResult> for ConfirmResetProblem {
    fn into_problem(self) -> ConfirmPasswordResetResult {
        match self {
            Self::TokenInvalid => TokenInvalid.into(),
            Self::CodeInvalid => CodeInvalid.into(),
            Self::CodeExpired => CodeExpired.into(),
            Self::Suspended => AccountSuspended.into(),
            Self::PasswordRejected(rejected) => rejected.into_problem(),
        }
    }
}

/// The current password and the new one.
#[derive(InputObject)]
pub struct ChangePasswordInput {
    /// The current password. Without it a recent sign-in is required.
    current_password: Option<String>,
    /// The new password.
    new_password: String,
}

/// The result of `changePassword`: `PasswordChanged`; the other sessions have ended.
/// `InvalidCredentials` if the current password is wrong; `StepUpRequired` if it was omitted and
/// the sign-in is not recent.
#[derive(Union)]
pub enum ChangePasswordResult {
    PasswordChanged(PasswordChanged),
    InvalidCredentials(InvalidCredentials),
    StepUpRequired(StepUpRequired),
    PasswordTooWeak(PasswordTooWeak),
    PasswordBreached(PasswordBreached),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

impl IntoProblem<ChangePasswordResult> for ChangePasswordProblem {
    fn into_problem(self) -> ChangePasswordResult {
        match self {
            Self::InvalidCredentials => InvalidCredentials::NO_MATCH.into(),
            Self::StepUpRequired => StepUpRequired.into(),
            Self::PasswordRejected(rejected) => rejected.into_problem(),
        }
    }
}

/// The first password of an account.
#[derive(InputObject)]
pub struct SetPasswordInput {
    /// The password.
    new_password: String,
}

/// The result of `setPassword`: `PasswordChanged`; the other sessions have ended. `Conflict` if the
/// account already has a password: change it instead.
#[derive(Union)]
pub enum SetPasswordResult {
    PasswordChanged(PasswordChanged),
    StepUpRequired(StepUpRequired),
    Conflict(Conflict),
    PasswordTooWeak(PasswordTooWeak),
    PasswordBreached(PasswordBreached),
    RateLimited(RateLimited),
}

impl IntoProblem<SetPasswordResult> for SetPasswordProblem {
    fn into_problem(self) -> SetPasswordResult {
        match self {
            Self::HasOne => Conflict::HAS_PASSWORD.into(),
            Self::PasswordRejected(rejected) => rejected.into_problem(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub struct PasswordMutations;

#[Object]
impl PasswordMutations {
    /// Sends a link or code to set a new password, if there is an account. The result is the same
    /// if there is none.
    #[graphql(directive = Cost::apply(PASSWORD_HASH), directive = Credential::apply())]
    async fn request_password_reset(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account whose password to reset.")] input: RequestPasswordResetInput,
    ) -> Result<RequestPasswordResetResult, Error> {
        let typed = &input.email_or_phone;
        let device = input.device_token.as_deref();
        let (app, caller) = (context.app(), context.caller());
        let outcome = password::request_password_reset(app, caller, typed, device).await;
        answer(outcome, |()| PasswordResetRequested {
            message: "If there is an account, a message is on its way.".to_owned(),
        })
    }

    /// Sets a new password with a link or code, and ends every session.
    #[graphql(directive = Cost::apply(PASSWORD_HASH), directive = Credential::apply())]
    async fn confirm_password_reset(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The token or code, and the new password.")]
        input: ConfirmPasswordResetInput,
    ) -> Result<ConfirmPasswordResetResult, Error> {
        let proof = match (input.token, input.email_or_phone, input.code) {
            (Some(token), None, None) => ResetProof::Token(token),
            (None, Some(email_or_phone), Some(code)) => ResetProof::Code {
                email_or_phone,
                code,
                device_token: input.device_token,
            },
            _ => {
                let message = "give the token, or the address and the code";
                let violation = Violation::new("token", ViolationRule::ExactlyOne, message);
                return Ok(InputInvalid::from(violation).into());
            }
        };
        let reset = PasswordReset {
            proof,
            new_password: input.new_password.into(),
        };
        let (app, caller) = (context.app(), context.caller());
        let outcome = password::confirm_password_reset(app, caller, reset).await;
        answer(outcome, |()| {
            PasswordChanged::saying("The password is changed. Sign in with it.")
        })
    }

    /// Changes the password of the signed-in user and ends their other sessions.
    #[graphql(directive = Authenticated::apply(), directive = Cost::apply(PASSWORD_HASH), directive = Credential::apply())]
    async fn change_password(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The current password and the new one.")] input: ChangePasswordInput,
    ) -> Result<ChangePasswordResult, Error> {
        let person = context.authorize()?;
        let current = input.current_password.map(Into::into);
        let new = input.new_password.into();
        let (app, caller) = (context.app(), context.caller());
        let outcome = password::change_password(app, caller, person, current, new).await;
        answer(outcome, |()| {
            PasswordChanged::saying("The password is changed. Your other sessions have ended.")
        })
    }

    /// Sets the first password of an account without one. Requires a recent sign-in.
    #[graphql(directive = Authenticated::apply(), directive = Cost::apply(PASSWORD_HASH), directive = Credential::apply())]
    async fn set_password(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The password.")] input: SetPasswordInput,
    ) -> Result<SetPasswordResult, Error> {
        let Some(person) = context.fresh()? else {
            return Ok(StepUpRequired.into());
        };
        let new = input.new_password.into();
        let outcome = password::set_password(context.app(), context.caller(), person, new).await;
        answer(outcome, |()| {
            PasswordChanged::saying("The password is set. Your other sessions have ended.")
        })
    }
}
