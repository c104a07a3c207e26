//! Avatars: a place to upload to, taking what was uploaded, and removing it.
//!
//! Every object has its removal enqueued before it can exist, so none is left behind by a request that
//! ends half-way: see `docs/decisions/media.md`.

mod begin_upload;
mod receive;
mod remove_avatar;
mod set_avatar;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

use crate::app::App;
use crate::domain::ids::UploadId;

pub use crate::providers::media::UploadForm;
pub use begin_upload::{BeginUploadProblem, NewAvatar, StartedUpload, begin_upload};
pub use receive::{ReceiveProblem, receive};
pub use remove_avatar::remove_avatar;
pub use set_avatar::{SetAvatarProblem, set_avatar};

/// The label of the secrets of uploads.
const SECRET: &str = "avatar-upload";

/// What has to be presented with an upload to idgate: a MAC of its id, so that none is stored.
fn secret(app: &App, id: UploadId) -> String {
    let mac = app.keyring.blind_index(SECRET, &id.to_string());
    URL_SAFE_NO_PAD.encode(mac)
}

/// Whether this is the secret of this upload, also under a former master key.
fn is_secret(app: &App, id: UploadId, presented: &str) -> bool {
    let Ok(presented) = URL_SAFE_NO_PAD.decode(presented) else {
        return false;
    };
    let macs = app.keyring.blind_indices(SECRET, &id.to_string());
    macs.iter()
        .any(|mac| bool::from(mac.as_slice().ct_eq(&presented)))
}
