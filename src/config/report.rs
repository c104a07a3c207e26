//! What loading a configuration reports: errors, warnings, and the settings in force.

use std::fmt;

use serde::Serialize;

/// One reason not to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The setting; empty when the error is about none.
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

/// Every reason not to start, so that one attempt names them all.
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

/// Something that is allowed but risky; logged at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The setting.
    pub key: String,
    /// The risk.
    pub reason: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.key, self.reason)
    }
}

/// One setting in force, as `idgate config show` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The setting.
    pub key: String,
    /// Its value as a file would write it; of a secret only whether it is set.
    #[serde(skip)]
    pub value: String,
    /// Where the value came from.
    pub origin: String,
    /// The value in JSON; of a secret the same words.
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
