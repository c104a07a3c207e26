//! Avatars.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject, Union};

use crate::domain::ids::UploadId;
use crate::schema::answer::{IntoProblem, answer};
use crate::schema::directives::{AtMost, Authenticated, Cost, PASSWORD_HASH};
use crate::schema::error::Error;
use crate::schema::problem::{Conflict, InputInvalid, NotFound, RateLimited};
use crate::schema::request::ContextExt as _;
use crate::schema::scalars::ByteCount;
use crate::schema::types::user::User;
use crate::services::media::{
    self, BeginUploadProblem, NewAvatar, SetAvatarProblem, StartedUpload,
};

/// Maximum number of headers or fields of an upload, for the cost of a query.
const MAX_PARAMETERS: usize = 8;

/// The picture that is about to be uploaded.
#[derive(InputObject)]
pub struct BeginAvatarUploadInput {
    /// The media type: `image/jpeg`, `image/png`, `image/webp` or `image/gif`.
    content_type: String,
    /// The exact size in bytes.
    content_length: ByteCount,
}

/// A header or a form field of an upload.
#[derive(Clone, SimpleObject)]
pub struct UploadParameter {
    /// The name.
    name: String,
    /// The value, to be sent as it is.
    value: String,
}

/// Where and how to upload the picture. With `PUT`, the picture is the body. With `POST`, the body is
/// a form (`multipart/form-data`) of all `fields`, followed by the picture as the field `file`.
#[derive(SimpleObject)]
pub struct AvatarUpload {
    /// The ID for `setAvatar`.
    upload_id: ID,
    /// The address to upload to, without cookies or an access token.
    url: String,
    /// The HTTP method.
    method: String,
    /// The headers to send.
    #[graphql(directive = AtMost::apply(MAX_PARAMETERS))]
    headers: Vec<UploadParameter>,
    /// The fields of the form; none with `PUT`.
    #[graphql(directive = AtMost::apply(MAX_PARAMETERS))]
    fields: Vec<UploadParameter>,
    /// Seconds within which to upload the picture and to call `setAvatar`.
    expires_in: i32,
}

impl From<StartedUpload> for AvatarUpload {
    fn from(started: StartedUpload) -> Self {
        let parameters = |pairs: Vec<(&'static str, String)>| {
            let parameter = |(name, value): (&str, String)| UploadParameter {
                name: name.to_owned(),
                value,
            };
            pairs.into_iter().map(parameter).collect()
        };
        Self {
            upload_id: started.id.to_string().into(),
            url: started.form.url,
            method: started.form.method.to_owned(),
            headers: parameters(started.form.headers),
            fields: parameters(started.form.fields),
            expires_in: i32::try_from(started.expires_in).unwrap_or(i32::MAX),
        }
    }
}

/// The result of `beginAvatarUpload`: `AvatarUpload` with the place. `Conflict` if several uploads are
/// open already; `InputInvalid` if such a picture is not accepted.
#[derive(Union)]
pub enum BeginAvatarUploadResult {
    AvatarUpload(AvatarUpload),
    Conflict(Conflict),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

impl IntoProblem<BeginAvatarUploadResult> for BeginUploadProblem {
    fn into_problem(self) -> BeginAvatarUploadResult {
        match self {
            Self::TooManyOpen => Conflict::TOO_MANY_UPLOADS.into(),
        }
    }
}

/// The uploaded picture.
#[derive(InputObject)]
pub struct SetAvatarInput {
    /// The `uploadId` of `beginAvatarUpload`. It can be used once.
    upload_id: ID,
}

/// The avatar was set.
#[derive(SimpleObject)]
pub struct AvatarSet {
    /// The user, with the new `avatarUrl`.
    user: User,
}

/// The result of `setAvatar`: `AvatarSet` with the user. `NotFound` if the upload has expired, was
/// used, or is another user's; `Conflict` if nothing has been uploaded yet; `InputInvalid` if it is
/// not a picture that can be accepted.
#[derive(Union)]
pub enum SetAvatarResult {
    AvatarSet(Box<AvatarSet>),
    NotFound(NotFound),
    Conflict(Conflict),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

impl IntoProblem<SetAvatarResult> for SetAvatarProblem {
    fn into_problem(self) -> SetAvatarResult {
        match self {
            Self::NotFound => NotFound.into(),
            Self::NothingUploaded => Conflict::NOTHING_UPLOADED.into(),
        }
    }
}

/// The avatar was removed, or there was none.
#[derive(SimpleObject)]
pub struct AvatarRemoved {
    /// The user, with the default `avatarUrl`.
    user: User,
}

/// The result of `removeAvatar`: `AvatarRemoved` with the user.
#[derive(Union)]
pub enum RemoveAvatarResult {
    AvatarRemoved(Box<AvatarRemoved>),
    RateLimited(RateLimited),
}

#[derive(Clone, Copy, Debug, Default)]
pub struct MediaMutations;

#[Object]
impl MediaMutations {
    /// Asks for a place to upload a picture of the signed-in user to. Nothing changes until
    /// `setAvatar`.
    #[graphql(directive = Authenticated::apply())]
    async fn begin_avatar_upload(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The type and the size of the picture.")] input: BeginAvatarUploadInput,
    ) -> Result<BeginAvatarUploadResult, Error> {
        let person = context.authorize()?;
        let new = NewAvatar {
            content_type: input.content_type,
            content_length: input.content_length.0,
        };
        let outcome = media::begin_upload(context.app(), context.caller(), person, new).await;
        answer(outcome, AvatarUpload::from)
    }

    /// Takes an uploaded picture as the avatar: its middle, as a square of 512 pixels, without
    /// metadata. The avatar before is deleted.
    #[graphql(directive = Authenticated::apply(), directive = Cost::apply(PASSWORD_HASH))]
    async fn set_avatar(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The uploaded picture.")] input: SetAvatarInput,
    ) -> Result<SetAvatarResult, Error> {
        let person = context.authorize()?;
        let Ok(id) = input.upload_id.parse::<UploadId>() else {
            return Ok(SetAvatarResult::NotFound(NotFound));
        };
        let outcome = media::set_avatar(context.app(), context.caller(), person, id).await;
        answer(outcome, |user| Box::new(AvatarSet { user: user.into() }))
    }

    /// Deletes the avatar of the signed-in user.
    #[graphql(directive = Authenticated::apply())]
    async fn remove_avatar(&self, context: &Context<'_>) -> Result<RemoveAvatarResult, Error> {
        let person = context.authorize()?;
        let outcome = media::remove_avatar(context.app(), context.caller(), person).await;
        answer(outcome, |user| {
            Box::new(AvatarRemoved { user: user.into() })
        })
    }
}
