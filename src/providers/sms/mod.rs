//! Sending text messages: over HTTP, or into the development mailbox.
//!
//! `twilio` and `webhook` build the requests; the answers are interpreted here for both.

mod twilio;
mod webhook;

use std::sync::Arc;

use reqwest::{RequestBuilder, Response, StatusCode};

use super::{DevMailbox, Outgoing, SendError, http};
use crate::config::{self, SmsKind};
use crate::fault::Fault;

use twilio::Twilio;
use webhook::Webhook;

/// The maximum size of an answer.
const MAX_RESPONSE_BYTES: usize = 16 * 1024;

/// The SMS transports.
#[derive(Clone, Debug)]
pub enum Sms {
    /// Stored for the developer instead of sent.
    DevMailbox(DevMailbox),
    /// Twilio or a compatible API.
    Twilio(Arc<Twilio>),
    /// The operator's webhook.
    Webhook(Arc<Webhook>),
}

impl Sms {
    /// The configured transport, if any.
    pub fn configured(settings: &config::Sms) -> Result<Option<Self>, Fault> {
        let Some(endpoint) = settings.endpoint() else {
            return Ok(None);
        };
        Ok(Some(match settings.kind {
            SmsKind::Twilio => Self::Twilio(Arc::new(Twilio::new(endpoint, settings)?)),
            SmsKind::Webhook => Self::Webhook(Arc::new(Webhook::new(endpoint, settings)?)),
        }))
    }

    /// Sends the message; `Ok` means that the provider has taken responsibility for it.
    pub async fn send(&self, message: &Outgoing<'_>) -> Result<(), SendError> {
        match self {
            Self::DevMailbox(mailbox) => mailbox.store(message).await,
            Self::Twilio(twilio) => send_request(twilio.request(message)).await,
            Self::Webhook(webhook) => send_request(webhook.request(message)?).await,
        }
    }
}

/// Sends a request and interprets the answer.
async fn send_request(request: RequestBuilder) -> Result<(), SendError> {
    let answer = request.send().await;
    let response = answer.map_err(|error| {
        SendError::Temporary(format!("the SMS provider: {}", http::no_answer(error)))
    })?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let detail = error_code(response).await;
    let detail = detail
        .map(|code| format!(" (code {code})"))
        .unwrap_or_default();
    let text = format!("the SMS provider answered {}{detail}", status.as_u16());
    // 401 and 407 concern our credentials, 408 and 429 are temporary.
    let may_pass = [
        StatusCode::UNAUTHORIZED,
        StatusCode::PROXY_AUTHENTICATION_REQUIRED,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    if status.is_client_error() && !may_pass.contains(&status) {
        Err(SendError::Permanent(text))
    } else {
        Err(SendError::Temporary(text))
    }
}

/// The numeric `code` of a JSON answer; its message would repeat the number.
async fn error_code(response: Response) -> Option<u64> {
    let body = http::body(response, MAX_RESPONSE_BYTES).await?;
    let answer: serde_json::Value = serde_json::from_slice(&body).ok()?;
    answer.get("code")?.as_u64()
}
