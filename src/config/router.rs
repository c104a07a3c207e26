//! `[router]`: the federation router.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::config::report::Review;
use crate::config::values;

const SHORTEST_SECRET: usize = 32;

/// How the federation router proves itself, and how much it may ask for at once.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Router {
    /// What it sends in `Idgate-Router-Secret`; `None` takes no secret.
    #[serde(deserialize_with = "values::optional_secret")]
    pub secret: Option<SecretString>,
    /// The secret from before, while routers change to the new one.
    #[serde(deserialize_with = "values::optional_secret")]
    pub secret_previous: Option<SecretString>,
    #[serde(deserialize_with = "values::optional_path")]
    certificate_file: Option<PathBuf>,
    #[serde(deserialize_with = "values::optional_path")]
    key_file: Option<PathBuf>,
    #[serde(deserialize_with = "values::optional_path")]
    client_ca_file: Option<PathBuf>,
    /// Whether the schema for supergraphs says whom a router lets through.
    #[serde(deserialize_with = "values::switch")]
    pub authorization_directives: bool,
    /// Entities that one request may refer to.
    pub max_representations: usize,
    /// Weight that one operation may have.
    pub max_complexity: usize,
}

/// The files with which the router's listener speaks TLS.
#[derive(Clone, Copy, Debug)]
pub struct RouterCertificates<'a> {
    /// What the listener shows.
    pub certificate: &'a Path,
    /// The private key of that.
    pub key: &'a Path,
    /// Whose certificates the router may show.
    pub client_ca: &'a Path,
}

impl Router {
    /// The files for TLS, unless the listener does without.
    #[must_use]
    pub fn certificates(&self) -> Option<RouterCertificates<'_>> {
        Some(RouterCertificates {
            certificate: self.certificate_file.as_deref()?,
            key: self.key_file.as_deref()?,
            client_ca: self.client_ca_file.as_deref()?,
        })
    }

    pub(super) fn check(&self, review: &mut Review<'_>) {
        for (key, secret) in [
            ("router.secret", &self.secret),
            ("router.secret_previous", &self.secret_previous),
        ] {
            if secret.as_ref().is_some_and(is_guessable) {
                review.refuse(
                    key,
                    format!(
                        "the secret is shorter than {SHORTEST_SECRET} characters or repeats itself"
                    ),
                    "Make one with `openssl rand -base64 32`.",
                );
            }
        }
        if self.secret.is_none() && self.secret_previous.is_some() {
            review.refuse(
                "router.secret_previous",
                "there is a secret from before but none of now",
                "Set router.secret to the new one, or to this one while there is no other.",
            );
        }
        self.check_files(review);
        let representations = self.max_representations;
        review.within("router.max_representations", representations, 1..=10_000);
        let complexity = self.max_complexity;
        review.within("router.max_complexity", complexity, 10..=1_000_000);
    }

    /// TLS that does not ask for the router's certificate would prove nothing.
    fn check_files(&self, review: &mut Review<'_>) {
        let files = [
            ("router.certificate_file", &self.certificate_file),
            ("router.key_file", &self.key_file),
            ("router.client_ca_file", &self.client_ca_file),
        ];
        for (key, file) in &files {
            if let Some(file) = file {
                review.path(key, file);
            }
        }
        let some = files.iter().any(|(_, file)| file.is_some());
        let missing = files.iter().find(|(_, file)| some && file.is_none());
        if let Some((key, _)) = missing {
            review.refuse(
                key,
                "the certificates of the router's listener are not complete",
                "Name all three files: certificate_file, key_file and client_ca_file.",
            );
        }
    }
}

fn is_guessable(secret: &SecretString) -> bool {
    let secret = secret.expose_secret();
    let distinct: std::collections::BTreeSet<char> = secret.chars().collect();
    secret.len() < SHORTEST_SECRET || distinct.len() < 8
}
