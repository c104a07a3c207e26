//! `[tokens]`: claims and lifetime of access tokens.

use url::Url;

use super::diagnostics::Diagnostics;
use super::redact::quoted;
use super::section::{Check, section};

section! {
    /// Claims and lifetime of access tokens.
    pub struct Tokens("tokens") {
        /// The `iss` of access tokens, which verifiers compare exactly. Empty uses `server.public_url`.
        pub issuer: String = "";
        /// The `aud` of access tokens, which verifiers compare.
        pub audience: String = "idgate";
        /// Seconds for which an access token is valid. Verifiers that check only the signature notice a
        /// revocation this late.
        pub access_seconds: i64 = 600, in 30..=3_600;
    }
}

impl Check for Tokens {
    fn check(&self, diagnostics: &mut Diagnostics<'_>) {
        if self.audience.trim().is_empty() {
            diagnostics.refuse(
                "tokens.audience",
                "the audience is empty, so any verifier would accept the token",
                "Name the audience, such as \"idgate\".",
            );
        }
        // RFC 8414 §2: an issuer is a URL without query or fragment.
        match Url::parse(&self.issuer) {
            Ok(url) => diagnostics.web_address("tokens.issuer", &url),
            Err(_) => diagnostics.refuse(
                "tokens.issuer",
                format!("{} is not a complete address", quoted(&self.issuer)),
                "Write an https URL, or leave it empty to use server.public_url.",
            ),
        }
    }
}
