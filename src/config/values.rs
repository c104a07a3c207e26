//! The value of every setting with the place that it came from, and the values that follow from
//! others.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use toml::Value;
use url::Url;

use super::base_url;
use super::declaration::{Declaration, SettingIndex, display};
use super::redact::redacted;
use super::report::Setting;

/// The origin of values that are made from `server.public_url`.
pub(super) const FOLLOWS_PUBLIC_URL: &str = "follows server.public_url";

/// A value and where it came from.
pub(super) struct Sourced {
    pub(super) value: Value,
    pub(super) origin: String,
}

/// Every setting's value by its key.
#[derive(Default)]
pub(super) struct Values {
    current: BTreeMap<String, Sourced>,
    /// What blank settings become, or would if they were blank.
    derived: BTreeMap<String, (Value, &'static str)>,
}

impl Values {
    pub(super) fn defaults(index: &SettingIndex) -> Self {
        let mut values = Self::default();
        index.iter().for_each(|setting| values.reset(setting));
        values
    }

    pub(super) fn get(&self, key: &str) -> Option<&Sourced> {
        self.current.get(key)
    }

    pub(super) fn set(&mut self, key: &str, value: Value, origin: &str) {
        let origin = origin.to_owned();
        self.current
            .insert(key.to_owned(), Sourced { value, origin });
    }

    /// Goes back to what the setting is when no source sets it.
    pub(super) fn reset(&mut self, setting: &Declaration) {
        let (value, origin) = match self.derived.get(&setting.key) {
            Some((value, origin)) => (value.clone(), *origin),
            None => (setting.default.clone(), "built-in default"),
        };
        self.set(&setting.key, value, origin);
    }

    pub(super) fn origin(&self, key: &str) -> String {
        self.get(key)
            .map_or_else(|| "unknown".to_owned(), |found| found.origin.clone())
    }

    fn text(&self, key: &str) -> &str {
        let value = self.get(key).map(|found| &found.value);
        value.and_then(Value::as_str).unwrap_or_default().trim()
    }

    /// Fills in blank settings that follow from others.
    pub(super) fn derive(&mut self, index: &SettingIndex) {
        let is_production = self.text("env") == "production";
        let by_environment = if is_production {
            "default in production"
        } else {
            "default in development"
        };
        for setting in index.iter() {
            if let Some([development, production]) = &setting.by_environment {
                let value = if is_production {
                    production
                } else {
                    development
                };
                self.fill(&setting.key, value.clone(), by_environment);
            }
        }

        let local = local_url(self.text("server.listen"));
        self.fill("server.public_url", local.as_str(), "follows server.listen");
        let staff_listen = self.text("server.staff_listen");
        if staff_listen.parse::<SocketAddr>().is_ok() {
            let url = local_url(staff_listen);
            self.fill("server.staff_url", url, "follows server.staff_listen");
        }
        // An address that cannot be read is refused as itself, not again for what follows from it.
        let written = self.text("server.public_url");
        let public_url = if Url::parse(written).is_ok() {
            written.to_owned()
        } else {
            local
        };
        self.fill(
            "tokens.issuer",
            public_url.trim_end_matches('/'),
            FOLLOWS_PUBLIC_URL,
        );
        self.fill("links.base_url", public_url.as_str(), FOLLOWS_PUBLIC_URL);
        let parsed = (
            Url::parse(self.text("links.base_url")),
            Url::parse(&public_url),
        );
        let lead_here = match parsed {
            (Ok(base), Ok(public)) => base_url::path_here(&base, &public).is_some(),
            _ => false,
        };
        self.fill("links.hosted", lead_here && !is_production, by_environment);
    }

    fn fill(&mut self, key: &str, value: impl Into<Value>, origin: &'static str) {
        let value = value.into();
        self.derived.insert(key.to_owned(), (value.clone(), origin));
        let is_blank = |found: &Sourced| {
            found
                .value
                .as_str()
                .is_some_and(|text| text.trim().is_empty())
        };
        if self.get(key).is_some_and(is_blank) {
            self.set(key, value, origin);
        }
    }

    /// A setting as `idgate config show` prints it.
    pub(super) fn describe(&self, setting: &Declaration) -> Setting {
        let value = self.get(&setting.key).map(|found| &found.value);
        let is_blank = match value {
            Some(Value::String(text)) => text.trim().is_empty(),
            Some(Value::Array(items)) => items.is_empty(),
            _ => true,
        };
        let (value, json) = match value {
            _ if setting.is_secret => {
                let state = if is_blank { "not set" } else { "set (hidden)" };
                (state.to_owned(), state.into())
            }
            Some(value) => (display(value), to_json(value)),
            None => (String::new(), serde_json::Value::Null),
        };
        Setting {
            key: setting.key.clone(),
            value,
            origin: self.origin(&setting.key),
            json,
        }
    }
}

fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::String(text) => redacted(text).into(),
        Value::Integer(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Boolean(on) => (*on).into(),
        Value::Datetime(instant) => instant.to_string().into(),
        Value::Array(items) => items.iter().map(to_json).collect(),
        Value::Table(members) => members
            .iter()
            .map(|(name, member)| (name.clone(), to_json(member)))
            .collect(),
    }
}

/// The address at which this machine reaches a listener.
fn local_url(listen: &str) -> String {
    let address: SocketAddr = listen
        .parse()
        .unwrap_or_else(|_| SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)));
    if address.ip().is_loopback() {
        // Without the zone of an IPv6 address, which has no place in a URL.
        format!("http://{}", SocketAddr::new(address.ip(), address.port()))
    } else {
        format!("http://localhost:{}", address.port())
    }
}
