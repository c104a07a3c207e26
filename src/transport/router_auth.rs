//! Authentication of the federation router: by a secret in a header, a client certificate, or both.
//!
//! It opens what only a router may use; the user behind a request is authenticated by their own
//! access token.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use super::listener::ClientCertificate;
use crate::config::Config;

/// The header with the router's secret. Headers are not logged, and this one must never be.
pub(super) const ROUTER_SECRET: HeaderName = HeaderName::from_static("idgate-router-secret");

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

    /// Whether the header holds a valid secret. Sent twice it is rejected: a proxy may have checked
    /// the other one.
    fn has_valid_secret(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(ROUTER_SECRET).iter();
        let (Some(presented), None) = (values.next(), values.next()) else {
            return false;
        };
        let presented = sha256(presented.as_bytes());
        let equal = |any: Choice, secret: &[u8; 32]| any | secret.ct_eq(&presented);
        self.secrets.iter().fold(Choice::from(0), equal).into()
    }

    /// Whether a request presents every credential that is configured, and at least one is.
    pub(super) fn authenticate(&self, request: &Request) -> bool {
        let has_certificate = request.extensions().get::<ClientCertificate>().is_some();
        let requires_secret = !self.secrets.is_empty();
        (requires_secret || self.certificate)
            && (!self.certificate || has_certificate)
            && (!requires_secret || self.has_valid_secret(request.headers()))
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
