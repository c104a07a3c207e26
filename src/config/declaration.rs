//! Declarations of settings: documentation, default, range and names.

use toml::Value;

use super::redact::redacted;

/// A setting.
pub(super) struct Declaration {
    /// Such as `server.listen`.
    pub(super) key: String,
    /// The documentation as one line.
    pub(super) purpose: String,
    pub(super) default: Value,
    /// What a blank default becomes: in development, and in production.
    pub(super) by_environment: Option<[Value; 2]>,
    /// A conventional variable that sets it too.
    pub(super) alias: Option<Alias>,
    /// Minimum and maximum of a number.
    pub(super) range: Option<[String; 2]>,
    /// A secret is never printed and may be read from a file of its own.
    pub(super) is_secret: bool,
}

/// A conventional variable, such as `DATABASE_URL`.
#[derive(Clone, Copy)]
pub(super) struct Alias {
    pub(super) name: &'static str,
    /// Whether it overrides every other source; otherwise our own variable overrides it.
    pub(super) wins: bool,
}

impl Declaration {
    /// The variable that sets it.
    pub(super) fn variable(&self) -> String {
        format!("IDGATE_{}", self.key.to_uppercase().replace('.', "__"))
    }

    /// The purpose, and what a blank default becomes.
    pub(super) fn documentation(&self) -> String {
        match &self.by_environment {
            Some([development, production]) => format!(
                "{} Empty is {} in development and {} in production.",
                self.purpose,
                display(development),
                display(production)
            ),
            None => self.purpose.clone(),
        }
    }

    /// The documentation and the default, as the remedy of a message.
    pub(super) fn guidance(&self) -> String {
        format!(
            "{} Default: {}.",
            self.documentation(),
            display(&self.default)
        )
    }
}

/// The key of a setting; outside of a section it is the name alone.
pub(super) fn key(section: &str, name: &str) -> String {
    if section.is_empty() {
        name.to_owned()
    } else {
        format!("{section}.{name}")
    }
}

/// The lines of a documentation comment as one.
pub(super) fn joined(lines: &[&str]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| line.trim()).collect();
    lines.join(" ")
}

/// The bounds of a range as text.
pub(super) fn range<N: ToString>(range: &std::ops::RangeInclusive<N>) -> [String; 2] {
    [range.start().to_string(), range.end().to_string()]
}

/// A list as a default.
pub(super) fn list<const N: usize>(items: [&str; N]) -> Value {
    Value::Array(items.into_iter().map(Value::from).collect())
}

/// A value as a configuration file would write it.
pub(super) fn display(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{:?}", redacted(text)),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        Value::Boolean(on) => on.to_string(),
        Value::Datetime(instant) => instant.to_string(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(display).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Table(_) => "{…}".to_owned(),
    }
}

/// A setting that was removed, and what to do about it.
const REMOVED: [(&str, &str); 1] = [(
    "hashing.parallelism",
    "Remove it: lanes of a hash never ran in parallel, and every new hash has one.",
)];

/// Every setting, in the order of the documentation.
pub(super) struct SettingIndex(Vec<Declaration>);

impl SettingIndex {
    pub(super) const fn new(declarations: Vec<Declaration>) -> Self {
        Self(declarations)
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Declaration> {
        self.0.iter()
    }

    pub(super) fn find(&self, key: &str) -> Option<&Declaration> {
        self.iter().find(|setting| setting.key == key)
    }

    pub(super) fn is_section(&self, name: &str) -> bool {
        self.iter().any(|setting| {
            setting
                .key
                .split_once('.')
                .is_some_and(|(section, _)| section == name)
        })
    }

    pub(super) fn by_variable(&self, variable: &str) -> Option<&Declaration> {
        self.iter().find(|setting| setting.variable() == variable)
    }

    pub(super) fn by_alias(&self, variable: &str) -> Option<(&Declaration, Alias)> {
        self.iter().find_map(|setting| {
            let alias = setting.alias.filter(|alias| alias.name == variable)?;
            Some((setting, alias))
        })
    }

    /// What to do about an unknown key.
    pub(super) fn remedy_for_key(&self, written: &str) -> String {
        if let Some((_, remedy)) = REMOVED.iter().find(|(key, _)| *key == written) {
            return (*remedy).to_owned();
        }
        let name = |key: &str| key.rsplit('.').next().unwrap_or(key).to_owned();
        let moved = || {
            self.iter()
                .find(|setting| name(&setting.key) == name(written))
        };
        nearest(self.iter().map(|setting| setting.key.clone()), written)
            .or_else(|| moved().map(|setting| setting.key.clone()))
            .map_or_else(
                || "Remove it; `idgate config show` lists every setting.".to_owned(),
                |key| format!("Did you mean {key}?"),
            )
    }

    /// What to do about a variable that there is not.
    pub(super) fn remedy_for_variable(&self, written: &str) -> String {
        let key = written
            .strip_prefix("IDGATE_")
            .map(|rest| rest.to_lowercase().replace("__", "."));
        if let Some((_, remedy)) = REMOVED.iter().find(|(old, _)| Some(*old) == key.as_deref()) {
            return (*remedy).to_owned();
        }
        let plain = written
            .strip_suffix("_FILE")
            .filter(|plain| self.by_variable(plain).is_some());
        if let Some(plain) = plain {
            return format!("Only secrets are read from files; use {plain}.");
        }
        nearest(self.iter().map(Declaration::variable), written).map_or_else(
            || "Unset it; `idgate config show` lists every setting.".to_owned(),
            |variable| format!("Did you mean {variable}?"),
        )
    }
}

/// The name that was probably meant, if one is similar enough.
fn nearest(names: impl Iterator<Item = String>, written: &str) -> Option<String> {
    let written = written.to_lowercase();
    names
        .map(|name| {
            let distance = strsim::damerau_levenshtein(&name.to_lowercase(), &written);
            (distance, name)
        })
        .filter(|(distance, name)| *distance <= (name.len() / 4).max(2))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
