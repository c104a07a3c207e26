//! Is this ID token the issuer's, for us, and for now; and what does it say about the person.

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
    /// What the client had put into its request for it.
    pub nonce: Option<String>,
}

/// Who presents a token that is right.
pub(super) struct Person {
    /// The issuer, in the one spelling that identities are kept under.
    pub(super) issuer: String,
    /// Who the person is there.
    pub(super) subject: String,
    /// An e-mail address that the issuer made sure of.
    pub(super) email: Option<EmailAddress>,
    /// The e-mail address the token shows, proven or not.
    pub(super) shown_email: Option<String>,
    /// Whether the issuer runs the address itself, so that nobody else can have it now.
    pub(super) is_authoritative: bool,
    pub(super) first_name: String,
    pub(super) last_name: String,
    /// Names the token.
    pub(super) digest: HashedToken,
    /// From when on the token is refused anyway.
    pub(super) expires_at: DateTime<Utc>,
}

/// Why a token was not accepted.
pub(super) enum CredentialProblem {
    /// Signing in with Google is turned off.
    Disabled,
    /// Not the issuer's, not for this client, or not valid now.
    Token(IdTokenError),
}

fn refused(error: IdTokenError) -> Refused<CredentialProblem> {
    Refused::Because(CredentialProblem::Token(error))
}

/// Checks a presented token; spending it is left to the transaction that uses it.
pub(super) async fn check(
    app: &App,
    client: &Client,
    credential: &GoogleCredential,
) -> Result<Person, Refused<CredentialProblem>> {
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
    let person = Person::of(token, settings);
    // Only now: before the signature anybody could use up somebody else's budget.
    let limit = RateLimit::GoogleSubject {
        issuer: &person.issuer,
        subject: &person.subject,
    };
    throttle::charge(app, client, limit).await?;
    Ok(person)
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

impl Person {
    fn of(token: IdToken, settings: &config::Google) -> Self {
        let address = token
            .email
            .as_deref()
            .and_then(|email| EmailAddress::parse(email).ok());
        let proven = address.clone().filter(|_| token.email_verified);
        Self {
            issuer: settings.canonical_issuer().to_owned(),
            is_authoritative: proven.as_ref().is_some_and(|email| {
                is_authoritative(email, token.hosted_domain.as_deref(), settings)
            }),
            subject: token.subject,
            email: proven,
            shown_email: address.map(|address| address.as_str().to_owned()),
            first_name: name(token.given_name),
            last_name: name(token.family_name),
            digest: HashedToken::from_bytes(token.digest),
            expires_at: token.expires_at,
        }
    }
}

/// Whether nobody but the issuer hands out this address: then its word is as good as receiving a
/// message there. For any other address it only says that the person once received one.
fn is_authoritative(
    email: &EmailAddress,
    hosted_domain: Option<&str>,
    settings: &config::Google,
) -> bool {
    let domain = email.canonical().rsplit_once('@').map(|(_, domain)| domain);
    domain.is_some_and(|domain| settings.runs(domain, hosted_domain))
}

/// What a provider writes into a name is as free as what a person types: it has to fit.
fn name(written: Option<String>) -> String {
    let written = written.unwrap_or_default();
    text::salvage(&written, Layout::Line, MAX_NAME_LENGTH)
}
