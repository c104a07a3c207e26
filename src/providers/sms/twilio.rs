//! Twilio's API, which other providers imitate: a form with three fields.

use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::config::{self, SmsEndpoint};
use crate::fault::Fault;
use crate::providers::{Outgoing, http};

/// A Twilio account.
pub struct Twilio {
    client: Client,
    url: Url,
    from: String,
    account: String,
    token: SecretString,
}

impl std::fmt::Debug for Twilio {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Twilio").finish_non_exhaustive()
    }
}

impl Twilio {
    pub(super) fn new(endpoint: SmsEndpoint, settings: &config::Sms) -> Result<Self, Fault> {
        let (account, token) = endpoint
            .credentials
            .ok_or_else(|| Fault::new("sms.account and sms.token are not set"))?;
        Ok(Self {
            client: http::client(Duration::from_secs(settings.timeout_seconds))?,
            url: endpoint.url,
            from: settings.from.clone().unwrap_or_default(),
            account,
            token,
        })
    }

    pub(super) fn request(&self, message: &Outgoing<'_>) -> RequestBuilder {
        let form = [
            ("To", message.to),
            ("From", &self.from),
            ("Body", message.text),
        ];
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        self.client
            .post(self.url.clone())
            .basic_auth(&self.account, Some(self.token.expose_secret()))
            .header("content-type", "application/x-www-form-urlencoded")
            // Twilio ignores it; a compatible API may use it to drop duplicates.
            .header("idempotency-key", message.id.to_string())
            .body(body)
    }
}
