//! `[migration]`: taking over from another system.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};

use super::diagnostics::Diagnostics;
use super::redact::quoted;
use super::section::{Check, section};

/// RFC 7518 §3.2: an HMAC key is at least as long as the digest.
const MIN_SECRET_BYTES: usize = 32;

section! {
    /// Signing people in with what another system gave them, while they move here.
    pub struct Migration("migration") {
        /// What verifies tokens that Simple JWT of Django issued: its `SIGNING_KEY` (HS256; Django's
        /// `SECRET_KEY` unless set), or a PEM public key (RS256). Empty accepts none. Tokens of
        /// imported accounts then work until they expire, or until
        /// `retention.ended_sessions_days` after they were issued. Tokens on the blacklist of the old
        /// system are not known here.
        simplejwt_key: Option<SecretString> = "";
        /// The moment of the switch-over, such as `2026-03-01T04:00:00Z`: tokens issued from then on
        /// are refused. Needed in production, because the old system does not know who signed out here.
        simplejwt_issued_before: Option<String> = "";
        /// The claim with the primary key of the account: `USER_ID_CLAIM`.
        pub simplejwt_user_id_claim: String = "user_id";
        /// The `iss` that these tokens must have. Empty accepts any.
        pub simplejwt_issuer: Option<String> = "";
        /// The `aud` that these tokens must have. Empty accepts any.
        pub simplejwt_audience: Option<String> = "";
    }
}

impl Migration {
    /// The key of Simple JWT; `None` accepts no such tokens.
    #[must_use]
    pub fn simplejwt_key(&self) -> Option<&str> {
        Some(self.simplejwt_key.as_ref()?.expose_secret())
    }

    /// When the old system stopped to issue tokens.
    #[must_use]
    pub fn simplejwt_issued_before(&self) -> Option<DateTime<Utc>> {
        self.simplejwt_issued_before.as_ref()?.parse().ok()
    }
}

/// Whether a key is a public one in another form than PEM. As an HMAC secret it would let anyone who
/// knows it sign tokens of any account (RFC 8725 §2.1).
fn is_unreadable_public_key(key: &str) -> bool {
    let key = key.trim_start();
    let is_pem = key.starts_with("-----BEGIN");
    let is_wrapped = key.starts_with(['"', '\'', '{', '\u{feff}']) || key.starts_with("ssh-");
    let is_der = key.starts_with("MII") && key.len() > 200;
    !is_pem && (is_wrapped || is_der || key.contains("BEGIN "))
}

impl Check for Migration {
    fn check(&self, diagnostics: &mut Diagnostics<'_>) {
        let key = self.simplejwt_key();
        if key.is_some_and(is_unreadable_public_key) {
            diagnostics.refuse(
                "migration.simplejwt_key",
                "the key seems to be a public one, and is not in PEM",
                "Write the PEM as it is, from its first line -----BEGIN PUBLIC KEY----- on.",
            );
        } else if diagnostics.is_production() && key.is_some_and(|key| key.len() < MIN_SECRET_BYTES)
        {
            diagnostics.refuse(
                "migration.simplejwt_key",
                "the key is shorter than 32 bytes, so tokens of any account could be forged",
                "Use the SIGNING_KEY of the old system if it is long enough; else leave it empty.",
            );
        }
        match &self.simplejwt_issued_before {
            Some(written) if self.simplejwt_issued_before().is_none() => diagnostics.refuse(
                "migration.simplejwt_issued_before",
                format!("{} is not a moment", quoted(written)),
                "Write a time with its offset, such as 2026-03-01T04:00:00Z.",
            ),
            None if key.is_some() && diagnostics.is_production() => diagnostics.refuse(
                "migration.simplejwt_issued_before",
                "the old system could still issue tokens to people who signed out here",
                "Write the moment at which it stopped to issue tokens.",
            ),
            _ => {}
        }
        if self.simplejwt_user_id_claim.is_empty() {
            diagnostics.refuse(
                "migration.simplejwt_user_id_claim",
                "no claim is named",
                "Name the USER_ID_CLAIM of the old system, which is \"user_id\" unless set.",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_unreadable_public_key;

    #[test]
    fn a_public_key_is_not_taken_for_a_secret() {
        for key in [
            "\"-----BEGIN PUBLIC KEY-----\nMII",
            "\u{feff}-----BEGIN PUBLIC KEY-----\nMII",
            "ssh-rsa AAAAB3",
            "{\"kty\":\"RSA\"}",
            &format!("MII{}", "A".repeat(300)),
        ] {
            assert!(is_unreadable_public_key(key), "{key}");
        }
        for key in [
            "-----BEGIN PUBLIC KEY-----\nMII",
            "django-insecure-the-secret-of-the-old-system",
        ] {
            assert!(!is_unreadable_public_key(key), "{key}");
        }
    }
}
