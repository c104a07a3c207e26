//! What settings exist: their keys, names in the environment, defaults and purposes.
//!
//! All of it is read from `config/default.toml`, so the file that people read is the one truth.

use figment::value::{Dict, Value};

use super::report::ConfigError;
use super::values;

/// The documented defaults, embedded so that the binary needs no file.
pub(super) const DEFAULT_TOML: &str = include_str!("../../config/default.toml");

/// Settings that never print and may be read from a file of their own.
const SECRETS: [&str; 11] = [
    "database.url",
    "redis.url",
    "keys.master",
    "keys.master_previous",
    "router.secret",
    "router.secret_previous",
    "smtp.url",
    "sms.url",
    "sms.token",
    "sms.webhook_secret",
    "breached.url",
];

/// One setting that exists.
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) variable: String,
    pub(super) purpose: String,
    pub(super) default: Value,
}

impl Entry {
    pub(super) fn is_secret(&self) -> bool {
        SECRETS.contains(&self.key.as_str())
    }

    /// What the setting is for and what it is when nobody says.
    pub(super) fn guidance(&self) -> String {
        format!("{} Default: {}.", self.purpose, shown(&self.default))
    }
}

/// Every setting, in the order of the file.
pub(super) struct Catalogue {
    entries: Vec<Entry>,
    pub(super) defaults: Dict,
}

impl Catalogue {
    /// Reads the embedded file.
    pub(super) fn embedded() -> Result<Self, ConfigError> {
        let damaged = |error: String| ConfigError {
            key: String::new(),
            origin: "built-in defaults".into(),
            reason: error,
            remedy: "This build of idgate is damaged; build it again.".into(),
        };
        let defaults: Dict =
            toml::from_str(DEFAULT_TOML).map_err(|error| damaged(error.to_string()))?;
        let entries = described_keys()
            .map(|(key, purpose)| match find(&defaults, &key) {
                Some(default) => Ok(Entry {
                    variable: format!("IDGATE_{}", key.to_uppercase().replace('.', "__")),
                    default: default.clone(),
                    purpose,
                    key,
                }),
                None => Err(damaged(format!("{key} is described but not set"))),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { entries, defaults })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(super) fn find(&self, key: &str) -> Option<&Entry> {
        self.iter().find(|entry| entry.key == key)
    }

    pub(super) fn by_variable(&self, variable: &str) -> Option<&Entry> {
        self.iter().find(|entry| entry.variable == variable)
    }

    /// The key somebody probably meant: alike as a whole, or alike but in another section.
    pub(super) fn nearest_key(&self, written: &str) -> Option<&str> {
        let leaf = |key: &str| key.rsplit('.').next().unwrap_or(key).to_owned();
        let moved = self.iter().find(|entry| leaf(&entry.key) == leaf(written));
        nearest(self.iter().map(|entry| entry.key.as_str()), written)
            .or_else(|| moved.map(|entry| entry.key.as_str()))
    }

    /// The variable somebody probably meant.
    pub(super) fn nearest_variable(&self, written: &str) -> Option<&str> {
        nearest(self.iter().map(|entry| entry.variable.as_str()), written)
    }
}

fn nearest<'a>(known: impl Iterator<Item = &'a str>, written: &str) -> Option<&'a str> {
    let written = written.to_lowercase();
    known
        .map(|name| {
            (
                strsim::damerau_levenshtein(&name.to_lowercase(), &written),
                name,
            )
        })
        .filter(|(distance, name)| *distance <= (name.len() / 4).max(2))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The value at a dotted key.
pub(super) fn find<'a>(dict: &'a Dict, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        Some((section, name)) => dict.get(section)?.as_dict()?.get(name),
        None => dict.get(key),
    }
}

/// A tree that holds one value at a dotted key.
pub(super) fn planted(key: &str, value: Value) -> Dict {
    match key.split_once('.') {
        Some((section, name)) => Dict::from([(
            section.to_owned(),
            Dict::from([(name.to_owned(), value)]).into(),
        )]),
        None => Dict::from([(key.to_owned(), value)]),
    }
}

/// A value as a configuration file would write it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(_, text) => format!("{:?}", values::redacted(text)),
        Value::Char(_, letter) => format!("{letter:?}"),
        Value::Bool(_, on) => on.to_string(),
        Value::Num(_, number) => number
            .to_i128()
            .map(|whole| whole.to_string())
            .or_else(|| number.to_u128().map(|whole| whole.to_string()))
            .or_else(|| number.to_f64().map(|number| format!("{number:?}")))
            .unwrap_or_default(),
        Value::Empty(..) => String::new(),
        Value::Dict(..) => "{…}".to_owned(),
        Value::Array(_, items) => {
            format!(
                "[{}]",
                items.iter().map(shown).collect::<Vec<_>>().join(", ")
            )
        }
    }
}

/// A value as JSON has it.
pub(super) fn as_json(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::String(_, text) => values::redacted(text).into(),
        Value::Char(_, letter) => letter.to_string().into(),
        Value::Bool(_, on) => (*on).into(),
        Value::Num(_, number) => {
            let whole = number.to_i128();
            let signed = whole.and_then(|whole| i64::try_from(whole).ok());
            let unsigned = number.to_u128().and_then(|whole| u64::try_from(whole).ok());
            signed
                .map(Json::from)
                .or_else(|| unsigned.map(Json::from))
                .or_else(|| number.to_f64().map(Json::from))
                .unwrap_or_default()
        }
        Value::Empty(..) => Json::Null,
        Value::Dict(_, members) => members
            .iter()
            .map(|(name, member)| (name.clone(), as_json(member)))
            .collect(),
        Value::Array(_, items) => items.iter().map(as_json).collect(),
    }
}

/// Every key of the embedded file with the comment that stands above it.
fn described_keys() -> impl Iterator<Item = (String, String)> {
    let mut section = String::new();
    let mut purpose = String::new();
    DEFAULT_TOML.lines().filter_map(move |line| {
        if let Some(comment) = line.strip_prefix("# ") {
            if !comment.starts_with("Default: ") {
                comment.clone_into(&mut purpose);
            }
        } else if let Some(name) = line.strip_prefix('[') {
            section = format!("{}.", name.trim_end_matches(']'));
        } else if let Some((name, _)) = line.split_once(" = ") {
            return Some((format!("{section}{name}"), std::mem::take(&mut purpose)));
        }
        None
    })
}
