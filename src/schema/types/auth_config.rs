//! Settings for a sign-in page.

use async_graphql::{Context, Enum, Object};

use super::enums::Role;
use crate::domain::code;
use crate::schema::directives::AtMost;
use crate::schema::request::ContextExt as _;

/// A sign-in method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum SignInMethod {
    /// E-mail address or phone number with a password: `login`.
    Password,
    /// E-mail address or phone number with a one-time code: `requestOtp`, `verifyOtp`.
    Otp,
    /// Google ID token: `loginWithGoogle`.
    Google,
}

#[derive(Clone, Copy, Debug)]
pub struct AuthConfig;

/// Settings for a sign-in page.
#[Object]
impl AuthConfig {
    /// The enabled sign-in methods.
    #[graphql(directive = AtMost::apply(8))]
    async fn methods(&self, context: &Context<'_>) -> Vec<SignInMethod> {
        let google = &context.app().config.google;
        let mut methods = vec![SignInMethod::Password, SignInMethod::Otp];
        methods.extend(google.is_enabled().then_some(SignInMethod::Google));
        methods
    }

    /// The client id for Google sign-in; `null` if it is disabled.
    async fn google_client_id(&self, context: &Context<'_>) -> Option<String> {
        let client_id = context.app().config.google.client_id();
        client_id.map(str::to_owned)
    }

    /// Whether registration is enabled.
    async fn registration_enabled(&self, context: &Context<'_>) -> bool {
        context.app().config.registration.enabled
    }

    /// Whether an address must be confirmed before the first sign-in.
    async fn confirmation_required(&self, context: &Context<'_>) -> bool {
        context.app().config.registration.requires_confirmation()
    }

    /// The roles to choose from at registration.
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

    /// Minimum length of a password, in characters.
    async fn password_min_length(&self, context: &Context<'_>) -> usize {
        context.app().config.password.min_length
    }

    /// Maximum length of a password, in characters.
    async fn password_max_length(&self, context: &Context<'_>) -> usize {
        context.app().config.password.max_length
    }

    /// Minimum strength of a password: the zxcvbn score, from 0 (weakest) to 4.
    async fn password_min_score(&self, context: &Context<'_>) -> u8 {
        context.app().config.password.min_score
    }

    /// Number of digits of a one-time code.
    async fn code_length(&self) -> usize {
        code::DIGITS
    }

    /// Seconds until a one-time code expires.
    async fn code_expires_in(&self, context: &Context<'_>) -> u32 {
        context.app().config.otp.life_seconds
    }

    /// Seconds until another code can be requested.
    async fn code_resend_after(&self, context: &Context<'_>) -> u32 {
        context.app().config.otp.resend_seconds
    }
}
