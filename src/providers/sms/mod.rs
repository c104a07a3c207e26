//! Sending text messages: over HTTP, or into the development mailbox.
//!
//! `twilio` and `webhook` are the two ways to ask; what an answer means is decided here for both.

mod twilio;
mod webhook;

use std::sync::Arc;

use reqwest::{RequestBuilder, Response, StatusCode};

use super::{DevMailbox, Outgoing, Undelivered, http};
use crate::config::{self, SmsKind};
use crate::fault::Fault;

use twilio::Twilio;
use webhook::Webhook;

/// Bytes of an answer that are read.
const LONGEST_ANSWER: usize = 16 * 1024;

/// The ways a text message can leave.
#[derive(Clone, Debug)]
pub enum Sms {
    /// Shown to the developer instead of sent.
    DevMailbox(DevMailbox),
    /// Sent by Twilio, or somebody who speaks like it.
    Twilio(Arc<Twilio>),
    /// Handed to a program of the operator's.
    Webhook(Arc<Webhook>),
}

impl Sms {
    /// The provider that the configuration names, if any.
    pub fn configured(settings: &config::Sms) -> Result<Option<Self>, Fault> {
        let Some(endpoint) = settings.endpoint() else {
            return Ok(None);
        };
        Ok(Some(match settings.kind {
            SmsKind::Twilio => Self::Twilio(Arc::new(Twilio::new(endpoint, settings)?)),
            SmsKind::Webhook => Self::Webhook(Arc::new(Webhook::new(endpoint, settings)?)),
        }))
    }

    /// Hands the message over; returning `Ok` means it is somebody else's duty now.
    pub async fn send(&self, message: &Outgoing<'_>) -> Result<(), Undelivered> {
        match self {
            Self::DevMailbox(mailbox) => mailbox.store(message).await,
            Self::Twilio(twilio) => handed(twilio.request(message)).await,
            Self::Webhook(webhook) => handed(webhook.request(message)?).await,
        }
    }
}

/// Sends a request and says what its answer means.
async fn handed(request: RequestBuilder) -> Result<(), Undelivered> {
    let answer = request.send().await;
    let response = answer.map_err(|error| {
        Undelivered::Failed(format!("the SMS provider: {}", http::no_answer(error)))
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
    // 401 and 407 are about our credentials, 408 and 429 about the moment.
    let may_pass = [
        StatusCode::UNAUTHORIZED,
        StatusCode::PROXY_AUTHENTICATION_REQUIRED,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    if status.is_client_error() && !may_pass.contains(&status) {
        Err(Undelivered::Rejected(text))
    } else {
        Err(Undelivered::Failed(text))
    }
}

/// The numeric `code` of an answer in JSON; its words would repeat the number.
async fn error_code(response: Response) -> Option<u64> {
    let body = http::body(response, LONGEST_ANSWER).await?;
    let answer: serde_json::Value = serde_json::from_slice(&body).ok()?;
    answer.get("code")?.as_u64()
}
