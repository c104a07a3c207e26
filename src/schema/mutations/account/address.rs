//! Changes of the e-mail address and phone number.

use async_graphql::{Context, InputObject, Object, SimpleObject, Union};

use crate::domain::violation::{Violation, ViolationRule};
use crate::schema::answer::{IntoProblem, answer};
use crate::schema::directives::{Authenticated, Cost, Credential, PASSWORD_HASH};
use crate::schema::error::Error;
use crate::schema::problem::{
    CodeExpired, CodeInvalid, Conflict, EmailNotVerified, InputInvalid, RateLimited,
    StepUpRequired, TokenInvalid,
};
use crate::schema::request::ContextExt as _;
use crate::schema::scalars::{EmailAddress, PhoneNumber};
use crate::schema::types::user::User;
use crate::services::account::{
    self, ConfirmEmailChangeProblem, ConfirmPhoneChangeProblem, NewEmailProof,
    RequestEmailChangeProblem, RequestPhoneChangeProblem, RevertEmailChangeProblem,
};

/// The new e-mail address.
#[derive(InputObject)]
pub struct RequestEmailChangeInput {
    /// The new e-mail address.
    email: EmailAddress,
}

/// A link and a code were sent to the new address.
#[derive(SimpleObject)]
pub struct EmailChangeRequested {
    /// A message for the user.
    message: String,
}

/// The result of `requestEmailChange`: `EmailChangeRequested` once the message to the new address
/// is sent, whether or not that address belongs to another account. `EmailNotVerified` if the phone
/// number of the account must be verified first.
#[derive(Union)]
pub enum RequestEmailChangeResult {
    EmailChangeRequested(EmailChangeRequested),
    StepUpRequired(StepUpRequired),
    EmailNotVerified(EmailNotVerified),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

impl IntoProblem<RequestEmailChangeResult> for RequestEmailChangeProblem {
    fn into_problem(self) -> RequestEmailChangeResult {
        match self {
            Self::NotVerified => EmailNotVerified.into(),
        }
    }
}

/// Proof of access to the new address: either `token` from the link, or `email` and `code`.
#[derive(InputObject)]
pub struct ConfirmEmailChangeInput {
    /// The `token` of the link.
    token: Option<String>,
    /// The new address, together with `code`.
    email: Option<EmailAddress>,
    /// The six-digit code.
    code: Option<String>,
}

/// The e-mail address was changed.
#[derive(SimpleObject)]
pub struct EmailChanged {
    /// The user.
    user: User,
}

/// The result of `confirmEmailChange`: `EmailChanged` with the user. For `TokenInvalid`,
/// `CodeInvalid` and `CodeExpired`, request another message. `Conflict` if another account has
/// verified the address in the meantime.
#[derive(Union)]
pub enum ConfirmEmailChangeResult {
    EmailChanged(Box<EmailChanged>),
    TokenInvalid(TokenInvalid),
    CodeInvalid(CodeInvalid),
    CodeExpired(CodeExpired),
    Conflict(Conflict),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

impl IntoProblem<ConfirmEmailChangeResult> for ConfirmEmailChangeProblem {
    fn into_problem(self) -> ConfirmEmailChangeResult {
        match self {
            Self::TokenInvalid => TokenInvalid.into(),
            Self::CodeInvalid => CodeInvalid.into(),
            Self::CodeExpired => CodeExpired.into(),
            Self::Taken => Conflict::TAKEN.into(),
        }
    }
}

/// The link sent to the old address.
#[derive(InputObject)]
pub struct RevertEmailChangeInput {
    /// The `token` of the link.
    token: String,
}

/// The old address was restored, the password removed and all sessions ended. A message to set a
/// new password was sent.
#[derive(SimpleObject)]
pub struct EmailReverted {
    /// A message for the user.
    message: String,
}

/// The result of `revertEmailChange`: `EmailReverted` once the account has its old address again.
/// `TokenInvalid` if the link was used, has expired, or never existed; `Conflict` if another
/// account has the old address now.
#[derive(Union)]
pub enum RevertEmailChangeResult {
    EmailReverted(EmailReverted),
    TokenInvalid(TokenInvalid),
    Conflict(Conflict),
    RateLimited(RateLimited),
}

impl IntoProblem<RevertEmailChangeResult> for RevertEmailChangeProblem {
    fn into_problem(self) -> RevertEmailChangeResult {
        match self {
            Self::TokenInvalid => TokenInvalid.into(),
            Self::Taken => Conflict::TAKEN.into(),
        }
    }
}

/// The new phone number.
#[derive(InputObject)]
pub struct RequestPhoneChangeInput {
    /// The new phone number, with its country code.
    phone: PhoneNumber,
}

/// A code was sent to the new number.
#[derive(SimpleObject)]
pub struct PhoneChangeRequested {
    /// A message for the user.
    message: String,
}

/// The result of `requestPhoneChange`: `PhoneChangeRequested` once the code is sent to the new
/// number, whether or not that number belongs to another account. `EmailNotVerified` if the e-mail
/// address of the account must be verified first.
#[derive(Union)]
pub enum RequestPhoneChangeResult {
    PhoneChangeRequested(PhoneChangeRequested),
    StepUpRequired(StepUpRequired),
    EmailNotVerified(EmailNotVerified),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

impl IntoProblem<RequestPhoneChangeResult> for RequestPhoneChangeProblem {
    fn into_problem(self) -> RequestPhoneChangeResult {
        match self {
            Self::NotVerified => EmailNotVerified.into(),
        }
    }
}

/// The code sent to the new number.
#[derive(InputObject)]
pub struct ConfirmPhoneChangeInput {
    /// The new phone number.
    phone: PhoneNumber,
    /// The six-digit code.
    code: String,
}

/// The phone number was changed.
#[derive(SimpleObject)]
pub struct PhoneChanged {
    /// The user.
    user: User,
}

/// The result of `confirmPhoneChange`: `PhoneChanged` with the user. For `CodeInvalid` and
/// `CodeExpired`, request another code. `Conflict` if another account has verified the number in
/// the meantime.
#[derive(Union)]
pub enum ConfirmPhoneChangeResult {
    PhoneChanged(Box<PhoneChanged>),
    CodeInvalid(CodeInvalid),
    CodeExpired(CodeExpired),
    Conflict(Conflict),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

impl IntoProblem<ConfirmPhoneChangeResult> for ConfirmPhoneChangeProblem {
    fn into_problem(self) -> ConfirmPhoneChangeResult {
        match self {
            Self::CodeInvalid => CodeInvalid.into(),
            Self::CodeExpired => CodeExpired.into(),
            Self::Taken => Conflict::TAKEN.into(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub struct AddressMutations;

#[Object]
impl AddressMutations {
    /// Sends a link and a code to a new e-mail address. Requires a recent sign-in.
    #[graphql(directive = Authenticated::apply(), directive = Cost::apply(PASSWORD_HASH), directive = Credential::apply())]
    async fn request_email_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The new address.")] input: RequestEmailChangeInput,
    ) -> Result<RequestEmailChangeResult, Error> {
        let Some(person) = context.fresh()? else {
            return Ok(StepUpRequired.into());
        };
        let email = &input.email.0;
        let (app, caller) = (context.app(), context.caller());
        let outcome = account::request_email_change(app, caller, person, email).await;
        answer(outcome, |()| EmailChangeRequested {
            message: "We sent a message to the new address. Confirm it to go on.".to_owned(),
        })
    }

    /// Changes the e-mail address. The old address gets a notice with a link that reverts the
    /// change for a limited time.
    #[graphql(directive = Authenticated::apply(), directive = Cost::apply(PASSWORD_HASH), directive = Credential::apply())]
    async fn confirm_email_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The token or code sent to the new address.")]
        input: ConfirmEmailChangeInput,
    ) -> Result<ConfirmEmailChangeResult, Error> {
        let person = context.authorize()?;
        let proof = match (input.token, input.email, input.code) {
            (Some(token), None, None) => NewEmailProof::Token(token),
            (None, Some(email), Some(code)) => NewEmailProof::Code {
                email: email.0,
                code,
            },
            _ => {
                let message = "give the token, or the address and the code";
                let violation = Violation::new("token", ViolationRule::ExactlyOne, message);
                return Ok(InputInvalid::from(violation).into());
            }
        };
        let (app, caller) = (context.app(), context.caller());
        let outcome = account::confirm_email_change(app, caller, person, proof).await;
        answer(outcome, |user| Box::new(EmailChanged { user: user.into() }))
    }

    /// Reverts a change of the e-mail address with the link sent to the old one. All sessions end.
    #[graphql(directive = Cost::apply(PASSWORD_HASH), directive = Credential::apply())]
    async fn revert_email_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The link.")] input: RevertEmailChangeInput,
    ) -> Result<RevertEmailChangeResult, Error> {
        let token = &input.token;
        let outcome = account::revert_email_change(context.app(), context.caller(), token).await;
        answer(outcome, |()| EmailReverted {
            message: "The account is back. Set a new password by the message we sent.".to_owned(),
        })
    }

    /// Sends a code to a new phone number. Requires a recent sign-in.
    #[graphql(directive = Authenticated::apply(), directive = Cost::apply(PASSWORD_HASH), directive = Credential::apply())]
    async fn request_phone_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The new number.")] input: RequestPhoneChangeInput,
    ) -> Result<RequestPhoneChangeResult, Error> {
        let Some(person) = context.fresh()? else {
            return Ok(StepUpRequired.into());
        };
        let phone = &input.phone.0;
        let (app, caller) = (context.app(), context.caller());
        let outcome = account::request_phone_change(app, caller, person, phone).await;
        answer(outcome, |()| PhoneChangeRequested {
            message: "We sent a code to the new number. Enter it to go on.".to_owned(),
        })
    }

    /// Changes the phone number. The previous addresses of the account are notified.
    #[graphql(directive = Authenticated::apply(), directive = Cost::apply(PASSWORD_HASH), directive = Credential::apply())]
    async fn confirm_phone_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The code sent to the new number.")] input: ConfirmPhoneChangeInput,
    ) -> Result<ConfirmPhoneChangeResult, Error> {
        let person = context.authorize()?;
        let (phone, code) = (&input.phone.0, &input.code);
        let (app, caller) = (context.app(), context.caller());
        let outcome = account::confirm_phone_change(app, caller, person, phone, code).await;
        answer(outcome, |user| Box::new(PhoneChanged { user: user.into() }))
    }
}
