//! An account from its registration to its profile; `address` moves it.

#![expect(
    missing_docs,
    reason = "the members of a union are documented by their types"
)]

pub mod address;

use async_graphql::{Context, InputObject, MaybeUndefined, Object, SimpleObject, Union};

use crate::schema::error::{Error, ErrorCode};
use crate::schema::problem::{
    AccountSuspended, Conflict, InputInvalid, InvalidCredentials, PasswordBreached,
    PasswordTooWeak, RateLimited, TokenInvalid,
};
use crate::schema::request::Asked as _;
use crate::schema::scalars::{EmailAddress, PhoneNumber};
use crate::schema::types::enums::Role;
use crate::schema::types::signed_in::SignedIn;
use crate::schema::types::user::User;
use crate::services::account::{
    self, EmailVerification, ProfileChange, ProfileRefusal, RegisterRefusal, Registration,
    RequestRefusal, VerifyEmailRefusal,
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

/// What comes of `register`.
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

/// A link that was followed.
#[derive(InputObject)]
pub struct VerifyEmailInput {
    /// The `token` of the link.
    token: String,
    /// The password that was chosen at registration; not needed in a session of the account. The
    /// answer then continues that session: its `amr` and `auth_time` stay what they were.
    password: Option<String>,
}

/// What comes of `verifyEmail`.
#[derive(Union)]
pub enum VerifyEmailResult {
    SignedIn(Box<SignedIn>),
    TokenInvalid(TokenInvalid),
    InvalidCredentials(InvalidCredentials),
    AccountSuspended(AccountSuspended),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
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

/// What comes of `requestEmailVerification`.
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

/// What comes of `updateProfile`.
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
        match account::register(context.app(), context.caller(), registration).await {
            Ok(account::Registered::ConfirmationSent) => {
                let message =
                    "We sent you a message. Follow the link, or enter the code in it, to go on."
                        .to_owned();
                Ok(RegisterResult::Registered(Registered { message }))
            }
            Ok(account::Registered::SignedIn(started)) => {
                let signed_in = SignedIn::deliver(context, *started);
                Ok(RegisterResult::SignedIn(Box::new(signed_in)))
            }
            Err(RegisterRefusal::Closed) => {
                Err(Error::of(ErrorCode::Forbidden, "Registration is closed."))
            }
            Err(RegisterRefusal::Taken) => Ok(RegisterResult::Conflict(Conflict::TAKEN)),
            Err(RegisterRefusal::PasswordTooWeak(rules)) => {
                Ok(RegisterResult::PasswordTooWeak(rules.into()))
            }
            Err(RegisterRefusal::PasswordBreached) => {
                Ok(RegisterResult::PasswordBreached(PasswordBreached))
            }
            Err(RegisterRefusal::Invalid(rules)) => Ok(RegisterResult::InputInvalid(rules.into())),
            Err(RegisterRefusal::RateLimited(limit)) => {
                Ok(RegisterResult::RateLimited(RateLimited(limit)))
            }
            Err(RegisterRefusal::Overloaded) => Err(Error::unavailable()),
            Err(RegisterRefusal::Fault(fault)) => Err(fault.into()),
        }
    }

    /// Redeems the link of a confirmation message and signs in.
    async fn verify_email(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The link's token, and the password.")] input: VerifyEmailInput,
    ) -> Result<VerifyEmailResult, Error> {
        let verification = EmailVerification {
            token: input.token,
            password: input.password.map(Into::into),
        };
        match account::verify_email(context.app(), context.caller(), verification).await {
            Ok(started) => {
                let signed_in = SignedIn::deliver(context, started);
                Ok(VerifyEmailResult::SignedIn(Box::new(signed_in)))
            }
            Err(VerifyEmailRefusal::TokenInvalid) => {
                Ok(VerifyEmailResult::TokenInvalid(TokenInvalid))
            }
            Err(VerifyEmailRefusal::InvalidCredentials) => Ok(
                VerifyEmailResult::InvalidCredentials(InvalidCredentials::NO_MATCH),
            ),
            Err(VerifyEmailRefusal::Suspended) => {
                Ok(VerifyEmailResult::AccountSuspended(AccountSuspended))
            }
            Err(VerifyEmailRefusal::Invalid(rules)) => {
                Ok(VerifyEmailResult::InputInvalid(rules.into()))
            }
            Err(VerifyEmailRefusal::RateLimited(limit)) => {
                Ok(VerifyEmailResult::RateLimited(RateLimited(limit)))
            }
            Err(VerifyEmailRefusal::Overloaded) => Err(Error::unavailable()),
            Err(VerifyEmailRefusal::Fault(fault)) => Err(fault.into()),
        }
    }

    /// Sends a new confirmation message, if there is an account that needs one.
    async fn request_email_verification(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The address to prove.")] input: RequestEmailVerificationInput,
    ) -> Result<RequestEmailVerificationResult, Error> {
        let email = input.email.0;
        match account::request_email_verification(context.app(), context.caller(), &email).await {
            Ok(()) => {
                let message =
                    "If there is an account to confirm, a message is on its way.".to_owned();
                Ok(RequestEmailVerificationResult::EmailVerificationRequested(
                    EmailVerificationRequested { message },
                ))
            }
            Err(RequestRefusal::Invalid(rules)) => {
                Ok(RequestEmailVerificationResult::InputInvalid(rules.into()))
            }
            Err(RequestRefusal::RateLimited(limit)) => Ok(
                RequestEmailVerificationResult::RateLimited(RateLimited(limit)),
            ),
            Err(RequestRefusal::Fault(fault)) => Err(fault.into()),
        }
    }

    /// Changes what the signed-in person says about themselves.
    async fn update_profile(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateProfileInput,
    ) -> Result<UpdateProfileResult, Error> {
        let person = context.signed_in()?;
        let change = ProfileChange {
            first_name: input.first_name,
            last_name: input.last_name,
            bio: input.bio,
            country: input.country,
            state: input.state,
            city: input.city,
            address: input.address,
            locale: match input.locale {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(tag) => Some(Some(tag)),
            },
        };
        match account::update_profile(context.app(), context.caller(), person, change).await {
            Ok(user) => Ok(UpdateProfileResult::ProfileUpdated(Box::new(
                ProfileUpdated { user: user.into() },
            ))),
            Err(ProfileRefusal::Invalid(rules)) => {
                Ok(UpdateProfileResult::InputInvalid(rules.into()))
            }
            Err(ProfileRefusal::RateLimited(limit)) => {
                Ok(UpdateProfileResult::RateLimited(RateLimited(limit)))
            }
            Err(ProfileRefusal::Fault(fault)) => Err(fault.into()),
        }
    }
}
