//! Checking that an [`App`](super::App) can be built from a configuration.
//!
//! The configuration parses addresses itself, but the libraries that use them have the last word.
//! Nothing here writes, connects unless asked to, or repeats a library's message about an address,
//! which may contain a password.

use std::fs::File;
use std::path::Path;

use chrono::DateTime;
use url::Url;

use super::{database_settings, google, keyring, master_key_file, simplejwt};
use crate::config::Config;
use crate::domain::clock::Clock;
use crate::fault::Fault;
use crate::providers::breached::Breached;
use crate::providers::mailer::Mailer;
use crate::providers::media::Media;
use crate::providers::sms::Sms;
use crate::stores::{Database, DatabaseLocation};
use crate::telemetry::Metrics;
use crate::volatile::Volatile;

/// An invalid setting.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct InvalidSetting {
    key: &'static str,
    reason: String,
}

impl InvalidSetting {
    fn because(key: &'static str, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { key, reason }
    }
}

/// Has the drivers parse the addresses of the stores: cheap enough for every command.
///
/// # Errors
/// The setting that a driver rejects.
pub fn check_stores(config: &Config) -> Result<(), InvalidSetting> {
    database_settings(config)
        .location
        .check()
        .map_err(|error| InvalidSetting::because("database.url", error.to_string()))?;
    Volatile::configured(&config.redis, DateTime::UNIX_EPOCH)
        .map(drop)
        .map_err(|error| InvalidSetting::because("redis.url", error.to_string()))
}

/// Builds every part of a server that neither listens nor connects.
///
/// # Errors
/// The first invalid setting.
pub fn check(config: &Config) -> Result<(), InvalidSetting> {
    check_stores(config)?;
    check_certificates(config)?;
    let refused = |key: &'static str| move |error| InvalidSetting::because(key, format!("{error}"));
    Mailer::configured(&config.smtp).map_err(refused("smtp.url"))?;
    Sms::configured(&config.sms).map_err(refused("sms.url"))?;
    Media::configured(config).map_err(refused("media.storage"))?;
    Breached::configured(&config.breached, &Metrics::new()).map_err(refused("breached.url"))?;
    google(config).map_err(refused("google.jwks_url"))?;
    simplejwt(config)
        .map_err(|error| InvalidSetting::because("migration.simplejwt_key", error.to_string()))?;
    // Without a configured key there may be no file yet: the first start creates it.
    if config.keys.master().is_some() || master_key_file(&config.data_dir).exists() {
        keyring(config).map_err(refused("keys.master"))?;
    }
    Ok(())
}

/// Asks every configured server whether it is usable; returns a line for each that is not. Changes
/// nothing.
///
/// # Errors
/// An invalid setting.
pub async fn connection_problems(config: &Config) -> Result<Vec<String>, Fault> {
    let settings = database_settings(config);
    let volatile = Volatile::configured(&config.redis, DateTime::UNIX_EPOCH)?;
    let mailer = Mailer::configured(&config.smtp)?;
    let database = async {
        // Opening a SQLite file would create it.
        if let DatabaseLocation::Sqlite(_) = settings.location {
            return None;
        }
        let reached = match Database::open(&settings).await {
            Ok(database) => database.expect_tables().await,
            Err(fault) => Err(fault),
        };
        reached.err().map(|fault| fault.to_string())
    };
    let shared_store = async {
        let pinged = volatile.ping(Clock::System.now()).await;
        pinged.err().map(|unavailable| unavailable.to_string())
    };
    let mail = async {
        let reached = mailer.as_ref()?.reach().await;
        reached.err().map(|unreachable| unreachable.to_string())
    };
    let found = futures_util::join!(database, shared_store, mail);
    Ok([found.0, found.1, found.2].into_iter().flatten().collect())
}

/// The Postgres driver opens the files that its URL names only when it connects.
fn check_certificates(config: &Config) -> Result<(), InvalidSetting> {
    let files = [
        "sslrootcert",
        "ssl-root-cert",
        "ssl-ca",
        "sslcert",
        "ssl-cert",
        "sslkey",
        "ssl-key",
    ];
    let Some(url) = config.database.url().and_then(|url| Url::parse(&url).ok()) else {
        return Ok(());
    };
    let named = url
        .query_pairs()
        .filter(|(name, _)| files.contains(&name.as_ref()));
    for (name, file) in named {
        let is_inline = file.contains("-----BEGIN");
        if !is_inline && File::open(Path::new(file.as_ref())).is_err() {
            let reason = format!("the file that {name} names cannot be read");
            return Err(InvalidSetting::because("database.url", reason));
        }
    }
    Ok(())
}
