//! The HTTP client for external services: time-outs, no redirects, bounded answers.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response};

use super::root_cause;
use crate::fault::Fault;

/// A client with a time-out that follows no redirects.
///
/// A redirect would send the message, and in some libraries its credentials, to an address that
/// nobody configured.
pub(super) fn client(timeout: Duration) -> Result<Client, Fault> {
    Ok(Client::builder()
        .timeout(timeout)
        .connect_timeout(timeout)
        .redirect(Policy::none())
        .no_proxy()
        .user_agent(concat!("idgate/", env!("CARGO_PKG_VERSION")))
        .build()?)
}

/// Reads the body if it is at most `limit` bytes.
pub(super) async fn body(mut response: Response, limit: usize) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len() + chunk.len() > limit {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    Some(body)
}

/// Why there was no answer, without the URL, which may contain credentials.
pub(super) fn no_answer(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    format!("no answer: {}", root_cause(&error.without_url()))
}
