//! Puts the layers on top of each other, fills in what follows from the rest, and checks the whole.
//!
//! Errors do not stop the reading: a bad value is noted and replaced by its default, so that one
//! start names everything there is to mend.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use figment::Figment;
use figment::error::Kind;
use figment::value::Value;
use url::Url;

use super::catalogue::{Catalogue, Entry, as_json, planted, shown};
use super::layers::{Layer, Reader, file_in};
use super::report::{ConfigError, ConfigErrors, FOLLOWS_PUBLIC_URL, Review, Setting};
use super::values::quoted;
use super::{Config, links, safety};

impl Config {
    /// Reads defaults, then a file, then the environment, then secret files; each overrides those
    /// before it.
    ///
    /// The file is `file`, or else the one that `IDGATE_CONFIG` names in `environment`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with its key, where it came from, why, and what to do.
    pub fn load(
        file: Option<PathBuf>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigErrors> {
        let catalogue = Catalogue::embedded().map_err(|error| ConfigErrors(vec![error]))?;
        let variables: Vec<_> = environment.into_iter().collect();
        let mut reader = Reader::new(&catalogue);
        let defaults = Layer {
            origin: "built-in default".into(),
            values: catalogue.defaults.clone(),
        };
        let mut merged = Figment::from(defaults);
        let path = file.or_else(|| file_in(&variables));
        if let Some(layer) = path.and_then(|path| reader.file(&path)) {
            merged = merged.merge(layer);
        }
        for layer in reader.environment(variables) {
            merged = merged.merge(layer);
        }
        let Reader {
            mut errors,
            warnings,
            ..
        } = reader;

        let (config, merged) = extract(merged, &catalogue, &mut errors);
        let Some(mut config) = config else {
            return Err(ConfigErrors(errors));
        };
        let origin = |key: &str| origin_of(&merged, key);
        let mut review = Review::new(config.is_production(), &origin, errors, warnings);
        config.check(&mut review);
        let Review {
            errors, warnings, ..
        } = review;
        if !errors.is_empty() {
            return Err(ConfigErrors(errors));
        }
        config.settings = catalogue
            .iter()
            .map(|entry| describe(&merged, entry))
            .collect();
        config.warnings = warnings;
        Ok(config)
    }

    fn check(&self, review: &mut Review<'_>) {
        if self.data_dir.as_os_str().is_empty() {
            review.refuse(
                "data_dir",
                "no directory is named, so data would land at the root of the disk",
                "Name a directory, such as \"./data\".",
            );
        }
        review.path("data_dir", &self.data_dir);
        self.server.check(review);
        self.database.check(review);
        self.redis.check(review);
        self.keys.check(review);
        self.tokens.check(review);
        self.sessions.check(review);
        self.registration.check(review);
        self.password.check(review);
        self.hashing.check(review);
        self.links.check(&self.server.public_url, review);
        self.throttle.check(review);
        self.google.check(review);
        self.graphql.check(review);
        // A day: who wants no request to be slow writes that.
        review.within("telemetry.slow_ms", self.telemetry.slow_ms, 0..=86_400_000);
        self.phone.check(review);
        self.profile.check(review);
        self.otp.check(review);
        self.messages.check(review);
        self.outbox.check(review);
        self.audit.check(review);
        self.smtp.check(review);
        self.sms.check(review);
        self.breached.check(review);
        self.router.check(review);
        self.subscriptions.check(review);
        safety::check(self, review);
    }
}

/// Reads the sections, replacing every value that cannot be read until all can.
fn extract(
    mut merged: Figment,
    catalogue: &Catalogue,
    errors: &mut Vec<ConfigError>,
) -> (Option<Config>, Figment) {
    let mut replaced = BTreeSet::new();
    loop {
        let complete = resolve(merged.clone());
        let error = match complete.extract::<Config>() {
            Ok(config) => return (Some(config), complete),
            Err(error) => error,
        };
        let key = error
            .path
            .iter()
            .take(2)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(".");
        // A list's item has the list's key; a top-level list would be `name.0`.
        let entry = catalogue
            .find(&key)
            .or_else(|| catalogue.find(key.split('.').next()?));
        errors.push(unreadable(&complete, &key, entry, &error));
        match entry {
            Some(entry) if replaced.insert(entry.key.clone()) => {
                let values = planted(&entry.key, entry.default.clone());
                merged = merged.merge(Layer {
                    origin: "built-in default".into(),
                    values,
                });
            }
            _ => return (None, complete),
        }
    }
}

fn unreadable(
    merged: &Figment,
    key: &str,
    entry: Option<&Entry>,
    error: &figment::Error,
) -> ConfigError {
    let secret = entry.is_some_and(Entry::is_secret);
    let reason = match &error.kind {
        _ if secret => "the value is not of the right kind (it is not shown)".to_owned(),
        Kind::UnknownVariant(found, known) => {
            let known: Vec<_> = known.iter().map(|name| format!("{name:?}")).collect();
            format!("{} is not one of {}", quoted(found), known.join(", "))
        }
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            let written = match merged.find_value(key) {
                Ok(Value::String(_, text)) => quoted(&text),
                Ok(value) => shown(&value),
                Err(_) => found.to_string(),
            };
            format!("{written} is not {}", in_words(expected))
        }
        kind => kind.to_string(),
    };
    ConfigError {
        key: entry.map_or_else(|| key.to_owned(), |entry| entry.key.clone()),
        origin: origin_of(merged, key),
        reason,
        remedy: entry.map(Entry::guidance).unwrap_or_default(),
    }
}

/// What a field takes, for people who do not read Rust.
fn in_words(expected: &str) -> &str {
    match expected {
        "u8" | "u32" | "u64" | "usize" | "i64" => "a whole number of a fitting size",
        "f64" => "a number",
        "a string" => "a text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        other => other,
    }
}

fn origin_of(merged: &Figment, key: &str) -> String {
    merged
        .find_metadata(key)
        .map_or_else(|| "unknown".to_owned(), |found| found.name.to_string())
}

/// Fills in what is left blank and follows from the rest.
fn resolve(mut merged: Figment) -> Figment {
    let production = text_at(&merged, "env") == "production";
    let by_environment = if production {
        "default in production"
    } else {
        "default in development"
    };
    let choices = [
        (
            "registration.confirmation",
            if production { "required" } else { "optional" }.into(),
        ),
        (
            "server.drain_notice_seconds",
            Value::from(if production { 5 } else { 0 }),
        ),
        ("graphql.introspection", Value::from(!production)),
        ("graphql.graphiql", Value::from(!production)),
        (
            "graphql.staff_introspection",
            if production { "signed-in" } else { "listener" }.into(),
        ),
        (
            "graphql.trusted_documents",
            if production { "required" } else { "off" }.into(),
        ),
    ];
    for (key, value) in choices {
        merged = fill(merged, key, value, by_environment);
    }

    let local = local_url(&text_at(&merged, "server.listen"));
    merged = fill(
        merged,
        "server.public_url",
        local.clone().into(),
        "follows server.listen",
    );
    let staff = text_at(&merged, "server.staff_listen");
    if !staff.is_empty() {
        let url = local_url(&staff).into();
        merged = fill(
            merged,
            "server.staff_url",
            url,
            "follows server.staff_listen",
        );
    }
    let written = text_at(&merged, "server.public_url");
    // One that cannot be read is refused as itself, not once more for each that follows it.
    let public_url = if Url::parse(&written).is_ok() {
        written
    } else {
        local
    };
    let issuer = public_url.trim_end_matches('/').to_owned();
    merged = fill(merged, "tokens.issuer", issuer.into(), FOLLOWS_PUBLIC_URL);
    merged = fill(
        merged,
        "links.base_url",
        public_url.clone().into(),
        FOLLOWS_PUBLIC_URL,
    );
    let base_url = text_at(&merged, "links.base_url");
    let lead_here = match (Url::parse(&base_url), Url::parse(&public_url)) {
        (Ok(base), Ok(public)) => links::path_here(&base, &public).is_some(),
        _ => false,
    };
    let hosted = Value::from(lead_here && !production);
    fill(merged, "links.hosted", hosted, by_environment)
}

fn fill(merged: Figment, key: &str, value: Value, origin: &str) -> Figment {
    match merged.find_value(key) {
        Ok(Value::String(_, text)) if text.trim().is_empty() => {
            let values = planted(key, value);
            merged.merge(Layer {
                origin: origin.to_owned(),
                values,
            })
        }
        _ => merged,
    }
}

fn text_at(merged: &Figment, key: &str) -> String {
    let found = merged.find_value(key).ok().and_then(Value::into_string);
    found.map(|text| text.trim().to_owned()).unwrap_or_default()
}

/// Where this machine reaches the listener.
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

fn describe(merged: &Figment, entry: &Entry) -> Setting {
    let origin = origin_of(merged, &entry.key);
    let found = merged.find_value(&entry.key).ok();
    let blank = match &found {
        Some(Value::String(_, text)) => text.trim().is_empty(),
        Some(Value::Array(_, items)) => items.is_empty(),
        _ => true,
    };
    let value = match found {
        _ if entry.is_secret() && blank => "not set".to_owned(),
        _ if entry.is_secret() => "set (hidden)".to_owned(),
        Some(value) => shown(&value),
        None => String::new(),
    };
    let json = match merged.find_value(&entry.key) {
        Ok(found) if !entry.is_secret() => as_json(&found),
        _ => value.clone().into(),
    };
    Setting {
        key: entry.key.clone(),
        value,
        origin,
        json,
    }
}
