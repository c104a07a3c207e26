//! Fetching one small document from the configured address, bounded in time and size.
//!
//! Its `Cache-Control` is read here rather than by `headers`, which skips the quoted numbers that RFC
//! 9111 §5.2 asks recipients to accept.

use std::time::Duration;

use reqwest::header::{AGE, CACHE_CONTROL, HeaderMap};
use reqwest::{Client, StatusCode};
use url::Url;

use crate::fault::Fault;
use crate::providers::http;

/// Google's document has two kilobytes.
const MAX_BYTES: usize = 256 * 1024;

/// Why the fetch failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("no answer: {0}")]
    NoAnswer(#[from] reqwest::Error),
    #[error("the answer has status {0}")]
    Status(StatusCode),
    #[error("the answer breaks off, or is larger than {MAX_BYTES} bytes")]
    Unreadable,
}

/// A document and how long it is fresh.
pub(super) struct Fetched {
    pub(super) body: Vec<u8>,
    pub(super) max_age: Option<Duration>,
}

pub(super) struct Fetcher {
    client: Client,
    address: Url,
}

impl Fetcher {
    pub(super) fn new(address: &Url, timeout: Duration) -> Result<Self, Fault> {
        Ok(Self {
            client: http::client(timeout)?,
            address: address.clone(),
        })
    }

    pub(super) async fn fetch(&self) -> Result<Fetched, FetchError> {
        let response = self.client.get(self.address.clone()).send().await?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let max_age = max_age(response.headers());
        let body = http::body(response, MAX_BYTES).await;
        let body = body.ok_or(FetchError::Unreadable)?;
        Ok(Fetched { body, max_age })
    }
}

/// RFC 9111 §4.2: `max-age`, less the `Age` of the answer.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(CACHE_CONTROL).iter();
    let mut directives = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let seconds = directives.find_map(|directive| {
        let (name, value) = directive.trim().split_once('=')?;
        let is_age = name.trim().eq_ignore_ascii_case("max-age");
        is_age.then(|| value.trim().trim_matches('"').parse::<u32>().ok())?
    })?;
    let age = headers.get(AGE).and_then(|value| value.to_str().ok());
    let age = age.and_then(|age| age.trim().parse::<u32>().ok());
    let left = seconds.saturating_sub(age.unwrap_or(0));
    Some(Duration::from_secs(u64::from(left)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&'static str, &str)]) -> Option<u64> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        max_age(&map).map(|age| age.as_secs())
    }

    #[test]
    fn the_age_in_caches_counts_and_nonsense_does_not() {
        let control = "cache-control";
        assert_eq!(
            read(&[(control, "public, max-age=19000, no-transform")]),
            Some(19_000)
        );
        assert_eq!(read(&[(control, "Max-Age=\"60\"")]), Some(60));
        assert_eq!(
            read(&[(control, "public"), (control, "max-age=7")]),
            Some(7)
        );
        assert_eq!(read(&[(control, "max-age=100"), ("age", "30")]), Some(70));
        assert_eq!(read(&[(control, "max-age=100"), ("age", "300")]), Some(0));
        assert_eq!(read(&[(control, "max-age=-1")]), None);
        assert_eq!(read(&[(control, "s-maxage=100")]), None);
        assert_eq!(read(&[("age", "3")]), None);
    }
}
