//! The user behind a connection, authenticated again before every batch of events.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};

use crate::domain::caller::Client;
use crate::domain::ids::UserId;
use crate::domain::role::Role;
use crate::fault::Fault;
use crate::services::session::{Authenticated, authenticate, authenticate_listener};
use crate::transport::server::Server;

/// The user of a connection and the access token that authenticated them.
pub(super) struct Identity {
    pub(super) user: UserId,
    /// When the access token expires.
    pub(super) expires_at: DateTime<Utc>,
    /// A change of role invalidates the token, and with it the connection.
    pub(super) role: Role,
    client: Client,
    token: SecretString,
}

impl Identity {
    /// Authenticates an access token; `None` when it is invalid.
    pub(super) async fn establish(
        server: &Server,
        client: Client,
        token: &str,
    ) -> Result<Option<Self>, Fault> {
        let authenticated = authenticate(&server.app, client.clone(), Some(token)).await?;
        let person = authenticated.caller.signed_in();
        Ok(person
            .zip(authenticated.expires_at)
            .map(|(person, expires_at)| Self {
                user: person.user(),
                role: person.role(),
                expires_at,
                client,
                token: token.into(),
            }))
    }

    /// Authenticates the same token again: it may have been revoked since.
    pub(super) async fn reauthenticate(&self, server: &Server) -> Result<Authenticated, Fault> {
        let token = self.token.expose_secret();
        authenticate_listener(&server.app, self.client.clone(), token).await
    }

    pub(super) fn request_id(&self) -> &str {
        &self.client.request_id
    }
}
