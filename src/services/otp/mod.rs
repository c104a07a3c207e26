//! One-time codes: asking for one, and what each of them opens.

mod request;
mod verify;

pub use request::{OtpSent, RequestOtpRefusal, request_otp};
pub use verify::{OtpVerification, Verified, VerifyOtpRefusal, verify_otp};

use crate::domain::caller::Caller;
use crate::domain::code::CodePurpose;
use crate::domain::identifier::Identifier;
use crate::domain::user::{Contact, User};
use crate::domain::violation::{Violation, ViolationRule};
use crate::services::ownership;
use crate::services::throttle::Against;
use crate::stores::user::Meant;

/// The address a code goes to, if this purpose can use it.
fn contact(purpose: CodePurpose, identifier: &Identifier) -> Result<Contact, Violation> {
    let wrong = |rule, message| Err(Violation::new("emailOrPhone", rule, message));
    match (purpose, identifier.contact()) {
        (_, None) => wrong(
            ViolationRule::InvalidFormat,
            "give an e-mail address, or a phone number with its country code",
        ),
        (CodePurpose::VerifyEmail, Some(Contact::Phone)) => wrong(
            ViolationRule::InvalidEmail,
            "give the e-mail address to verify",
        ),
        (CodePurpose::VerifyPhone, Some(Contact::Email)) => wrong(
            ViolationRule::InvalidPhone,
            "give the phone number to verify",
        ),
        (_, Some(contact)) => Ok(contact),
    }
}

/// Whether a code of this purpose, sent to this address of the account, can be of use.
fn is_served(caller: &Caller, user: &User, purpose: CodePurpose, contact: Contact) -> bool {
    let is_own = caller
        .signed_in()
        .is_some_and(|person| person.user() == user.id);
    match purpose {
        CodePurpose::Login | CodePurpose::ResetPassword => ownership::may_open(user, contact),
        CodePurpose::VerifyEmail | CodePurpose::VerifyPhone => {
            !user.has_proven(contact) && (is_own || ownership::may_open(user, contact))
        }
        // An address that nobody proved says nothing about who asks.
        CodePurpose::StepUp => is_own && user.has_proven(contact),
        CodePurpose::ChangeEmail | CodePurpose::ChangePhone => false,
    }
}

/// Whose account an address means: one's own, for those who are signed in and have it.
fn meant(caller: &Caller) -> Meant {
    caller
        .signed_in()
        .map_or(Meant::Owner, |person| Meant::Own(person.user()))
}

/// Whose budget asking for or typing a code counts against. Codes for a session of one's own are
/// counted apart, or strangers who know the address could keep its owner from them.
fn budget<'a>(caller: &Caller, purpose: CodePurpose, identifier: &'a Identifier) -> Against<'a> {
    match (purpose, caller.signed_in()) {
        (CodePurpose::StepUp, Some(person)) => Against::Person(person.user()),
        _ => Against::Identifier(identifier),
    }
}
