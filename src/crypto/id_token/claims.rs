//! The claims of an ID token, and the checks on them.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

use super::IdTokenError;

/// How far the issuer's clock may differ from ours.
const LEEWAY_SECONDS: i64 = 30;
/// The maximum age of an ID token, whatever its `exp` says. Also bounds how long a used one is
/// remembered.
const MAX_AGE_SECONDS: i64 = 86_400;
/// The last second of the year 9999.
const LATEST: i64 = 253_402_300_799;
/// OpenID Connect Core §2: a subject has at most 255 ASCII characters.
const MAX_SUBJECT_BYTES: usize = 255;

/// The expected values.
#[derive(Debug)]
pub struct Expected<'a> {
    /// The accepted spellings of the issuer.
    pub issuers: &'a [&'a str],
    /// The accepted audiences.
    pub client_ids: &'a [String],
    /// The only accepted organization.
    pub hosted_domain: Option<&'a str>,
    /// The nonce of the authentication request.
    pub nonce: Option<&'a str>,
    /// Whether a nonce is required.
    pub require_nonce: bool,
}

/// A valid ID token.
pub struct IdToken {
    /// The `sub` claim, which never changes (OpenID Connect Core §5.7).
    pub subject: String,
    /// An e-mail address.
    pub email: Option<String>,
    /// Whether the issuer verified it. Only `true` means yes.
    pub email_verified: bool,
    /// The organization of the user (`hd`).
    pub hosted_domain: Option<String>,
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
    /// Identifies the token, to detect a replay.
    pub digest: [u8; 32],
    /// When the token expires.
    pub expires_at: DateTime<Utc>,
}

impl fmt::Debug for IdToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("IdToken")
            .field("email_verified", &self.email_verified)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// One audience or several (RFC 7519 §4.1.3).
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    #[serde(deserialize_with = "numeric_date")]
    exp: i64,
    #[serde(deserialize_with = "numeric_date")]
    iat: i64,
    #[serde(default, deserialize_with = "optional_numeric_date")]
    nbf: Option<i64>,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    hd: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default, deserialize_with = "exactly_true")]
    email_verified: bool,
    #[serde(default)]
    given_name: Option<String>,
    #[serde(default)]
    family_name: Option<String>,
}

/// RFC 7519 §2: a JSON number of seconds since 1970, in any notation; fractions are truncated.
/// Anything but an instant from then to the year 9999 is malformed.
fn numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let number = Number::deserialize(deserializer)?;
    let seconds = match (number.as_i64(), number.as_f64()) {
        (Some(seconds), _) => Some(seconds),
        (None, Some(seconds)) => whole(seconds),
        (None, None) => None,
    };
    seconds
        .filter(|seconds| (0..=LATEST).contains(seconds))
        .ok_or_else(|| D::Error::custom("no NumericDate"))
}

fn optional_numeric_date<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<i64>, D::Error> {
    numeric_date(deserializer).map(Some)
}

/// A number without its fraction; `None` if no integer holds it, including NaN.
fn whole(seconds: f64) -> Option<i64> {
    let is_near = (0.0..=9.0e15).contains(&seconds);
    // Exact below 2^53, and printed without an exponent.
    is_near.then(|| format!("{:.0}", seconds.floor()).parse().ok())?
}

/// `"true"`, 1 and everything else but `true` means no: issuers that write text there have been
/// tricked into writing any text.
fn exactly_true<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Value::deserialize(deserializer)? == Value::Bool(true))
}

impl Claims {
    /// Checks everything but the signature; returns when the token expires.
    pub(super) fn check(
        &self,
        now: DateTime<Utc>,
        expected: &Expected<'_>,
    ) -> Result<DateTime<Utc>, IdTokenError> {
        if !expected.issuers.contains(&self.iss.as_str()) {
            return Err(IdTokenError::WrongIssuer);
        }
        self.check_audience(expected.client_ids)?;
        let ends = self.check_times(now.timestamp())?;
        self.check_nonce(expected)?;
        let domain = self.hd.as_deref();
        if expected
            .hosted_domain
            .is_some_and(|wanted| !domain.is_some_and(|domain| domain.eq_ignore_ascii_case(wanted)))
        {
            return Err(IdTokenError::WrongDomain);
        }
        let sub = &self.sub;
        if sub.is_empty()
            || sub.len() > MAX_SUBJECT_BYTES
            || !sub
                .chars()
                .all(|character| character.is_ascii_graphic() || character == ' ')
        {
            return Err(IdTokenError::Malformed);
        }
        DateTime::from_timestamp(ends, 0).ok_or(IdTokenError::Malformed)
    }

    /// OpenID Connect Core §3.1.3.7, 3 to 5: the token is for us, for no other audience, and requested by us.
    fn check_audience(&self, client_ids: &[String]) -> Result<(), IdTokenError> {
        let audiences = self.aud.as_slice();
        let are_ours = audiences
            .iter()
            .all(|audience| client_ids.contains(audience));
        let asked_by_us = match &self.azp {
            Some(party) => client_ids.contains(party),
            None => audiences.len() == 1,
        };
        if audiences.is_empty() || !are_ours || !asked_by_us {
            return Err(IdTokenError::WrongAudience);
        }
        Ok(())
    }

    /// The second from which on the token is rejected.
    fn check_times(&self, now: i64) -> Result<i64, IdTokenError> {
        let begins = self.nbf.unwrap_or(self.iat).max(self.iat);
        if begins > now.saturating_add(LEEWAY_SECONDS) {
            return Err(IdTokenError::FromTheFuture);
        }
        let longest = self.iat.saturating_add(MAX_AGE_SECONDS);
        let ends = self.exp.min(longest).saturating_add(LEEWAY_SECONDS);
        if ends <= now {
            return Err(IdTokenError::Expired);
        }
        Ok(ends)
    }

    /// A nonce on one side only belongs to another request (token injection).
    fn check_nonce(&self, expected: &Expected<'_>) -> Result<(), IdTokenError> {
        let is_right = match (self.nonce.as_deref(), expected.nonce) {
            (None, None) => !expected.require_nonce,
            (claimed, wanted) => claimed == wanted,
        };
        if is_right {
            Ok(())
        } else {
            Err(IdTokenError::WrongNonce)
        }
    }

    pub(super) fn into_token(self, digest: [u8; 32], expires_at: DateTime<Utc>) -> IdToken {
        IdToken {
            subject: self.sub,
            email: self.email,
            email_verified: self.email_verified,
            hosted_domain: self.hd,
            given_name: self.given_name,
            family_name: self.family_name,
            digest,
            expires_at,
        }
    }
}
