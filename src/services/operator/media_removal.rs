//! Removing stored objects that nothing refers to any more.
//!
//! A removal is tried until the storage confirms it, however long that takes. See
//! `docs/decisions/media.md`.

use chrono::Duration;
use futures_util::future::try_join_all;

use super::delivery::back_off;
use crate::app::App;
use crate::domain::media::MediaObject;
use crate::fault::Fault;
use crate::stores::media_removal::{self, Removal};

/// The lease of a claimed removal. A request takes 30 seconds at most (`config/media.rs`), recording
/// the outcome 15.
const LEASE: Duration = Duration::seconds(60);

/// Tries a batch of the removals that are due; returns whether more may be.
pub async fn remove_due(app: &App) -> Result<bool, Fault> {
    let now = app.clock.now();
    let (storage, limit) = (app.media.storage(), app.config.media.removals);
    let count = u64::try_from(limit)?;
    let claimed = media_removal::claim(&app.database, storage, count, now + LEASE, now).await?;
    let is_full = claimed.len() == limit;
    try_join_all(claimed.into_iter().map(|removal| attempt(app, removal))).await?;
    Ok(is_full)
}

async fn attempt(app: &App, removal: Removal) -> Result<(), Fault> {
    let removed = match removal.object.parse::<MediaObject>() {
        Ok(object) => {
            let removed = app.media.remove(&object, app.clock.now()).await;
            removed.map_err(|error| error.to_string())
        }
        Err(_) => Err("the name of the object has an unknown form".to_owned()),
    };
    let is_noted = match &removed {
        Ok(()) => media_removal::complete(&app.database, &removal).await?,
        Err(failure) => {
            let due_at = app.clock.now() + back_off(app, removal.attempts);
            media_removal::postpone(&app.database, &removal, failure, due_at).await?
        }
    };
    if let Err(failure) = removed {
        tracing::warn!(
            removal.id = %removal.id,
            storage = removal.storage,
            attempts = removal.attempts,
            failure,
            "a stored object could not be removed"
        );
    }
    if !is_noted {
        tracing::debug!(removal.id = %removal.id, "another worker has tried this removal, too");
    }
    Ok(())
}
