//! Editing another user's profile and staff record.
//!
//! Not their addresses: changing those would mean taking over the account.

use serde_json::{Map, Value, json};

use crate::app::App;
use crate::domain::caller::{Caller, Holding};
use crate::domain::permission::types::UsersWrite;
use crate::domain::text::Layout;
use crate::domain::user::User;
use crate::domain::violation::{Violation, Violations};
use crate::services::audit::Action;
use crate::services::profile_rules;
use crate::services::refused::Refused;
use crate::services::staff_change::{Accounts, Change, ChangeProblem, Target, changed};
use crate::stores::user;
use crate::stores::user::{ProfileChange, StaffRecord};

const MAX_VENDOR_ID_LENGTH: usize = 100;
const MAX_NOTE_LENGTH: usize = 2000;

/// The fields to change.
#[derive(Debug)]
pub struct UserUpdate {
    /// Fields that the user could change as well.
    pub profile: ProfileChange,
    /// Fields that only staff can change.
    pub record: StaffRecord,
}

/// Changes the given fields of an account.
pub async fn update_user(
    app: &App,
    caller: &Caller,
    person: Holding<'_, UsersWrite>,
    target: Target,
    update: UserUpdate,
) -> Result<User, Refused<ChangeProblem>> {
    let change = Change {
        app,
        caller,
        person,
        action: Action::UserUpdated,
    };
    let requested = target.requested_change(Map::default());
    let outcome = change.update(target, update).await;
    change.record_refusal(requested, outcome).await
}

impl Change<'_, UsersWrite> {
    async fn update(
        self,
        mut target: Target,
        mut update: UserUpdate,
    ) -> Result<User, Refused<ChangeProblem>> {
        let (change, app) = (self, self.app);
        let violations = read(&mut update);
        let (tx, before) = change.begin(&mut target, Accounts::Live).await?;
        // Staff may not edit their own staff record.
        if change.is_own(&before) && !update.record.is_empty() {
            return Err(Refused::Because(ChangeProblem::OutOfScope));
        }
        Violations::check(violations, Ok(()))?;
        let now = app.clock.now();
        user::update_profile(&tx, before.id, update.profile, now).await?;
        let after = user::update_staff_record(&tx, before.id, update.record, now).await?;
        let mut changes = match profile_rules::changes(&before, &after) {
            Value::Object(changes) => changes,
            _ => serde_json::Map::default(),
        };
        if before.vendor_id != after.vendor_id {
            let (was, is) = (json!(before.vendor_id), json!(after.vendor_id));
            changes.extend(changed("vendorId", was, is));
        }
        if before.staff_note != after.staff_note {
            // Users may read changes to their account, but not the notes of staff.
            changes.insert("staffNote".to_owned(), json!({ "changed": true }));
        }
        change.finish(tx, &target, changes).await?;
        Ok(after)
    }
}

fn read(update: &mut UserUpdate) -> Vec<Violation> {
    let mut violations = profile_rules::read(&mut update.profile);
    let vendor_id = update.record.vendor_id.as_mut().and_then(Option::as_mut);
    let note = update.record.staff_note.as_mut();
    violations.extend(profile_rules::read_texts([
        ("vendorId", vendor_id, Layout::Line, MAX_VENDOR_ID_LENGTH),
        ("staffNote", note, Layout::Lines, MAX_NOTE_LENGTH),
    ]));
    violations
}
