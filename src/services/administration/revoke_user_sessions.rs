//! Ending all sessions of a user.

use serde_json::{Map, json};

use crate::app::App;
use crate::domain::caller::{Caller, Holding};
use crate::domain::permission::types::SessionsWrite;
use crate::domain::session::RevocationReason;
use crate::services::audit::Action;
use crate::services::refused::Refused;
use crate::services::staff_change::{Accounts, Change, ChangeProblem, Target};
use crate::stores::session::{self, SessionSet};

/// Ends every session of a user and returns how many. Codes, links and concurrent sign-ins end too, or
/// a session could start right after. Needs no recent authentication: it may be urgent, and the user
/// can sign in again.
pub async fn revoke_user_sessions(
    app: &App,
    caller: &Caller,
    person: Holding<'_, SessionsWrite>,
    target: Target,
) -> Result<u64, Refused<ChangeProblem>> {
    let change = Change {
        app,
        caller,
        person,
        action: Action::UserSessionsRevoked,
    };
    let requested = target.requested_change(Map::default());
    let outcome = change.revoke_sessions(target).await;
    change.record_refusal(requested, outcome).await
}

impl Change<'_, SessionsWrite> {
    async fn revoke_sessions(self, mut target: Target) -> Result<u64, Refused<ChangeProblem>> {
        let (change, app) = (self, self.app);
        let (tx, before) = change.begin(&mut target, Accounts::Live).await?;
        change.end_credentials(&tx, &before).await?;
        let (reason, now) = (RevocationReason::RevokedByStaff, app.clock.now());
        let ended = session::revoke(&tx, before.id, SessionSet::All, reason, now).await?;
        let changes = Map::from_iter([("sessions".to_owned(), json!(ended))]);
        change.finish(tx, &target, changes).await?;
        Ok(ended)
    }
}
