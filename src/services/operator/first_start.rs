//! What the first start makes by itself: the data directory and, in development, a master key.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use secrecy::ExposeSecret as _;

use crate::app;
use crate::config::Config;
use crate::crypto::keyring::MasterKey;
use crate::crypto::random::Random;
use crate::fault::Fault;

/// Makes the data directory (0700) and, where the configuration names none, a master key (0600).
///
/// Production never gets here without a configured key: a key beside the data it seals protects
/// copies of the database only.
pub fn prepare(config: &Config, random: &Random) -> Result<(), Fault> {
    make_data_dir(&config.data_dir)?;
    if config.keys.master().is_none() && !config.is_production() {
        make_master_key(&app::master_key_file(&config.data_dir), random)?;
    }
    Ok(())
}

/// Makes the data directory, closed to everybody else.
pub fn make_data_dir(directory: &Path) -> Result<(), Fault> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| {
            Fault::new(format!(
                "the data directory {} cannot be made: {error}",
                directory.display()
            ))
        })
}

/// Written once: an existing key is never replaced, also not by a start at the same moment.
fn make_master_key(file: &Path, random: &Random) -> Result<(), Fault> {
    let opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file);
    let mut handle = match opened {
        Ok(handle) => handle,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => {
            let file = file.display();
            return Err(Fault::new(format!(
                "the master key {file} cannot be written: {error}"
            )));
        }
    };
    let key = MasterKey::generate(random).to_text();
    handle.write_all(key.expose_secret().as_bytes())?;
    handle.write_all(b"\n")?;
    handle.sync_all()?;
    tracing::info!(file = %file.display(), "a master key was made; keep a copy of it");
    Ok(())
}
