//! Content negotiation: `Accept` and `Content-Type`.
//!
//! Parsed here rather than by a crate, because unreadable ranges and parameters are skipped one by
//! one, as GraphQL clients and routers expect, and a weight decides between two types only.

use axum::http::{HeaderMap, header};

/// The media type of a response (GraphQL over HTTP §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MediaType {
    /// `application/json`: a well-formed request gets status 200, whatever the result.
    Json,
    /// `application/graphql-response+json`: the status says whether the operation was executed.
    GraphqlResponse,
}

impl MediaType {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }
}

/// The best type that the client accepts; `None` when it accepts neither.
pub(super) fn accepted(headers: &HeaderMap) -> Option<MediaType> {
    let mut ranges = ranges(headers)
        // RFC 9110 §5.6.1: empty list elements are ignored.
        .filter(|range| !range.trim().is_empty())
        .peekable();
    if ranges.peek().is_none() {
        return Some(MediaType::Json);
    }
    ranges
        .enumerate()
        .filter_map(|(position, range)| rank(position, range))
        // The highest quality wins, then the more specific range, then the first.
        .max_by(|(left, ..), (right, ..)| left.cmp(right))
        .map(|(_, media)| media)
}

/// The media ranges of the `Accept` headers, with their parameters.
fn ranges(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
}

/// Whether the client accepts an event stream. Without an `Accept` header it does.
pub(super) fn accepts_event_stream(headers: &HeaderMap) -> bool {
    let mut ranges = ranges(headers).peekable();
    ranges.peek().is_none()
        || ranges.any(|range| is_one_of(range, &["text/event-stream", "text/*", "*/*"]))
}

/// Whether the client accepts an event stream and no single response.
pub(super) fn prefers_event_stream(headers: &HeaderMap) -> bool {
    let single = ["application/json", "application/graphql-response+json"];
    ranges(headers).any(|range| is_one_of(range, &["text/event-stream"]))
        && !ranges(headers).any(|range| is_one_of(range, &single))
}

/// Whether a media range without its parameters is one of these.
fn is_one_of(range: &str, types: &[&str]) -> bool {
    let name = range.split(';').next().unwrap_or_default().trim();
    types.iter().any(|known| name.eq_ignore_ascii_case(known))
}

type Rank = (u16, u8, std::cmp::Reverse<usize>);

fn rank(position: usize, range: &str) -> Option<(Rank, MediaType)> {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next()?.to_ascii_lowercase();
    let mut quality = 1000;
    for parameter in parts {
        let (key, value) = parameter.split_once('=')?;
        match key.trim().to_ascii_lowercase().as_str() {
            "q" => quality = thousandths(value.trim())?,
            "charset" if !value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8") => {
                return None;
            }
            _ => {}
        }
    }
    let (specific, media) = match name.as_str() {
        "application/graphql-response+json" => (2, MediaType::GraphqlResponse),
        "application/json" => (2, MediaType::Json),
        "application/*" => (1, MediaType::Json),
        "*/*" => (0, MediaType::Json),
        _ => return None,
    };
    (quality > 0).then_some(((quality, specific, std::cmp::Reverse(position)), media))
}

/// A weight between 0 and 1 with up to three decimals (RFC 9110 §12.4.2), in thousandths.
fn thousandths(weight: &str) -> Option<u16> {
    let weight: f32 = weight.parse().ok()?;
    if !(0.0..=1.0).contains(&weight) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the weight is between 0 and 1"
    )]
    let thousandths = (weight * 1000.0).round() as u16;
    Some(thousandths)
}

/// Whether the body is JSON in UTF-8. Other types could be sent by a cross-site form (CSRF).
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let json = parts
        .next()
        .is_some_and(|name| name.eq_ignore_ascii_case("application/json"));
    json && parts.all(|parameter| match parameter.split_once('=') {
        Some((key, value)) if key.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(value: &str) -> Option<MediaType> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, value.parse().unwrap());
        accepted(&headers)
    }

    #[test]
    fn the_client_chooses_the_media_type() {
        use MediaType::{GraphqlResponse, Json};
        assert_eq!(accepted(&HeaderMap::new()), Some(Json));
        assert_eq!(accept("*/*"), Some(Json));
        assert_eq!(accept("application/json"), Some(Json));
        assert_eq!(
            accept("application/graphql-response+json"),
            Some(GraphqlResponse)
        );
        let apollo = "application/graphql-response+json, application/json, multipart/mixed";
        assert_eq!(accept(apollo), Some(GraphqlResponse));
        assert_eq!(
            accept("application/json;q=0.9, application/graphql-response+json;q=1.0"),
            Some(GraphqlResponse)
        );
        assert_eq!(
            accept("application/graphql-response+json; charset=utf-8"),
            Some(GraphqlResponse)
        );
        assert_eq!(
            accept("*/*, application/graphql-response+json"),
            Some(GraphqlResponse)
        );
        assert_eq!(accept("text/html"), None);
        assert_eq!(accept("application/json;q=0"), None);
        assert_eq!(accept("application/json; charset=latin1"), None);
    }

    #[test]
    fn only_json_in_utf8_is_a_body() {
        let sent = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
            is_json(&headers)
        };
        assert!(sent("application/json"));
        assert!(sent("application/json; charset=UTF-8"));
        assert!(!sent("text/plain"));
        assert!(!sent("application/json; charset=utf-16"));
        assert!(!sent("multipart/form-data; boundary=x"));
        assert!(!is_json(&HeaderMap::new()));
    }
}
