//! Suspending and unsuspending a user.

use serde_json::{Map, json};

use crate::app::App;
use crate::domain::caller::{Caller, Fresh, Holding};
use crate::domain::permission::types::UsersWrite;
use crate::domain::session::RevocationReason;
use crate::domain::user::User;
use crate::services::audit::Action;
use crate::services::recovery::{self, KeptIdentities};
use crate::services::refused::Refused;
use crate::services::staff_change::{
    Accounts, Change, ChangeProblem, PrivilegeProblem, Target, changed,
};
use crate::stores::session::{self, SessionSet};
use crate::stores::{legacy_sign_out, user};

/// Suspends an account and ends its sessions: its next request is refused on every instance.
///
/// Removes what could give an attacker access afterwards: links, codes and recently linked identities.
/// Accounts are often suspended because they were stolen, and by the time the owner recovers one,
/// these would no longer count as recent.
pub async fn suspend_user(
    app: &App,
    caller: &Caller,
    (person, _): (Holding<'_, UsersWrite>, Fresh<'_>),
    target: Target,
) -> Result<User, Refused<PrivilegeProblem>> {
    let change = Change {
        app,
        caller,
        person,
        action: Action::UserSuspended,
    };
    let requested = target.requested_change(Map::default());
    let outcome = change.suspend(target).await;
    change.record_refusal(requested, outcome).await
}

/// Ends the suspension of an account. Its sessions stay ended.
pub async fn unsuspend_user(
    app: &App,
    caller: &Caller,
    (person, _): (Holding<'_, UsersWrite>, Fresh<'_>),
    target: Target,
) -> Result<User, Refused<ChangeProblem>> {
    let change = Change {
        app,
        caller,
        person,
        action: Action::UserUnsuspended,
    };
    let requested = target.requested_change(Map::default());
    let outcome = change.unsuspend(target).await;
    change.record_refusal(requested, outcome).await
}

impl Change<'_, UsersWrite> {
    async fn suspend(self, mut target: Target) -> Result<User, Refused<PrivilegeProblem>> {
        let (change, app) = (self, self.app);
        let (tx, before) = change
            .begin_privilege_change(&mut target, Accounts::Live, |_| true)
            .await?;
        let now = app.clock.now();
        // Suspending again keeps the time of the first suspension.
        let since = before.suspended_at.unwrap_or(now);
        let reason = target.reason.clone().or(before.suspended_reason.clone());
        user::set_suspended(&tx, before.id, Some(since), reason, now).await?;
        let after = change.end_credentials(&tx, &before).await?;
        let reason = RevocationReason::Suspended;
        let ended = session::revoke(&tx, before.id, SessionSet::All, reason, now).await?;
        let ending = (change.person.user(), KeptIdentities::First);
        let client = &change.caller.client;
        recovery::unlink_recent_identities(&tx, app, client, &before, ending).await?;
        let mut changes = changed("isSuspended", json!(before.is_suspended()), json!(true));
        changes.insert("sessions".to_owned(), json!(ended));
        change.finish(tx, &target, changes).await?;
        Ok(after)
    }

    async fn unsuspend(self, mut target: Target) -> Result<User, Refused<ChangeProblem>> {
        let (change, app) = (self, self.app);
        let (tx, before) = change.begin(&mut target, Accounts::Live).await?;
        let now = app.clock.now();
        // An account that was imported as inactive may have tokens of the old system.
        legacy_sign_out::record(&tx, before.id, now).await?;
        let after = user::set_suspended(&tx, before.id, None, None, now).await?;
        let changes = changed("isSuspended", json!(before.is_suspended()), json!(false));
        change.finish(tx, &target, changes).await?;
        Ok(after)
    }
}
