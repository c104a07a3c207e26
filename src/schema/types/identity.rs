//! Who a person is at a provider.

use async_graphql::{ID, Object};
use chrono::{DateTime, Utc};

use super::enums::AuthProvider;
use crate::domain::{identity, role};
use crate::schema::scalars::EmailAddress;

/// Who a person is at a provider.
#[derive(Clone, Debug)]
pub struct Identity(pub identity::Identity);

/// A person at a provider whose word opens the account.
#[Object]
impl Identity {
    /// The identifier, for `unlinkGoogle`.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The provider.
    async fn provider(&self) -> AuthProvider {
        role::AuthProvider::Google.into()
    }

    /// What the provider calls itself in its tokens.
    async fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// The e-mail address the provider showed when it was linked; it may have changed since.
    async fn email(&self) -> Option<EmailAddress> {
        self.0.email.clone().map(EmailAddress)
    }

    /// When it was linked.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When the person last signed in with it.
    async fn last_used_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_used_at
    }
}
