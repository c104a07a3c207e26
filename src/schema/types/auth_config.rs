//! What a sign-in page needs to know.

use async_graphql::{Context, Enum, Object};

use super::enums::Role;
use crate::domain::code;
use crate::schema::directives::AtMost;
use crate::schema::request::ContextExt as _;

/// A way to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum SignInMethod {
    /// E-mail address or phone number with a password: `login`.
    Password,
    /// E-mail address or phone number with a one-time code: `requestOtp`, `verifyOtp`.
    Otp,
    /// An ID token of Google: `loginWithGoogle`.
    Google,
}

/// What a sign-in page needs to know.
#[derive(Clone, Copy, Debug)]
pub struct AuthConfig;

/// What a sign-in page needs to know.
#[Object]
impl AuthConfig {
    /// The ways to sign in.
    #[graphql(directive = AtMost::apply(8))]
    async fn methods(&self, context: &Context<'_>) -> Vec<SignInMethod> {
        let google = &context.app().config.google;
        let mut methods = vec![SignInMethod::Password, SignInMethod::Otp];
        methods.extend(google.is_enabled().then_some(SignInMethod::Google));
        methods
    }

    /// The client id to ask Google for ID tokens with; `null` where people cannot sign in that way.
    async fn google_client_id(&self, context: &Context<'_>) -> Option<String> {
        let client_id = context.app().config.google.client_id();
        client_id.map(str::to_owned)
    }

    /// Whether people can register.
    async fn registration_enabled(&self, context: &Context<'_>) -> bool {
        context.app().config.registration.enabled
    }

    /// Whether an address has to be confirmed before the first sign-in.
    async fn confirmation_required(&self, context: &Context<'_>) -> bool {
        context.app().config.registration.requires_confirmation()
    }

    /// The roles that people can choose when they register.
    #[graphql(directive = AtMost::apply(8))]
    async fn registration_roles(&self, context: &Context<'_>) -> Vec<Role> {
        context
            .app()
            .config
            .registration
            .roles
            .iter()
            .copied()
            .map(Into::into)
            .collect()
    }

    /// The fewest characters of a password.
    async fn password_min_length(&self, context: &Context<'_>) -> usize {
        context.app().config.password.min_length
    }

    /// The most characters of a password.
    async fn password_max_length(&self, context: &Context<'_>) -> usize {
        context.app().config.password.max_length
    }

    /// How hard to guess a password must be: 0 (anybody) to 4 (very hard), by zxcvbn.
    async fn password_min_score(&self, context: &Context<'_>) -> u8 {
        context.app().config.password.min_score
    }

    /// How many digits a one-time code has.
    async fn code_length(&self) -> usize {
        code::DIGITS
    }

    /// How many seconds a one-time code works.
    async fn code_expires_in(&self, context: &Context<'_>) -> u32 {
        context.app().config.otp.life_seconds
    }

    /// After how many seconds another code can be asked for.
    async fn code_resend_after(&self, context: &Context<'_>) -> u32 {
        context.app().config.otp.resend_seconds
    }
}
