//! Moving an account to another e-mail address or phone number.

#![expect(
    missing_docs,
    reason = "the members of a union are documented by their types"
)]

use async_graphql::{Context, InputObject, Object, SimpleObject, Union};

use crate::domain::violation::{Violation, ViolationRule};
use crate::schema::error::Error;
use crate::schema::problem::{
    CodeExpired, CodeInvalid, Conflict, EmailNotVerified, InputInvalid, RateLimited,
    StepUpRequired, TokenInvalid,
};
use crate::schema::request::Asked as _;
use crate::schema::scalars::{EmailAddress, PhoneNumber};
use crate::schema::types::user::User;
use crate::services::account::{
    self, ConfirmEmailChangeRefusal, ConfirmPhoneChangeRefusal, NewEmailProof,
    RequestEmailChangeRefusal, RequestPhoneChangeRefusal, RevertEmailChangeRefusal,
};

/// The address to move to.
#[derive(InputObject)]
pub struct RequestEmailChangeInput {
    /// The new e-mail address.
    email: EmailAddress,
}

/// A link and a code are on their way to the new address.
#[derive(SimpleObject)]
pub struct EmailChangeRequested {
    /// What to tell the person.
    message: String,
}

/// What comes of `requestEmailChange`.
#[derive(Union)]
pub enum RequestEmailChangeResult {
    EmailChangeRequested(EmailChangeRequested),
    StepUpRequired(StepUpRequired),
    EmailNotVerified(EmailNotVerified),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

/// What arrived at the new address: the token of the link, or the address and the code.
#[derive(InputObject)]
pub struct ConfirmEmailChangeInput {
    /// The `token` of the link.
    token: Option<String>,
    /// The new address, with `code`.
    email: Option<EmailAddress>,
    /// The six digits.
    code: Option<String>,
}

/// The account has the new address.
#[derive(SimpleObject)]
pub struct EmailChanged {
    /// The person.
    user: User,
}

/// What comes of `confirmEmailChange`.
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

/// The link that went to the old address.
#[derive(InputObject)]
pub struct RevertEmailChangeInput {
    /// The `token` of the link.
    token: String,
}

/// The account is back at its old address. Password and sessions have ended, and a message with a
/// way to set a new password is on its way.
#[derive(SimpleObject)]
pub struct EmailReverted {
    /// What to tell the person.
    message: String,
}

/// What comes of `revertEmailChange`.
#[derive(Union)]
pub enum RevertEmailChangeResult {
    EmailReverted(EmailReverted),
    TokenInvalid(TokenInvalid),
    Conflict(Conflict),
    RateLimited(RateLimited),
}

/// The number to move to.
#[derive(InputObject)]
pub struct RequestPhoneChangeInput {
    /// The new phone number, with its country code.
    phone: PhoneNumber,
}

/// A code is on its way to the new number.
#[derive(SimpleObject)]
pub struct PhoneChangeRequested {
    /// What to tell the person.
    message: String,
}

/// What comes of `requestPhoneChange`.
#[derive(Union)]
pub enum RequestPhoneChangeResult {
    PhoneChangeRequested(PhoneChangeRequested),
    StepUpRequired(StepUpRequired),
    EmailNotVerified(EmailNotVerified),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

/// The code that arrived at the new number.
#[derive(InputObject)]
pub struct ConfirmPhoneChangeInput {
    /// The new phone number.
    phone: PhoneNumber,
    /// The six digits.
    code: String,
}

/// The account has the new number.
#[derive(SimpleObject)]
pub struct PhoneChanged {
    /// The person.
    user: User,
}

/// What comes of `confirmPhoneChange`.
#[derive(Union)]
pub enum ConfirmPhoneChangeResult {
    PhoneChanged(Box<PhoneChanged>),
    CodeInvalid(CodeInvalid),
    CodeExpired(CodeExpired),
    Conflict(Conflict),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

/// Moving an account to another e-mail address or phone number.
#[derive(Clone, Copy, Debug, Default)]
pub struct AddressMutations;

#[Object]
impl AddressMutations {
    /// Sends a link and a code to a new e-mail address. Asks for a recent sign-in.
    async fn request_email_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The new address.")] input: RequestEmailChangeInput,
    ) -> Result<RequestEmailChangeResult, Error> {
        let Some(person) = context.fresh()? else {
            return Ok(RequestEmailChangeResult::StepUpRequired(StepUpRequired));
        };
        let email = &input.email.0;
        match account::request_email_change(context.app(), context.caller(), person, email).await {
            Ok(()) => {
                let message = "We sent a message to the new address. Confirm it to go on.";
                Ok(RequestEmailChangeResult::EmailChangeRequested(
                    EmailChangeRequested {
                        message: message.to_owned(),
                    },
                ))
            }
            Err(RequestEmailChangeRefusal::Invalid(rules)) => {
                Ok(RequestEmailChangeResult::InputInvalid(rules.into()))
            }
            Err(RequestEmailChangeRefusal::NotVerified) => {
                Ok(RequestEmailChangeResult::EmailNotVerified(EmailNotVerified))
            }
            Err(RequestEmailChangeRefusal::Unauthenticated) => Err(Error::unauthenticated()),
            Err(RequestEmailChangeRefusal::RateLimited(limit)) => {
                Ok(RequestEmailChangeResult::RateLimited(RateLimited(limit)))
            }
            Err(RequestEmailChangeRefusal::Fault(fault)) => Err(fault.into()),
        }
    }

    /// Moves the account to the new e-mail address. The old one is told and can undo it for a
    /// while.
    async fn confirm_email_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What arrived at the new address.")] input: ConfirmEmailChangeInput,
    ) -> Result<ConfirmEmailChangeResult, Error> {
        let person = context.signed_in()?;
        let proof = match (input.token, input.email, input.code) {
            (Some(token), None, None) => NewEmailProof::Token(token),
            (None, Some(email), Some(code)) => NewEmailProof::Code {
                email: email.0,
                code,
            },
            _ => {
                let message = "give the token, or the address and the code";
                let violation = Violation::new("token", ViolationRule::ExactlyOne, message);
                return Ok(ConfirmEmailChangeResult::InputInvalid(
                    vec![violation].into(),
                ));
            }
        };
        match account::confirm_email_change(context.app(), context.caller(), person, proof).await {
            Ok(user) => Ok(ConfirmEmailChangeResult::EmailChanged(Box::new(
                EmailChanged { user: user.into() },
            ))),
            Err(ConfirmEmailChangeRefusal::TokenInvalid) => {
                Ok(ConfirmEmailChangeResult::TokenInvalid(TokenInvalid))
            }
            Err(ConfirmEmailChangeRefusal::CodeInvalid) => {
                Ok(ConfirmEmailChangeResult::CodeInvalid(CodeInvalid))
            }
            Err(ConfirmEmailChangeRefusal::CodeExpired) => {
                Ok(ConfirmEmailChangeResult::CodeExpired(CodeExpired))
            }
            Err(ConfirmEmailChangeRefusal::Taken) => {
                Ok(ConfirmEmailChangeResult::Conflict(Conflict::TAKEN))
            }
            Err(ConfirmEmailChangeRefusal::Unauthenticated) => Err(Error::unauthenticated()),
            Err(ConfirmEmailChangeRefusal::Invalid(rules)) => {
                Ok(ConfirmEmailChangeResult::InputInvalid(rules.into()))
            }
            Err(ConfirmEmailChangeRefusal::RateLimited(limit)) => {
                Ok(ConfirmEmailChangeResult::RateLimited(RateLimited(limit)))
            }
            Err(ConfirmEmailChangeRefusal::Fault(fault)) => Err(fault.into()),
        }
    }

    /// Undoes a change of the e-mail address by the link that went to the old one. Whoever made
    /// the change is signed out everywhere.
    async fn revert_email_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The link.")] input: RevertEmailChangeInput,
    ) -> Result<RevertEmailChangeResult, Error> {
        let token = &input.token;
        match account::revert_email_change(context.app(), context.caller(), token).await {
            Ok(()) => {
                let message = "The account is back. Set a new password by the message we sent.";
                Ok(RevertEmailChangeResult::EmailReverted(EmailReverted {
                    message: message.to_owned(),
                }))
            }
            Err(RevertEmailChangeRefusal::TokenInvalid) => {
                Ok(RevertEmailChangeResult::TokenInvalid(TokenInvalid))
            }
            Err(RevertEmailChangeRefusal::Taken) => {
                Ok(RevertEmailChangeResult::Conflict(Conflict::TAKEN))
            }
            Err(RevertEmailChangeRefusal::RateLimited(limit)) => {
                Ok(RevertEmailChangeResult::RateLimited(RateLimited(limit)))
            }
            Err(RevertEmailChangeRefusal::Fault(fault)) => Err(fault.into()),
        }
    }

    /// Sends a code to a new phone number. Asks for a recent sign-in.
    async fn request_phone_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The new number.")] input: RequestPhoneChangeInput,
    ) -> Result<RequestPhoneChangeResult, Error> {
        let Some(person) = context.fresh()? else {
            return Ok(RequestPhoneChangeResult::StepUpRequired(StepUpRequired));
        };
        let phone = &input.phone.0;
        match account::request_phone_change(context.app(), context.caller(), person, phone).await {
            Ok(()) => {
                let message = "We sent a code to the new number. Enter it to go on.";
                Ok(RequestPhoneChangeResult::PhoneChangeRequested(
                    PhoneChangeRequested {
                        message: message.to_owned(),
                    },
                ))
            }
            Err(RequestPhoneChangeRefusal::Invalid(rules)) => {
                Ok(RequestPhoneChangeResult::InputInvalid(rules.into()))
            }
            Err(RequestPhoneChangeRefusal::NotVerified) => {
                Ok(RequestPhoneChangeResult::EmailNotVerified(EmailNotVerified))
            }
            Err(RequestPhoneChangeRefusal::Unauthenticated) => Err(Error::unauthenticated()),
            Err(RequestPhoneChangeRefusal::RateLimited(limit)) => {
                Ok(RequestPhoneChangeResult::RateLimited(RateLimited(limit)))
            }
            Err(RequestPhoneChangeRefusal::Fault(fault)) => Err(fault.into()),
        }
    }

    /// Moves the account to the new phone number. The addresses it had before are told.
    async fn confirm_phone_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The code that arrived.")] input: ConfirmPhoneChangeInput,
    ) -> Result<ConfirmPhoneChangeResult, Error> {
        let person = context.signed_in()?;
        let (phone, code) = (&input.phone.0, &input.code);
        let (app, caller) = (context.app(), context.caller());
        match account::confirm_phone_change(app, caller, person, phone, code).await {
            Ok(user) => Ok(ConfirmPhoneChangeResult::PhoneChanged(Box::new(
                PhoneChanged { user: user.into() },
            ))),
            Err(ConfirmPhoneChangeRefusal::CodeInvalid) => {
                Ok(ConfirmPhoneChangeResult::CodeInvalid(CodeInvalid))
            }
            Err(ConfirmPhoneChangeRefusal::CodeExpired) => {
                Ok(ConfirmPhoneChangeResult::CodeExpired(CodeExpired))
            }
            Err(ConfirmPhoneChangeRefusal::Taken) => {
                Ok(ConfirmPhoneChangeResult::Conflict(Conflict::TAKEN))
            }
            Err(ConfirmPhoneChangeRefusal::Unauthenticated) => Err(Error::unauthenticated()),
            Err(ConfirmPhoneChangeRefusal::Invalid(rules)) => {
                Ok(ConfirmPhoneChangeResult::InputInvalid(rules.into()))
            }
            Err(ConfirmPhoneChangeRefusal::RateLimited(limit)) => {
                Ok(ConfirmPhoneChangeResult::RateLimited(RateLimited(limit)))
            }
            Err(ConfirmPhoneChangeRefusal::Fault(fault)) => Err(fault.into()),
        }
    }
}
