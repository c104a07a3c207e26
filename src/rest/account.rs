//! Registration and profile.

use secrecy::SecretString;

use super::Request;
use super::input::{self, input};
use super::output::{Envelope, Profile, Success, Tokens};
use super::refusal::{IntoRefusal, Refusal};
use crate::app::App;
use crate::domain::problem;
use crate::domain::role::Role;
use crate::domain::violation::{Violation, ViolationRule};
use crate::services::account::{self, ProfileChange, RegisterProblem, Registered, Registration};

input! {
    /// The new account. Give an e-mail address or a phone number, not both.
    pub(super) struct RegisterInput {
        /// The e-mail address to sign in with.
        #[schema(example = "ada@example.com")]
        email: Option<String>,
        /// The phone number to sign in with.
        #[schema(example = json!(null))]
        phone: Option<String>,
        /// The password: any characters, but hard to guess. Optional with a phone number, to sign in
        /// with one-time codes.
        #[schema(value_type = Option<String>, format = Password, example = "correct horse battery staple")]
        password: Option<SecretString>,
        /// Given name.
        #[schema(example = "Ada")]
        first_name: Option<String>,
        /// Family name.
        #[schema(example = "Lovelace")]
        last_name: Option<String>,
        /// The role, one of those that people may choose for themselves: `client` or `vendor` unless
        /// the server is configured otherwise.
        #[schema(example = "client")]
        role: Option<String>,
    }
}

input! {
    /// The fields to change; omitted ones stay as they are.
    pub(super) struct ProfileInput {
        /// Given name.
        #[schema(example = "Ada")]
        first_name: Option<String>,
        /// Family name.
        #[schema(example = "Lovelace")]
        last_name: Option<String>,
        /// A short biography.
        bio: Option<String>,
        /// Country.
        #[schema(example = "GB")]
        country: Option<String>,
        /// State or region.
        state: Option<String>,
        /// City.
        #[schema(example = "London")]
        city: Option<String>,
        /// Street address.
        address: Option<String>,
        /// Preferred language, a BCP 47 tag; `null` removes it.
        #[schema(value_type = Option<String>, example = "en")]
        locale: Option<Option<String>> = nullable,
    }
}

impl IntoRefusal for RegisterProblem {
    fn into_refusal(self) -> Refusal {
        match self {
            Self::Taken => problem::TAKEN.into(),
            Self::PasswordRejected(rejected) => rejected.into_refusal(),
        }
    }
}

/// Create an account
///
/// Where addresses must be confirmed, the answer never has tokens and is the same whether or not the
/// address has an account: the message sent to it says how to continue. Elsewhere the new user is
/// signed in, and an address that has an account is a conflict (409).
#[utoipa::path(
    post,
    path = "/api/v1/auth/register",
    tag = "account",
    request_body = RegisterInput,
    responses((
        status = 201,
        description = "The account was created and its user signed in; `data` is null where the address must be confirmed first.",
        body = Envelope<Option<Tokens>>,
    )),
)]
pub(super) async fn register(app: &App, request: &Request<'_>) -> Result<Success, Refusal> {
    let input: RegisterInput = input::read(request.body)?;
    // Forms send what was left blank.
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let registration = Registration {
        email: filled(input.email),
        phone: filled(input.phone),
        password: input.password,
        first_name: input.first_name.unwrap_or_default(),
        last_name: input.last_name.unwrap_or_default(),
        role: filled(input.role).as_deref().map(role).transpose()?,
    };
    let registered = account::register(app, request.caller, registration).await?;
    let (message, tokens) = match registered {
        Registered::SignedIn(tokens) => {
            ("Registration successful.", Some(Tokens::of(app, *tokens)))
        }
        Registered::ConfirmationSent => (
            "We sent you a message. Follow the link, or enter the code in it, to go on.",
            None,
        ),
    };
    Success::new(201, &Envelope::new(message, tokens))
}

fn role(name: &str) -> Result<Role, Refusal> {
    name.parse().map_err(|_| {
        let message = "this is not a role";
        Refusal::invalid([Violation::new("role", ViolationRule::NotAllowed, message)])
    })
}

/// Read one's own profile
#[utoipa::path(
    get,
    path = "/api/v1/auth/profile",
    tag = "account",
    responses((status = 200, description = "The account of the signed-in user.", body = Envelope<Profile>)),
    security(("bearer" = [])),
)]
pub(super) async fn profile(app: &App, request: &Request<'_>) -> Result<Success, Refusal> {
    request.signed_in()?;
    // Authentication has read it for this request.
    let account = request
        .account
        .ok_or(Refusal::Unauthenticated { had_token: true })?;
    Success::ok("Profile retrieved.", Profile::of(app, account))
}

/// Change one's own profile
#[utoipa::path(
    patch,
    path = "/api/v1/auth/profile",
    tag = "account",
    request_body = ProfileInput,
    responses((status = 200, description = "The account after the change.", body = Envelope<Profile>)),
    security(("bearer" = [])),
)]
pub(super) async fn profile_update(app: &App, request: &Request<'_>) -> Result<Success, Refusal> {
    let person = request.signed_in()?;
    let input: ProfileInput = input::read(request.body)?;
    let change = ProfileChange {
        first_name: input.first_name,
        last_name: input.last_name,
        bio: input.bio,
        country: input.country,
        state: input.state,
        city: input.city,
        address: input.address,
        locale: input.locale,
    };
    let user = account::update_profile(app, request.caller, person, change).await?;
    Success::ok("Profile updated.", Profile::of(app, &user))
}

/// Change one's own profile, as by PATCH
///
/// Every field is optional, so what is omitted stays as it is, as in the system that this replaces.
#[utoipa::path(
    put,
    path = "/api/v1/auth/profile",
    tag = "account",
    request_body = ProfileInput,
    responses((status = 200, description = "The account after the change.", body = Envelope<Profile>)),
    security(("bearer" = [])),
)]
pub(super) async fn profile_replace(app: &App, request: &Request<'_>) -> Result<Success, Refusal> {
    profile_update(app, request).await
}
