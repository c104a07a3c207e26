//! What a start prepares by itself: the data directory, in development a master key, and the lock on
//! a SQLite file.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use secrecy::ExposeSecret as _;

use crate::app;
use crate::config::Config;
use crate::crypto::keyring::MasterKey;
use crate::crypto::random::Random;
use crate::fault::Fault;
use crate::stores::DatabaseLocation;

/// Creates the data directory (0700) and, if none is configured, a master key (0600).
///
/// Never in production: a key next to the data that it seals only protects copies of the database.
pub fn prepare(config: &Config, random: &Random) -> Result<(), Fault> {
    make_data_dir(&config.data_dir)?;
    if config.keys.master().is_none() && !config.is_production() {
        make_master_key(&app::master_key_file(&config.data_dir), random)?;
    }
    Ok(())
}

/// The lock of one server on a SQLite file, held while this value exists.
///
/// The kernel releases it however the process ends, so a leftover file blocks no start.
#[derive(Debug)]
pub struct Claim(#[expect(dead_code, reason = "held, not read")] File);

/// Locks the SQLite file for this server, unless another one holds it.
///
/// Two servers on one file would each keep their own rate limits and codes, and block each other's
/// writes. Commands write beside a server and take no lock. Postgres supports many servers and is
/// not locked.
pub fn claim(config: &Config) -> Result<Option<Claim>, Fault> {
    let DatabaseLocation::Sqlite(database) = app::database_settings(config).location else {
        return Ok(None);
    };
    // Resolve symbolic links, so that all names of the file have one lock.
    let database = std::fs::canonicalize(&database).unwrap_or(database);
    let mut lock = database.clone().into_os_string();
    lock.push("-serve");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&lock)
        .map_err(|error| {
            let lock = Path::new(&lock).display();
            Fault::new(format!("the lock file {lock} cannot be opened: {error}"))
        })?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Claim(file))),
        Err(TryLockError::WouldBlock) => {
            let directory = database.parent().unwrap_or(&database).display();
            Err(Fault::new(format!(
                "another idgate serves from {directory}; stop it first, or give this one a \
                 directory of its own (IDGATE_DATA_DIR), or use Postgres (DATABASE_URL), which \
                 several instances can share"
            )))
        }
        Err(TryLockError::Error(error)) => {
            // Some network file systems have no locks; SQLite should not be used there either.
            let lock = Path::new(&lock).display();
            tracing::warn!(
                %error,
                "{lock} cannot be locked; make sure that no second server uses this directory"
            );
            Ok(None)
        }
    }
}

/// Creates the data directory, inaccessible to other users.
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

/// Never replaces an existing key, not even one of a concurrent start.
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
