//! Parts of the application, each built from its settings.

use std::path::Path;
use std::time::Duration;

use zeroize::Zeroizing;

use super::master_key_file;
use crate::config::Config;
use crate::crypto::hasher::HasherParameters;
use crate::crypto::id_token::{IssuerKeys, IssuerKeysError};
use crate::crypto::keyring::{Keyring, MasterKey};
use crate::crypto::simplejwt::{LegacyClaims, SimpleJwt, UnusableKey};
use crate::fault::Fault;
use crate::providers::google::{KeyDocument, ProviderKeys};

pub(super) fn keyring(config: &Config) -> Result<Keyring, Fault> {
    let current = match config.keys.master() {
        Some(configured) => MasterKey::parse(configured)?,
        None => read_master_key(&config.data_dir)?,
    };
    let previous = config
        .keys
        .master_previous()
        .map(MasterKey::parse)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Keyring::new(current, previous))
}

/// The master key that the first start created in the data directory.
fn read_master_key(data_dir: &Path) -> Result<MasterKey, Fault> {
    let file = master_key_file(data_dir);
    let text = std::fs::read_to_string(&file).map(Zeroizing::new).map_err(|error| {
        Fault::new(format!(
            "there is no master key: {}: {error}; start `idgate serve` once, which makes one in \
             development, or set IDGATE_KEYS__MASTER",
            file.display()
        ))
    })?;
    Ok(MasterKey::parse(text.trim())?)
}

pub(super) fn hasher_parameters(config: &Config) -> HasherParameters {
    let hashing = &config.hashing;
    HasherParameters {
        memory_kib: hashing.memory_kib,
        iterations: hashing.iterations,
        parallelism: 1,
        threads: hashing.threads(),
        queue: hashing.queue,
    }
}

impl KeyDocument for IssuerKeys {
    type Error = IssuerKeysError;

    fn read(document: &[u8]) -> Result<Self, IssuerKeysError> {
        Self::read(document)
    }

    fn has(&self, key_id: &str) -> bool {
        self.has(key_id)
    }
}

pub(super) fn google(config: &Config) -> Result<Option<ProviderKeys<IssuerKeys>>, Fault> {
    let settings = &config.google;
    if !settings.is_enabled() {
        return Ok(None);
    }
    let timeout = Duration::from_millis(settings.timeout_milliseconds);
    Ok(Some(ProviderKeys::new(&settings.jwks_url, timeout)?))
}

pub(super) fn simplejwt(config: &Config) -> Result<Option<SimpleJwt>, UnusableKey> {
    let settings = &config.migration;
    let claims = LegacyClaims {
        user_id: settings.simplejwt_user_id_claim.clone(),
        issuer: settings.simplejwt_issuer.clone(),
        audience: settings.simplejwt_audience.clone(),
        issued_before: settings.simplejwt_issued_before(),
    };
    let key = settings.simplejwt_key();
    key.map(|key| SimpleJwt::new(key, claims)).transpose()
}
