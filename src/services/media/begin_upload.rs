//! Asking for a place to upload an avatar to.

use chrono::Duration;

use super::secret;
use crate::app::App;
use crate::domain::avatar::CONTENT_TYPES;
use crate::domain::caller::{Caller, SignedIn};
use crate::domain::ids::UploadId;
use crate::domain::violation::{Violation, ViolationRule, Violations};
use crate::providers::media::{NewUpload, UploadForm};
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::avatar;
use crate::services::refused::Refused;
use crate::services::throttle::{self, RateLimit};
use crate::stores::avatar_upload::{self, Upload};
use crate::stores::user;

/// The picture that is about to be uploaded.
#[derive(Debug)]
pub struct NewAvatar {
    /// Its media type.
    pub content_type: String,
    /// Its size in bytes.
    pub content_length: i64,
}

/// A place to upload to.
#[derive(Debug)]
pub struct StartedUpload {
    /// The id to set it by.
    pub id: UploadId,
    /// How to upload.
    pub form: UploadForm,
    /// Seconds until it expires.
    pub expires_in: i64,
}

/// Why there is no place.
#[derive(Debug, PartialEq, Eq)]
pub enum BeginUploadProblem {
    /// The person has several open already.
    TooManyOpen,
}

/// Makes a place for the upload of an avatar.
pub async fn begin_upload(
    app: &App,
    caller: &Caller,
    person: &SignedIn,
    new: NewAvatar,
) -> Result<StartedUpload, Refused<BeginUploadProblem>> {
    let limit = RateLimit::AvatarUpload {
        user: person.user(),
    };
    throttle::charge(app, &caller.client, limit).await?;
    let (content_type, content_length) = check(app, &new)?;
    let (settings, now) = (&app.config.media, app.clock.now());
    let upload = Upload {
        id: app.new_id(),
        user_id: person.user(),
        content_type: content_type.to_owned(),
        content_length,
        created_at: now,
        expires_at: now + Duration::seconds(settings.upload_seconds),
    };
    let form = app.media.form(NewUpload {
        id: upload.id,
        content_type,
        content_length,
        secret: &secret(app, upload.id),
        lifetime: settings.upload_seconds,
        now,
    })?;
    let tx = app.begin().await?;
    // Held so that concurrent requests of one person are counted one after the other.
    let account = user::lock(&tx, person.user()).await?;
    if !account.is_some_and(|account| account.may_sign_in()) {
        return Err(Refused::Unauthenticated);
    }
    if avatar_upload::count_open(&tx, person.user(), now).await? >= settings.max_uploads {
        return Err(Refused::Because(BeginUploadProblem::TooManyOpen));
    }
    avatar_upload::insert(&tx, &upload).await?;
    avatar::schedule_removal_of_upload(&tx, app, upload.id, upload.expires_at).await?;
    let event = Event::new(Action::AvatarUploadBegun, Subject::User(person.user())).by(caller);
    audit::record(&tx, app, &caller.client, event).await?;
    tx.commit().await?;
    Ok(StartedUpload {
        id: upload.id,
        form,
        expires_in: settings.upload_seconds,
    })
}

fn check(app: &App, new: &NewAvatar) -> Result<(&'static str, u64), Violations> {
    let mut violations = Vec::new();
    let typed = new.content_type.trim();
    let known = CONTENT_TYPES
        .into_iter()
        .find(|known| typed.eq_ignore_ascii_case(known));
    if known.is_none() {
        let message = format!("one of {}", CONTENT_TYPES.join(", "));
        let rule = ViolationRule::NotAllowed;
        violations.push(Violation::new("contentType", rule, message));
    }
    let most = app.config.media.max_bytes;
    let length = u64::try_from(new.content_length).ok();
    let length = length.filter(|length| *length > 0).ok_or_else(|| {
        let message = "the picture is empty";
        Violation::new("contentLength", ViolationRule::TooShort, message)
    });
    let length = length.and_then(|length| {
        if length <= most {
            return Ok(length);
        }
        let message = format!("a picture has {most} bytes at most");
        let rule = ViolationRule::TooLong;
        Err(Violation::new("contentLength", rule, message))
    });
    let length = Violations::check(violations, length)?;
    Ok((known.unwrap_or_default(), length))
}
