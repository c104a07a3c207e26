//! Changing the role of a user.

use serde_json::json;

use crate::app::App;
use crate::domain::caller::{Caller, Fresh, Holding};
use crate::domain::permission::types::RolesWrite;
use crate::domain::rank::Rank;
use crate::domain::role::{Role, StaffFunctions};
use crate::domain::user::User;
use crate::services::audit::Action;
use crate::services::refused::Refused;
use crate::services::staff_change::{
    Accounts, Change, ChangeProblem, GrantProblem, PrivilegeProblem, Target, changed,
    requested_value,
};
use crate::stores::user;

/// Gives a user another role; a staff role requires a verified e-mail address.
///
/// Removes staff functions: those of an earlier role must not come back unnoticed. Invalidates access
/// tokens, since each request compares them with the row; sessions continue.
pub async fn set_user_role(
    app: &App,
    caller: &Caller,
    (person, _): (Holding<'_, RolesWrite>, Fresh<'_>),
    target: Target,
    role: Role,
) -> Result<User, Refused<GrantProblem>> {
    let change = Change {
        app,
        caller,
        person,
        action: Action::RoleChanged,
    };
    let requested = target.requested_change(requested_value("role", json!(role)));
    let outcome = change.set_role(target, role).await;
    change.record_refusal(requested, outcome).await
}

impl Change<'_, RolesWrite> {
    async fn set_role(self, mut target: Target, role: Role) -> Result<User, Refused<GrantProblem>> {
        let removes = |_: &User| role != Role::Admin;
        let (change, app) = (self, self.app);
        let begun = change
            .begin_privilege_change(&mut target, Accounts::Live, removes)
            .await;
        let (tx, before) = begun.map_err(Refused::widen)?;
        if !change
            .rank()
            .may_grant(Rank::of(role, StaffFunctions::NONE))
        {
            return Err(Refused::Because(
                PrivilegeProblem::from(ChangeProblem::OutOfScope).into(),
            ));
        }
        // The person who verifies the address later must not inherit staff permissions.
        if role >= Role::Staff && !before.email_verified {
            return Err(Refused::Because(GrantProblem::EmailNotVerified));
        }
        let functions = if role == before.role {
            before.staff_functions
        } else {
            StaffFunctions::NONE
        };
        let after = user::set_role(&tx, before.id, role, functions, app.clock.now()).await?;
        let mut changes = changed("role", json!(before.role), json!(role));
        if functions != before.staff_functions {
            let (was, is) = (before.staff_functions.to_text(), functions.to_text());
            changes.extend(changed("staffFunctions", json!(was), json!(is)));
        }
        change.finish(tx, &target, changes).await?;
        Ok(after)
    }
}
