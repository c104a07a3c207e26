//! Restoring a deleted account.

use serde_json::{Map, json};

use crate::app::App;
use crate::domain::caller::{Caller, Fresh, Holding};
use crate::domain::deletion::Taken;
use crate::domain::permission::types::UsersDelete;
use crate::domain::user::User;
use crate::services::audit::Action;
use crate::services::deletion::{self, MAX_ATTEMPTS, Restoration};
use crate::services::refused::Refused;
use crate::services::staff_change::{Accounts, Change, ChangeProblem, Recorded, Target, changed};
use crate::stores::deleted_record;

/// Why an account was not restored.
#[derive(Debug, PartialEq, Eq)]
pub enum RestoreProblem {
    /// Another account has these by now.
    Taken(Vec<Taken>),
    /// What every change can be refused for. An account that cannot be restored any more is not found.
    Change(ChangeProblem),
}

impl From<ChangeProblem> for RestoreProblem {
    fn from(problem: ChangeProblem) -> Self {
        Self::Change(problem)
    }
}

impl Recorded for RestoreProblem {
    fn name(&self) -> Option<&'static str> {
        match self {
            Self::Taken(_) => None,
            Self::Change(problem) => problem.name(),
        }
    }
}

/// Restores an account with its password, addresses and identities, without sessions.
pub async fn restore_user(
    app: &App,
    caller: &Caller,
    (person, _): (Holding<'_, UsersDelete>, Fresh<'_>),
    target: Target,
) -> Result<User, Refused<RestoreProblem>> {
    let change = Change {
        app,
        caller,
        person,
        action: Action::UserRestored,
    };
    let requested = target.requested_change(Map::default());
    let outcome = change.restore(target).await;
    change.record_refusal(requested, outcome).await
}

impl Change<'_, UsersDelete> {
    async fn restore(self, mut target: Target) -> Result<User, Refused<RestoreProblem>> {
        let (change, app) = (self, self.app);
        for _ in 0..MAX_ATTEMPTS {
            let begun = change.begin(&mut target, Accounts::Deleted).await;
            let (tx, held) = begun.map_err(Refused::widen)?;
            let record = deleted_record::lock(&tx, held.id).await?;
            let record = record.filter(|record| record.is_restorable(app.clock.now()));
            let record = record.ok_or(Refused::Because(ChangeProblem::NotFound.into()))?;
            match deletion::restore(&tx, app, &held, &record).await? {
                Restoration::Done(user) => {
                    let changes = changed("isDeleted", json!(true), json!(false));
                    change.finish(tx, &target, changes).await?;
                    return Ok(*user);
                }
                Restoration::Taken(taken) => {
                    return Err(Refused::Because(RestoreProblem::Taken(taken)));
                }
                Restoration::Raced => {}
            }
        }
        Err(deletion::kept_changing().into())
    }
}
