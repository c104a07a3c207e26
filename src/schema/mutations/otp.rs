//! One-time codes.

#![expect(
    missing_docs,
    reason = "the members of a union are documented by their types"
)]

use async_graphql::{Context, InputObject, Object, SimpleObject, Union};

use crate::schema::answer::{IntoProblem, answer};
use crate::schema::directives::Credential;
use crate::schema::error::Error;
use crate::schema::problem::{
    AccountSuspended, CodeExpired, CodeInvalid, InputInvalid, InvalidCredentials, RateLimited,
};
use crate::schema::request::ContextExt as _;
use crate::schema::types::enums::OtpPurpose;
use crate::schema::types::signed_in::{SignedIn, SteppedUp};
use crate::schema::types::user::User;
use crate::services::otp::{self, OtpVerification, Verified, VerifyOtpProblem};

/// Where a code should go, and what for.
#[derive(InputObject)]
pub struct RequestOtpInput {
    /// The e-mail address, or the phone number with its country code.
    email_or_phone: String,
    /// What the code is for. A code of one purpose never serves another.
    purpose: OtpPurpose,
    /// The `deviceToken` of an earlier sign-in on this device: requests by others then cannot use
    /// up this device's. Send it with the `verifyOtp` that follows, too.
    device_token: Option<String>,
}

/// If there is an account that the code can serve, it is on its way.
#[derive(SimpleObject)]
pub struct OtpSent {
    /// How many seconds the code works.
    expires_in: i64,
    /// After how many seconds another one can be asked for.
    resend_after: i64,
}

/// The result of `requestOtp`: `OtpSent`, whether or not there is an account that the code can
/// serve.
#[derive(Union)]
pub enum RequestOtpResult {
    OtpSent(OtpSent),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

/// A code that arrived.
#[derive(InputObject)]
pub struct VerifyOtpInput {
    /// The address it was sent to.
    email_or_phone: String,
    /// What it was asked for.
    purpose: OtpPurpose,
    /// The six digits.
    code: String,
    /// With `VERIFY_EMAIL` and `VERIFY_PHONE`: the password that was chosen at registration. It
    /// is kept only if it comes along, or if the session that registered makes the call.
    password: Option<String>,
    /// The `deviceToken` of an earlier sign-in on this device.
    device_token: Option<String>,
}

/// The address is proven.
#[derive(SimpleObject)]
pub struct AddressVerified {
    /// The person.
    user: User,
}

/// The code was right: `confirmPasswordReset` takes this token.
#[derive(SimpleObject)]
pub struct PasswordResetAllowed {
    /// The token.
    token: String,
    /// How many seconds it works.
    expires_in: i64,
}

/// The result of `verifyOtp`: `SignedIn` for `LOGIN`, and for `VERIFY_EMAIL` and `VERIFY_PHONE`
/// where nobody is signed in yet; `AddressVerified` where somebody is; `SteppedUp` for `STEP_UP`;
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

/// One-time codes.
#[derive(Clone, Copy, Debug, Default)]
pub struct OtpMutations;

#[Object]
impl OtpMutations {
    /// Sends a one-time code, if there is an account it can serve. The answer is the same when
    /// there is none.
    #[graphql(directive = Credential::apply())]
    async fn request_otp(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Where the code should go, and what for.")] input: RequestOtpInput,
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

    /// Redeems a one-time code for what its purpose opens. A few wrong tries end a code.
    #[graphql(directive = Credential::apply())]
    async fn verify_otp(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The code that arrived.")] input: VerifyOtpInput,
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
        Verified::SignedIn(started) => {
            let signed_in = SignedIn::deliver(context, *started);
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
