//! Origins of pages: scheme, host and port.

use serde::Deserialize;
use url::Url;

use super::read::{Input, Read, Reason, read_from_text};
use super::redact::quoted;

/// The origin of a page, exactly as browsers send it (RFC 6454 §6.2).
///
/// Native shells and extensions have schemes of their own, such as `capacitor://localhost`. To the
/// URL standard their origins are opaque and serialize as `null`, which would match every such
/// page; here they are written out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Origin {
    url: Url,
    header: String,
}

impl Origin {
    /// The origin as browsers send it in an `Origin` header.
    #[must_use]
    pub fn to_header(&self) -> &str {
        &self.header
    }

    /// Whether an `Origin` header is this origin: scheme, host and port (RFC 6454 §5), without regard
    /// to case.
    #[must_use]
    pub fn is(&self, header: &str) -> bool {
        self.header.eq_ignore_ascii_case(header)
    }

    /// The origin as an address.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    fn is_web(&self) -> bool {
        matches!(self.url.scheme(), "http" | "https")
    }
}

impl TryFrom<String> for Origin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = text.trim();
        let refuse = |why: &str| Err(format!("{} is not one origin: {why}", quoted(text)));
        if text.contains('*') {
            return refuse(
                "there are no patterns, since every name that one covers could act here",
            );
        }
        let lower = text.to_ascii_lowercase();
        if lower == "null" || lower.starts_with("file:") {
            return refuse("every sandboxed frame and local file calls itself that");
        }
        if text.contains('@') {
            return refuse("there is a user name in it");
        }
        let is_strange = |sign: char| sign.is_whitespace() || sign.is_control() || sign == '\\';
        let url = Url::parse(text).ok();
        let url = url.filter(|url| url.host_str().is_some_and(|host| !host.is_empty()));
        let is_written_out = text.contains("://") && !text.contains(is_strange);
        let Some(url) = url.filter(|_| is_written_out) else {
            return refuse("it has to look like https://app.example.com");
        };
        let host = url.host_str().unwrap_or_default();
        let is_bare = matches!(url.path(), "" | "/");
        if !is_bare || url.query().is_some() || url.fragment().is_some() {
            return refuse("it ends after the host and its port");
        }
        let header = match url.scheme() {
            "http" | "https" => url.origin().ascii_serialization(),
            "blob" | "data" | "about" | "javascript" | "ftp" | "ws" | "wss" => {
                return refuse("no page has an origin of this scheme to itself");
            }
            scheme => {
                let is_plain = |sign: char| sign.is_ascii_alphanumeric() || "-._".contains(sign);
                if !host.chars().all(is_plain) {
                    return refuse("its host has signs that no browser sends there");
                }
                let port = url.port().map(|port| format!(":{port}"));
                format!("{scheme}://{host}{}", port.unwrap_or_default())
            }
        };
        Ok(Self { url, header })
    }
}

read_from_text!(Origin);

/// Reads the origin of a website; blank is none.
pub(super) fn optional_web(input: Input<'_>) -> Result<Option<Origin>, Reason> {
    let origin = Option::<Origin>::read(input)?;
    match &origin {
        Some(other) if !other.is_web() => Err(Reason(format!(
            "{} is neither http nor https",
            other.to_header()
        ))),
        _ => Ok(origin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_send_it() {
        for (text, header) in [
            ("https://app.example.com", "https://app.example.com"),
            (" https://App.Example.com/ ", "https://app.example.com"),
            ("https://app.example.com:443", "https://app.example.com"),
            (
                "https://app.example.com:8443",
                "https://app.example.com:8443",
            ),
            ("http://localhost:3000", "http://localhost:3000"),
            ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("ionic://localhost/", "ionic://localhost"),
            ("tauri://localhost:1420", "tauri://localhost:1420"),
            ("app://.", "app://."),
            ("app://obsidian.md", "app://obsidian.md"),
            (
                "chrome-extension://aaaabbbbccccddddeeeeffffgggghhhh",
                "chrome-extension://aaaabbbbccccddddeeeeffffgggghhhh",
            ),
            (
                "moz-extension://c1ab34f2-0e4d-4d0c-9a0e-2f1f4a3b5c6d",
                "moz-extension://c1ab34f2-0e4d-4d0c-9a0e-2f1f4a3b5c6d",
            ),
        ] {
            let origin = Origin::try_from(text.to_owned()).unwrap();
            assert_eq!(origin.to_header(), header);
            assert!(origin.is(header) && origin.is(&header.to_uppercase()));
            assert!(!origin.is(&format!("{header}/")) && !origin.is("null"));
        }
    }

    #[test]
    fn only_a_single_origin_is_accepted() {
        for text in [
            "",
            "*",
            "null",
            "NULL",
            "app.example.com",
            "app.example.com:443",
            "//app.example.com",
            "https:app.example.com",
            "https:/app.example.com",
            "https:\\\\app.example.com",
            "https://",
            "https:///",
            "https://app.exa\tmple.com",
            "https://app.example.com evil.test",
            "https://*.example.com",
            "https://app-*.example.com",
            "https://app.example.com:*",
            "https://app.example.com//",
            "https://app.example.com/a",
            "https://app.example.com?",
            "https://app.example.com#",
            "https://ada@app.example.com",
            "https://@app.example.com",
            "https://app.example.com:99999",
            "file://",
            "file:///index.html",
            "file://server",
            "data:text/html,x",
            "blob:https://app.example.com/1",
            "javascript://app.example.com",
            "wss://app.example.com",
            "capacitor://",
            "capacitor:localhost",
            "capacitor://local%68ost",
            "capacitor://bücher",
            "capacitor://localhost/a",
            "chrome-extension://*",
        ] {
            assert!(Origin::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
