//! Registration, verification and profile; changes of addresses are in [`address`].

pub mod address;

use async_graphql::{Context, InputObject, MaybeUndefined, Object, SimpleObject, Union};

use crate::schema::answer::{IntoProblem, answer};
use crate::schema::directives::{Authenticated, Cost, Credential, PASSWORD_HASH};
use crate::schema::error::Error;
use crate::schema::problem::{
    AccountSuspended, Conflict, InputInvalid, InvalidCredentials, PasswordBreached,
    PasswordTooWeak, RateLimited, TokenInvalid,
};
use crate::schema::request::ContextExt as _;
use crate::schema::scalars::{EmailAddress, PhoneNumber};
use crate::schema::types::enums::Role;
use crate::schema::types::signed_in::SignedIn;
use crate::schema::types::user::User;
use crate::services::account::{
    self, EmailVerification, ProfileChange, RegisterProblem, Registration, VerifyEmailProblem,
};

/// The new account. Give an e-mail address or a phone number, not both.
#[derive(InputObject)]
pub struct RegisterInput {
    /// The e-mail address to sign in with.
    email: Option<EmailAddress>,
    /// The phone number to sign in with.
    phone: Option<PhoneNumber>,
    /// The password: any characters, no composition rules, but hard to guess. Optional with a phone
    /// number, to sign in with one-time codes.
    password: Option<String>,
    /// Given name.
    #[graphql(default)]
    first_name: String,
    /// Family name.
    #[graphql(default)]
    last_name: String,
    /// The role, one of `authConfig.registrationRoles`.
    role: Option<Role>,
}

/// The registration was received. A message to the address says how to continue.
#[derive(SimpleObject)]
pub struct Registered {
    /// A message for the user. It is the same whether or not the address had an account.
    message: String,
}

impl Registered {
    fn confirmation_sent() -> Self {
        let message = "We sent you a message. Follow the link, or enter the code in it, to go on.";
        Self {
            message: message.to_owned(),
        }
    }
}

/// The result of `register`: `SignedIn` with tokens where addresses need no confirmation. Otherwise
/// `Registered`, whether or not the address has an account; the message sent to it says how to
/// continue. `Conflict` (the address has an account) is only returned where addresses need no
/// confirmation.
#[derive(Union)]
pub enum RegisterResult {
    Registered(Registered),
    SignedIn(Box<SignedIn>),
    Conflict(Conflict),
    PasswordTooWeak(PasswordTooWeak),
    PasswordBreached(PasswordBreached),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

impl IntoProblem<RegisterResult> for RegisterProblem {
    fn into_problem(self) -> RegisterResult {
        match self {
            Self::Taken => Conflict::TAKEN.into(),
            Self::PasswordRejected(rejected) => rejected.into_problem(),
        }
    }
}

/// The link of a confirmation message.
#[derive(InputObject)]
pub struct VerifyEmailInput {
    /// The `token` of the link.
    token: String,
    /// The password chosen at registration; not needed in a session of the account, which is then
    /// continued: its `amr` and `auth_time` do not change.
    password: Option<String>,
}

/// The result of `verifyEmail`: `SignedIn` with tokens for a new session. `TokenInvalid` if the
/// link was used, has expired, or never existed; `InvalidCredentials` if the password is wrong.
#[derive(Union)]
pub enum VerifyEmailResult {
    SignedIn(Box<SignedIn>),
    TokenInvalid(TokenInvalid),
    InvalidCredentials(InvalidCredentials),
    AccountSuspended(AccountSuspended),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

impl IntoProblem<VerifyEmailResult> for VerifyEmailProblem {
    fn into_problem(self) -> VerifyEmailResult {
        match self {
            Self::TokenInvalid => TokenInvalid.into(),
            Self::InvalidCredentials => InvalidCredentials::NO_MATCH.into(),
            Self::Suspended => AccountSuspended.into(),
        }
    }
}

/// The address to verify.
#[derive(InputObject)]
pub struct RequestEmailVerificationInput {
    /// The e-mail address of the account.
    email: EmailAddress,
}

/// A message was sent if there is an account that needs verification.
#[derive(SimpleObject)]
pub struct EmailVerificationRequested {
    /// A message for the user. It is the same whether or not there is an account.
    message: String,
}

/// The result of `requestEmailVerification`: `EmailVerificationRequested`, whether or not the
/// address has an account.
#[derive(Union)]
pub enum RequestEmailVerificationResult {
    EmailVerificationRequested(EmailVerificationRequested),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

/// The profile fields to change; omitted ones stay unchanged.
#[derive(InputObject)]
pub struct UpdateProfileInput {
    /// Given name.
    first_name: Option<String>,
    /// Family name.
    last_name: Option<String>,
    /// A short biography.
    bio: Option<String>,
    /// Country.
    country: Option<String>,
    /// State or region.
    state: Option<String>,
    /// City.
    city: Option<String>,
    /// Street address.
    address: Option<String>,
    /// Preferred language, a BCP 47 tag; `null` removes it.
    locale: MaybeUndefined<String>,
}

/// The profile was updated.
#[derive(SimpleObject)]
pub struct ProfileUpdated {
    /// The user.
    user: User,
}

/// The result of `updateProfile`: `ProfileUpdated` with the user after the change.
#[derive(Union)]
pub enum UpdateProfileResult {
    ProfileUpdated(Box<ProfileUpdated>),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

#[derive(Clone, Copy, Debug, Default)]
pub struct AccountMutations;

#[Object]
impl AccountMutations {
    /// Creates an account. With `authConfig.confirmationRequired` the result is always
    /// `Registered`, even if the address has an account; otherwise the new user is signed in.
    #[graphql(directive = Cost::apply(PASSWORD_HASH), directive = Credential::apply())]
    async fn register(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The new account.")] input: RegisterInput,
    ) -> Result<RegisterResult, Error> {
        let registration = Registration {
            email: input.email.map(|email| email.0),
            phone: input.phone.map(|phone| phone.0),
            password: input.password.map(Into::into),
            first_name: input.first_name,
            last_name: input.last_name,
            role: input.role.map(Into::into),
        };
        let outcome = account::register(context.app(), context.caller(), registration).await;
        answer(outcome, |registered| match registered {
            account::Registered::ConfirmationSent => {
                RegisterResult::Registered(Registered::confirmation_sent())
            }
            account::Registered::SignedIn(tokens) => {
                RegisterResult::SignedIn(Box::new(SignedIn::deliver(context, *tokens)))
            }
        })
    }

    /// Verifies the e-mail address with the link of a confirmation message, and signs in.
    #[graphql(directive = Cost::apply(PASSWORD_HASH), directive = Credential::apply())]
    async fn verify_email(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The token of the link, and the password.")] input: VerifyEmailInput,
    ) -> Result<VerifyEmailResult, Error> {
        let verification = EmailVerification {
            token: input.token,
            password: input.password.map(Into::into),
        };
        let outcome = account::verify_email(context.app(), context.caller(), verification).await;
        answer(outcome, |tokens| {
            Box::new(SignedIn::deliver(context, tokens))
        })
    }

    /// Sends a new confirmation message, if there is an account that needs one.
    #[graphql(directive = Cost::apply(PASSWORD_HASH), directive = Credential::apply())]
    async fn request_email_verification(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The address to verify.")] input: RequestEmailVerificationInput,
    ) -> Result<RequestEmailVerificationResult, Error> {
        let email = input.email.0;
        let (app, caller) = (context.app(), context.caller());
        let outcome = account::request_email_verification(app, caller, &email).await;
        answer(outcome, |()| EmailVerificationRequested {
            message: "If there is an account to confirm, a message is on its way.".to_owned(),
        })
    }

    /// Changes the profile of the signed-in user.
    #[graphql(directive = Authenticated::apply())]
    async fn update_profile(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The fields to change.")] input: UpdateProfileInput,
    ) -> Result<UpdateProfileResult, Error> {
        let person = context.authorize()?;
        let change = ProfileChange {
            first_name: input.first_name,
            last_name: input.last_name,
            bio: input.bio,
            country: input.country,
            state: input.state,
            city: input.city,
            address: input.address,
            locale: input.locale.into(),
        };
        let outcome =
            account::update_profile(context.app(), context.caller(), person, change).await;
        answer(outcome, |user| {
            Box::new(ProfileUpdated { user: user.into() })
        })
    }
}
