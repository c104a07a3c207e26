//! Where values come from: one file, the environment, and files that hold one secret each.
//!
//! A layer keeps only values of settings that exist; whatever else it finds becomes an error.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use figment::value::{Dict, Map, Num, Value};
use figment::{Metadata, Profile, Provider};

use super::catalogue::{Catalogue, Entry, find, planted};
use super::report::{ConfigError, Warning};
use super::values;

/// More than any configuration needs, so that a wrong path cannot fill the memory.
const LARGEST_FILE: u64 = 1_048_576;

/// Names that everybody knows, with the setting they stand for.
const CONVENTIONAL: [(&str, &str); 3] = [
    ("DATABASE_URL", "database.url"),
    ("REDIS_URL", "redis.url"),
    ("RUST_LOG", "telemetry.log"),
];

/// Starts of names that are not settings: our tests, and what Kubernetes and Docker add for a
/// service that happens to be called idgate.
const FOREIGN_STARTS: [&str; 3] = ["IDGATE_TEST_", "IDGATE_SERVICE_", "IDGATE_PORT_"];

/// Names that are not settings: read before settings are, by the build, by compose and by scripts.
const FOREIGN_NAMES: [&str; 6] = [
    "IDGATE_CONFIG",
    "IDGATE_GRAPHIQL",
    "IDGATE_MAIL_PORT",
    "IDGATE_PORT",
    "IDGATE_SERVICES",
    "IDGATE_SERVICES_STATE",
];

/// Values from one place, with a name for that place.
pub(super) struct Layer {
    pub(super) origin: String,
    pub(super) values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> figment::error::Result<Map<Profile, Dict>> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

/// Reads layers and collects what is wrong with them.
pub(super) struct Reader<'a> {
    catalogue: &'a Catalogue,
    pub(super) errors: Vec<ConfigError>,
    pub(super) warnings: Vec<Warning>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(catalogue: &'a Catalogue) -> Self {
        Self {
            catalogue,
            errors: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn refuse(&mut self, key: &str, origin: &str, reason: String, remedy: String) {
        let (key, origin) = (key.to_owned(), origin.to_owned());
        self.errors.push(ConfigError {
            key,
            origin,
            reason,
            remedy,
        });
    }

    /// The settings of a file, whose unknown keys and sections are refused.
    pub(super) fn file(&mut self, path: &Path) -> Option<Layer> {
        let origin = format!("file {}", values::redacted(&path.display().to_string()));
        let remedy = "Name a readable TOML file with --config or IDGATE_CONFIG.";
        let (text, open_to_all) = match read(path) {
            Ok(read) => read,
            Err(reason) => {
                self.refuse("", &origin, reason, remedy.to_owned());
                return None;
            }
        };
        let written: Dict = match toml::from_str(&text) {
            Ok(written) => written,
            Err(error) => {
                // The error's own text quotes the line, which may hold a secret.
                let message = error.message().replace('\n', ", ");
                let reason = format!("{}: {message}", place(&text, &error));
                self.refuse("", &origin, reason, "Mend the TOML there.".to_owned());
                return None;
            }
        };
        let values = self.known(written, &origin);
        if open_to_all {
            self.warn_of_open_secrets(&values, &origin);
        }
        Some(Layer { origin, values })
    }

    /// Keeps the settings that exist.
    fn known(&mut self, written: Dict, origin: &str) -> Dict {
        let mut kept = Dict::new();
        for (name, value) in written {
            match (self.catalogue.defaults.get(&name), value) {
                (Some(Value::Dict(..)), Value::Dict(tag, section)) => {
                    let section = self.known_in_section(&name, section, origin);
                    kept.insert(name, Value::Dict(tag, section));
                }
                (Some(Value::Dict(..)), _) => {
                    let reason = "this is a section, not a single value".to_owned();
                    self.refuse(
                        &name,
                        origin,
                        reason,
                        format!("Write [{name}] and keys below it."),
                    );
                }
                (Some(_), value) => {
                    kept.insert(name, value);
                }
                (None, Value::Dict(_, section)) if !section.is_empty() => {
                    for inner in section.keys() {
                        self.refuse_unknown_key(&format!("{name}.{inner}"), origin);
                    }
                }
                (None, _) => self.refuse_unknown_key(&name, origin),
            }
        }
        kept
    }

    fn known_in_section(&mut self, name: &str, section: Dict, origin: &str) -> Dict {
        let mut kept = Dict::new();
        for (inner, value) in section {
            let key = format!("{name}.{inner}");
            if self.catalogue.find(&key).is_some() {
                kept.insert(inner, value);
            } else {
                self.refuse_unknown_key(&key, origin);
            }
        }
        kept
    }

    fn refuse_unknown_key(&mut self, key: &str, origin: &str) {
        let remedy = match self.catalogue.nearest_key(key) {
            Some(nearest) => format!("Did you mean {nearest}?"),
            None => "Remove it; `idgate config show` lists every setting.".to_owned(),
        };
        self.refuse(key, origin, "there is no such setting".to_owned(), remedy);
    }

    fn warn_of_open_secrets(&mut self, values: &Dict, origin: &str) {
        for entry in self.catalogue.iter().filter(|entry| entry.is_secret()) {
            if find(values, &entry.key).is_some() {
                let reason = format!("every user of this machine can read it in {origin}");
                self.warnings.push(Warning {
                    key: entry.key.clone(),
                    reason,
                });
            }
        }
    }

    /// A layer for each variable that is a setting, in the order in which they override each other.
    pub(super) fn environment(&mut self, variables: Vec<(String, String)>) -> Vec<Layer> {
        let (mut conventional, mut plain, mut files, mut last) = (vec![], vec![], vec![], vec![]);
        let catalogue = self.catalogue;
        for (name, value) in variables {
            let known = CONVENTIONAL.iter().find(|(variable, _)| *variable == name);
            if let Some((_, key)) = known {
                // Blank is how compose files pass on a variable that nobody set.
                let entry = catalogue.find(key).filter(|_| !value.trim().is_empty());
                let layer = entry.and_then(|entry| self.variable(entry, &name, &value));
                let rank = if name == "RUST_LOG" {
                    &mut last
                } else {
                    &mut conventional
                };
                rank.extend(layer);
            } else if let Some(entry) = catalogue.by_variable(&name) {
                plain.extend(self.variable(entry, &name, &value));
            } else if let Some(entry) = self.secret_behind(&name) {
                files.extend(self.secret_file(entry, &name, &value));
            } else if name.starts_with("IDGATE_") && !is_foreign(&name) {
                self.refuse_unknown_variable(&name);
            }
        }
        [conventional, plain, files, last]
            .into_iter()
            .flatten()
            .collect()
    }

    fn secret_behind(&self, variable: &str) -> Option<&'a Entry> {
        let entry = self
            .catalogue
            .by_variable(variable.strip_suffix("_FILE")?)?;
        entry.is_secret().then_some(entry)
    }

    fn variable(&mut self, entry: &Entry, name: &str, text: &str) -> Option<Layer> {
        let origin = format!("environment variable {name}");
        self.layer(entry, origin, text)
    }

    /// A secret from a file of its own, without the line break that editors add.
    fn secret_file(&mut self, entry: &Entry, name: &str, path: &str) -> Option<Layer> {
        let mut origin = format!("file {path} named by {name}");
        let (text, open_to_all) = match read(Path::new(path.trim())) {
            Ok((text, _)) if text.trim().is_empty() => {
                let remedy = format!("Write the secret into it, or unset {name}.");
                self.refuse(&entry.key, &origin, "the file is empty".to_owned(), remedy);
                return None;
            }
            Ok(read) => read,
            Err(reason) => {
                // What is no file may be the secret itself.
                if !Path::new(path.trim()).exists() {
                    origin = format!("file named by {name}");
                }
                let remedy = format!("Name a readable file, or unset {name}.");
                self.refuse(&entry.key, &origin, reason, remedy);
                return None;
            }
        };
        if open_to_all {
            let reason = format!("every user of this machine can read {path}; chmod 600 it");
            self.warnings.push(Warning {
                key: entry.key.clone(),
                reason,
            });
        }
        self.layer(entry, origin, &text)
    }

    fn layer(&mut self, entry: &Entry, origin: String, text: &str) -> Option<Layer> {
        let reason = if text.contains('\u{fffd}') {
            "the value is not UTF-8".to_owned()
        } else {
            match typed(&entry.default, text) {
                Ok(value) => {
                    return Some(Layer {
                        origin,
                        values: planted(&entry.key, value),
                    });
                }
                Err(expected) => format!("{} is not {expected}", values::quoted(text)),
            }
        };
        self.refuse(&entry.key, &origin, reason, entry.guidance());
        None
    }

    fn refuse_unknown_variable(&mut self, name: &str) {
        let nearest = self.catalogue.nearest_variable(name);
        let plain = name
            .strip_suffix("_FILE")
            .and_then(|name| self.catalogue.by_variable(name));
        let remedy = match (plain, nearest) {
            (Some(entry), _) => {
                format!("Only secrets are read from files; use {}.", entry.variable)
            }
            (None, Some(nearest)) => format!("Did you mean {nearest}?"),
            (None, None) => "Unset it; `idgate config show` lists every setting.".to_owned(),
        };
        let origin = format!("environment variable {name}");
        self.refuse("", &origin, "there is no such setting".to_owned(), remedy);
    }
}

/// The file named by the variables, when no argument names one.
pub(super) fn file_in(variables: &[(String, String)]) -> Option<PathBuf> {
    let named = variables
        .iter()
        .rev()
        .find(|(name, _)| name == "IDGATE_CONFIG");
    named
        .map(|(_, path)| path.trim())
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
}

fn is_foreign(name: &str) -> bool {
    FOREIGN_NAMES.contains(&name) || FOREIGN_STARTS.iter().any(|start| name.starts_with(start))
}

/// Text from the environment as the kind of value the default is, so that a password of digits
/// stays a text.
fn typed(default: &Value, text: &str) -> Result<Value, &'static str> {
    let written = text.trim();
    match default {
        Value::Bool(..) => values::truth(written)
            .map(Value::from)
            .ok_or("true or false"),
        Value::Num(_, Num::F32(_) | Num::F64(_)) => written
            .parse::<f64>()
            .map(Value::from)
            .map_err(|_| "a number"),
        Value::Num(..) => written
            .parse::<i64>()
            .map(Value::from)
            .map_err(|_| "a whole number"),
        Value::Array(..) => {
            let items = written
                .split([',', '\n'])
                .map(str::trim)
                .filter(|item| !item.is_empty());
            Ok(Value::from(items.map(Value::from).collect::<Vec<_>>()))
        }
        _ => Ok(Value::from(written)),
    }
}

/// A file's text, and whether every user of the machine may read it.
fn read(path: &Path) -> Result<(String, bool), String> {
    let reason = |error: std::io::Error| format!("the file cannot be read: {error}");
    let file = File::open(path).map_err(reason)?;
    let open_to_all = is_open_to_all(&file.metadata().map_err(reason)?);
    let mut text = String::new();
    file.take(LARGEST_FILE + 1)
        .read_to_string(&mut text)
        .map_err(reason)?;
    if text.len() as u64 > LARGEST_FILE {
        return Err("the file is larger than 1 MiB".to_owned());
    }
    Ok((text, open_to_all))
}

#[cfg(unix)]
fn is_open_to_all(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o004 != 0
}

#[cfg(not(unix))]
fn is_open_to_all(_: &std::fs::Metadata) -> bool {
    false
}

fn place(text: &str, error: &toml::de::Error) -> String {
    let before = error
        .span()
        .and_then(|span| text.get(..span.start))
        .unwrap_or_default();
    format!("line {}", before.matches('\n').count() + 1)
}
