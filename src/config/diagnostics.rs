//! What the checks of the sections report to, and the checks that several of them share.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::Path;

use url::Url;

use super::redact::quoted;
use super::report::{ConfigError, Warning};
use super::service_url::is_loopback;
use super::values::{FOLLOWS_PUBLIC_URL, Values};

/// Collects what the checks find; knows where every value came from.
pub(super) struct Diagnostics<'a> {
    production: bool,
    values: &'a Values,
    /// Keys already refused: their value is the default by now, so checking it says nothing.
    refused: BTreeSet<String>,
    pub(super) errors: Vec<ConfigError>,
    pub(super) warnings: Vec<Warning>,
}

impl<'a> Diagnostics<'a> {
    pub(super) fn new(
        production: bool,
        values: &'a Values,
        errors: Vec<ConfigError>,
        warnings: Vec<Warning>,
    ) -> Self {
        let refused = errors.iter().map(|error| error.key.clone()).collect();
        Self {
            production,
            values,
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
        let origin = self.values.origin(key);
        // A value that follows from another setting is refused there.
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

    /// Refuses a path that is not one, before a message repeats it or a directory is made.
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

    /// Checks an address that people and browsers are sent to.
    ///
    /// Tokens and cookies are sent to it, so plain http is for this machine only, and in production
    /// not even for that.
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
                format!("{} is not a web address", quoted(url.as_str())),
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
        } else if plain && !is_loopback(url) {
            self.refuse(
                key,
                format!("{url} is plain http on another machine, so anyone on the way can read it"),
                "Write an https address; plain http is for localhost only.",
            );
        }
    }
}
