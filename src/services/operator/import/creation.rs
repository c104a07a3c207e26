//! New accounts of a batch, written by few statements.

use serde_json::json;

use super::fields::{self, Written};
use super::password::{self, Password};
use super::{INACTIVE, Import};
use crate::domain::ids::{IdentityId, UserId};
use crate::domain::legacy::{Person, Reason};
use crate::domain::pid::Pid;
use crate::domain::user::User;
use crate::fault::Fault;
use crate::services::audit::{self, Action, Event, Subject};
use crate::stores::identity::NewIdentity;
use crate::stores::import_record::ImportRecord;
use crate::stores::user::ImportedUser;
use crate::stores::{Tx, identity, import_record, password as passwords, person_key, user};

/// What is to be written.
#[derive(Default)]
pub(super) struct Creations {
    users: Vec<ImportedUser>,
    keys: Vec<(UserId, Vec<u8>)>,
    passwords: Vec<(UserId, Password, Option<String>)>,
    identities: Vec<(UserId, String, Option<String>)>,
    records: Vec<ImportRecord>,
    replaced: Vec<ImportRecord>,
}

/// The account of a person.
fn account(import: &Import<'_>, person: &Person, id: UserId, has_password: bool) -> User {
    let (app, now) = (import.app, import.now);
    let created_at = person.created_at.or(person.last_login_at).unwrap_or(now);
    let pid = person.pid.clone();
    let is_verified = person.email_verified || person.phone_verified;
    User {
        id,
        pid: pid.unwrap_or_else(|| Pid::from_random(app.random.bytes()).into()),
        legacy_id: Some(person.legacy_id),
        email: person.email.as_ref().map(|email| email.as_str().to_owned()),
        email_verified: person.email_verified,
        phone: person.phone.as_ref().map(|phone| phone.as_str().to_owned()),
        phone_verified: person.phone_verified,
        first_name: person.first_name.clone(),
        last_name: person.last_name.clone(),
        avatar: person.avatar.clone(),
        bio: person.bio.clone(),
        country: person.country.clone(),
        state: person.state.clone(),
        city: person.city.clone(),
        address: person.address.clone(),
        locale: person.locale.clone(),
        role: person.role,
        staff_functions: person.staff_functions,
        auth_provider: person.auth_provider(has_password),
        is_verified: person.is_verified,
        vendor_id: person.vendor_id.clone(),
        staff_note: String::new(),
        credential_version: 0,
        suspended_at: (!person.is_active).then_some(now),
        suspended_reason: (!person.is_active).then(|| INACTIVE.to_owned()),
        last_login_at: person.last_login_at,
        created_at,
        updated_at: now,
        deleted_at: None,
        first_verified_at: is_verified.then_some(created_at),
        reclaimed_at: None,
    }
}

impl Creations {
    /// Adds an account, which `record` is to refer to.
    pub(super) fn add(
        &mut self,
        import: &Import<'_>,
        (person, wrapped): (Person, Option<String>),
        record: &mut ImportRecord,
    ) -> Result<(), Fault> {
        let id: UserId = import.app.new_id();
        let unreadable = |_: Reason| Fault::new("a password that was readable is not any more");
        let password = password::read(&person.password).map_err(unreadable)?;
        let user = account(import, &person, id, password.is_some());
        let password_at = password.is_some().then_some(import.now);
        let values = fields::of_person(&person);
        record.user = Some(id);
        record.written = Some(Written::of(import.app, &values, password_at).to_bytes());
        self.keys.push((id, audit::new_person_key(import.app, id)));
        self.passwords.push((id, password, wrapped));
        let email = user.email.clone();
        let subjects = person.google_subjects.into_iter();
        self.identities
            .extend(subjects.map(|subject| (id, subject, email.clone())));
        self.users.push(ImportedUser {
            user,
            email: person.email,
        });
        Ok(())
    }

    /// Adds the record of a new row.
    pub(super) fn record(&mut self, record: ImportRecord) {
        self.records.push(record);
    }

    /// Adds the record of a row that has one.
    pub(super) fn replace(&mut self, record: ImportRecord) {
        self.replaced.push(record);
    }

    /// Writes everything; `false` if a unique index was met, which fails the transaction.
    pub(super) async fn write(self, tx: &Tx, import: &Import<'_>) -> Result<bool, Fault> {
        let (app, now) = (import.app, import.now);
        let mut stored = Vec::with_capacity(self.passwords.len());
        for (user, password, wrapped) in self.passwords {
            stored.extend(password.stored(app, user, wrapped).await?);
        }
        let created: Vec<(UserId, Option<i64>)> = self
            .users
            .iter()
            .map(|account| (account.user.id, account.user.legacy_id))
            .collect();
        if !user::insert_imported(tx, self.users).await? {
            return Ok(false);
        }
        let events = created
            .iter()
            .zip(&self.keys)
            .map(|((id, legacy_id), (_, key))| {
                let subject = Subject::UserWithKey {
                    user: *id,
                    sealed_key: Some(key),
                };
                Event::new(Action::UserImported, subject).with(json!({ "legacyId": legacy_id }))
            });
        audit::record_many(tx, app, &import.client, events.collect()).await?;
        let issuer = app.config.google.canonical_issuer();
        let identities = self
            .identities
            .iter()
            .map(|(user, subject, email)| NewIdentity {
                id: app.new_id::<IdentityId>(),
                user_id: *user,
                issuer,
                subject,
                email: email.as_deref(),
                last_used_at: None,
                now,
            });
        let written = identity::insert_many(tx, identities.collect()).await?
            && person_key::insert_many(tx, self.keys, now).await?
            && passwords::insert_imported(tx, stored, now).await?
            && import_record::insert_many(tx, self.records).await?;
        if !written {
            return Ok(false);
        }
        for record in self.replaced {
            import_record::replace(tx, record).await?;
        }
        Ok(true)
    }
}
