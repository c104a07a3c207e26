//! Changing the functions of a member of staff.

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

/// Replaces the functions of a member of staff; additional ones require a verified e-mail address.
/// Invalidates access tokens if the permissions change; sessions continue.
pub async fn set_staff_functions(
    app: &App,
    caller: &Caller,
    (person, _): (Holding<'_, RolesWrite>, Fresh<'_>),
    target: Target,
    functions: StaffFunctions,
) -> Result<User, Refused<GrantProblem>> {
    let change = Change {
        app,
        caller,
        person,
        action: Action::StaffFunctionsChanged,
    };
    let requested = target.requested_change(requested_value(
        "staffFunctions",
        json!(functions.to_text()),
    ));
    let outcome = change.set_staff_functions(target, functions).await;
    change.record_refusal(requested, outcome).await
}

impl Change<'_, RolesWrite> {
    async fn set_staff_functions(
        self,
        mut target: Target,
        functions: StaffFunctions,
    ) -> Result<User, Refused<GrantProblem>> {
        let (change, app) = (self, self.app);
        let begun = change
            .begin_privilege_change(&mut target, Accounts::Live, |_| false)
            .await;
        let (tx, before) = begun.map_err(Refused::widen)?;
        if before.role != Role::Staff {
            return Err(Refused::Because(PrivilegeProblem::NotStaff.into()));
        }
        if !change.rank().may_grant(Rank::of(before.role, functions)) {
            return Err(Refused::Because(
                PrivilegeProblem::from(ChangeProblem::OutOfScope).into(),
            ));
        }
        let adds = |function| !before.staff_functions.contains(function);
        if functions.iter().any(adds) && !before.email_verified {
            return Err(Refused::Because(GrantProblem::EmailNotVerified));
        }
        let now = app.clock.now();
        let after = user::set_role(&tx, before.id, before.role, functions, now).await?;
        let (was, is) = (before.staff_functions.to_text(), functions.to_text());
        let changes = changed("staffFunctions", json!(was), json!(is));
        change.finish(tx, &target, changes).await?;
        Ok(after)
    }
}
