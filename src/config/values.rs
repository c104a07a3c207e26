//! How settings are written in text: blanks, secrets, switches, spans of time, origins.
//!
//! Only reading lives here; what a section allows is said by the section.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use ipnet::IpNet;
use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use url::Url;

const SOCKET: &str = "an address and port such as 127.0.0.1:8080 (names are not looked up)";
const URL: &str = "a complete address such as https://id.example.com";

/// User name and password.
type Credentials = Option<(String, SecretString)>;

/// A refused text as the refusal may repeat it: what was meant for another setting can hold a
/// password before an `@`, or a key in a query or in base64.
pub(super) fn quoted(text: &str) -> String {
    if text.contains("://") || text.contains("-----BEGIN") {
        format!("{:?}", redacted(text))
    } else if text.contains(['@', '?', '=']) {
        "the value".to_owned()
    } else {
        format!("{text:?}")
    }
}

/// A text without the user name, password, query and fragment of the URL that it may be.
pub(super) fn redacted(text: &str) -> Cow<'_, str> {
    // A private key in the place of the path to it.
    if text.contains("-----BEGIN") {
        return Cow::Borrowed("***");
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Cow::Borrowed(text);
    };
    if !rest.contains(['@', '?', '#']) && !rest.contains("://") {
        return Cow::Borrowed(text);
    }
    let known = Url::parse(text).ok().filter(|url| {
        let path = url.path();
        url.has_host() && !path.contains('@') && !path.contains("://")
    });
    let host = known.as_ref().and_then(Url::host_str);
    let (Some(url), Some(host)) = (&known, host) else {
        // Where the password of a damaged URL ends, nobody can say.
        return Cow::Owned(format!("{scheme}://***"));
    };
    let user = if rest.contains('@') { "***@" } else { "" };
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let query = if url.query().is_some() { "?***" } else { "" };
    let fragment = if url.fragment().is_some() { "#***" } else { "" };
    Cow::Owned(format!(
        "{}://{user}{host}{port}{}{query}{fragment}",
        url.scheme(),
        url.path()
    ))
}

/// Reads an address and port.
pub(super) fn socket<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    told(&String::deserialize(deserializer)?, SOCKET)
}

/// Reads an address and port that may be left empty.
pub(super) fn optional_socket<'de, D>(deserializer: D) -> Result<Option<SocketAddr>, D::Error>
where
    D: Deserializer<'de>,
{
    optional(deserializer, SOCKET)
}

/// Reads a complete URL.
pub(super) fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    told(&String::deserialize(deserializer)?, URL)
}

/// Reads a URL that others are joined to: it ends with a slash, or its last step would be lost.
pub(super) fn base_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let mut base = url(deserializer)?;
    if !base.path().ends_with('/') {
        base.set_path(&format!("{}/", base.path()));
    }
    Ok(base)
}

/// Reads a complete URL that may be left empty.
pub(super) fn optional_url<'de, D>(deserializer: D) -> Result<Option<Url>, D::Error>
where
    D: Deserializer<'de>,
{
    optional(deserializer, URL)
}

/// Reads a text that may be left empty.
pub(super) fn optional_text<'de, D>(deserializer: D) -> Result<Option<String>, D::Error>
where
    D: Deserializer<'de>,
{
    optional(deserializer, "a text")
}

/// Reads a directory that may be left empty.
pub(super) fn optional_path<'de, D>(deserializer: D) -> Result<Option<PathBuf>, D::Error>
where
    D: Deserializer<'de>,
{
    optional(deserializer, "a directory")
}

/// Reads networks; an address alone is a network of one.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let written = Vec::<String>::deserialize(deserializer)?;
    written
        .iter()
        .map(|text| match text.trim().parse::<IpAddr>() {
            Ok(address) => Ok(IpNet::from(address)),
            Err(_) => told(text, "a network such as 10.0.0.0/8"),
        })
        .collect()
}

fn optional<'de, D, T>(deserializer: D, expected: &str) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
{
    let text = String::deserialize(deserializer)?;
    if text.trim().is_empty() {
        Ok(None)
    } else {
        told(&text, expected).map(Some)
    }
}

fn told<T: FromStr, E: Error>(text: &str, expected: &str) -> Result<T, E> {
    text.trim()
        .parse()
        .map_err(|_| E::custom(format!("{} is not {expected}", quoted(text))))
}

/// Reads a number whose default follows from the rest, so that the environment writes it as text.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(u64),
        Text(String),
    }

    match Written::deserialize(deserializer) {
        Ok(Written::Number(number)) => Ok(number),
        Ok(Written::Text(text)) => told(&text, "a whole number"),
        Err(_) => Err(D::Error::custom("the value is not a whole number")),
    }
}

/// Reads names of HTTP header fields (RFC 9110 §5.1), in lower case.
pub(super) fn header_names<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<String>, D::Error> {
    let written = Vec::<String>::deserialize(deserializer)?;
    let is_sign = |sign: char| sign.is_ascii_alphanumeric() || "!#$%&'+-.^_`|~".contains(sign);
    let name = |text: &String| match text.trim() {
        "*" => Err(D::Error::custom(
            "\"*\" means no name in particular, which browsers do not take where cookies are allowed",
        )),
        name if !name.is_empty() && name.chars().all(is_sign) => Ok(name.to_ascii_lowercase()),
        _ => Err(D::Error::custom(format!(
            "{} is not the name of a header such as x-client-name",
            quoted(text)
        ))),
    };
    written.iter().map(name).collect()
}

/// Reads a secret that may be left empty.
pub(super) fn optional_secret<'de, D>(deserializer: D) -> Result<Option<SecretString>, D::Error>
where
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    let written = text.trim();
    Ok((!written.is_empty()).then(|| SecretString::from(written)))
}

/// Reads a switch, which the environment writes as text and a file may write either way.
pub(super) fn switch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    struct Switch;

    impl Visitor<'_> for Switch {
        type Value = bool;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("true or false")
        }

        fn visit_bool<E: Error>(self, on: bool) -> Result<bool, E> {
            Ok(on)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
            truth(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
        }
    }

    deserializer.deserialize_any(Switch)
}

/// What a text says about a switch.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text.trim() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// User name and password of a URL, decoded.
pub(super) fn credentials(url: &Url) -> Result<Credentials, &'static str> {
    let decoded = |text: &str| {
        percent_decode_str(text)
            .decode_utf8()
            .map(std::borrow::Cow::into_owned)
            .map_err(|_| "the user name or password is not UTF-8")
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) => Err("there is a password but no user name"),
        (_, None) => Err("there is a user name but no password"),
        (user, Some(password)) => Ok(Some((decoded(user)?, decoded(password)?.into()))),
    }
}

/// Whether what is sent to this address never leaves the machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
