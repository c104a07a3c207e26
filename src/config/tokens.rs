//! `[tokens]`: what access tokens say about themselves.

use serde::Deserialize;
use url::Url;

use crate::config::report::Review;
use crate::config::values;

/// Claims and life of access tokens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// The `iss` claim, compared by verifiers letter for letter.
    pub issuer: String,
    /// The `aud` claim.
    pub audience: String,
    /// Seconds an access token lives.
    pub access_seconds: i64,
}

impl Tokens {
    pub(super) fn check(&self, review: &mut Review<'_>) {
        // A leaked token works until it expires wherever only its signature is checked.
        review.within("tokens.access_seconds", self.access_seconds, 30..=3_600);
        if self.audience.trim().is_empty() {
            review.refuse(
                "tokens.audience",
                "the audience is empty, so any verifier would accept the token",
                "Name the audience, such as \"idgate\".",
            );
        }
        // RFC 8414 §2: an issuer is a URL without query or fragment.
        match Url::parse(&self.issuer) {
            Ok(url) => review.web_address("tokens.issuer", &url),
            Err(_) => review.refuse(
                "tokens.issuer",
                format!("{} is not a complete address", values::quoted(&self.issuer)),
                "Write an https URL, or leave it empty to use server.public_url.",
            ),
        }
    }
}
