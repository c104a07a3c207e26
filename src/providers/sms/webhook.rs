//! Text messages to the operator's webhook, signed according to Standard Webhooks.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::SecondsFormat;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Client, RequestBuilder};
use serde_json::json;
use sha2::Sha256;
use url::Url;
use zeroize::Zeroizing;

use crate::config::{self, SmsEndpoint};
use crate::fault::Fault;
use crate::providers::{Outgoing, SendError, http};

/// A webhook and its signing key.
pub struct Webhook {
    client: Client,
    url: Url,
    from: Option<String>,
    key: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Webhook").finish_non_exhaustive()
    }
}

impl Webhook {
    pub(super) fn new(endpoint: SmsEndpoint, settings: &config::Sms) -> Result<Self, Fault> {
        let key = settings
            .webhook_key()
            .ok_or_else(|| Fault::new("sms.webhook_secret is not set"))?;
        Ok(Self {
            client: http::client(Duration::from_secs(settings.timeout_seconds))?,
            url: endpoint.url,
            from: settings.from.clone(),
            key,
        })
    }

    pub(super) fn request(&self, message: &Outgoing<'_>) -> Result<RequestBuilder, SendError> {
        let body = json!({
            "type": "sms.send",
            "timestamp": message.created_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            "data": {
                "id": message.id.to_string(),
                "kind": message.kind,
                "to": message.to,
                "from": self.from,
                "text": message.text,
            },
        })
        .to_string();
        let id = message.id.to_string();
        let timestamp = message.now.timestamp();
        let signature = self
            .signature(&format!("{id}.{timestamp}.{body}"))
            .ok_or_else(|| SendError::Temporary("the message cannot be signed".to_owned()))?;
        Ok(self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", format!("v1,{signature}"))
            .body(body))
    }

    /// HMAC-SHA256 over id, timestamp and body (Standard Webhooks, "Signature scheme"); the timestamp
    /// prevents replays.
    fn signature(&self, signed: &str) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(signed.as_bytes());
        Some(STANDARD.encode(mac.finalize().into_bytes()))
    }
}
