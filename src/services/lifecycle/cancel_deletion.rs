//! Keeping an account that one has deleted.

use std::convert::Infallible;

use serde_json::json;

use crate::app::App;
use crate::domain::caller::Caller;
use crate::domain::deletion::Taken;
use crate::domain::user::User;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::deletion::{self, MAX_ATTEMPTS, Restoration};
use crate::services::links;
use crate::services::refused::Refused;
use crate::services::throttle::{self, RateLimit};
use crate::stores::link::LinkPurpose;
use crate::stores::{deleted_record, user};

/// Why the account stays deleted.
#[derive(Debug, PartialEq, Eq)]
pub enum CancelDeletionProblem {
    /// The token is unknown, used or expired, or the time is over.
    TokenInvalid,
    /// Another account has these by now.
    Taken(Vec<Taken>),
}

/// Restores an account by a token that its owner got when they deleted it, or by signing in since.
///
/// Starts no session: the owner signs in as usual.
pub async fn cancel_account_deletion(
    app: &App,
    caller: &Caller,
    token: &str,
) -> Result<(), Refused<CancelDeletionProblem, Infallible>> {
    throttle::charge(app, &caller.client, RateLimit::RedeemLink).await?;
    let invalid = || Refused::Because(CancelDeletionProblem::TokenInvalid);
    let presented = links::find(app, LinkPurpose::CancelDeletion, token).await?;
    let presented = presented.ok_or_else(invalid)?;
    let id = presented.link.user_id;
    for _ in 0..MAX_ATTEMPTS {
        let tx = app.begin().await?;
        let held = user::lock(&tx, id).await?.filter(User::is_deleted);
        let held = held.ok_or_else(invalid)?;
        let record = deleted_record::lock(&tx, id).await?;
        let record = record.filter(|record| record.is_cancellable(app.clock.now()));
        let record = record.ok_or_else(invalid)?;
        if !presented.consume(&tx, app).await? {
            return Err(invalid());
        }
        match deletion::restore(&tx, app, &held, &record).await? {
            Restoration::Done(_) => {
                let event = Event::new(Action::DeletionCancelled, Subject::User(id))
                    .by_user(id)
                    .with(json!({ "isDeleted": { "before": true, "after": false } }));
                audit::record(&tx, app, &caller.client, event).await?;
                return Ok(tx.commit().await?);
            }
            // The token stays valid, because nothing of this is committed.
            Restoration::Taken(by_others) => {
                return Err(Refused::Because(CancelDeletionProblem::Taken(by_others)));
            }
            Restoration::Raced => {}
        }
    }
    Err(deletion::kept_changing().into())
}
