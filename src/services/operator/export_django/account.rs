//! What becomes of one account.

use crate::app::App;
use crate::domain::legacy::Resolution;
use crate::domain::legacy::{
    Account, ChangedRow, Field, NewRow, Rules, Value, changed_row, new_row, read_person,
};
use crate::domain::user::User;
use crate::fault::Fault;
use crate::services::operator::import::fields::{self, FIELDS, Values, Written};
use crate::stores::import_record::ImportRecord;
use crate::stores::password::StoredPassword;

use super::{Export, mark};

/// Characters of a password hash in Django's table.
const MAX_HASH: usize = 128;
/// Random bytes of an unusable password; Django writes as many characters of them.
const UNUSABLE: usize = 20;

/// An account with what is decided by.
pub(super) struct Found {
    pub(super) user: User,
    pub(super) password: Option<StoredPassword>,
    pub(super) record: Option<ImportRecord>,
    /// Ids at the provider, and whether each is linked.
    pub(super) identities: Vec<(String, bool)>,
}

/// What is written.
pub(super) enum Row {
    New(Box<NewRow>),
    Changed(Box<ChangedRow>),
    Deactivated(Box<ChangedRow>),
    Unchanged,
    LeftOut(&'static str),
}

/// What is written, and which values are not, with the reason.
pub(super) struct Decided {
    pub(super) row: Row,
    pub(super) values: Vec<(&'static str, &'static str)>,
}

impl From<Row> for Decided {
    fn from(row: Row) -> Self {
        Self {
            row,
            values: Vec::new(),
        }
    }
}

/// The value has no place in the legacy system, or would be read as another one.
const NO_PLACE: &str = "no_place";
/// It was changed there, too.
const CONFLICT: &str = "conflict";

/// Decides about an account.
pub(super) fn decide(export: &Export<'_>, found: &Found) -> Result<Decided, Fault> {
    if found.user.legacy_id.is_some() {
        imported(export, found)
    } else {
        Ok(made_here(export, found))
    }
}

/// A password that no one has.
pub(super) fn unusable_password(app: &App) -> String {
    format!("!{}", hex::encode(app.random.bytes::<UNUSABLE>()))
}

/// The hash in Django's text; `None` if Django cannot verify it.
fn django_hash(stored: &str) -> Option<String> {
    let text = match stored.strip_prefix("$argon2id$") {
        Some(rest) => format!("argon2$argon2id${rest}"),
        // A wrapped digest is ours alone.
        None if stored.starts_with("argon2id_") => return None,
        None => stored.to_owned(),
    };
    (text.len() <= MAX_HASH).then_some(text)
}

fn account<'a>(export: &Export<'_>, found: &'a Found) -> Account<'a> {
    let of = |is_linked: bool| {
        let identities = found.identities.iter();
        let identities = identities.filter(move |(_, linked)| *linked == is_linked);
        identities.map(|(subject, _)| subject.clone()).collect()
    };
    let hash = found.password.as_ref();
    let hash = hash.and_then(|password| django_hash(&password.hash));
    Account {
        user: &found.user,
        password: hash.unwrap_or_else(|| unusable_password(export.app)),
        subjects: of(true),
        unlinked: of(false),
        mark: mark::mark(export.app, found.user.id),
        now: export.now,
    }
}

/// What an import would read from the rows; `None` if it would quarantine them.
fn read_back(export: &Export<'_>, row: &NewRow) -> Option<Values> {
    let region = export.mapping.phone_region.as_deref();
    let rules = Rules {
        mapping: export.mapping,
        phone_region: region.or(export.app.config.phone.region()),
        now: export.now,
    };
    let row = row.as_read(export.mapping);
    let person = read_person(&row, &rules, &Resolution::default()).ok()?;
    Some(fields::of_person(&person))
}

/// The values that are not what an import would read, where there is a place for them or a value.
fn without_place(export: &Export<'_>, ours: &Values, read: &Values) -> Vec<&'static str> {
    let fields = FIELDS.iter().zip(ours.iter().zip(read));
    let differing = fields.filter(|(field, (ours, read))| {
        let is_known = match **field {
            "password" => true,
            // What was made here has a place or is not needed there.
            "pid" => !has_column(export, Field::Pid),
            "created_at" => !has_column(export, Field::CreatedAt),
            "last_login_at" => !has_column(export, Field::LastLoginAt),
            _ => false,
        };
        !is_known && ours != read
    });
    differing.map(|(field, _)| *field).collect()
}

fn has_column(export: &Export<'_>, field: Field) -> bool {
    let columns = export.mapping.fields.get(&field);
    columns.is_some_and(|columns| !columns.is_empty())
}

/// No text of these databases has a NUL.
fn without_nul(row: &mut NewRow) {
    for value in row.user.values_mut().chain(row.profile.values_mut()) {
        if let Value::Text(text) = value {
            text.retain(|sign| sign != '\0');
        }
    }
}

fn made_here(export: &Export<'_>, found: &Found) -> Decided {
    let user = &found.user;
    if user.is_deleted() {
        return Row::LeftOut("deleted").into();
    }
    // It may be the address of another person, in whose name an attacker could sign in there.
    let must_confirm = export.app.config.registration.requires_confirmation();
    if must_confirm && !user.has_verified_contact() {
        return Row::LeftOut("unconfirmed").into();
    }
    let account = account(export, found);
    let mut row = new_row(&account, export.mapping, export.written);
    let Some(read) = read_back(export, &row) else {
        return Row::LeftOut("not_readable").into();
    };
    let ours = fields::of_user(user);
    let mut values: Vec<_> = without_place(export, &ours, &read)
        .into_iter()
        .map(|field| (field, NO_PLACE))
        .collect();
    let is_lost = found
        .password
        .as_ref()
        .is_some_and(|stored| django_hash(&stored.hash).is_none());
    if is_lost {
        values.push(("password", NO_PLACE));
    }
    if !account.subjects.is_empty() && !export.written.socials {
        values.push(("google", NO_PLACE));
    }
    without_nul(&mut row);
    Decided {
        row: Row::New(Box::new(row)),
        values,
    }
}

/// The values that are not those that the last import wrote.
fn changed_fields(
    export: &Export<'_>,
    found: &Found,
    ours: &Values,
    written: &Written,
) -> Vec<&'static str> {
    let password_at = found.password.as_ref().map(|stored| stored.changed_at);
    let fields = FIELDS.iter().zip(ours).enumerate();
    let changed = fields.filter(|(place, (field, ours))| match **field {
        // These never change.
        "pid" | "created_at" => false,
        "password" => !written.has_password_of(password_at),
        _ => !written.is(export.app, *place, ours),
    });
    changed.map(|(_, (field, _))| *field).collect()
}

fn imported(export: &Export<'_>, found: &Found) -> Result<Decided, Fault> {
    let user = &found.user;
    let Some(record) = &found.record else {
        return Ok(Row::LeftOut("not_imported").into());
    };
    if record.gone_at.is_some() {
        return Ok(Row::LeftOut("gone").into());
    }
    let conflicts: Vec<&str> = record.conflicts.split(',').collect();
    if conflicts.contains(&"row") {
        return Ok(Row::LeftOut(CONFLICT).into());
    }
    let written = record.written.as_deref().and_then(Written::read);
    let written = written.ok_or_else(|| Fault::new("an import record has an unknown layout"))?;
    let ours = fields::of_user(user);
    let mut values = Vec::new();
    let was_active = written.is(export.app, place("is_active"), "true");
    let changed = if user.is_deleted() {
        // What is left of a deleted account says nothing about the row.
        if was_active {
            vec!["is_active"]
        } else {
            Vec::new()
        }
    } else {
        let mut changed = changed_fields(export, found, &ours, &written);
        changed.retain(|field| {
            let is_conflict = conflicts.contains(field);
            values.extend(is_conflict.then_some((*field, CONFLICT)));
            !is_conflict
        });
        changed
    };
    let mut account = account(export, found);
    keep_identities(&mut account, record);
    let changed = with_place(export, found, &account, &ours, changed, &mut values);
    let mut row = changed_row(&account, export.mapping, export.written, &changed);
    let has_pid = written.is(export.app, place("pid"), &user.pid);
    row.pid = has_pid.then(|| user.pid.clone());
    let is_closed = user.is_deleted() || user.is_suspended();
    let row = if row.is_empty() {
        Row::Unchanged
    } else if is_closed && changed.contains(&"is_active") {
        Row::Deactivated(Box::new(row))
    } else {
        Row::Changed(Box::new(row))
    };
    Ok(Decided { row, values })
}

fn place(field: &str) -> usize {
    let mut fields = FIELDS.iter();
    fields
        .position(|other| *other == field)
        .unwrap_or(FIELDS.len())
}

/// Of the accounts at the provider only those go back that the row cannot have.
fn keep_identities(account: &mut Account<'_>, record: &ImportRecord) {
    let [.., known] = record.merged;
    let linked = i64::try_from(account.subjects.len()).unwrap_or(i64::MAX);
    if account.unlinked.is_empty() && linked <= known {
        account.subjects.clear();
    }
    if account.user.is_deleted() {
        account.subjects.clear();
        account.unlinked.clear();
    }
}

/// The changed values that an import would read as they are here; the others are noted.
fn with_place(
    export: &Export<'_>,
    found: &Found,
    account: &Account<'_>,
    ours: &Values,
    mut changed: Vec<&'static str>,
    values: &mut Vec<(&'static str, &'static str)>,
) -> Vec<&'static str> {
    if found.user.is_deleted() {
        let has_place = has_column(export, Field::IsActive);
        if !has_place && !changed.is_empty() {
            values.push(("is_active", NO_PLACE));
            changed.clear();
        }
        return changed;
    }
    let row = new_row(account, export.mapping, export.written);
    let unread = match read_back(export, &row) {
        Some(read) => without_place(export, ours, &read),
        // Without an address here no import would read it: that is all there is to say.
        None => changed.clone(),
    };
    let hash = found
        .password
        .as_ref()
        .map(|stored| django_hash(&stored.hash));
    let is_lost = hash == Some(None);
    changed.retain(|field| {
        let is_unread = match *field {
            "password" => is_lost || !has_column(export, Field::Password),
            // Both are read from the same columns.
            "role" | "staff_functions" => unread.contains(&"role"),
            field => unread.contains(&field),
        };
        values.extend(is_unread.then_some((*field, NO_PLACE)));
        !is_unread
    });
    if changed.contains(&"staff_functions") && unread.contains(&"staff_functions") {
        values.push(("staff_functions", NO_PLACE));
    }
    changed
}
