//! Bringing an account up to date with its legacy row, field by field.
//!
//! What changed only there is taken. What changed only here stays. What changed on both sides is a
//! conflict: both values are reported, nothing is written, and an operator decides.

use chrono::{DateTime, Utc};
use serde_json::{Map, json};

use super::batch::{Applied, listed};
use super::fields::{self, FIELDS, Written};
use super::password;
use super::taken::Taken;
use super::{Conflict, Import, ImportEvent};
use crate::domain::email::EmailAddress;
use crate::domain::ids::UserId;
use crate::domain::legacy::{Person, Quarantine, Reason, Resolution};
use crate::domain::phone::PhoneNumber;
use crate::domain::role::{Role, StaffFunctions};
use crate::domain::session::RevocationReason;
use crate::domain::user::User;
use crate::fault::Fault;
use crate::services::audit::{self, Action, Event, Subject};
use crate::stores::identity::NewIdentity;
use crate::stores::import_record::ImportRecord;
use crate::stores::session::{self, SessionSet};
use crate::stores::user::ImportedUser;
use crate::stores::{Tx, identity, password as passwords, user};

/// Fields with which the person signs in: a change ends sign-ins in progress.
const CREDENTIALS: [&str; 5] = ["email", "phone", "role", "is_active", "password"];

/// Updates the account of a record; `false` if a unique index was met.
pub(super) async fn apply(
    tx: &Tx,
    import: &Import<'_>,
    taken: &mut Taken,
    (id, person, wrapped): (UserId, Result<Person, Quarantine>, Option<String>),
    resolution: &Resolution,
    record: &mut ImportRecord,
    applied: &mut Applied,
) -> Result<bool, Fault> {
    let found = current(tx, import, id).await?;
    let Some((before, password_at)) = found else {
        // Erased since the record was read; the next attempt reads it again.
        return Ok(false);
    };
    let mut conflicts = Conflicts {
        record,
        applied,
        fields: Vec::new(),
    };
    let mut person = match person {
        Ok(person) => person,
        // The account stays as it is.
        Err(Quarantine { reason, .. }) => {
            conflicts.add("row", reason.description(), "an account");
            return Ok(true);
        }
    };
    // Whoever proved the address of a reclaimed account is not known to own the row, which its
    // former owner still changes over there (account takeover).
    if before.is_deleted() || before.reclaimed_at.is_some() {
        conflicts.applied.counts.unchanged += 1;
        // Compared again when the account is back.
        conflicts.record.source_digest = None;
        return Ok(true);
    }
    let admitted = taken.admit(&mut person, Some(id));
    let refused = import.is_refused.then_some(Reason::Refused);
    if let Some(reason) = admitted.err().or(refused) {
        conflicts.add("row", reason.description(), "an account");
        return Ok(true);
    }
    conflicts.record.set_aside = listed(&person);
    let written = conflicts.record.written.as_deref().and_then(Written::read);
    let Some(mut written) = written else {
        return Err(Fault::new("an import record has an unknown layout"));
    };
    let theirs = fields::of_person(&person);
    let ours = fields::of_user(&before);
    let mut after = before.clone();
    let mut taken_fields = Vec::new();
    for (place, (field, (theirs, ours))) in FIELDS.iter().zip(theirs.iter().zip(&ours)).enumerate()
    {
        let was = Compared {
            is_theirs: written.is(import.app, place, theirs),
            is_ours: match *field {
                "password" => written.has_password_of(password_at),
                // Signing in here is no edit.
                "last_login_at" => true,
                _ => written.is(import.app, place, ours),
            },
        };
        let decision = match flag_of_address(field, &taken_fields, &person, &before) {
            Some(decision) => decision,
            None => decide(field, theirs, ours, was, resolution, &person, &after),
        };
        match decision {
            Decision::Take if *field == "password" && password::read(theirs).is_err() => {
                // Not noted as written, so that it is told again.
                conflicts.add(field, "a hash that cannot be verified", "a password");
            }
            // An export may have written it there.
            Decision::Keep if theirs == ours && *field != "password" => {
                written.set(import.app, place, theirs);
            }
            Decision::Keep => {}
            Decision::Agree => written.set(import.app, place, theirs),
            Decision::Take => {
                fields::take(field, &person, &mut after, import.now);
                written.set(import.app, place, theirs);
                taken_fields.push(*field);
            }
            Decision::Conflict if *field == "password" => {
                conflicts.add(field, "another password", "another password");
            }
            Decision::Conflict => conflicts.add(field, theirs, ours),
        }
    }
    taken_fields.extend(without_functions(&mut after));
    if after.email.is_none() && after.phone.is_none() {
        // The one stands here only and was removed, the other was removed there.
        conflicts.add("row", "no address", "an address");
        conflicts.finish();
        return Ok(true);
    }
    conflicts.finish();
    link(tx, import, &before, &person).await?;
    if taken_fields.is_empty() {
        record.written = Some(written.to_bytes());
        applied.counts.unchanged += 1;
        return Ok(true);
    }
    applied.counts.updated += 1;
    taken.add(&person);
    if import.is_rehearsal() {
        return Ok(true);
    }
    if taken_fields.contains(&"password") {
        written.set_password_at(write_password(tx, import, id, (&person, wrapped)).await?);
    }
    record.written = Some(written.to_bytes());
    write(tx, import, (before, after), person.email, &taken_fields).await
}

/// The account, and when its password was set; locked but for a rehearsal, whose lock sign-ins would
/// wait for.
async fn current(
    tx: &Tx,
    import: &Import<'_>,
    id: UserId,
) -> Result<Option<(User, Option<DateTime<Utc>>)>, Fault> {
    if !import.is_rehearsal() {
        return user::lock_imported(tx, id).await;
    }
    let found = user::find_imported(tx, vec![id]).await?.pop();
    Ok(found.map(|found| (found.user, found.password_at)))
}

/// Takes the functions from an account that is not one of staff, as where a role is changed here;
/// returns the field if there were some.
fn without_functions(account: &mut User) -> Option<&'static str> {
    if account.role == Role::Staff || account.staff_functions.is_empty() {
        return None;
    }
    account.staff_functions = StaffFunctions::NONE;
    Some("staff_functions")
}

/// What has changed since the value was written.
#[derive(Clone, Copy)]
pub(super) struct Compared {
    /// The value there is the one that was written.
    pub(super) is_theirs: bool,
    /// The value here is.
    pub(super) is_ours: bool,
}

/// What becomes of a value.
pub(super) enum Decision {
    /// Only ours changed, or nothing did.
    Keep,
    /// Both are equal.
    Agree,
    /// Only theirs changed.
    Take,
    /// Both changed.
    Conflict,
}

/// Whether an address is verified is about that address: the flag of a new one comes with it, and the
/// flag of another one is not taken. `None` for other fields, and where both sides have one address.
fn flag_of_address(
    field: &str,
    taken: &[&str],
    person: &Person,
    before: &User,
) -> Option<Decision> {
    let (address, is_same) = match field {
        "email_verified" => {
            let ours = before.email.as_deref();
            let ours = ours.and_then(|ours| EmailAddress::parse(ours).ok());
            let canonical = |email: &EmailAddress| email.canonical().to_owned();
            let theirs = person.email.as_ref().map(canonical);
            ("email", theirs == ours.as_ref().map(canonical))
        }
        "phone_verified" => {
            let theirs = person.phone.as_ref().map(PhoneNumber::as_str);
            ("phone", theirs == before.phone.as_deref())
        }
        _ => return None,
    };
    if is_same {
        None
    } else if taken.contains(&address) {
        Some(Decision::Take)
    } else {
        Some(Decision::Keep)
    }
}

/// Decides about a value of an account that is as far as the fields before it were decided.
pub(super) fn decide(
    field: &str,
    theirs: &str,
    ours: &str,
    was: Compared,
    resolution: &Resolution,
    person: &Person,
    account: &User,
) -> Decision {
    if field == "staff_functions" && account.role != Role::Staff {
        // They count for staff only.
        return if theirs.is_empty() {
            Decision::Agree
        } else {
            Decision::Keep
        };
    }
    let is_silent = match field {
        // The legacy system has none: what was made here stays.
        "pid" => person.pid.is_none(),
        "created_at" => person.created_at.is_none(),
        // The later of both counts.
        "last_login_at" => person.last_login_at <= account.last_login_at,
        // The value was set aside, so the legacy system has none to take.
        _ => person.set_aside.iter().any(|value| value.field == field),
    };
    let lifts_other_suspension = field == "is_active"
        && account.is_suspended()
        && account.suspended_reason.as_deref() != Some(super::INACTIVE);
    if was.is_theirs || is_silent {
        Decision::Keep
    } else if lifts_other_suspension && theirs != ours && !resolution.take_theirs {
        // The old system ended its own suspension, not the one that was decided here.
        if resolution.keep_ours {
            Decision::Agree
        } else {
            Decision::Conflict
        }
    } else if field != "password" && theirs == ours {
        Decision::Agree
    } else if field == "pid" {
        // It is in the data of other modules, and never changes.
        if resolution.keep_ours {
            Decision::Agree
        } else {
            Decision::Conflict
        }
    } else if was.is_ours || resolution.take_theirs {
        Decision::Take
    } else if resolution.keep_ours {
        Decision::Agree
    } else {
        Decision::Conflict
    }
}

/// Links the accounts at Google of a person who never had one linked here: what the person unlinked
/// stays so.
async fn link(tx: &Tx, import: &Import<'_>, user: &User, person: &Person) -> Result<(), Fault> {
    let issuer = import.app.config.google.canonical_issuer();
    if person.google_subjects.is_empty()
        || import.is_rehearsal()
        || identity::has_been_linked(tx, user.id, issuer).await?
    {
        return Ok(());
    }
    for subject in &person.google_subjects {
        let new = NewIdentity {
            id: import.app.new_id(),
            user_id: user.id,
            issuer,
            subject,
            email: user.email.as_deref(),
            last_used_at: None,
            now: import.now,
        };
        identity::insert(tx, new).await?;
    }
    Ok(())
}

struct Conflicts<'a> {
    record: &'a mut ImportRecord,
    applied: &'a mut Applied,
    fields: Vec<String>,
}

impl Conflicts<'_> {
    fn add(&mut self, field: &str, theirs: &str, ours: &str) {
        self.fields.push(field.to_owned());
        self.record.conflicts = self.fields.join(",");
        self.applied.events.push(ImportEvent::Conflict(Conflict {
            legacy_id: self.record.legacy_id,
            user: self.record.user,
            field: field.to_owned(),
            theirs: theirs.to_owned(),
            ours: ours.to_owned(),
        }));
    }

    fn finish(self) {
        self.record.conflicts = self.fields.join(",");
    }
}

/// Writes the legacy password; returns when it was set, if there is one.
async fn write_password(
    tx: &Tx,
    import: &Import<'_>,
    id: UserId,
    (person, wrapped): (&Person, Option<String>),
) -> Result<Option<DateTime<Utc>>, Fault> {
    let password = password::read(&person.password);
    let password = password.map_err(|reason| Fault::new(reason.description()))?;
    let Some(password) = password.stored(import.app, id, wrapped).await? else {
        passwords::remove(tx, id).await?;
        return Ok(None);
    };
    passwords::replace_imported(tx, password, import.now).await?;
    Ok(Some(import.now))
}

/// Writes the account, ends what its changes end, and records the changes.
async fn write(
    tx: &Tx,
    import: &Import<'_>,
    (before, mut after): (User, User),
    email: Option<EmailAddress>,
    taken: &[&str],
) -> Result<bool, Fault> {
    let (id, now) = (before.id, import.now);
    after.updated_at = now;
    after.email_verified &= after.email.is_some();
    after.phone_verified &= after.phone.is_some();
    if taken.iter().any(|field| CREDENTIALS.contains(field)) {
        after.credential_version += 1;
    }
    let email = if before.email == after.email {
        before
            .email
            .as_deref()
            .and_then(|email| EmailAddress::parse(email).ok())
    } else {
        email
    };
    let (old, new) = (fields::of_user(&before), fields::of_user(&after));
    let is_suspended = after.is_suspended() && !before.is_suspended();
    let account = ImportedUser { user: after, email };
    if !user::overwrite_imported(tx, account).await? {
        return Ok(false);
    }
    let ended = if is_suspended {
        Some(RevocationReason::Suspended)
    } else {
        let has_password = taken.contains(&"password");
        has_password.then_some(RevocationReason::PasswordChanged)
    };
    if let Some(reason) = ended {
        session::revoke(tx, id, SessionSet::All, reason, now).await?;
    }
    let mut changes = Map::new();
    for (field, (old, new)) in FIELDS.iter().zip(old.iter().zip(&new)) {
        if taken.contains(field) {
            let change = match *field {
                "password" => json!(true),
                _ => json!({ "before": old, "after": new }),
            };
            changes.insert((*field).to_owned(), change);
        }
    }
    let event = Event::new(Action::UserImportUpdated, Subject::User(id)).with(changes.into());
    audit::record(tx, import.app, &import.client, event).await?;
    Ok(true)
}
