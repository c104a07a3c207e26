//! Checking an ID token (OpenID Connect Core §3.1.3.7) and reading its claims.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use crate::app::App;
use crate::config;
use crate::crypto::id_token::{Expected, IdToken, IdTokenError, Presented};
use crate::domain::caller::Client;
use crate::domain::email::EmailAddress;
use crate::domain::text::{self, Layout};
use crate::domain::token::HashedToken;
use crate::domain::user::MAX_NAME_LENGTH;
use crate::domain::violation::{Violation, ViolationRule};
use crate::services::refused::Refused;
use crate::services::throttle::{self, RateLimit};

const MAX_NONCE_BYTES: usize = 255;

/// What a client got from Google.
#[derive(Debug)]
pub struct GoogleCredential {
    /// The ID token.
    pub id_token: SecretString,
    /// The nonce of the authentication request.
    pub nonce: Option<String>,
}

/// The user of a valid ID token.
pub(super) struct GoogleUser {
    /// The canonical spelling of the issuer.
    pub(super) issuer: String,
    /// The `sub` claim.
    pub(super) subject: String,
    /// The e-mail address, if the issuer verified it.
    pub(super) email: Option<EmailAddress>,
    /// The e-mail address, verified or not.
    pub(super) claimed_email: Option<String>,
    /// Whether the issuer runs the domain of the address.
    pub(super) is_authoritative: bool,
    pub(super) first_name: String,
    pub(super) last_name: String,
    /// Identifies the token, to detect a replay.
    pub(super) token_digest: HashedToken,
    /// The `exp` claim.
    pub(super) expires_at: DateTime<Utc>,
}

/// Why a token was not accepted.
pub(super) enum CredentialProblem {
    /// Signing in with Google is turned off.
    Disabled,
    /// The token is invalid.
    Token(IdTokenError),
}

fn refused(error: IdTokenError) -> Refused<CredentialProblem> {
    Refused::Because(CredentialProblem::Token(error))
}

/// Checks an ID token. The caller consumes it in the transaction that uses it.
pub(super) async fn check(
    app: &App,
    client: &Client,
    credential: &GoogleCredential,
) -> Result<GoogleUser, Refused<CredentialProblem>> {
    let Some(keys) = &app.google else {
        return Err(Refused::Because(CredentialProblem::Disabled));
    };
    let nonce = nonce(credential.nonce.as_deref())?;
    let presented = Presented::read(credential.id_token.expose_secret()).map_err(refused)?;
    let now = app.clock.now();
    let keys = keys.for_key(presented.key_id(), now).await;
    let keys = keys.map_err(|_| Refused::Unavailable)?;
    let settings = &app.config.google;
    let expected = Expected {
        issuers: &settings.spellings(),
        client_ids: &settings.client_ids,
        hosted_domain: settings.hosted_domain.as_deref(),
        nonce,
        require_nonce: settings.require_nonce,
    };
    let token = presented.verify(&keys, now, &expected).map_err(refused)?;
    let google_user = GoogleUser::of(token, settings);
    // Only after the signature check: otherwise anyone could use up the budget of a subject.
    let limit = RateLimit::GoogleSubject {
        issuer: &google_user.issuer,
        subject: &google_user.subject,
    };
    throttle::charge(app, client, limit).await?;
    Ok(google_user)
}

fn nonce(given: Option<&str>) -> Result<Option<&str>, Violation> {
    let refused = |rule, message: &str| Err(Violation::new("nonce", rule, message));
    match given {
        Some("") => refused(ViolationRule::TooShort, "leave it out where there is none"),
        Some(nonce) if nonce.len() > MAX_NONCE_BYTES => {
            refused(ViolationRule::TooLong, "at most 255 bytes")
        }
        given => Ok(given),
    }
}

impl GoogleUser {
    fn of(token: IdToken, settings: &config::Google) -> Self {
        let address = token
            .email
            .as_deref()
            .and_then(|email| EmailAddress::parse(email).ok());
        let verified = address.clone().filter(|_| token.email_verified);
        Self {
            issuer: settings.canonical_issuer().to_owned(),
            is_authoritative: verified.as_ref().is_some_and(|email| {
                is_authoritative(email, token.hosted_domain.as_deref(), settings)
            }),
            subject: token.subject,
            email: verified,
            claimed_email: address.map(|address| address.as_str().to_owned()),
            first_name: name(token.given_name),
            last_name: name(token.family_name),
            token_digest: HashedToken::from_bytes(token.digest),
            expires_at: token.expires_at,
        }
    }
}

/// Whether the issuer itself assigns this address, so that its claim is as good as receiving a
/// message there. For other addresses it only proves that the user once received one.
fn is_authoritative(
    email: &EmailAddress,
    hosted_domain: Option<&str>,
    settings: &config::Google,
) -> bool {
    let domain = email.canonical().rsplit_once('@').map(|(_, domain)| domain);
    domain.is_some_and(|domain| settings.runs(domain, hosted_domain))
}

/// A name from a provider is as untrusted as a typed one: force it into the rules.
fn name(written: Option<String>) -> String {
    let written = written.unwrap_or_default();
    text::salvage(&written, Layout::Line, MAX_NAME_LENGTH)
}
