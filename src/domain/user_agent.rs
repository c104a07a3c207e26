//! User agents, in words that people recognize in their list of sessions.
//!
//! A client can send any user agent: nothing is decided by it.

use woothee::parser::{Parser, WootheeResult};
use woothee::woothee::VALUE_UNKNOWN;

/// The length in characters that is kept and parsed.
const MAX_CHARACTERS: usize = 512;
/// Displayed for what is unknown.
const UNKNOWN: &str = "unknown";

/// A parsed `User-Agent` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserAgent {
    /// The header, truncated.
    pub text: String,
    /// The browser with its major version, like `Firefox 140`.
    pub browser: String,
    /// The operating system, like `Linux` or `Windows 10`.
    pub os: String,
    /// `desktop`, `mobile`, `tablet`, `bot` or `unknown`.
    pub device: String,
}

impl UserAgent {
    /// Parses a `User-Agent` header.
    #[must_use]
    pub fn parse(header: Option<&str>) -> Self {
        let text: String = header
            .unwrap_or_default()
            .trim()
            .chars()
            .take(MAX_CHARACTERS)
            .collect();
        let (browser, os, device) = match Parser::new().parse(&text) {
            // woothee calls unclassified agents "HTTP Library"; their own product name says more.
            Some(found) if !matches!(found.category, VALUE_UNKNOWN | "misc") => {
                (browser(&found), os(&found), device(&found, &text))
            }
            _ => (product(&text), UNKNOWN.to_owned(), UNKNOWN),
        };
        Self {
            browser,
            os,
            device: device.to_owned(),
            text,
        }
    }
}

fn browser(found: &WootheeResult<'_>) -> String {
    with_major_version(found.name, found.version)
}

fn with_major_version(name: &str, version: &str) -> String {
    let major: String = version
        .chars()
        .take_while(char::is_ascii_digit)
        .take(6)
        .collect();
    if major.is_empty() {
        name.to_owned()
    } else {
        format!("{name} {major}")
    }
}

fn os(found: &WootheeResult<'_>) -> String {
    match found.os {
        VALUE_UNKNOWN | "" => UNKNOWN,
        "Mac OSX" => "macOS",
        "iPhone" | "iPad" | "iPod" => "iOS",
        other => other,
    }
    .to_owned()
}

fn device(found: &WootheeResult<'_>, text: &str) -> &'static str {
    // Android says "Mobile" on phones and omits it on tablets.
    let is_tablet = found.os == "iPad" || (found.os == "Android" && !text.contains("Mobile"));
    match found.category {
        "crawler" => "bot",
        "pc" => "desktop",
        "smartphone" | "mobilephone" if is_tablet => "tablet",
        "smartphone" | "mobilephone" => "mobile",
        _ => UNKNOWN,
    }
}

/// RFC 9110 §10.1.5: the first product of an unknown agent, like `curl 8`.
fn product(text: &str) -> String {
    let first = text.split_ascii_whitespace().next().unwrap_or_default();
    let (name, version) = first.split_once('/').unwrap_or((first, ""));
    let is_name = name.len() <= 40
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if is_name {
        with_major_version(name, version)
    } else {
        UNKNOWN.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> [String; 3] {
        let agent = UserAgent::parse(Some(text));
        [agent.browser, agent.os, agent.device]
    }

    #[test]
    fn the_programs_people_use_are_named() {
        let cases = [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                ["Firefox 140", "Linux", "desktop"],
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                ["Chrome 142", "Windows 10", "desktop"],
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.3595.53",
                ["Edge 142", "Windows 10", "desktop"],
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
                ["Safari 18", "macOS", "desktop"],
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
                ["Safari 18", "iOS", "mobile"],
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 12_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1 Mobile/15E148 Safari/604.1",
                ["Safari 12", "iOS", "tablet"],
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
                ["Chrome 142", "Android", "mobile"],
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                ["Chrome 142", "Android", "tablet"],
            ),
            (
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
                ["Googlebot", "unknown", "bot"],
            ),
            ("curl/8.5.0", ["curl 8", "unknown", "unknown"]),
            ("MyApp/2.1 (build 7)", ["MyApp 2", "unknown", "unknown"]),
            (
                "<script>alert(1)</script>",
                ["unknown", "unknown", "unknown"],
            ),
            ("", ["unknown", "unknown", "unknown"]),
            ("-", ["unknown", "unknown", "unknown"]),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_missing_header_is_an_unknown_agent() {
        let agent = UserAgent::parse(None);
        assert_eq!(
            (agent.text.as_str(), agent.device.as_str()),
            ("", "unknown")
        );
    }

    #[test]
    fn an_endless_header_is_cut() {
        assert_eq!(
            UserAgent::parse(Some(&"é".repeat(100_000))).text,
            "é".repeat(512)
        );
        let versions = format!("Firefox/{}", "9".repeat(100_000));
        assert_eq!(read(&versions)[0].len(), "Firefox 999999".len());
    }

    /// The patterns that are searched for.
    const WORDS: &[&str] = &[
        "Mozilla/5.0",
        "(compatible; MSIE",
        "Trident/7.0;",
        " rv:",
        "Chrome/",
        "Safari/",
        "Windows ",
        "Windows NT 10.0;",
        "Phone OS",
        "Android",
        "iPhone; CPU OS 1",
        "like Mac OS X",
        "DoCoMo/",
        "KDDI-",
        "SoftBank/1",
        "BB10",
        "PSP",
        "Googlebot",
        "Firefox/",
        "Opera",
        "Edg/1",
        "YaBrowser/",
        "(",
        ")",
        ";",
        "/",
        " ",
        "9",
        ".",
    ];

    proptest! {
        #[test]
        fn no_header_breaks_the_reader(text in ".{0,600}") {
            let agent = UserAgent::parse(Some(&text));
            prop_assert!(agent.text.chars().count() <= 512);
            prop_assert!(agent.browser.len() <= 100 && agent.os.len() <= 100);
            let devices = ["desktop", "mobile", "tablet", "bot", "unknown"];
            prop_assert!(devices.contains(&agent.device.as_str()));
        }

        #[test]
        fn no_mixture_of_known_words_breaks_the_reader(
            words in prop::collection::vec(prop::sample::select(WORDS), 0..12),
        ) {
            let _ = UserAgent::parse(Some(&words.concat()));
            let _ = UserAgent::parse(Some(&words.join(" ")));
        }
    }
}
