//! Undoing what somebody else may have added to an account that its owner takes back.
//!
//! Whoever was in an account once wants a way back in: an identity of their own, an address of
//! their own, a link that waits. A new password alone leaves all of these.

use chrono::{DateTime, Duration, Utc};
use serde_json::json;

use crate::app::App;
use crate::domain::caller::Client;
use crate::domain::ids::UserId;
use crate::domain::user::{Contact, User};
use crate::fault::Fault;
use crate::messages::Message;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::outbox;
use crate::stores::{Tx, identity, link, user};

/// What messages and audit events call the provider.
const PROVIDER: &str = "Google";

/// Which identities of the last days stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spared {
    /// None.
    Nothing,
    /// The one that the account was made with: without it nobody might be able to sign in.
    TheFirst,
}

/// Undoes what was added within the time in which a change of address can be undone: identities,
/// the address that did not prove who asks, and links but the oldest undo.
///
/// `owner` is the account as it is from now on. The caller has ended sessions and renewed the
/// version of the credentials, which ends codes and known devices.
pub(super) async fn undo(
    tx: &Tx,
    app: &App,
    client: &Client,
    owner: &User,
    proven: Contact,
) -> Result<(), Fault> {
    link::delete_all_but_first_undo(tx, owner.id, app.clock.now()).await?;
    user::mark_unverified_since(tx, owner.id, proven, since(app)).await?;
    end_identities(tx, app, client, owner, (owner.id, Spared::Nothing)).await
}

/// Ends the identities that came to the account within that time, and tells the owner how to link
/// one again that was theirs. They are remembered as unlinked: only the owner, signed in, links
/// them again.
pub(super) async fn end_identities(
    tx: &Tx,
    app: &App,
    client: &Client,
    owner: &User,
    (actor, spared): (UserId, Spared),
) -> Result<(), Fault> {
    let since = since(app);
    let is_first = |created: DateTime<Utc>| created <= owner.created_at;
    let mut ended = false;
    for linked in identity::of_user(tx, owner.id).await? {
        let stays = spared == Spared::TheFirst && is_first(linked.created_at);
        if stays || linked.created_at < since {
            continue;
        }
        identity::unlink(tx, owner.id, linked.id, app.clock.now()).await?;
        let changes = json!({ "provider": PROVIDER, "identityId": linked.id.to_string() });
        let event = Event::new(Action::IdentityUnlinked, Subject::User(owner.id))
            .by_user(actor)
            .with(changes);
        audit::record(tx, app, client, event).await?;
        ended = true;
    }
    if !ended {
        return Ok(());
    }
    let message = Message::IdentitiesEnded {
        provider: PROVIDER,
        sign_in: app.config.links.base_url.as_str(),
    };
    for recipient in outbox::proven(owner) {
        outbox::enqueue(tx, app, &recipient, &message, None).await?;
    }
    Ok(())
}

/// From when on what was added may be somebody else's.
fn since(app: &App) -> DateTime<Utc> {
    app.clock.now() - Duration::seconds(app.config.links.revert_seconds)
}
