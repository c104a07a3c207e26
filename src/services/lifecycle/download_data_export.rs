//! Downloading a copy of one's own data.

use std::convert::Infallible;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::app::App;
use crate::crypto::seal::SealingKey;
use crate::domain::caller::Caller;
use crate::domain::ids::DataExportId;
use crate::fault::Fault;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::export_archive;
use crate::services::refused::Refused;
use crate::services::throttle::{self, RateLimit};
use crate::stores::{data_export, person_key};

/// Why there is nothing to download.
#[derive(Debug, PartialEq, Eq)]
pub enum DownloadProblem {
    /// The caller has no export with this id that is ready and has not expired.
    NotFound,
}

/// An archive, to be read part by part.
pub struct Download {
    app: Arc<App>,
    id: DataExportId,
    key: SealingKey,
    next: i64,
    /// Bytes of the whole archive.
    pub size: u64,
}

impl std::fmt::Debug for Download {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Download")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Download {
    /// The next part; `None` at the end.
    pub async fn next_part(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, Fault> {
        let part = data_export::part(&self.app.database, self.id, self.next).await?;
        let Some(sealed) = part else {
            return Ok(None);
        };
        let opened = export_archive::open_part(&self.key, self.id, self.next, &sealed)?;
        self.next += 1;
        Ok(Some(opened))
    }
}

/// Opens an archive of the caller's data.
pub async fn download_data_export(
    app: &Arc<App>,
    caller: &Caller,
    id: Option<DataExportId>,
) -> Result<Download, Refused<DownloadProblem, Infallible>> {
    let owner = caller.signed_in().ok_or(Refused::Unauthenticated)?.user();
    let limit = RateLimit::AccountChange { user: owner };
    throttle::charge(app, &caller.client, limit).await?;
    let not_found = || Refused::Because(DownloadProblem::NotFound);
    let id = id.ok_or_else(not_found)?;
    let found = data_export::find_of_user(&app.database, owner, id).await?;
    let export = found
        .filter(|export| export.is_downloadable(app.clock.now()))
        .ok_or_else(not_found)?;
    let tx = app.begin().await?;
    let sealed_key = person_key::find(&tx, owner).await?;
    let sealed_key = sealed_key.ok_or_else(not_found)?;
    let event = Event::new(Action::DataExportDownloaded, Subject::User(owner)).by(caller);
    audit::record(&tx, app, &caller.client, event).await?;
    tx.commit().await?;
    Ok(Download {
        key: audit::open_person_key(app, owner, &sealed_key)?,
        app: Arc::clone(app),
        id,
        next: 0,
        size: export.size.unsigned_abs(),
    })
}
