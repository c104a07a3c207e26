//! Who has the addresses and ids of a batch: accounts, and rows before it.

use std::collections::BTreeMap;

use super::Import;
use crate::app::App;
use crate::domain::identifier::Identifier;
use crate::domain::ids::UserId;
use crate::domain::legacy::{Person, Reason, Resolution, SetAside};
use crate::fault::Fault;
use crate::services::ownership;
use crate::stores::{Tx, identity, import_seen, user};

/// Who has something that only one account can have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner {
    /// The account; `None` for a row of this batch, or one that a rehearsal has seen.
    user: Option<UserId>,
    /// The legacy id; `None` for an account that was made here.
    legacy_id: Option<i64>,
}

/// What is taken, by a key that says what it is.
pub(super) struct Taken {
    owners: BTreeMap<String, Owner>,
    /// What rows of this batch took.
    added: Vec<(String, i64)>,
}

fn email_key(canonical: &str) -> String {
    format!("email {canonical}")
}

fn phone_key(phone: &str) -> String {
    format!("phone {phone}")
}

fn pid_key(pid: &str) -> String {
    format!("pid {pid}")
}

fn id_key(id: i64) -> String {
    format!("id {id}")
}

fn subject_key(subject: &str) -> String {
    format!("google {subject}")
}

fn keys(person: &Person) -> Vec<String> {
    let mut keys = vec![id_key(person.legacy_id)];
    keys.extend(
        person
            .email
            .as_ref()
            .map(|email| email_key(email.canonical())),
    );
    keys.extend(person.phone.as_ref().map(|phone| phone_key(phone.as_str())));
    keys.extend(person.pid.as_deref().map(pid_key));
    keys.extend(
        person
            .google_subjects
            .iter()
            .map(|subject| subject_key(subject)),
    );
    keys
}

impl Taken {
    /// Looks up what these people want. `rehearsal`: also what it has seen.
    pub(super) async fn find(
        tx: &Tx,
        app: &App,
        people: &[&Person],
        rehearsal: bool,
    ) -> Result<Self, Fault> {
        let mut owners = BTreeMap::new();
        let emails = people.iter().filter_map(|one| one.email.as_ref());
        let phones = people.iter().filter_map(|one| one.phone.as_ref());
        let holders = user::holders(
            tx,
            emails.map(|email| email.canonical().to_owned()).collect(),
            phones.map(|phone| phone.as_str().to_owned()).collect(),
            people.iter().filter_map(|one| one.pid.clone()).collect(),
            people.iter().map(|one| one.legacy_id).collect(),
        );
        for holder in holders.await? {
            let owner = Owner {
                user: Some(holder.id),
                legacy_id: holder.legacy_id,
            };
            owners.insert(pid_key(&holder.pid), owner);
            if let Some(id) = holder.legacy_id {
                owners.insert(id_key(id), owner);
            }
            let email = holder.email_canonical.as_deref().map(email_key);
            let phone = holder.phone.as_deref().map(phone_key);
            if holder.is_live {
                owners.extend(email.into_iter().chain(phone).map(|key| (key, owner)));
            } else if holder.legacy_id.is_some() {
                // Another row with the address of a deleted account is about the same person, who must
                // not come back by it.
                if let Some(key) = email {
                    owners.entry(key).or_insert(owner);
                }
            }
        }
        let subjects: Vec<String> = people
            .iter()
            .flat_map(|one| one.google_subjects.clone())
            .collect();
        if !subjects.is_empty() {
            let issuer = app.config.google.canonical_issuer();
            for (subject, user) in identity::linked_subjects(tx, issuer, subjects).await? {
                let owner = Owner {
                    user: Some(user),
                    legacy_id: None,
                };
                owners.insert(subject_key(&subject), owner);
            }
        }
        if rehearsal {
            let keys: Vec<String> = people.iter().flat_map(|person| keys(person)).collect();
            for (key, id) in import_seen::find(tx, &keys, app.database.is_sqlite()).await? {
                owners.entry(key).or_insert(Owner {
                    user: None,
                    legacy_id: Some(id),
                });
            }
        }
        Ok(Self {
            owners,
            added: Vec::new(),
        })
    }

    /// Who else has this.
    fn other(&self, key: &str, person: &Person, user: Option<UserId>) -> Option<Owner> {
        let owner = self.owners.get(key).copied()?;
        let is_own = match (user, owner.user) {
            (Some(own), Some(other)) => own == other,
            _ => owner.legacy_id == Some(person.legacy_id),
        };
        (!is_own).then_some(owner)
    }

    /// The row that has the address of this person.
    pub(super) fn holder_of_email(&self, person: &Person) -> Option<i64> {
        let key = email_key(person.email.as_ref()?.canonical());
        self.other(&key, person, None)?.legacy_id
    }

    /// Takes the address of a new account from those that were made here and never verified it, where
    /// an operator decided so and the legacy system verified it, or the operator answers for that.
    pub(super) async fn claim(
        &mut self,
        tx: &Tx,
        import: &Import<'_>,
        person: &Person,
        resolution: &Resolution,
    ) -> Result<(), Fault> {
        let may_take = person.email_verified || resolution.take_unverified;
        let (true, true, Some(email)) = (resolution.take_address, may_take, &person.email) else {
            return Ok(());
        };
        let key = email_key(email.canonical());
        let is_made_here = (self.other(&key, person, None))
            .is_some_and(|owner| owner.user.is_some() && owner.legacy_id.is_none());
        if !is_made_here || import.is_rehearsal() {
            return Ok(());
        }
        let (app, address) = (import.app, Identifier::Email(email.clone()));
        // No account has this id: all that have the address are others.
        let claimant = app.new_id();
        if ownership::claim_address(tx, app, &import.client, &address, claimant).await? {
            self.owners.remove(&key);
        }
        Ok(())
    }

    /// Whether the account may be made or changed so; `user` is the account of an earlier import.
    ///
    /// A phone number or an identity that is taken is set aside. What else is taken is a reason to
    /// quarantine the row.
    pub(super) fn admit(&self, person: &mut Person, user: Option<UserId>) -> Result<(), Reason> {
        if user.is_none() && self.owners.contains_key(&id_key(person.legacy_id)) {
            return Err(Reason::IdTaken);
        }
        let by = |owner: Owner, duplicate, taken| match owner.legacy_id {
            Some(_) => duplicate,
            None => taken,
        };
        let email = person
            .email
            .as_ref()
            .map(|email| email_key(email.canonical()));
        if let Some(owner) = email.and_then(|key| self.other(&key, person, user)) {
            return Err(by(owner, Reason::EmailDuplicate, Reason::EmailTaken));
        }
        let pid = person.pid.as_deref().map(pid_key);
        if pid.is_some_and(|key| self.other(&key, person, user).is_some()) {
            return Err(Reason::PidTaken);
        }
        let phone = person.phone.as_ref().map(|phone| phone_key(phone.as_str()));
        if let Some(owner) = phone.and_then(|key| self.other(&key, person, user)) {
            let reason = by(owner, Reason::PhoneDuplicate, Reason::PhoneTaken);
            if person.email.is_none() {
                return Err(reason);
            }
            person.phone = None;
            person.phone_verified = false;
            set_aside(person, "phone", reason);
        }
        let subjects = std::mem::take(&mut person.google_subjects);
        let (free, taken): (Vec<_>, Vec<_>) = subjects
            .into_iter()
            .partition(|subject| self.other(&subject_key(subject), person, user).is_none());
        person.google_subjects = free;
        if !taken.is_empty() {
            set_aside(person, "social", Reason::IdentityTaken);
        }
        Ok(())
    }

    /// Notes what a person has taken.
    pub(super) fn add(&mut self, person: &Person) {
        for key in keys(person) {
            let owner = Owner {
                user: None,
                legacy_id: Some(person.legacy_id),
            };
            if self.owners.insert(key.clone(), owner).is_none() {
                self.added.push((key, person.legacy_id));
            }
        }
    }

    /// What the rows of the batch took.
    pub(super) fn added(&self) -> &[(String, i64)] {
        &self.added
    }
}

fn set_aside(person: &mut Person, field: &'static str, reason: Reason) {
    person.set_aside.push(SetAside { field, reason });
    person.set_aside.sort();
}
