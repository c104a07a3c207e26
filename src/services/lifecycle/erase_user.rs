//! Erasing an account, which cannot be undone.

use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::domain::caller::{Caller, Fresh, Holding};
use crate::domain::ids::UserId;
use crate::domain::permission::PermissionType as _;
use crate::domain::permission::types::UsersDelete;
use crate::domain::rank::Rank;
use crate::domain::user::User;
use crate::fault::Fault;
use crate::services::audit::{Action, Event, Subject};
use crate::services::erasure;
use crate::services::refused::Refused;
use crate::services::staff_change::{Accounts, Change, PrivilegeProblem, Target, changed};
use crate::stores::erasure_request::{self, ErasureRequest};
use crate::stores::{Tx, user};

/// How long a second person can confirm an erasure.
const CONFIRMATION_HOURS: i64 = 24;

/// The outcome of a request to erase an account.
#[derive(Clone, Copy, Debug)]
pub enum Erasure {
    /// The account is gone.
    Done(UserId),
    /// Another person has to confirm it before this instant.
    Requested(DateTime<Utc>),
}

/// Erases a live or deleted account; where two people are needed, the first one requests it.
pub async fn erase_user(
    app: &App,
    caller: &Caller,
    (person, _): (Holding<'_, UsersDelete>, Fresh<'_>),
    target: Target,
) -> Result<Erasure, Refused<PrivilegeProblem>> {
    let change = Change {
        app,
        caller,
        person,
        action: Action::UserErased,
    };
    let requested = target.requested_change(Map::default());
    let outcome = change.erase(target).await;
    change.record_refusal(requested, outcome).await
}

impl Change<'_, UsersDelete> {
    async fn erase(self, mut target: Target) -> Result<Erasure, Refused<PrivilegeProblem>> {
        let (change, app) = (self, self.app);
        let begun = change.begin_privilege_change(&mut target, Accounts::Any, |_| true);
        let (tx, held) = begun.await?;
        let mut requested_by = None;
        if app.config.lifecycle.erase_needs_two {
            match change.first_request(&tx, held.id).await? {
                FirstRequest::ByAnother(first) => requested_by = Some(first),
                FirstRequest::Own(expires_at) => return Ok(Erasure::Requested(expires_at)),
                FirstRequest::Missing => return Ok(change.request(tx, target).await?),
            }
        }
        let mut changes = Map::new();
        changes.insert("wasDeleted".to_owned(), json!(held.is_deleted()));
        if let Some(first) = requested_by {
            changes.insert("requestedBy".to_owned(), json!(first.to_string()));
        }
        if let Some(reason) = &target.reason {
            changes.insert("reason".to_owned(), json!(reason));
        }
        let event = Event::new(change.action, Subject::Erased(held.id))
            .by(change.caller)
            .with(Value::Object(changes));
        let client = &change.caller.client;
        let erased = erasure::erase(&tx, app, client, &held, event).await?;
        tx.commit().await?;
        erasure::forget(app, &[erased]).await;
        Ok(Erasure::Done(held.id))
    }

    /// Who has requested the erasure before. A request does not outlive the rights of its author.
    async fn first_request(&self, tx: &Tx, id: UserId) -> Result<FirstRequest, Fault> {
        let now = self.app.clock.now();
        let Some(request) = erasure_request::lock(tx, id, now).await? else {
            return Ok(FirstRequest::Missing);
        };
        if request.requested_by == self.person.user() {
            return Ok(FirstRequest::Own(request.expires_at));
        }
        let author = user::find_by_id(tx, request.requested_by).await?;
        let author = author.map(|author| author.user).filter(User::may_sign_in);
        let may_erase =
            author.is_some_and(|author| Rank::of_user(&author).holds(UsersDelete::PERMISSION));
        Ok(if may_erase {
            FirstRequest::ByAnother(request.requested_by)
        } else {
            FirstRequest::Missing
        })
    }

    async fn request(self, tx: Tx, target: Target) -> Result<Erasure, Fault> {
        let now = self.app.clock.now();
        let expires_at = now + Duration::hours(CONFIRMATION_HOURS);
        let request = ErasureRequest {
            user: target.user,
            requested_by: self.person.user(),
            requested_at: now,
            expires_at,
        };
        erasure_request::put(&tx, request).await?;
        let changes = changed("expiresAt", Value::Null, json!(expires_at.to_rfc3339()));
        let change = Self {
            action: Action::ErasureRequested,
            ..self
        };
        change.finish(tx, &target, changes).await?;
        Ok(Erasure::Requested(expires_at))
    }
}

/// An earlier request to erase the same account.
enum FirstRequest {
    /// None that counts.
    Missing,
    /// By the caller, until this instant.
    Own(DateTime<Utc>),
    /// By another person with the right.
    ByAnother(UserId),
}
