//! Content negotiation: the values of `Accept` and `Content-Type`.
//!
//! Parsed here rather than by `mime`, which axum brings: it reads one media range and no list, no
//! weight, and refuses what RFC 9110 §5.6.6 allows (a blank before `;`, an empty parameter), so
//! clients and routers that send it would be answered 406 or 415.

use axum::http::HeaderValue;

const JSON: &str = "application/json";
const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";

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

/// What the `Accept` headers of a request allow.
#[derive(Debug)]
pub(super) struct Accept {
    /// The best type for a single response; `None` when the client accepts neither.
    pub(super) single: Option<MediaType>,
    /// Whether `application/json` is accepted.
    pub(super) json: bool,
    /// Whether an event stream is accepted.
    pub(super) stream: bool,
    /// Whether an event stream is asked for, and no single response.
    pub(super) only_stream: bool,
}

impl Accept {
    pub(super) fn parse<'a>(values: impl IntoIterator<Item = &'a HeaderValue>) -> Self {
        let mut ranges: Vec<&str> = values
            .into_iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            // RFC 9110 §5.6.1: empty list elements are ignored.
            .filter(|range| !range.trim().is_empty())
            .collect();
        if ranges.is_empty() {
            ranges.push("*/*");
        }
        let names = |types: &[&str]| ranges.iter().any(|range| is_one_of(range, types));
        let stream = names(&["text/event-stream"]);
        Self {
            single: best(&ranges),
            json: accepts_json(&ranges),
            stream: stream || names(&["text/*", "*/*"]),
            only_stream: stream && !names(&[JSON, GRAPHQL_RESPONSE]),
        }
    }
}

/// The type of the range with the highest quality, then the more specific one, then the first.
fn best(ranges: &[&str]) -> Option<MediaType> {
    // Of equal ones `max_by_key` returns the last.
    let ranked = ranges.iter().rev().filter_map(|range| rank(range));
    ranked.max_by_key(|(rank, _)| *rank).map(|(_, media)| media)
}

/// Whether one of the ranges has `application/json`.
fn accepts_json(ranges: &[&str]) -> bool {
    let mut accepted = ranges.iter().filter_map(|range| rank(range));
    accepted.any(|(_, media)| media == MediaType::Json)
}

/// Whether a media type or range without its parameters is one of these.
fn is_one_of(range: &str, types: &[&str]) -> bool {
    let name = range.split(';').next().unwrap_or_default().trim();
    types.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Whether a parameter is another `charset` than UTF-8.
fn is_other_charset(key: &str, value: &str) -> bool {
    let value = value.trim().trim_matches('"');
    key.trim().eq_ignore_ascii_case("charset") && !value.eq_ignore_ascii_case("utf-8")
}

/// The quality and the specificity of a range, and the type that it stands for.
fn rank(range: &str) -> Option<((u16, u8), MediaType)> {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next()?.to_ascii_lowercase();
    let mut quality = 1000;
    for parameter in parts {
        let (key, value) = parameter.split_once('=')?;
        if key.trim().eq_ignore_ascii_case("q") {
            quality = thousandths(value.trim())?;
        } else if is_other_charset(key, value) {
            return None;
        }
    }
    let (specific, media) = match name.as_str() {
        GRAPHQL_RESPONSE => (2, MediaType::GraphqlResponse),
        JSON => (2, MediaType::Json),
        "application/*" => (1, MediaType::Json),
        "*/*" => (0, MediaType::Json),
        _ => return None,
    };
    (quality > 0).then_some(((quality, specific), media))
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

/// What a body is, by its `Content-Type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContentType {
    /// JSON in UTF-8. A cross-site form cannot send it (CSRF).
    Json,
    /// The fields of a form.
    Form,
    /// There is no such header.
    Absent,
    /// Another one, or one that is no text.
    Other,
}

impl ContentType {
    pub(super) fn parse(value: Option<&str>) -> Self {
        let Some(value) = value else {
            return Self::Absent;
        };
        let mut parameters = value.split(';').filter_map(|part| part.split_once('='));
        if is_one_of(value, &["application/x-www-form-urlencoded"]) {
            Self::Form
        } else if is_one_of(value, &[JSON])
            && !parameters.any(|(key, value)| is_other_charset(key, value))
        {
            Self::Json
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(value: &str) -> Accept {
        Accept::parse(&[value.parse().unwrap()])
    }

    fn single(value: &str) -> Option<MediaType> {
        accept(value).single
    }

    #[test]
    fn the_client_chooses_the_media_type() {
        use MediaType::{GraphqlResponse, Json};
        assert_eq!(Accept::parse([]).single, Some(Json));
        assert_eq!(single("*/*"), Some(Json));
        assert_eq!(single("application/json"), Some(Json));
        assert_eq!(single(GRAPHQL_RESPONSE), Some(GraphqlResponse));
        let apollo = "application/graphql-response+json, application/json, multipart/mixed";
        assert_eq!(single(apollo), Some(GraphqlResponse));
        let json_first = "application/json, application/graphql-response+json";
        assert_eq!(single(json_first), Some(Json));
        assert_eq!(
            single("application/json;q=0.9, application/graphql-response+json;q=1.0"),
            Some(GraphqlResponse)
        );
        assert_eq!(
            single("application/graphql-response+json ; charset=utf-8"),
            Some(GraphqlResponse)
        );
        assert_eq!(
            single("*/*, application/graphql-response+json"),
            Some(GraphqlResponse)
        );
        assert_eq!(single("text/html"), None);
        assert_eq!(single("application/json;q=0"), None);
        assert_eq!(single("application/json; charset=latin1"), None);
    }

    #[test]
    fn an_event_stream_is_accepted_or_asked_for() {
        for (value, stream, only_stream) in [
            ("", true, false),
            ("*/*", true, false),
            ("text/event-stream", true, true),
            ("multipart/mixed, Text/Event-Stream;q=1", true, true),
            ("text/event-stream, application/json", true, false),
            ("application/json", false, false),
        ] {
            let accept = accept(value);
            assert_eq!(accept.stream, stream, "{value}");
            assert_eq!(accept.only_stream, only_stream, "{value}");
        }
        assert!(Accept::parse([]).stream);
    }

    #[test]
    fn only_json_in_utf8_is_a_body() {
        let is_json = |value| ContentType::parse(Some(value)) == ContentType::Json;
        assert!(is_json("application/json"));
        assert!(is_json("application/json ; charset=UTF-8;"));
        assert!(!is_json("text/plain"));
        assert!(!is_json("text/plain; application/json"));
        assert!(!is_json("application/json; charset=utf-8; charset=utf-16"));
        assert!(!is_json("multipart/form-data; boundary=x"));
        assert_eq!(ContentType::parse(None), ContentType::Absent);
    }
}
