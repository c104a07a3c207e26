//! HTTP responses.

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// A complete response.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Every header.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) text: String,
    /// The body, parsed; `null` when it is no JSON.
    pub(crate) json: Value,
}

impl Answer {
    /// Sends the request and reads the answer.
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("the gateway answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Self {
            status,
            headers,
            text,
            json,
        }
    }

    /// A field of the root, which must exist.
    pub(crate) fn root(&self, field: &str) -> &Value {
        assert!(self.json["errors"].is_null(), "{}", self.text);
        let value = &self.json["data"][field];
        assert!(!value.is_null(), "no {field} in {}", self.text);
        value
    }

    /// The `__typename` of a mutation's result.
    pub(crate) fn typename(&self, field: &str) -> &str {
        self.root(field)["__typename"].as_str().unwrap()
    }

    /// The code of the first error; empty when there is none.
    pub(crate) fn code(&self) -> &str {
        self.json["errors"][0]["extensions"]["code"]
            .as_str()
            .unwrap_or_default()
    }

    /// A header as text; empty when it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    /// The violations of `InputInvalid`, as `path rule`.
    pub(crate) fn violations(&self, field: &str) -> Vec<String> {
        let violations = self.root(field)["violations"]
            .as_array()
            .expect("violations");
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        violations
            .iter()
            .map(|violation| format!("{} {}", word(&violation["path"]), word(&violation["rule"])))
            .collect()
    }

    /// Asserts that this is a refusal every GraphQL client can read.
    pub(crate) fn assert_refusal(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.text);
        let error = &self.json["errors"][0];
        assert!(
            !error["message"].as_str().unwrap().is_empty(),
            "{}",
            self.text
        );
        assert_eq!(
            error["extensions"]["requestId"],
            self.header("x-request-id")
        );
        let media = self.header("content-type");
        assert!(media.contains("json"), "{media}");
    }
}
