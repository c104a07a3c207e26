//! One import at a time. Both kinds of locks end with the process, so a killed one keeps nothing.

use std::fs::File;

use rustix::fs::{FlockOperation, flock};

use crate::app::App;
use crate::fault::Fault;
use crate::stores::{Tx, import_run};

/// The lock, until it is dropped.
pub(super) enum Lock {
    /// A transaction of its own.
    Server(Tx),
    /// A file beside the database: a transaction would keep the gateway from writing.
    File { _held: File },
}

impl Lock {
    /// Takes it; `None` while another import runs.
    pub(super) async fn take(app: &App) -> Result<Option<Self>, Fault> {
        if !app.database.is_sqlite() {
            let tx = app.begin().await?;
            return Ok(import_run::lock(&tx).await?.then_some(Self::Server(tx)));
        }
        let file = File::create(app.config.data_dir.join("import.lock"))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self::File { _held: file })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Releases it before this returns; dropping it only begins to.
    pub(super) async fn release(self) -> Result<(), Fault> {
        match self {
            Self::Server(tx) => tx.commit().await,
            Self::File { .. } => Ok(()),
        }
    }

    /// Whether it is still held: a connection may have ended.
    pub(super) async fn check(&self) -> Result<(), Fault> {
        match self {
            Self::Server(tx) if !import_run::lock(tx).await? => {
                Err(Fault::new("the lock of the import was lost"))
            }
            Self::Server(_) | Self::File { .. } => Ok(()),
        }
    }
}
