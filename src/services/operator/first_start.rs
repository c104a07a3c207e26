//! What a start makes by itself: the data directory, in development a master key, and the claim to
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

/// The claim of one server to a SQLite file, for as long as this is kept.
///
/// The lock belongs to the open file: however the process ends, the kernel takes it back, and a
/// file that was left behind stops nobody.
#[derive(Debug)]
pub struct Claim(#[expect(dead_code, reason = "held, not read")] File);

/// Claims the SQLite file for this server, unless another one has it.
///
/// Two servers over one file would keep budgets and codes each for itself and wait for each
/// other's writes. Commands write beside a server and claim nothing. Over Postgres there may be as
/// many servers as one likes, so nothing is claimed there.
pub fn claim(config: &Config) -> Result<Option<Claim>, Fault> {
    let DatabaseLocation::Sqlite(database) = app::database_settings(config).location else {
        return Ok(None);
    };
    // Whatever name the file goes by: two of them lead to one lock.
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
            // Some network file systems have no locks, and SQLite should not be there either.
            let lock = Path::new(&lock).display();
            tracing::warn!(
                %error,
                "{lock} cannot be locked; make sure that no second server uses this directory"
            );
            Ok(None)
        }
    }
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
