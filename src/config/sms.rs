//! `[sms]`: the provider of text messages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;
use zeroize::Zeroizing;

use super::declaration::list;
use super::diagnostics::Diagnostics;
use super::read::read_from_text;
use super::redact::quoted;
use super::section::{Check, section};
use super::service_url::{self, is_loopback};

use crate::domain::phone::{self, PhoneNumber, TextRule};

/// The least that Standard Webhooks allow.
const MIN_KEY_BYTES: usize = 24;

section! {
    /// The provider of text messages.
    pub struct Sms("sms") {
        /// The endpoint for text messages, such as the Messages.json of your account at Twilio. Empty
        /// sends none.
        pub url: Option<SecretString> = "";
        /// The protocol of the endpoint: "twilio" (a form) or "webhook" (signed JSON, for a program of
        /// your own).
        pub kind: SmsKind = "twilio";
        /// The number or name that sends; required by Twilio.
        pub from: Option<String> = "";
        /// The account SID at Twilio.
        pub account: Option<String> = "";
        /// The auth token at Twilio.
        pub token: Option<SecretString> = "";
        /// The key that signs webhooks (Standard Webhooks), in base64.
        pub webhook_secret: Option<SecretString> = "";
        /// Seconds for one text message, well below the minute for which a worker claims it.
        pub timeout_seconds: u64 = 10, in 1..=30;
        /// The countries (ISO 3166-1 alpha-2) that text messages are sent to. Empty allows all.
        pub countries: Vec<String> = list([]);
    }
}

/// The protocol of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmsKind {
    /// A form with `To`, `From` and `Body`.
    Twilio,
    /// Signed JSON.
    Webhook,
}

/// The endpoint for text messages.
pub struct SmsEndpoint {
    /// The address, without credentials.
    pub url: Url,
    /// User name and password.
    pub credentials: Option<(String, SecretString)>,
}

read_from_text!(SmsKind);

impl Sms {
    /// The endpoint; `None` sends nothing.
    #[must_use]
    pub fn endpoint(&self) -> Option<SmsEndpoint> {
        let mut url = self.address()?;
        let inside = service_url::credentials(&url).ok()?;
        url.set_username("").ok()?;
        url.set_password(None).ok()?;
        let apart = self.account.clone().zip(self.token.clone());
        Some(SmsEndpoint {
            url,
            credentials: apart.or(inside),
        })
    }

    /// The country of a number that text messages may be sent to.
    ///
    /// # Errors
    ///
    /// The rule that forbids it.
    pub fn destination(&self, number: &PhoneNumber) -> Result<String, TextRule> {
        let country = number.text_country()?;
        if self.countries.is_empty() || self.countries.contains(&country) {
            Ok(country)
        } else {
            Err(TextRule::Country)
        }
    }

    /// The key of the webhook kind.
    #[must_use]
    pub fn webhook_key(&self) -> Option<Zeroizing<Vec<u8>>> {
        let written = self.webhook_secret.as_ref()?.expose_secret();
        let encoded = written.strip_prefix("whsec_").unwrap_or(written);
        let key = Zeroizing::new(STANDARD.decode(encoded).ok()?);
        (key.len() >= MIN_KEY_BYTES).then_some(key)
    }

    /// Whether messages could be read on the way.
    pub(super) fn is_exposed(&self) -> bool {
        self.address()
            .is_some_and(|url| url.scheme() != "https" && !is_loopback(&url))
    }

    fn address(&self) -> Option<Url> {
        let url = service_url::read(self.url.as_ref()?.expose_secret()).ok()?;
        (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
    }

    fn check_twilio(&self, endpoint: &SmsEndpoint, diagnostics: &mut Diagnostics<'_>) {
        if self.from.is_none() {
            diagnostics.refuse(
                "sms.from",
                "messages need a number that they are from",
                "Write a number of your account, such as +15005550006.",
            );
        }
        if endpoint.credentials.is_none() {
            diagnostics.refuse(
                "sms.token",
                "the provider would not know who asks",
                "Set sms.account, and IDGATE_SMS__TOKEN or IDGATE_SMS__TOKEN_FILE.",
            );
        }
    }
}

impl Check for Sms {
    fn check(&self, diagnostics: &mut Diagnostics<'_>) {
        for country in self
            .countries
            .iter()
            .filter(|code| !phone::is_country(code))
        {
            diagnostics.refuse(
                "sms.countries",
                format!(
                    "{} is not a country code of two capital letters",
                    quoted(country)
                ),
                "Write codes such as AM or DE.",
            );
        }
        if self.url.is_none() {
            return;
        }
        let Some(endpoint) = self.endpoint() else {
            diagnostics.refuse(
                "sms.url",
                "the address is no web address",
                "Write the complete https address that takes messages.",
            );
            return;
        };
        match self.kind {
            SmsKind::Twilio => self.check_twilio(&endpoint, diagnostics),
            SmsKind::Webhook if self.webhook_key().is_none() => diagnostics.refuse(
                "sms.webhook_secret",
                format!(
                    "requests would not be signed: there is no base64 of {MIN_KEY_BYTES} bytes"
                ),
                "Make one with `openssl rand -base64 32`; whsec_ may stand before it.",
            ),
            SmsKind::Webhook => {}
        }
    }
}
