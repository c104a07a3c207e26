//! An account from its registration to its profile; `address` moves it.

#![expect(
    missing_docs,
    reason = "the members of a union are documented by their types"
)]

pub mod address;

use async_graphql::{Context, InputObject, MaybeUndefined, Object, SimpleObject, Union};

use crate::schema::answer::{IntoProblem, answer};
use crate::schema::directives::{Authenticated, Credential};
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

/// Who wants an account. Give an e-mail address or a phone number, not both.
#[derive(InputObject)]
pub struct RegisterInput {
    /// The e-mail address to sign in with.
    email: Option<EmailAddress>,
    /// The phone number to sign in with.
    phone: Option<PhoneNumber>,
    /// The password; any characters, no rules of composition, but not easy to guess. Who gives a
    /// phone number can leave it out and sign in by codes.
    password: Option<String>,
    /// Given name.
    #[graphql(default)]
    first_name: String,
    /// Family name.
    #[graphql(default)]
    last_name: String,
    /// What the person wants to be; `authConfig.registrationRoles` lists what can be chosen.
    role: Option<Role>,
}

/// The registration was received. A message to the address says how to go on.
#[derive(SimpleObject)]
pub struct Registered {
    /// What to tell the person. It is the same whether or not the address had an account.
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

/// The result of `register`: `SignedIn` with tokens where addresses need no confirmation.
/// Otherwise `Registered`, whether or not the address has an account, and the message says how to
/// go on. `Conflict` (the address has an account) is only given where addresses need no
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

/// A link that was followed.
#[derive(InputObject)]
pub struct VerifyEmailInput {
    /// The `token` of the link.
    token: String,
    /// The password that was chosen at registration; not needed in a session of the account. The
    /// answer then continues that session: its `amr` and `auth_time` stay what they were.
    password: Option<String>,
}

/// The result of `verifyEmail`: `SignedIn` with tokens for a new session. `TokenInvalid` if the
/// link was used, has expired, or never was; `InvalidCredentials` if the password is not the one
/// of the account.
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

/// The address to prove.
#[derive(InputObject)]
pub struct RequestEmailVerificationInput {
    /// The e-mail address of the account.
    email: EmailAddress,
}

/// If there is an account that needs it, a message is on its way.
#[derive(SimpleObject)]
pub struct EmailVerificationRequested {
    /// What to tell the person. It is the same whether or not there is an account.
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

/// The parts of the profile to change; what is left out stays as it is.
#[derive(InputObject)]
pub struct UpdateProfileInput {
    /// Given name.
    first_name: Option<String>,
    /// Family name.
    last_name: Option<String>,
    /// A few words about oneself.
    bio: Option<String>,
    /// Country.
    country: Option<String>,
    /// State or region.
    state: Option<String>,
    /// City.
    city: Option<String>,
    /// Street address.
    address: Option<String>,
    /// Preferred language, a BCP 47 tag; `null` forgets it.
    locale: MaybeUndefined<String>,
}

/// The profile after the change.
#[derive(SimpleObject)]
pub struct ProfileUpdated {
    /// The person.
    user: User,
}

/// The result of `updateProfile`: `ProfileUpdated` with the person as they are now.
#[derive(Union)]
pub enum UpdateProfileResult {
    ProfileUpdated(Box<ProfileUpdated>),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

/// An account from its registration to its profile.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccountMutations;

#[Object]
impl AccountMutations {
    /// Creates an account. Where `authConfig.confirmationRequired` the answer is always
    /// `Registered`, also for an address that has an account; otherwise the new person is signed
    /// in at once.
    #[graphql(directive = Credential::apply())]
    async fn register(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who wants an account.")] input: RegisterInput,
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
            account::Registered::SignedIn(started) => {
                RegisterResult::SignedIn(Box::new(SignedIn::deliver(context, *started)))
            }
        })
    }

    /// Redeems the link of a confirmation message and signs in.
    #[graphql(directive = Credential::apply())]
    async fn verify_email(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The link's token, and the password.")] input: VerifyEmailInput,
    ) -> Result<VerifyEmailResult, Error> {
        let verification = EmailVerification {
            token: input.token,
            password: input.password.map(Into::into),
        };
        let outcome = account::verify_email(context.app(), context.caller(), verification).await;
        answer(outcome, |started| {
            Box::new(SignedIn::deliver(context, started))
        })
    }

    /// Sends a new confirmation message, if there is an account that needs one.
    #[graphql(directive = Credential::apply())]
    async fn request_email_verification(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The address to prove.")] input: RequestEmailVerificationInput,
    ) -> Result<RequestEmailVerificationResult, Error> {
        let email = input.email.0;
        let (app, caller) = (context.app(), context.caller());
        let outcome = account::request_email_verification(app, caller, &email).await;
        answer(outcome, |()| EmailVerificationRequested {
            message: "If there is an account to confirm, a message is on its way.".to_owned(),
        })
    }

    /// Changes what the signed-in person says about themselves.
    #[graphql(directive = Authenticated::apply())]
    async fn update_profile(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateProfileInput,
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
