//! Writing the exports of personal data that wait.

use chrono::Duration;

use crate::app::App;
use crate::fault::Fault;
use crate::messages::Message;
use crate::messages::parts::{SignIn, ValidFor};
use crate::services::{export_archive, outbox};
use crate::stores::data_export::{self, ClaimedExport, FinishedArchive};

/// The lease of an export, extended with each part. A crashed writer's export waits that long.
const LEASE: Duration = Duration::seconds(120);
/// Attempts before an export is given up.
const MAX_ATTEMPTS: i64 = 5;

/// Writes the export that has waited longest; `false` if none waits.
pub async fn write_next(app: &App) -> Result<bool, Fault> {
    let now = app.clock.now();
    let claimed = data_export::claim(&app.database, now + LEASE, now).await?;
    let Some(claim) = claimed else {
        return Ok(false);
    };
    if claim.attempts > MAX_ATTEMPTS {
        let tx = app.begin().await?;
        data_export::give_up(&tx, &claim).await?;
        tx.commit().await?;
        return Ok(true);
    }
    let lease = || app.clock.now() + LEASE;
    let archive = export_archive::write(app, claim, lease).await?;
    if let Some(archive) = archive {
        finish(app, &claim, &archive).await?;
    }
    Ok(true)
}

/// Signs the archive, makes it downloadable, and tells its owner.
async fn finish(
    app: &App,
    claim: &ClaimedExport,
    archive: &export_archive::Archive,
) -> Result<(), Fault> {
    let now = app.clock.now();
    let hours = app.config.lifecycle.export_hours;
    let finished = FinishedArchive {
        size: i64::try_from(archive.size)?,
        signature: app.signing_keys().sign_document(now, &archive.digest)?,
        expires_at: now + Duration::hours(hours),
    };
    let until = finished.expires_at;
    let tx = app.begin().await?;
    if !data_export::finish(&tx, claim, finished).await? {
        return Ok(());
    }
    let sign_in = SignIn(app.config.links.base_url.as_str());
    let message = Message::DataExportReady(sign_in, ValidFor::Hours(hours));
    for recipient in outbox::verified_addresses(&archive.owner) {
        outbox::enqueue(&tx, app, &archive.owner, &recipient, &message, Some(until)).await?;
    }
    tx.commit().await?;
    app.wake_outbox();
    Ok(())
}
