//! Removing the stored pictures of accounts, in the transaction that lets go of them.
//!
//! The objects themselves go afterwards (`operator/media_removal.rs`): the row stays until the storage
//! confirms it, so a storage that is down loses no removal and holds up no request.

use chrono::{DateTime, Duration, Utc};

use crate::app::App;
use crate::domain::ids::{RemovalId, UploadId};
use crate::domain::media::{AvatarReference, MediaObject, Storage};
use crate::domain::user::User;
use crate::fault::Fault;
use crate::stores::{Tx, avatar_upload, media_removal};

/// How long after its place has expired an upload can still arrive: the storages accept what began in
/// time, and Cloudinary a signature for an hour.
const LATE_ARRIVALS: Duration = Duration::minutes(65);

/// Enqueues the removal of all that is stored for a person: the avatar, and uploads that were not taken.
///
/// Wake the loop ([`App::wake_removing`]) after the commit.
pub(super) async fn enqueue_removal(tx: &Tx, app: &App, user: &User) -> Result<(), Fault> {
    enqueue_removal_of_avatar(tx, app, user).await?;
    for upload in avatar_upload::delete_of_user(tx, user.id).await? {
        enqueue_removal_of_upload(tx, app, upload).await?;
    }
    Ok(())
}

/// Enqueues the removal of the avatar alone.
pub(super) async fn enqueue_removal_of_avatar(
    tx: &Tx,
    app: &App,
    user: &User,
) -> Result<(), Fault> {
    let Some(stored) = &user.avatar else {
        return Ok(());
    };
    let (storage, object) = match AvatarReference::read(stored) {
        AvatarReference::Ours(storage, name) => (storage, MediaObject::Avatar(name)),
        AvatarReference::Imported(id) if is_own(app, &id) => {
            (Storage::Cloudinary, MediaObject::Imported(public_id(&id)))
        }
        // Not ours to remove, or one that several people share.
        AvatarReference::Url(_) | AvatarReference::Imported(_) => return Ok(()),
    };
    enqueue(tx, app, (storage, &object), app.clock.now()).await?;
    Ok(())
}

/// Enqueues the removal of an upload that is not needed any more.
pub(super) async fn enqueue_removal_of_upload(
    tx: &Tx,
    app: &App,
    id: UploadId,
) -> Result<(), Fault> {
    let object = MediaObject::Upload(id);
    let place = (app.media.storage(), &object);
    enqueue(tx, app, place, app.clock.now()).await?;
    Ok(())
}

/// Enqueues the removal of an upload that may still come, for after it has.
pub(super) async fn schedule_removal_of_upload(
    tx: &Tx,
    app: &App,
    id: UploadId,
    expires_at: DateTime<Utc>,
) -> Result<(), Fault> {
    let object = MediaObject::Upload(id);
    let place = (app.media.storage(), &object);
    enqueue(tx, app, place, expires_at + LATE_ARRIVALS).await?;
    Ok(())
}

/// Enqueues the removal of an object from `due_at` on.
pub(super) async fn enqueue(
    tx: &Tx,
    app: &App,
    place: (Storage, &MediaObject),
    due_at: DateTime<Utc>,
) -> Result<RemovalId, Fault> {
    let id = app.new_id();
    media_removal::insert(tx, id, place, due_at, app.clock.now()).await?;
    Ok(id)
}

/// Whether an imported picture belongs to one person, as the configuration says.
fn is_own(app: &App, id: &str) -> bool {
    let prefix = app.config.media.imported_prefix.as_deref();
    prefix.is_some_and(|prefix| id.starts_with(prefix))
}

/// Cloudinary's public ids of pictures have no extension; imported values may.
fn public_id(imported: &str) -> String {
    let known = ["jpg", "jpeg", "png", "webp", "gif"];
    match imported.rsplit_once('.') {
        Some((id, extension)) if known.contains(&extension.to_ascii_lowercase().as_str()) => {
            id.to_owned()
        }
        _ => imported.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_ids_have_no_extension() {
        assert_eq!(public_id("avatars/2024/ada.JPG"), "avatars/2024/ada");
        assert_eq!(public_id("avatars/v1.2/ada"), "avatars/v1.2/ada");
        assert_eq!(public_id("ada"), "ada");
    }
}
