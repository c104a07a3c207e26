//! Accounts at identity providers.

use async_graphql::{ID, Object};
use chrono::{DateTime, Utc};

use super::enums::AuthProvider;
use crate::domain::{identity, role};
use crate::schema::scalars::EmailAddress;

#[derive(Clone, Debug)]
pub struct Identity(pub identity::Identity);

/// An account at an identity provider, with which the user can sign in.
#[Object]
impl Identity {
    /// The ID, for `unlinkGoogle`.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The identity provider.
    async fn provider(&self) -> AuthProvider {
        role::AuthProvider::Google.into()
    }

    /// The `iss` claim of the provider's tokens.
    async fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// The e-mail address in the provider's token when the identity was linked; it may have
    /// changed.
    async fn email(&self) -> Option<EmailAddress> {
        self.0.email.clone().map(EmailAddress)
    }

    /// When it was linked.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When the user last signed in with it.
    async fn last_used_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_used_at
    }
}
