//! `[sms]`: who sends text messages, or nobody.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;
use zeroize::Zeroizing;

use crate::config::report::Review;
use crate::config::{service_url, values};
use crate::domain::phone::{self, PhoneNumber, TextRule};

/// Bytes of the shortest key that Standard Webhooks allow.
const SHORTEST_KEY: usize = 24;

/// The provider of text messages.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sms {
    /// Where messages are handed in; `None` sends none. It may hold credentials.
    #[serde(deserialize_with = "values::optional_secret")]
    pub url: Option<SecretString>,
    /// What is spoken there.
    pub kind: SmsKind,
    /// The number or name that messages are from.
    #[serde(deserialize_with = "values::optional_text")]
    pub from: Option<String>,
    /// The user name of the Twilio kind.
    #[serde(deserialize_with = "values::optional_text")]
    pub account: Option<String>,
    /// The password of the Twilio kind.
    #[serde(deserialize_with = "values::optional_secret")]
    pub token: Option<SecretString>,
    /// What requests of the webhook kind are signed with.
    #[serde(deserialize_with = "values::optional_secret")]
    pub webhook_secret: Option<SecretString>,
    /// Seconds for one message.
    pub timeout_seconds: u64,
    /// The countries that text messages go to (ISO 3166-1 alpha-2); none stands for all.
    pub countries: Vec<String>,
}

/// What a provider of text messages understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmsKind {
    /// A form with `To`, `From` and `Body`.
    Twilio,
    /// Signed JSON.
    Webhook,
}

/// Where text messages are handed in.
pub struct SmsEndpoint {
    /// The address, without credentials.
    pub url: Url,
    /// User name and password.
    pub credentials: Option<(String, SecretString)>,
}

impl Sms {
    /// Where messages are handed in; `None` when nowhere.
    #[must_use]
    pub fn endpoint(&self) -> Option<SmsEndpoint> {
        let mut url = self.address()?;
        let inside = values::credentials(&url).ok()?;
        url.set_username("").ok()?;
        url.set_password(None).ok()?;
        let apart = self.account.clone().zip(self.token.clone());
        Some(SmsEndpoint {
            url,
            credentials: apart.or(inside),
        })
    }

    /// The country to which a text message to this number goes.
    ///
    /// # Errors
    ///
    /// Why none goes there.
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
        (key.len() >= SHORTEST_KEY).then_some(key)
    }

    /// Whether messages could be read on the way.
    pub(super) fn is_exposed(&self) -> bool {
        self.address()
            .is_some_and(|url| url.scheme() != "https" && !values::is_loopback(&url))
    }

    fn address(&self) -> Option<Url> {
        let url = service_url::read(self.url.as_ref()?.expose_secret()).ok()?;
        (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
    }

    pub(super) fn check(&self, review: &mut Review<'_>) {
        review.within("sms.timeout_seconds", self.timeout_seconds, 1..=30);
        for country in self.countries.iter().filter(|it| !phone::is_country(it)) {
            review.refuse(
                "sms.countries",
                format!(
                    "{} is not a country code of two capital letters",
                    values::quoted(country)
                ),
                "Write codes such as AM or DE.",
            );
        }
        if self.url.is_none() {
            return;
        }
        let Some(endpoint) = self.endpoint() else {
            review.refuse(
                "sms.url",
                "the address is no web address",
                "Write the complete https address that takes messages.",
            );
            return;
        };
        match self.kind {
            SmsKind::Twilio => self.check_twilio(&endpoint, review),
            SmsKind::Webhook if self.webhook_key().is_none() => review.refuse(
                "sms.webhook_secret",
                format!("requests would not be signed: there is no base64 of {SHORTEST_KEY} bytes"),
                "Make one with `openssl rand -base64 32`; whsec_ may stand before it.",
            ),
            SmsKind::Webhook => {}
        }
    }

    fn check_twilio(&self, endpoint: &SmsEndpoint, review: &mut Review<'_>) {
        if self.from.is_none() {
            review.refuse(
                "sms.from",
                "messages need a number that they are from",
                "Write a number of your account, such as +15005550006.",
            );
        }
        if endpoint.credentials.is_none() {
            review.refuse(
                "sms.token",
                "the provider would not know who asks",
                "Set sms.account, and IDGATE_SMS__TOKEN or IDGATE_SMS__TOKEN_FILE.",
            );
        }
    }
}
