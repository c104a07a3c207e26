//! The mark of a row that an export made: the id of the account and a keyed digest of it, so that no
//! one else can make the mark of an account, and a later export knows the row again.

use uuid::Uuid;

use crate::app::App;
use crate::domain::ids::UserId;

const PREFIX: &str = "idgate-";
const LABEL: &str = "export-mark";
/// Bytes of the digest.
const BYTES: usize = 12;

fn of_digest(id: Uuid, digest: &[u8]) -> String {
    let digest = digest.get(..BYTES).unwrap_or(digest);
    format!("{PREFIX}{}{}", id.simple(), hex::encode(digest))
}

/// The mark of an account.
pub(in crate::services::operator) fn mark(app: &App, user: UserId) -> String {
    let digest = app.keyring.blind_index(LABEL, &user.to_string());
    of_digest(user.uuid(), &digest)
}
