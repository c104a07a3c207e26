//! Removing what an attacker may have added to an account that its owner recovers.
//!
//! An attacker with access leaves ways to return: a linked identity, an address, a pending link. A
//! new password alone removes none of these.

use chrono::{DateTime, Duration, Utc};
use serde_json::json;

use crate::app::App;
use crate::domain::caller::Client;
use crate::domain::ids::UserId;
use crate::domain::user::{Contact, User};
use crate::fault::Fault;
use crate::messages::Message;
use crate::messages::parts::{Provider, SignIn};
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::outbox;
use crate::stores::{Tx, identity, link, user};

/// The name of the provider in messages and audit events.
const PROVIDER: &str = "Google";

/// Which recently linked identities are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeptIdentities {
    /// None.
    None,
    /// The one that the account was created with: it may be the only way to sign in.
    First,
}

/// Removes what was added within the time in which a change of address can be reverted: identities,
/// the verification of the other address, and all links but the oldest revert link.
///
/// `owner` is the account as written by this transaction. The caller has ended its sessions and
/// renewed its credential version, which invalidates codes and device tokens.
pub(super) async fn remove_additions(
    tx: &Tx,
    app: &App,
    client: &Client,
    owner: &User,
    used: Contact,
) -> Result<(), Fault> {
    link::delete_all_but_first_revert(tx, owner.id, app.clock.now()).await?;
    user::mark_unverified_since(tx, owner.id, used, since(app)).await?;
    unlink_recent_identities(tx, app, client, owner, (owner.id, KeptIdentities::None)).await
}

/// Unlinks the identities that were linked within that time, and tells the owner how to link one
/// again. Unlinked identities are remembered: they can only be linked again in a session.
pub(super) async fn unlink_recent_identities(
    tx: &Tx,
    app: &App,
    client: &Client,
    owner: &User,
    (actor, kept): (UserId, KeptIdentities),
) -> Result<(), Fault> {
    let since = since(app);
    let is_first = |created: DateTime<Utc>| created <= owner.created_at;
    let mut ended = false;
    for linked in identity::of_user(tx, owner.id).await? {
        let stays = kept == KeptIdentities::First && is_first(linked.created_at);
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
    let sign_in = SignIn(app.config.links.base_url.as_str());
    let message = Message::IdentitiesEnded(Provider(PROVIDER), sign_in);
    for recipient in outbox::verified_addresses(owner) {
        outbox::enqueue(tx, app, owner, &recipient, &message, None).await?;
    }
    Ok(())
}

/// Additions since this moment may be an attacker's.
fn since(app: &App) -> DateTime<Utc> {
    app.clock.now() - Duration::seconds(app.config.links.revert_seconds)
}
