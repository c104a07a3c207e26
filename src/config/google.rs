//! `[google]`: signing in with Google, or with another OpenID Connect issuer in its place.

use url::Url;

use super::declaration::list;
use super::diagnostics::Diagnostics;
use super::redact::quoted;
use super::section::{Check, section};

/// The issuer of Google.
const GOOGLE: &str = "https://accounts.google.com";
/// The same without its scheme, which older tokens of Google have.
const GOOGLE_BARE: &str = "accounts.google.com";
/// Where Google publishes its keys.
const GOOGLE_KEYS: &str = "https://www.googleapis.com/oauth2/v3/certs";

/// The public mail domains of Google.
const GOOGLE_MAIL: [&str; 2] = ["gmail.com", "googlemail.com"];

section! {
    /// Sign-in with ID tokens of Google, or of another OpenID Connect issuer.
    pub struct Google("google") {
        /// The accepted audiences of ID tokens: the client id of the web application first, then those
        /// of native apps, whose tokens have it in `azp`. Empty turns this way to sign in off.
        pub client_ids: Vec<String> = list([]);
        /// The issuer of ID tokens, exactly as in their `iss`: Google, or any OpenID Connect issuer.
        pub issuer: String = "https://accounts.google.com";
        /// The issuer's JWKS. Nothing in a token ever selects another address.
        pub jwks_url: Url = "https://www.googleapis.com/oauth2/v3/certs";
        /// The only Google Workspace domain (`hd`) whose accounts may sign in. Empty accepts all.
        pub hosted_domain: Option<String> = "";
        /// Mail domains that the issuer operates, so that its `email_verified` proves ownership of
        /// addresses there; those of Google are built in.
        pub authoritative_domains: Vec<String> = list([]);
        /// Whether an ID token must have the nonce of the page that requested it, against replay.
        pub require_nonce: bool = false;
        /// Milliseconds to wait for the issuer's JWKS, while a sign-in waits.
        pub timeout_milliseconds: u64 = 3_000, in 100..=9_000;
    }
}

impl Google {
    /// Whether this way to sign in is on.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        !self.client_ids.is_empty()
    }

    /// The client id for sign-in pages.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.client_ids.first().map(String::as_str)
    }

    /// Every accepted `iss`.
    #[must_use]
    pub fn spellings(&self) -> Vec<&str> {
        match self.issuer.as_str() {
            GOOGLE | GOOGLE_BARE => vec![GOOGLE, GOOGLE_BARE],
            other => vec![other],
        }
    }

    /// The spelling under which identities are stored, so that both of Google's are one identity.
    #[must_use]
    pub fn canonical_issuer(&self) -> &str {
        if self.issuer == GOOGLE_BARE {
            GOOGLE
        } else {
            &self.issuer
        }
    }

    /// Whether the issuer is authoritative for addresses of this mail domain.
    ///
    /// `hosted_domain` is the `hd` claim, which only Google defines.
    #[must_use]
    pub fn runs(&self, mail_domain: &str, hosted_domain: Option<&str>) -> bool {
        let is_hosted =
            hosted_domain.is_some_and(|domain| domain.eq_ignore_ascii_case(mail_domain));
        let is_googles = self.is_google() && (is_hosted || GOOGLE_MAIL.contains(&mail_domain));
        let mut configured = self.authoritative_domains.iter();
        is_googles || configured.any(|domain| domain == mail_domain)
    }

    fn is_google(&self) -> bool {
        self.canonical_issuer() == GOOGLE
    }

    fn check_clients(&self, diagnostics: &mut Diagnostics<'_>) {
        let printable =
            |id: &String| !id.is_empty() && id.chars().all(|sign| sign.is_ascii_graphic());
        if !self.client_ids.iter().all(printable) {
            diagnostics.refuse(
                "google.client_ids",
                "a client id is empty or has spaces in it",
                "Copy the client ids from the provider's console, separated by commas.",
            );
        }
    }

    fn check_addresses(&self, diagnostics: &mut Diagnostics<'_>) {
        let before = diagnostics.errors.len();
        match Url::parse(self.canonical_issuer()) {
            Ok(url) => diagnostics.web_address("google.issuer", &url),
            Err(_) => diagnostics.refuse(
                "google.issuer",
                format!("{} is not a complete address", quoted(&self.issuer)),
                "Write the issuer as it stands in its tokens, such as https://id.example.com.",
            ),
        }
        // Until the issuer is right its keys cannot be judged.
        if diagnostics.errors.len() == before {
            self.check_keys(diagnostics);
        }
    }

    fn check_keys(&self, diagnostics: &mut Diagnostics<'_>) {
        diagnostics.web_address("google.jwks_url", &self.jwks_url);
        let is_google = self.is_google();
        let has_google_keys = self.jwks_url.as_str() == GOOGLE_KEYS;
        if has_google_keys && !is_google {
            diagnostics.refuse(
                "google.jwks_url",
                "these are Google's keys, and google.issuer is not Google",
                "Write the jwks_uri from the issuer's /.well-known/openid-configuration.",
            );
        }
        if is_google && !has_google_keys && diagnostics.is_production() {
            diagnostics.warn(
                "google.jwks_url",
                "the operator of this address can sign in as any Google user",
            );
        }
    }

    fn check_domains(&self, diagnostics: &mut Diagnostics<'_>) {
        let is_domain = |text: &str| {
            text.contains('.')
                && text.chars().all(|sign| {
                    sign.is_ascii_lowercase() || sign.is_ascii_digit() || ".-".contains(sign)
                })
        };
        let remedy = "Write domains in lower case and in their ASCII form, such as example.com.";
        let domains = &self.authoritative_domains;
        if let Some(wrong) = domains.iter().find(|domain| !is_domain(domain)) {
            let reason = format!("{} is not a domain", quoted(wrong));
            diagnostics.refuse("google.authoritative_domains", reason, remedy);
        }
        if let Some(wrong) = self
            .hosted_domain
            .as_deref()
            .filter(|domain| !is_domain(domain))
        {
            let reason = format!("{} is not a domain", quoted(wrong));
            diagnostics.refuse("google.hosted_domain", reason, remedy);
        }
    }
}

impl Check for Google {
    fn check(&self, diagnostics: &mut Diagnostics<'_>) {
        self.check_clients(diagnostics);
        self.check_addresses(diagnostics);
        self.check_domains(diagnostics);
    }
}
