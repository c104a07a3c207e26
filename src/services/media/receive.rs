//! Receiving an upload, where idgate stores pictures itself.

use std::convert::Infallible;

use futures_util::Stream;

use super::is_secret;
use crate::app::App;
use crate::domain::caller::Client;
use crate::domain::ids::UploadId;
use crate::fault::Fault;
use crate::providers::media::{Media, ReceiveError};
use crate::services::refused::Refused;
use crate::services::throttle::{self, RateLimit};
use crate::stores::avatar_upload;

/// Why an upload was not received.
#[derive(Debug, PartialEq, Eq)]
pub enum ReceiveProblem {
    /// There is no such open place, or the secret is not its own.
    NotFound,
    /// Another request is uploading to this place.
    Busy,
    /// It is longer than announced.
    TooLong,
    /// It is shorter than announced, or broke off.
    TooShort,
}

/// Receives an upload as it arrives. `announced` is the length of the body, if the request says it.
///
/// The secret is all that authorizes it: it is a MAC, so a wrong one costs no statement.
pub async fn receive<B, E>(
    app: &App,
    client: &Client,
    (id, secret): (UploadId, &str),
    announced: Option<u64>,
    body: impl Stream<Item = Result<B, E>>,
) -> Result<(), Refused<ReceiveProblem, Infallible>>
where
    B: AsRef<[u8]>,
{
    let not_found = || Refused::Because(ReceiveProblem::NotFound);
    let Media::Local(local) = &app.media else {
        return Err(not_found());
    };
    if !is_secret(app, id, secret) {
        return Err(not_found());
    }
    let found = avatar_upload::find_open(&app.database, id, app.clock.now()).await?;
    let upload = found.ok_or_else(not_found)?;
    let limit = RateLimit::AvatarUpload {
        user: upload.user_id,
    };
    throttle::charge(app, client, limit).await?;
    if let Some(announced) = announced.filter(|length| *length != upload.content_length) {
        return Err(Refused::Because(if announced > upload.content_length {
            ReceiveProblem::TooLong
        } else {
            ReceiveProblem::TooShort
        }));
    }
    let received = local.receive(id, upload.content_length, body).await;
    received.map_err(|error| match error {
        ReceiveError::TooLong => Refused::Because(ReceiveProblem::TooLong),
        ReceiveError::TooShort | ReceiveError::BrokenOff => {
            Refused::Because(ReceiveProblem::TooShort)
        }
        ReceiveError::Busy => Refused::Because(ReceiveProblem::Busy),
        ReceiveError::Disk(error) => {
            let fault = Fault::from(error);
            tracing::warn!(?fault, "an upload cannot be written");
            Refused::Unavailable
        }
    })
}
