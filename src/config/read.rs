//! How values are read: one rule for each type, the same for files and for the environment.
//!
//! A file may write a number or a switch as text, as the environment has to.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use ipnet::IpNet;
use secrecy::SecretString;
use serde::de::value::StrDeserializer;
use serde::de::{Deserialize, Error};
use toml::Value;
use url::Url;

use super::declaration::{SettingIndex, display};
use super::redact::quoted;
use super::report::ConfigError;
use super::values::Values;

/// Why a value cannot be read, as the message says it.
#[derive(Debug)]
pub(super) struct Reason(pub(super) String);

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Reason {}

impl Error for Reason {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let expected: Vec<_> = expected.iter().map(|name| format!("{name:?}")).collect();
        Self(format!(
            "{} is not one of {}",
            quoted(variant),
            expected.join(", ")
        ))
    }
}

/// A value to read.
#[derive(Clone, Copy)]
pub(super) struct Input<'a>(pub(super) &'a Value);

impl<'a> Input<'a> {
    fn text(self) -> Result<&'a str, Reason> {
        self.0.as_str().ok_or_else(|| self.is_not("a text"))
    }

    fn is_not(self, expected: &str) -> Reason {
        let written = match self.0 {
            Value::String(text) => quoted(text),
            value => display(value),
        };
        Reason(format!("{written} is not {expected}"))
    }
}

/// A type that settings have.
pub(super) trait Read: Sized {
    /// Whether the value must never be printed.
    const SECRET: bool = false;

    fn read(input: Input<'_>) -> Result<Self, Reason>;
}

impl Read for bool {
    fn read(input: Input<'_>) -> Result<Self, Reason> {
        match input.0 {
            Value::Boolean(on) => Some(*on),
            Value::String(text) => parse_bool(text.trim()),
            _ => None,
        }
        .ok_or_else(|| input.is_not("true or false"))
    }
}

fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

impl Read for f64 {
    fn read(input: Input<'_>) -> Result<Self, Reason> {
        match input.0 {
            Value::Float(number) => Some(*number),
            // A number that an f64 does not hold exactly is far out of any range.
            Value::Integer(number) => number.to_string().parse().ok(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
        .ok_or_else(|| input.is_not("a number"))
    }
}

macro_rules! read_whole_numbers {
    ($($type:ty),+) => {$(
        impl Read for $type {
            fn read(input: Input<'_>) -> Result<Self, Reason> {
                let number = match input.0 {
                    Value::Integer(number) => Some(*number),
                    Value::String(text) => text.trim().parse().ok(),
                    _ => None,
                };
                let number = number.ok_or_else(|| input.is_not("a whole number"))?;
                Self::try_from(number)
                    .map_err(|_| input.is_not("a whole number of a fitting size"))
            }
        }
    )+};
}

read_whole_numbers!(u8, u32, u64, usize, i64);

impl Read for String {
    fn read(input: Input<'_>) -> Result<Self, Reason> {
        input.text().map(str::to_owned)
    }
}

impl Read for SecretString {
    const SECRET: bool = true;

    fn read(input: Input<'_>) -> Result<Self, Reason> {
        input.text().map(Self::from)
    }
}

/// A blank text is none.
impl<T: Read> Read for Option<T> {
    const SECRET: bool = T::SECRET;

    fn read(input: Input<'_>) -> Result<Self, Reason> {
        match input.0.as_str().map(str::trim) {
            Some("") => Ok(None),
            Some(text) => T::read(Input(&Value::from(text))).map(Some),
            None => T::read(input).map(Some),
        }
    }
}

/// The environment separates items by commas or line breaks.
impl<T: Read> Read for Vec<T> {
    const SECRET: bool = T::SECRET;

    fn read(input: Input<'_>) -> Result<Self, Reason> {
        match input.0 {
            Value::Array(items) => items.iter().map(|item| T::read(Input(item))).collect(),
            Value::String(text) => text
                .split([',', '\n'])
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| T::read(Input(&Value::from(item))))
                .collect(),
            _ => Err(input.is_not("a list")),
        }
    }
}

impl Read for SocketAddr {
    fn read(input: Input<'_>) -> Result<Self, Reason> {
        const SOCKET: &str = "an address and port such as 127.0.0.1:8080 (names are not looked up)";
        parse_or_explain(input, SOCKET)
    }
}

impl Read for Url {
    fn read(input: Input<'_>) -> Result<Self, Reason> {
        parse_or_explain(input, "a complete address such as https://id.example.com")
    }
}

impl Read for PathBuf {
    fn read(input: Input<'_>) -> Result<Self, Reason> {
        parse_or_explain(input, "a path")
    }
}

/// An address alone is a network of one.
impl Read for IpNet {
    fn read(input: Input<'_>) -> Result<Self, Reason> {
        match input.text()?.trim().parse::<IpAddr>() {
            Ok(address) => Ok(Self::from(address)),
            Err(_) => parse_or_explain(input, "a network such as 10.0.0.0/8"),
        }
    }
}

fn parse_or_explain<T: FromStr>(input: Input<'_>, expected: &str) -> Result<T, Reason> {
    let parsed = input.text()?.trim().parse();
    parsed.map_err(|_| input.is_not(expected))
}

/// Reads a type that is deserialized from a text: the names of an enum, or `try_from = "String"`.
pub(super) fn from_text<'a, T: Deserialize<'a>>(input: Input<'a>) -> Result<T, Reason> {
    T::deserialize(StrDeserializer::new(input.text()?.trim()))
}

/// Implements [`Read`] by [`from_text`].
macro_rules! read_from_text {
    ($($type:ty),+) => {$(
        impl $crate::config::read::Read for $type {
            fn read(
                input: $crate::config::read::Input<'_>,
            ) -> Result<Self, $crate::config::read::Reason> {
                $crate::config::read::from_text(input)
            }
        }
    )+};
}

pub(super) use read_from_text;

/// Reads a URL that others are joined to: without a slash at its end its last segment would be
/// replaced.
pub(super) fn base_url(input: Input<'_>) -> Result<Url, Reason> {
    let mut base = Url::read(input)?;
    if !base.path().ends_with('/') {
        base.set_path(&format!("{}/", base.path()));
    }
    Ok(base)
}

/// Reads names of HTTP header fields (RFC 9110 §5.1), in lower case.
pub(super) fn header_names(input: Input<'_>) -> Result<Vec<String>, Reason> {
    let is_token = |sign: char| sign.is_ascii_alphanumeric() || "!#$%&'+-.^_`|~".contains(sign);
    let names = Vec::<String>::read(input)?;
    names
        .iter()
        .map(|name| match name.trim() {
            "*" => Err(Reason::custom(
                "\"*\" means no name in particular, which browsers do not take where cookies are allowed",
            )),
            name if !name.is_empty() && name.chars().all(is_token) => Ok(name.to_ascii_lowercase()),
            name => Err(Reason(format!(
                "{} is not the name of a header such as x-client-name",
                quoted(name)
            ))),
        })
        .collect()
}

/// Reads settings one after the other and collects what is wrong with them.
pub(super) struct Reader<'a> {
    pub(super) index: &'a SettingIndex,
    pub(super) values: &'a mut Values,
    pub(super) errors: &'a mut Vec<ConfigError>,
}

impl Reader<'_> {
    /// Reads a setting; when its value cannot be read, notes that and goes on with the default, so
    /// that one start names every error.
    pub(super) fn read<T>(
        &mut self,
        key: &str,
        read: impl Fn(Input<'_>) -> Result<T, Reason>,
    ) -> Option<T> {
        let setting = self.index.find(key)?;
        let found = self.values.get(key)?;
        let reason = match read(Input(&found.value)) {
            Ok(value) => return Some(value),
            Err(_) if setting.is_secret => {
                "the value is not of the right kind (it is not shown)".to_owned()
            }
            Err(reason) => reason.0,
        };
        self.errors.push(ConfigError {
            key: key.to_owned(),
            origin: found.origin.clone(),
            reason,
            remedy: setting.guidance(),
        });
        self.values.reset(setting);
        read(Input(&self.values.get(key)?.value)).ok()
    }
}
