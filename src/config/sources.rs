//! Where values come from: one file, the environment, and files that hold one secret each.
//!
//! Only settings that exist get a value; whatever else is found becomes an error.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::declaration::{Declaration, SettingIndex};
use super::redact::redacted;
use super::report::{ConfigError, Warning};
use super::values::Values;

/// More than any configuration needs, so that a wrong path cannot fill the memory.
const MAX_FILE_BYTES: u64 = 1_048_576;

/// Prefixes of names that are not settings: our tests, and what Kubernetes and Docker add for a
/// service that happens to be called idgate.
const IGNORED_PREFIXES: [&str; 3] = ["IDGATE_TEST_", "IDGATE_SERVICE_", "IDGATE_PORT_"];

/// Names that are not settings: read before settings are, by the build, by compose and by scripts.
const IGNORED_NAMES: [&str; 6] = [
    "IDGATE_CONFIG",
    "IDGATE_GRAPHIQL",
    "IDGATE_MAIL_PORT",
    "IDGATE_PORT",
    "IDGATE_SERVICES",
    "IDGATE_SERVICES_STATE",
];

/// Reads sources, each over those before it, and collects what is wrong with them.
pub(super) struct Sources<'a> {
    index: &'a SettingIndex,
    pub(super) values: Values,
    pub(super) errors: Vec<ConfigError>,
    pub(super) warnings: Vec<Warning>,
}

impl<'a> Sources<'a> {
    pub(super) fn defaults(index: &'a SettingIndex) -> Self {
        Self {
            index,
            values: Values::defaults(index),
            errors: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn refuse(
        &mut self,
        key: &str,
        origin: &str,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.errors.push(ConfigError {
            key: key.to_owned(),
            origin: origin.to_owned(),
            reason: reason.into(),
            remedy: remedy.into(),
        });
    }

    fn warn(&mut self, key: &str, reason: String) {
        let key = key.to_owned();
        self.warnings.push(Warning { key, reason });
    }

    /// Takes the settings of a file, whose unknown keys and sections are refused.
    pub(super) fn file(&mut self, path: &Path) {
        let origin = format!("file {}", redacted(&path.display().to_string()));
        let (text, is_world_readable) = match read(path) {
            Ok(read) => read,
            Err(reason) => {
                let remedy = "Name a readable TOML file with --config or IDGATE_CONFIG.";
                return self.refuse("", &origin, reason, remedy);
            }
        };
        let table: Table = match toml::from_str(&text) {
            Ok(table) => table,
            Err(error) => {
                // The error's own text quotes the line, which may hold a secret.
                let message = error.message().replace('\n', ", ");
                let reason = format!("line {}: {message}", line(&text, &error));
                return self.refuse("", &origin, reason, "Mend the TOML there.");
            }
        };
        for (name, value) in table {
            self.entry(&name, value, &origin);
        }
        if is_world_readable {
            let secrets = self.index.iter().filter(|setting| setting.is_secret);
            for setting in secrets {
                if self.values.origin(&setting.key) == origin {
                    let reason = format!("every user of this machine can read it in {origin}");
                    self.warn(&setting.key, reason);
                }
            }
        }
    }

    /// A setting at the top of a file, or a section.
    fn entry(&mut self, name: &str, value: Value, origin: &str) {
        match value {
            Value::Table(section) if self.index.is_section(name) || !section.is_empty() => {
                for (inner, value) in section {
                    self.setting(&format!("{name}.{inner}"), value, origin);
                }
            }
            _ if self.index.is_section(name) => {
                let remedy = format!("Write [{name}] and keys below it.");
                self.refuse(
                    name,
                    origin,
                    "this is a section, not a single value",
                    remedy,
                );
            }
            value => self.setting(name, value, origin),
        }
    }

    fn setting(&mut self, key: &str, value: Value, origin: &str) {
        if self.index.find(key).is_some() {
            self.values.set(key, value, origin);
        } else {
            let remedy = self.index.remedy_for_key(key);
            self.refuse(key, origin, "there is no such setting", remedy);
        }
    }

    /// Takes every variable that is a setting: conventional names first, then our own, then files of
    /// secrets, then the conventional names that win over all.
    pub(super) fn environment(&mut self, variables: Vec<(String, String)>) {
        let index = self.index;
        let (mut aliases, mut plain, mut files, mut last) = (vec![], vec![], vec![], vec![]);
        for (name, text) in variables {
            if let Some((setting, alias)) = index.by_alias(&name) {
                // Compose files pass on an unset variable as a blank one.
                if !text.trim().is_empty() {
                    let rank = if alias.wins { &mut last } else { &mut aliases };
                    rank.push((setting, name, text));
                }
            } else if let Some(setting) = index.by_variable(&name) {
                plain.push((setting, name, text));
            } else if let Some(setting) = secret_of_file(index, &name) {
                files.push((setting, name, text));
            } else if name.starts_with("IDGATE_") && !is_ignored(&name) {
                let origin = format!("environment variable {name}");
                let remedy = index.remedy_for_variable(&name);
                self.refuse("", &origin, "there is no such setting", remedy);
            }
        }
        for (setting, name, text) in aliases.into_iter().chain(plain) {
            self.variable(setting, &name, &text);
        }
        for (setting, name, path) in files {
            self.secret_file(setting, &name, &path);
        }
        for (setting, name, text) in last {
            self.variable(setting, &name, &text);
        }
    }

    fn variable(&mut self, setting: &Declaration, name: &str, text: &str) {
        self.text(setting, &format!("environment variable {name}"), text);
    }

    /// A secret from a file of its own, without the line break that editors add.
    fn secret_file(&mut self, setting: &Declaration, name: &str, path: &str) {
        let mut origin = format!("file {path} named by {name}");
        let (text, is_world_readable) = match read(Path::new(path.trim())) {
            Ok((text, _)) if text.trim().is_empty() => {
                let remedy = format!("Write the secret into it, or unset {name}.");
                return self.refuse(&setting.key, &origin, "the file is empty", remedy);
            }
            Ok(read) => read,
            Err(reason) => {
                // A path to no file may be the secret itself.
                if !Path::new(path.trim()).exists() {
                    origin = format!("file named by {name}");
                }
                let remedy = format!("Name a readable file, or unset {name}.");
                return self.refuse(&setting.key, &origin, reason, remedy);
            }
        };
        if is_world_readable {
            let reason = format!("every user of this machine can read {path}; chmod 600 it");
            self.warn(&setting.key, reason);
        }
        self.text(setting, &origin, &text);
    }

    fn text(&mut self, setting: &Declaration, origin: &str, text: &str) {
        if text.contains('\u{fffd}') {
            let remedy = setting.guidance();
            self.refuse(&setting.key, origin, "the value is not UTF-8", remedy);
        } else {
            self.values
                .set(&setting.key, Value::from(text.trim()), origin);
        }
    }
}

fn secret_of_file<'a>(index: &'a SettingIndex, variable: &str) -> Option<&'a Declaration> {
    let setting = index.by_variable(variable.strip_suffix("_FILE")?)?;
    setting.is_secret.then_some(setting)
}

/// The file named by the variables, when no argument names one.
pub(super) fn file_in(variables: &[(String, String)]) -> Option<PathBuf> {
    let mut named = variables.iter().rev();
    let (_, path) = named.find(|(name, _)| name == "IDGATE_CONFIG")?;
    let path = path.trim();
    (!path.is_empty()).then(|| PathBuf::from(path))
}

fn is_ignored(name: &str) -> bool {
    IGNORED_NAMES.contains(&name)
        || IGNORED_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// A file's text, and whether every user of the machine may read it.
fn read(path: &Path) -> Result<(String, bool), String> {
    let reason = |error: std::io::Error| format!("the file cannot be read: {error}");
    let file = File::open(path).map_err(reason)?;
    let is_world_readable = is_world_readable(&file.metadata().map_err(reason)?);
    let mut text = String::new();
    file.take(MAX_FILE_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(reason)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err("the file is larger than 1 MiB".to_owned());
    }
    Ok((text, is_world_readable))
}

#[cfg(unix)]
fn is_world_readable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o004 != 0
}

#[cfg(not(unix))]
fn is_world_readable(_: &std::fs::Metadata) -> bool {
    false
}

/// The line of a TOML error.
fn line(text: &str, error: &toml::de::Error) -> usize {
    let before = error.span().and_then(|span| text.get(..span.start));
    before.unwrap_or_default().matches('\n').count() + 1
}
