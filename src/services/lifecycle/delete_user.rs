//! Deleting another user's account, for as long as it can be restored.

use chrono::Duration;
use serde_json::{Map, json};

use super::Deleted;
use crate::app::App;
use crate::domain::caller::{Caller, Fresh, Holding};
use crate::domain::permission::types::UsersDelete;
use crate::domain::session::RevocationReason;
use crate::domain::user::User;
use crate::fault::Fault;
use crate::messages::Message;
use crate::messages::parts::ValidFor;
use crate::services::audit::Action;
use crate::services::deletion::{self, Terms};
use crate::services::outbox;
use crate::services::refused::Refused;
use crate::services::staff_change::{Accounts, Change, PrivilegeProblem, Target, changed};
use crate::stores::Tx;

/// Deletes an account, which frees its addresses, and tells its owner. Staff can restore it for a
/// while.
pub async fn delete_user(
    app: &App,
    caller: &Caller,
    (person, _): (Holding<'_, UsersDelete>, Fresh<'_>),
    target: Target,
) -> Result<Deleted, Refused<PrivilegeProblem>> {
    let change = Change {
        app,
        caller,
        person,
        action: Action::UserDeleted,
    };
    let requested = target.requested_change(Map::default());
    let outcome = change.delete(target).await;
    change.record_refusal(requested, outcome).await
}

impl Change<'_, UsersDelete> {
    async fn delete(self, mut target: Target) -> Result<Deleted, Refused<PrivilegeProblem>> {
        let (change, app) = (self, self.app);
        let begun = change.begin_privilege_change(&mut target, Accounts::Live, |_| true);
        let (tx, before) = begun.await?;
        let days = app.config.lifecycle.restore_days;
        let restorable_until = app.clock.now() + Duration::days(days);
        let terms = Terms {
            by: change.person.user(),
            reason: target.reason.clone(),
            restorable_until,
            ended_as: RevocationReason::DeletedByStaff,
        };
        let (user, sessions) = deletion::delete(&tx, app, &before, terms).await?;
        notify(&tx, app, &before, days).await?;
        let mut changes = changed("isDeleted", json!(false), json!(true));
        changes.insert("sessions".to_owned(), json!(sessions));
        change.finish(tx, &target, changes).await?;
        app.wake_outbox();
        Ok(Deleted {
            user,
            restorable_until,
        })
    }
}

async fn notify(tx: &Tx, app: &App, person: &User, days: i64) -> Result<(), Fault> {
    let message = Message::DeletedByStaff(ValidFor::Days(days));
    for recipient in outbox::verified_addresses(person) {
        outbox::enqueue(tx, app, person, &recipient, &message, None).await?;
    }
    Ok(())
}
