//! Authentication of the federation router: by a secret in a header, a client certificate, or both.
//!
//! It opens what only a router may use; the user behind a request is authenticated by their own
//! access token.

use axum::extract::Request;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use super::listener::ClientCertificate;
use super::request_head::{Once, RequestHead};
use crate::config::Config;

/// What a router has to present.
pub(super) struct RouterCredentials {
    /// Digests of the current and the previous secret, so that comparison takes constant time
    /// whatever the length.
    secrets: Vec<[u8; 32]>,
    /// Whether a client certificate is required (`tls` verifies it).
    certificate: bool,
}

impl RouterCredentials {
    pub(super) fn from_config(config: &Config) -> Self {
        let router = &config.router;
        let secrets = [&router.secret, &router.secret_previous];
        let digest = |secret: &SecretString| sha256(secret.expose_secret().as_bytes());
        Self {
            secrets: secrets.into_iter().flatten().map(digest).collect(),
            certificate: router.certificates().is_some(),
        }
    }

    /// Whether the header holds a valid secret.
    fn is_valid(&self, secret: &Once) -> bool {
        let Once::Value(presented) = secret else {
            return false;
        };
        let presented = sha256(presented.as_bytes());
        let equal = |any: Choice, secret: &[u8; 32]| any | secret.ct_eq(&presented);
        self.secrets.iter().fold(Choice::from(0), equal).into()
    }

    /// Whether a request presents every credential that is configured, and at least one is.
    pub(super) fn authenticate(&self, head: &RequestHead, request: &Request) -> bool {
        let has_certificate = request.extensions().get::<ClientCertificate>().is_some();
        let requires_secret = !self.secrets.is_empty();
        (requires_secret || self.certificate)
            && (!self.certificate || has_certificate)
            && (!requires_secret || self.is_valid(&head.router_secret))
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
