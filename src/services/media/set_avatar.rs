//! Taking an upload as one's avatar.

use chrono::Duration;
use sha2::{Digest as _, Sha256};

use crate::app::{App, DecoderBusy};
use crate::domain::avatar::{Avatar, AvatarRule};
use crate::domain::caller::{Caller, SignedIn};
use crate::domain::ids::{RemovalId, UploadId};
use crate::domain::media::{AvatarName, AvatarReference, MediaObject};
use crate::domain::user::User;
use crate::domain::violation::{Violation, ViolationRule};
use crate::fault::Fault;
use crate::providers::media::MediaError;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::avatar;
use crate::services::refused::Refused;
use crate::services::throttle::{self, RateLimit};
use crate::stores::{avatar_upload, media_removal, user};

/// After which an avatar goes that was stored and that no account refers to: well above the time limit
/// of requests.
const UNREFERENCED: Duration = Duration::minutes(15);

/// Why the avatar stays as it is.
#[derive(Debug, PartialEq, Eq)]
pub enum SetAvatarProblem {
    /// There is no such upload, or it is another user's, expired or taken.
    NotFound,
    /// Nothing has been uploaded to this place yet.
    NothingUploaded,
}

type SetAvatarError = Refused<SetAvatarProblem>;

/// Makes an avatar of what was uploaded, stores it and removes the one before.
///
/// No transaction is open while the picture is read, decoded and stored. The upload is taken first, so
/// of two requests one does the work.
pub async fn set_avatar(
    app: &App,
    caller: &Caller,
    person: &SignedIn,
    id: UploadId,
) -> Result<User, SetAvatarError> {
    let limit = RateLimit::AvatarUpload {
        user: person.user(),
    };
    throttle::charge(app, &caller.client, limit).await?;
    let now = app.clock.now();
    if !avatar_upload::take(&app.database, id, person.user(), now).await? {
        return Err(Refused::Because(SetAvatarProblem::NotFound));
    }
    let picture = match decode(app, id).await {
        Ok(picture) => picture,
        Err(refused) => return Err(put_back(app, id, refused).await?),
    };
    let name = name(app, &picture);
    let unreferenced = announce(app, &name).await?;
    if let Err(error) = app.media.store(&name, picture.bytes, now).await {
        return Err(put_back(app, id, away(&error)).await?);
    }
    finish(app, caller, person, (id, name, unreferenced)).await
}

/// Reads what was uploaded, and decodes it.
async fn decode(app: &App, id: UploadId) -> Result<Avatar, SetAvatarError> {
    let limit = usize::try_from(app.config.media.max_bytes)?;
    let uploaded = app.media.read_upload(id, limit, app.clock.now()).await;
    let uploaded = uploaded.map_err(|error| match error {
        MediaError::Missing => Refused::Because(SetAvatarProblem::NothingUploaded),
        MediaError::TooLarge => {
            let message = format!("a picture has {limit} bytes at most");
            Violation::new("uploadId", ViolationRule::TooLong, message).into()
        }
        MediaError::Unavailable(_) => away(&error),
    })?;
    let decoded = app.pictures.read(uploaded).await;
    let decoded = decoded.map_err(|DecoderBusy| Refused::Unavailable)?;
    decoded.map_err(|rule| {
        let violated = match rule {
            AvatarRule::Format => ViolationRule::NotAllowed,
            AvatarRule::Pixels => ViolationRule::TooLong,
            AvatarRule::Damaged => ViolationRule::InvalidFormat,
        };
        Violation::new("uploadId", violated, rule.to_string()).into()
    })
}

/// Opens the place again, unless what is in it was refused; that goes.
async fn put_back(
    app: &App,
    id: UploadId,
    refused: SetAvatarError,
) -> Result<SetAvatarError, Fault> {
    if matches!(refused, Refused::Invalid(_)) {
        let tx = app.begin().await?;
        avatar_upload::delete(&tx, id).await?;
        avatar::enqueue_removal_of_upload(&tx, app, id).await?;
        tx.commit().await?;
        app.wake_removing();
    } else {
        avatar_upload::give_back(&app.database, id).await?;
    }
    Ok(refused)
}

fn away(error: &MediaError) -> SetAvatarError {
    tracing::warn!(%error, "the storage of pictures cannot be used");
    Refused::Unavailable
}

/// A hash of the contents, salted anew each time: no name is used twice, so that a removal which comes
/// late takes no newer avatar, and two people with one picture have two objects.
fn name(app: &App, picture: &Avatar) -> AvatarName {
    let salt: [u8; 32] = app.random.bytes();
    let hash = Sha256::new()
        .chain_update(salt)
        .chain_update(&picture.bytes);
    AvatarName::new(&hash.finalize().into(), picture.format)
}

/// Enqueues the removal of an avatar that is about to be stored, which [`finish`] withdraws.
async fn announce(app: &App, name: &AvatarName) -> Result<RemovalId, Fault> {
    let tx = app.begin().await?;
    let object = MediaObject::Avatar(name.clone());
    let due_at = app.clock.now() + UNREFERENCED;
    let id = avatar::enqueue(&tx, app, (app.media.storage(), &object), due_at).await?;
    tx.commit().await?;
    Ok(id)
}

/// Refers to the stored avatar instead of the one before.
async fn finish(
    app: &App,
    caller: &Caller,
    person: &SignedIn,
    (upload, name, unreferenced): (UploadId, AvatarName, RemovalId),
) -> Result<User, SetAvatarError> {
    let tx = app.begin().await?;
    let account = user::lock(&tx, person.user()).await?;
    let before = account
        .filter(User::may_sign_in)
        .ok_or(Refused::Unauthenticated)?;
    if !media_removal::withdraw(&tx, unreferenced).await? {
        return Err(Refused::Unavailable);
    }
    avatar::enqueue_removal_of_avatar(&tx, app, &before).await?;
    avatar_upload::delete(&tx, upload).await?;
    avatar::enqueue_removal_of_upload(&tx, app, upload).await?;
    let reference = AvatarReference::Ours(app.media.storage(), name).to_string();
    let after = user::set_avatar(&tx, before.id, Some(reference), app.clock.now()).await?;
    let event = Event::new(Action::AvatarSet, Subject::User(before.id)).by(caller);
    audit::record(&tx, app, &caller.client, event).await?;
    tx.commit().await?;
    app.wake_removing();
    Ok(after)
}
