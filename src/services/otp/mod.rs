//! Requesting and verifying one-time codes.

mod request;
mod verify;

pub use request::{OtpSent, request_otp};
pub use verify::{OtpVerification, Verified, VerifyOtpProblem, verify_otp};

use crate::app::App;
use crate::domain::caller::{Caller, SignedIn};
use crate::domain::code::CodePurpose;
use crate::domain::identifier::Identifier;
use crate::domain::ids::UserId;
use crate::domain::user::{Contact, User};
use crate::domain::violation::{Violation, ViolationRule};
use crate::services::code::CodePool;
use crate::services::device::{self, Device};
use crate::services::ownership;
use crate::services::throttle::{self, LimitKey, RateLimit, RateLimitExceeded, Target};
use crate::stores::user::{Credentials, TieBreak};

/// The kind of address that a code of this purpose goes to.
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

/// Whether a code of this purpose at this address of the account is of any use.
fn is_applicable(caller: &Caller, user: &User, purpose: CodePurpose, contact: Contact) -> bool {
    let is_own = caller
        .signed_in()
        .is_some_and(|person| person.user() == user.id);
    match purpose {
        CodePurpose::Login | CodePurpose::ResetPassword => {
            ownership::can_recover_with(user, contact)
        }
        CodePurpose::VerifyEmail | CodePurpose::VerifyPhone => {
            !user.has_verified(contact) && (is_own || ownership::can_recover_with(user, contact))
        }
        // An unverified address does not authenticate its user.
        CodePurpose::StepUp => is_own && user.has_verified(contact),
        CodePurpose::ChangeEmail | CodePurpose::ChangePhone => false,
    }
}

/// Which account an address refers to: the caller's own if it has the address.
fn tie_break(caller: &Caller) -> TieBreak {
    caller.signed_in().map_or(TieBreak::Owner, |person| {
        TieBreak::PreferUser(person.user())
    })
}

/// A request that concerns a code, and what it is charged to.
struct CodeRequest<'a> {
    app: &'a App,
    caller: &'a Caller,
    identifier: &'a Identifier,
    /// The user whose own session the code is for: strangers who know the address must not be
    /// able to use up the limits.
    person: Option<UserId>,
    device: Option<Device>,
}

impl<'a> CodeRequest<'a> {
    fn new(
        app: &'a App,
        caller: &'a Caller,
        purpose: CodePurpose,
        identifier: &'a Identifier,
        device_token: Option<&str>,
    ) -> Self {
        let person = match purpose {
            CodePurpose::StepUp => caller.signed_in().map(SignedIn::user),
            _ => None,
        };
        let device = device::read(app, device_token).filter(|_| person.is_none());
        Self {
            app,
            caller,
            identifier,
            person,
            device,
        }
    }

    /// What the request is charged to before the account is looked up.
    fn key(&self) -> LimitKey<'_> {
        let device_or = || LimitKey::device_or(self.device.as_ref(), self.identifier);
        self.person.map_or_else(device_or, LimitKey::User)
    }

    fn target(&self, found: Option<&Credentials>) -> Target<'_> {
        Target::new(self.identifier, found, self.device.as_ref())
    }

    fn pool(&self, found: Option<&Credentials>) -> CodePool {
        CodePool::of(self.target(found))
    }

    async fn charge(&self, limit: RateLimit<'_>) -> Result<(), RateLimitExceeded> {
        throttle::charge(self.app, &self.caller.client, limit).await
    }
}
