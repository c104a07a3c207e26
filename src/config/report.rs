//! What is wrong with a configuration, said so that it can be mended; and what only deserves care.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::Path;

use serde::Serialize;
use url::Url;

use super::values;

/// The origin of values that are made from `server.public_url`.
pub(super) const FOLLOWS_PUBLIC_URL: &str = "follows server.public_url";

/// One reason not to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The setting, or empty when it is not about one.
    pub key: String,
    /// Where the value came from.
    pub origin: String,
    /// What is wrong with it.
    pub reason: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            origin,
            reason,
            remedy,
        } = self;
        if key.is_empty() {
            write!(formatter, "{origin}\n    {reason}\n    {remedy}")
        } else {
            write!(formatter, "{key} ({origin})\n    {reason}\n    {remedy}")
        }
    }
}

/// Every reason not to start, since mending them one by one would take as many starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub(super) Vec<ConfigError>);

impl ConfigErrors {
    /// The reasons, in the order they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a ConfigErrors {
    type Item = &'a ConfigError;
    type IntoIter = std::slice::Iter<'a, ConfigError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => writeln!(formatter, "The configuration has a problem:")?,
            count => writeln!(formatter, "The configuration has {count} problems:")?,
        }
        self.iter()
            .try_for_each(|error| write!(formatter, "\n  {error}\n"))
    }
}

impl std::error::Error for ConfigErrors {}

/// Something that is allowed but deserves care; logged at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The setting.
    pub key: String,
    /// Why it deserves care.
    pub reason: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.key, self.reason)
    }
}

/// One setting as it counts, for people who ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The setting.
    pub key: String,
    /// Its value as a file would write it; of a secret only whether it is set.
    #[serde(skip)]
    pub value: String,
    /// Where the value came from.
    pub origin: String,
    /// The value for programs, a number as a number; of a secret the same words.
    #[serde(rename = "value")]
    pub json: serde_json::Value,
}

impl fmt::Display for Setting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} = {}  # {}",
            self.key, self.value, self.origin
        )
    }
}

/// The hand that checks write into; it knows where every value came from.
pub(super) struct Review<'a> {
    production: bool,
    origin: &'a dyn Fn(&str) -> String,
    /// Keys already refused: what stands there now is the default, so it says nothing.
    refused: BTreeSet<String>,
    pub(super) errors: Vec<ConfigError>,
    pub(super) warnings: Vec<Warning>,
}

impl<'a> Review<'a> {
    pub(super) fn new(
        production: bool,
        origin: &'a dyn Fn(&str) -> String,
        errors: Vec<ConfigError>,
        warnings: Vec<Warning>,
    ) -> Self {
        let refused = errors.iter().map(|error| error.key.clone()).collect();
        Self {
            production,
            origin,
            refused,
            errors,
            warnings,
        }
    }

    pub(super) const fn is_production(&self) -> bool {
        self.production
    }

    pub(super) fn refuse(
        &mut self,
        key: &str,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let origin = (self.origin)(key);
        // What follows from another setting is as wrong as that one, and said there.
        if self.refused.contains(key) || origin == FOLLOWS_PUBLIC_URL {
            return;
        }
        self.errors.push(ConfigError {
            key: key.to_owned(),
            origin,
            reason: reason.into(),
            remedy: remedy.into(),
        });
    }

    pub(super) fn warn(&mut self, key: &str, reason: impl Into<String>) {
        self.warnings.push(Warning {
            key: key.to_owned(),
            reason: reason.into(),
        });
    }

    /// Refuses a number outside its range.
    pub(super) fn within<N>(&mut self, key: &str, value: N, range: RangeInclusive<N>)
    where
        N: Copy + PartialOrd + fmt::Display,
    {
        let (least, most) = range.into_inner();
        if value < least || value > most {
            self.refuse(
                key,
                format!("{value} is out of range"),
                format!("Write a number from {least} to {most}."),
            );
        }
    }

    /// Refuses what is no path, before it is repeated in a message or becomes a directory.
    pub(super) fn path(&mut self, key: &str, path: &Path) {
        let text = path.to_string_lossy();
        if text.contains("://") || text.contains("-----BEGIN") {
            self.refuse(
                key,
                "this is a URL or the contents of a file, and a path is wanted",
                "Write a path, such as /etc/idgate/name.",
            );
        }
    }

    /// The one rule for addresses that people and browsers are sent to.
    ///
    /// Tokens and cookies travel there, so plain http is for the machine itself, and not even for
    /// that in production.
    pub(super) fn web_address(&mut self, key: &str, url: &Url) {
        let plain = url.scheme() == "http";
        if !url.username().is_empty() || url.password().is_some() {
            self.refuse(
                key,
                "the address holds a user name or password",
                "Leave them out.",
            );
        } else if !(plain || url.scheme() == "https") || !url.has_host() {
            self.refuse(
                key,
                format!("{} is not a web address", values::quoted(url.as_str())),
                "Write an address such as https://id.example.com.",
            );
        } else if url.query().is_some() || url.fragment().is_some() {
            self.refuse(
                key,
                "the address has a query or a fragment",
                "End it with the path.",
            );
        } else if plain && self.production {
            self.refuse(
                key,
                format!("{url} is plain http, which anyone on the way can read and change"),
                "Write an https address; in production nothing else is safe.",
            );
        } else if plain && !values::is_loopback(url) {
            self.refuse(
                key,
                format!("{url} is plain http on another machine, so anyone on the way can read it"),
                "Write an https address; plain http is for localhost only.",
            );
        }
    }
}
