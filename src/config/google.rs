//! `[google]`: signing in with Google, or with another OpenID Connect issuer in its place.

use serde::Deserialize;
use url::Url;

use crate::config::report::Review;
use crate::config::values;

/// What Google calls itself.
const GOOGLE: &str = "https://accounts.google.com";
/// The same without its scheme, which Google also writes into tokens.
const GOOGLE_BARE: &str = "accounts.google.com";
/// Where Google publishes its keys.
const GOOGLE_KEYS: &str = "https://www.googleapis.com/oauth2/v3/certs";

/// The mail domains that Google runs for everybody.
const GOOGLE_MAIL: [&str; 2] = ["gmail.com", "googlemail.com"];

/// Whose ID tokens sign people in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Google {
    /// The clients that tokens may be for; none turns the whole thing off.
    pub client_ids: Vec<String>,
    /// The `iss` claim, compared letter for letter.
    pub issuer: String,
    /// Where the issuer publishes its keys.
    #[serde(deserialize_with = "values::url")]
    pub jwks_url: Url,
    /// The one domain whose people may sign in; `None` lets everybody in.
    #[serde(deserialize_with = "values::optional_text")]
    pub hosted_domain: Option<String>,
    /// Mail domains that the issuer runs itself, beside those that Google is known to run.
    pub authoritative_domains: Vec<String>,
    /// Whether a token has to carry a nonce.
    #[serde(deserialize_with = "values::switch")]
    pub require_nonce: bool,
    /// Milliseconds to wait for the issuer's keys.
    pub timeout_milliseconds: u64,
}

impl Google {
    /// Whether anybody can sign in this way.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        !self.client_ids.is_empty()
    }

    /// The client that a sign-in page asks for tokens in the name of.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.client_ids.first().map(String::as_str)
    }

    /// Every spelling of the issuer that tokens may have.
    #[must_use]
    pub fn spellings(&self) -> Vec<&str> {
        match self.issuer.as_str() {
            GOOGLE | GOOGLE_BARE => vec![GOOGLE, GOOGLE_BARE],
            other => vec![other],
        }
    }

    /// The one spelling under which identities are kept, so that both of Google's are one person.
    #[must_use]
    pub fn canonical_issuer(&self) -> &str {
        if self.issuer == GOOGLE_BARE {
            GOOGLE
        } else {
            &self.issuer
        }
    }

    /// Whether nobody but the issuer can hand out addresses of this mail domain.
    ///
    /// `hosted_domain` is Google's own claim: of another issuer it says nothing.
    #[must_use]
    pub fn runs(&self, mail_domain: &str, hosted_domain: Option<&str>) -> bool {
        let is_hosted = hosted_domain.is_some_and(|it| it.eq_ignore_ascii_case(mail_domain));
        let is_googles = self.is_google() && (is_hosted || GOOGLE_MAIL.contains(&mail_domain));
        is_googles
            || self
                .authoritative_domains
                .iter()
                .any(|it| it == mail_domain)
    }

    fn is_google(&self) -> bool {
        self.canonical_issuer() == GOOGLE
    }

    pub(super) fn check(&self, review: &mut Review<'_>) {
        review.within(
            "google.timeout_milliseconds",
            self.timeout_milliseconds,
            100..=9_000,
        );
        self.check_clients(review);
        self.check_addresses(review);
        self.check_domains(review);
    }

    fn check_clients(&self, review: &mut Review<'_>) {
        let printable = |id: &String| !id.is_empty() && id.chars().all(|it| it.is_ascii_graphic());
        if !self.client_ids.iter().all(printable) {
            review.refuse(
                "google.client_ids",
                "a client id is empty or has spaces in it",
                "Copy the client ids from the provider's console, separated by commas.",
            );
        }
    }

    fn check_addresses(&self, review: &mut Review<'_>) {
        let before = review.errors.len();
        match Url::parse(self.canonical_issuer()) {
            Ok(url) => review.web_address("google.issuer", &url),
            Err(_) => review.refuse(
                "google.issuer",
                format!("{} is not a complete address", values::quoted(&self.issuer)),
                "Write the issuer as it stands in its tokens, such as https://id.example.com.",
            ),
        }
        // An issuer that has to be written anew says nothing about its keys.
        if review.errors.len() == before {
            self.check_keys(review);
        }
    }

    fn check_keys(&self, review: &mut Review<'_>) {
        review.web_address("google.jwks_url", &self.jwks_url);
        let is_google = self.is_google();
        let has_google_keys = self.jwks_url.as_str() == GOOGLE_KEYS;
        if has_google_keys && !is_google {
            review.refuse(
                "google.jwks_url",
                "these are Google's keys, and google.issuer is not Google",
                "Write the jwks_uri from the issuer's /.well-known/openid-configuration.",
            );
        }
        if is_google && !has_google_keys && review.is_production() {
            review.warn(
                "google.jwks_url",
                "whoever runs this address can sign in as any Google user",
            );
        }
    }

    fn check_domains(&self, review: &mut Review<'_>) {
        let is_domain = |text: &str| {
            text.contains('.')
                && text.chars().all(|sign| {
                    sign.is_ascii_lowercase() || sign.is_ascii_digit() || ".-".contains(sign)
                })
        };
        let remedy = "Write domains in lower case and in their ASCII form, such as example.com.";
        let domains = &self.authoritative_domains;
        if let Some(wrong) = domains.iter().find(|domain| !is_domain(domain)) {
            let reason = format!("{} is not a domain", values::quoted(wrong));
            review.refuse("google.authoritative_domains", reason, remedy);
        }
        if let Some(wrong) = self.hosted_domain.as_deref().filter(|it| !is_domain(it)) {
            let reason = format!("{} is not a domain", values::quoted(wrong));
            review.refuse("google.hosted_domain", reason, remedy);
        }
    }
}
