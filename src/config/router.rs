//! `[router]`: the federation router.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::config::report::Review;
use crate::config::values;

const SHORTEST_SECRET: usize = 32;

/// How the federation router proves itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Router {
    /// What it sends in `Idgate-Router-Secret`; `None` answers no router.
    #[serde(deserialize_with = "values::optional_secret")]
    pub secret: Option<SecretString>,
}

impl Router {
    pub(super) fn check(&self, review: &mut Review<'_>) {
        let Some(secret) = &self.secret else { return };
        let secret = secret.expose_secret();
        let distinct: std::collections::BTreeSet<char> = secret.chars().collect();
        if secret.len() < SHORTEST_SECRET || distinct.len() < 8 {
            review.refuse(
                "router.secret",
                format!(
                    "the secret is shorter than {SHORTEST_SECRET} characters or repeats itself"
                ),
                "Make one with `openssl rand -base64 32`.",
            );
        }
    }
}
