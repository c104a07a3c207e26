//! `[router]`: the federation router.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::diagnostics::Diagnostics;
use super::section::{Check, section};

const MIN_SECRET_BYTES: usize = 32;

section! {
    /// How the federation router authenticates itself, and how much it may request at once.
    pub struct Router("router") {
        /// The secret that the federation router sends in `Idgate-Router-Secret`. Empty accepts none.
        pub secret: Option<SecretString> = "";
        /// The previous secret, accepted too while routers change to the new one.
        pub secret_previous: Option<SecretString> = "";
        /// The certificate chain (PEM) of the router's listener, which then speaks TLS.
        certificate_file: Option<PathBuf> = "";
        /// The private key (PEM) of that certificate.
        key_file: Option<PathBuf> = "";
        /// The authorities (PEM) of the client certificate that the router has to present: an authority
        /// of your own, for routers alone.
        client_ca_file: Option<PathBuf> = "";
        /// Whether `_service` has `@authenticated` and `@requiresScopes`; @apollo/gateway refuses a
        /// supergraph with them.
        pub authorization_directives: bool = true;
        /// Entities that one request of the router may refer to.
        pub max_representations: usize = 1_000, in 1..=10_000;
        /// Cost of an operation of the router, whose lists of entities are longer than any page.
        pub max_complexity: usize = 50_000, in 10..=1_000_000;
    }
}

/// The files with which the router's listener speaks TLS.
#[derive(Clone, Copy, Debug)]
pub struct RouterCertificates<'a> {
    /// The chain that the listener presents.
    pub certificate: &'a Path,
    /// Its private key.
    pub key: &'a Path,
    /// The authorities of the router's client certificate.
    pub client_ca: &'a Path,
}

impl Router {
    /// The files for TLS; `None` if the listener uses none.
    #[must_use]
    pub fn certificates(&self) -> Option<RouterCertificates<'_>> {
        Some(RouterCertificates {
            certificate: self.certificate_file.as_deref()?,
            key: self.key_file.as_deref()?,
            client_ca: self.client_ca_file.as_deref()?,
        })
    }

    fn check_secrets(&self, diagnostics: &mut Diagnostics<'_>) {
        for (key, secret) in [
            ("router.secret", &self.secret),
            ("router.secret_previous", &self.secret_previous),
        ] {
            if secret.as_ref().is_some_and(is_guessable) {
                diagnostics.refuse(
                    key,
                    format!(
                        "the secret is shorter than {MIN_SECRET_BYTES} characters or repeats itself"
                    ),
                    "Make one with `openssl rand -base64 32`.",
                );
            }
        }
        if self.secret.is_none() && self.secret_previous.is_some() {
            diagnostics.refuse(
                "router.secret_previous",
                "there is a secret from before but none of now",
                "Set router.secret to the new one, or to this one while there is no other.",
            );
        }
    }

    /// TLS without a client certificate would not authenticate the router.
    fn check_files(&self, diagnostics: &mut Diagnostics<'_>) {
        let files = [
            ("router.certificate_file", &self.certificate_file),
            ("router.key_file", &self.key_file),
            ("router.client_ca_file", &self.client_ca_file),
        ];
        for (key, file) in &files {
            if let Some(file) = file {
                diagnostics.path(key, file);
            }
        }
        let some = files.iter().any(|(_, file)| file.is_some());
        let missing = files.iter().find(|(_, file)| some && file.is_none());
        if let Some((key, _)) = missing {
            diagnostics.refuse(
                key,
                "the certificates of the router's listener are not complete",
                "Name all three files: certificate_file, key_file and client_ca_file.",
            );
        }
    }
}

impl Check for Router {
    fn check(&self, diagnostics: &mut Diagnostics<'_>) {
        self.check_secrets(diagnostics);
        self.check_files(diagnostics);
    }
}

fn is_guessable(secret: &SecretString) -> bool {
    let secret = secret.expose_secret();
    let distinct: std::collections::BTreeSet<char> = secret.chars().collect();
    secret.len() < MIN_SECRET_BYTES || distinct.len() < 8
}
