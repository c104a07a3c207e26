//! One-time codes.

use async_graphql::{Context, InputObject, Object, SimpleObject, Union};

use crate::schema::answer::{IntoProblem, answer};
use crate::schema::directives::{Cost, Credential, PASSWORD_HASH};
use crate::schema::error::Error;
use crate::schema::problem::{
    AccountSuspended, CodeExpired, CodeInvalid, InputInvalid, InvalidCredentials, RateLimited,
};
use crate::schema::request::ContextExt as _;
use crate::schema::types::enums::OtpPurpose;
use crate::schema::types::signed_in::{SignedIn, SteppedUp};
use crate::schema::types::user::User;
use crate::services::otp::{self, OtpVerification, Verified, VerifyOtpProblem};

/// The recipient and the purpose of the code.
#[derive(InputObject)]
pub struct RequestOtpInput {
    /// The e-mail address, or the phone number with its country code.
    email_or_phone: String,
    /// The purpose; the code cannot be used for another.
    purpose: OtpPurpose,
    /// The `deviceToken` of an earlier sign-in on this device, which gives the device its own rate
    /// limit. Also send it with the `verifyOtp` that follows.
    device_token: Option<String>,
}

/// A code was sent if there is an account that can use it.
#[derive(SimpleObject)]
pub struct OtpSent {
    /// Seconds until the code expires.
    expires_in: i64,
    /// Seconds until another code can be requested.
    resend_after: i64,
}

/// The result of `requestOtp`: `OtpSent`, whether or not there is an account that can use the code.
#[derive(Union)]
pub enum RequestOtpResult {
    OtpSent(OtpSent),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

/// The code to redeem.
#[derive(InputObject)]
pub struct VerifyOtpInput {
    /// The address to which it was sent.
    email_or_phone: String,
    /// The purpose for which it was requested.
    purpose: OtpPurpose,
    /// The six-digit code.
    code: String,
    /// With `VERIFY_EMAIL` and `VERIFY_PHONE`: the password chosen at registration. It is only kept
    /// if it is sent here, or if the session that registered sends the code.
    password: Option<String>,
    /// The `deviceToken` of an earlier sign-in on this device.
    device_token: Option<String>,
}

/// The address is verified.
#[derive(SimpleObject)]
pub struct AddressVerified {
    /// The user.
    user: User,
}

/// The code is valid: use this token with `confirmPasswordReset`.
#[derive(SimpleObject)]
pub struct PasswordResetAllowed {
    /// The token.
    token: String,
    /// Seconds until it expires.
    expires_in: i64,
}

/// The result of `verifyOtp`: `SignedIn` for `LOGIN`, and for `VERIFY_EMAIL` and `VERIFY_PHONE`
/// without a session; `AddressVerified` in a session; `SteppedUp` for `STEP_UP`;
/// `PasswordResetAllowed` for `RESET_PASSWORD`.
#[derive(Union)]
pub enum VerifyOtpResult {
    SignedIn(Box<SignedIn>),
    SteppedUp(SteppedUp),
    AddressVerified(Box<AddressVerified>),
    PasswordResetAllowed(PasswordResetAllowed),
    CodeInvalid(CodeInvalid),
    CodeExpired(CodeExpired),
    InvalidCredentials(InvalidCredentials),
    AccountSuspended(AccountSuspended),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

impl IntoProblem<VerifyOtpResult> for VerifyOtpProblem {
    fn into_problem(self) -> VerifyOtpResult {
        match self {
            Self::CodeInvalid => CodeInvalid.into(),
            Self::CodeExpired => CodeExpired.into(),
            Self::InvalidCredentials => InvalidCredentials::NO_MATCH.into(),
            Self::Suspended => AccountSuspended.into(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub struct OtpMutations;

#[Object]
impl OtpMutations {
    /// Sends a one-time code, if there is an account that can use it. The result is the same if
    /// there is none.
    #[graphql(directive = Cost::apply(PASSWORD_HASH), directive = Credential::apply())]
    async fn request_otp(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The recipient and the purpose of the code.")] input: RequestOtpInput,
    ) -> Result<RequestOtpResult, Error> {
        if input.purpose == OtpPurpose::StepUp {
            context.signed_in()?;
        }
        let (typed, purpose) = (&input.email_or_phone, input.purpose.into());
        let device = input.device_token.as_deref();
        let (app, caller) = (context.app(), context.caller());
        let outcome = otp::request_otp(app, caller, typed, purpose, device).await;
        answer(outcome, |sent| OtpSent {
            expires_in: sent.expires_in,
            resend_after: sent.resend_after,
        })
    }

    /// Redeems a one-time code for its purpose. A few wrong attempts invalidate it.
    #[graphql(directive = Cost::apply(PASSWORD_HASH), directive = Credential::apply())]
    async fn verify_otp(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The code to redeem.")] input: VerifyOtpInput,
    ) -> Result<VerifyOtpResult, Error> {
        let verification = OtpVerification {
            email_or_phone: input.email_or_phone,
            purpose: input.purpose.into(),
            code: input.code,
            password: input.password.map(Into::into),
            device_token: input.device_token,
        };
        let outcome = otp::verify_otp(context.app(), context.caller(), verification).await;
        answer(outcome, |verified| verified_result(context, verified))
    }
}

fn verified_result(context: &Context<'_>, verified: Verified) -> VerifyOtpResult {
    match verified {
        Verified::SignedIn(tokens) => {
            let signed_in = SignedIn::deliver(context, *tokens);
            VerifyOtpResult::SignedIn(Box::new(signed_in))
        }
        Verified::SteppedUp(stepped_up) => VerifyOtpResult::SteppedUp(stepped_up.into()),
        Verified::Contact(user) => {
            let user = (*user).into();
            VerifyOtpResult::AddressVerified(Box::new(AddressVerified { user }))
        }
        Verified::Reset { token, expires_in } => {
            VerifyOtpResult::PasswordResetAllowed(PasswordResetAllowed {
                token: token.reveal().to_owned(),
                expires_in,
            })
        }
    }
}
