//! The person that a legacy row describes.
//!
//! Pure: whether an address is taken by another account is decided where accounts are known.

use chrono::{DateTime, Duration, Utc};

use super::values::{read_flag, read_time};
use super::{Cell, Field, LegacyRow, Mapping, Quarantine, Reason, Resolution, SetAside};
use crate::domain::email::EmailAddress;
use crate::domain::phone::PhoneNumber;
use crate::domain::role::{AuthProvider, Role, StaffFunctions};
use crate::domain::text::{self, Layout, TextRule};
use crate::domain::user::MAX_NAME_LENGTH;

/// Characters of a public id.
const MAX_PID: usize = 50;
/// Characters of the reference to a picture.
const MAX_AVATAR: usize = 1000;

/// What reading depends on besides the mapping.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The mapping.
    pub mapping: &'a Mapping,
    /// The country of numbers without a country code.
    pub phone_region: Option<&'a str>,
    /// The current time.
    pub now: DateTime<Utc>,
}

/// A person of the legacy system.
#[derive(Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the flags are those of the legacy system"
)]
pub struct Person {
    /// The primary key there.
    pub legacy_id: i64,
    /// The public id, if there is one.
    pub pid: Option<String>,
    /// The e-mail address.
    pub email: Option<EmailAddress>,
    /// Whether it was confirmed.
    pub email_verified: bool,
    /// The phone number.
    pub phone: Option<PhoneNumber>,
    /// Whether it was confirmed.
    pub phone_verified: bool,
    /// The encoded password hash; empty or `!…` for none.
    pub password: String,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Reference to a picture.
    pub avatar: Option<String>,
    /// What the person wrote about themselves.
    pub bio: String,
    /// Country of residence.
    pub country: String,
    /// State or province.
    pub state: String,
    /// City.
    pub city: String,
    /// Street and number.
    pub address: String,
    /// Preferred language.
    pub locale: Option<String>,
    /// Role.
    pub role: Role,
    /// Staff functions.
    pub staff_functions: StaffFunctions,
    /// Whether the platform vouches for the person.
    pub is_verified: bool,
    /// Whether the account may be used.
    pub is_active: bool,
    /// When the account was made, if that is known.
    pub created_at: Option<DateTime<Utc>>,
    /// The last sign-in.
    pub last_login_at: Option<DateTime<Utc>>,
    /// The reference of the vendor module.
    pub vendor_id: Option<String>,
    /// The ids of the person at Google.
    pub google_subjects: Vec<String>,
    /// What the wallet holds.
    pub wallet_balance: Option<String>,
    /// Values that were not taken as they are.
    pub set_aside: Vec<SetAside>,
}

impl std::fmt::Debug for Person {
    /// Prints no personal data.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = formatter.debug_struct("Person");
        debug.field("legacy_id", &self.legacy_id);
        debug
            .field("set_aside", &self.set_aside)
            .finish_non_exhaustive()
    }
}

impl Person {
    /// How the account was created, as far as that can be told.
    #[must_use]
    pub fn auth_provider(&self, has_password: bool) -> AuthProvider {
        if !has_password && !self.google_subjects.is_empty() {
            AuthProvider::Google
        } else if self.email.is_some() {
            AuthProvider::Email
        } else {
            AuthProvider::Phone
        }
    }
}

/// Reads the person of a row.
///
/// # Errors
///
/// Why the row cannot become an account without a decision of an operator.
pub fn read_person(
    row: &LegacyRow,
    rules: &Rules<'_>,
    resolution: &Resolution,
) -> Result<Person, Quarantine> {
    let mut reader = Reader {
        row,
        rules,
        set_aside: Vec::new(),
    };
    match reader.person(resolution) {
        Ok(person) => Ok(Person {
            set_aside: sorted(reader.set_aside),
            ..person
        }),
        Err(reason) => Err(Quarantine {
            reason,
            set_aside: sorted(reader.set_aside),
        }),
    }
}

fn sorted(mut all: Vec<SetAside>) -> Vec<SetAside> {
    all.sort();
    all.dedup();
    all
}

pub(super) struct Reader<'a> {
    pub(super) row: &'a LegacyRow,
    pub(super) rules: &'a Rules<'a>,
    set_aside: Vec<SetAside>,
}

impl<'a> Reader<'a> {
    fn person(&mut self, resolution: &Resolution) -> Result<Person, Reason> {
        let email = self.email(resolution)?;
        let phone = self.phone(resolution);
        if email.is_none() && phone.is_none() {
            return Err(Reason::NoIdentifier);
        }
        let pid = if resolution.new_pid {
            None
        } else {
            self.pid()?
        };
        let password = if resolution.drop_password {
            String::new()
        } else {
            self.strict(Field::Password)?.unwrap_or_default().to_owned()
        };
        let (first_name, last_name) = self.names();
        let (role, staff_functions) = self.role();
        let google_subjects = self.google_subjects();
        if self.row.profiles.len() > 1 {
            self.note("profile", Reason::SecondProfile);
        }
        let confirmed = email.as_ref().and_then(|email| self.confirmed(email));
        // The flags are about the addresses there, not about those that an operator gave.
        let email_flag = self.flag(Field::EmailVerified, false) && resolution.email.is_none();
        let phone_flag = self.flag(Field::PhoneVerified, false) && resolution.phone.is_none();
        Ok(Person {
            legacy_id: self.row.id,
            pid,
            email_verified: email.is_some() && confirmed.unwrap_or(email_flag),
            email,
            phone_verified: phone.is_some() && phone_flag,
            phone,
            password,
            first_name,
            last_name,
            avatar: self.avatar(),
            bio: self.text(Field::Bio, Layout::Lines, 2000),
            country: self.text(Field::Country, Layout::Line, 100),
            state: self.text(Field::State, Layout::Line, 100),
            city: self.text(Field::City, Layout::Line, 100),
            address: self.text(Field::Address, Layout::Lines, 255),
            locale: some(self.text(Field::Locale, Layout::Line, 35)),
            role,
            staff_functions,
            is_verified: self.flag(Field::IsVerified, false),
            is_active: self.is_active(),
            created_at: self.time(Field::CreatedAt),
            last_login_at: self.time(Field::LastLoginAt),
            vendor_id: some(self.text(Field::VendorId, Layout::Line, 255)),
            google_subjects,
            wallet_balance: self.first(Field::WalletBalance).map(str::to_owned),
            set_aside: Vec::new(),
        })
    }

    pub(super) fn note(&mut self, field: &'static str, reason: Reason) {
        self.set_aside.push(SetAside { field, reason });
    }

    /// The values of a field that are not empty, in the order of its columns.
    pub(super) fn cells(&self, field: Field) -> impl Iterator<Item = &'a Cell> + use<'a> {
        let row = self.row;
        let columns = self.rules.mapping.fields.get(&field);
        let columns: &'a [_] = columns.map_or(&[], Vec::as_slice);
        columns
            .iter()
            .map(|column| row.cell(column.is_profile, &column.name))
            .filter(|cell| match cell {
                Cell::Text(text) => !text.trim().is_empty(),
                Cell::Broken(_) => true,
                Cell::Null => false,
            })
    }

    /// The first value that is not empty; what is no text is noted.
    pub(super) fn first(&mut self, field: Field) -> Option<&'a str> {
        let constant = self.rules.mapping.constants.get(&field);
        match self.cells(field).next() {
            Some(Cell::Text(text)) => Some(text),
            Some(Cell::Broken(_)) => {
                self.note(field.as_str(), Reason::TextBroken);
                None
            }
            Some(Cell::Null) | None => constant.map(String::as_str),
        }
    }

    /// The same for a value without which the account would be another one.
    pub(super) fn strict(&mut self, field: Field) -> Result<Option<&'a str>, Reason> {
        match self.cells(field).next() {
            Some(Cell::Broken(_)) => {
                self.note(field.as_str(), Reason::TextBroken);
                Err(Reason::TextBroken)
            }
            Some(cell) => Ok(cell.text()),
            None => Ok(None),
        }
    }

    fn pid(&mut self) -> Result<Option<String>, Reason> {
        let Some(pid) = self.strict(Field::Pid)? else {
            return Ok(None);
        };
        if pid.chars().count() > MAX_PID || pid.chars().any(char::is_control) {
            return Err(Reason::PidInvalid);
        }
        Ok(Some(pid.to_owned()))
    }

    fn text(&mut self, field: Field, layout: Layout, most: usize) -> String {
        let Some(written) = self.first(field) else {
            return String::new();
        };
        self.salvaged(field.as_str(), written, layout, most)
    }

    fn salvaged(
        &mut self,
        field: &'static str,
        written: &str,
        layout: Layout,
        most: usize,
    ) -> String {
        match text::read(written, layout, most) {
            Ok(read) => read,
            Err(rule) => {
                let reason = match rule {
                    TextRule::TooLong(_) => Reason::TextTooLong,
                    TextRule::OneLine | TextRule::Character(_) => Reason::TextUnusable,
                };
                self.note(field, reason);
                text::salvage(written, layout, most)
            }
        }
    }

    /// Given and family name; those of the full name where both are empty.
    fn names(&mut self) -> (String, String) {
        let most = MAX_NAME_LENGTH;
        let first = self.text(Field::FirstName, Layout::Line, most);
        let last = self.text(Field::LastName, Layout::Line, most);
        if !first.is_empty() || !last.is_empty() {
            return (first, last);
        }
        let Some(full) = self.first(Field::FullName) else {
            return (first, last);
        };
        let (first, last) = full
            .trim()
            .rsplit_once(char::is_whitespace)
            .unwrap_or((full, ""));
        let first = self.salvaged("full_name", first, Layout::Line, most);
        let last = self.salvaged("full_name", last, Layout::Line, most);
        (first, last)
    }

    fn avatar(&mut self) -> Option<String> {
        let written = self.first(Field::Avatar)?.trim();
        if let Some(known) = self.rules.mapping.avatars.get(written) {
            return some(known.clone());
        }
        // No imported value may pass for a reference of ours.
        let is_unusable = written.chars().count() > MAX_AVATAR
            || written.starts_with("media:")
            || written.contains(char::is_control);
        if is_unusable {
            self.note("avatar", Reason::TextUnusable);
            return None;
        }
        Some(written.to_owned())
    }

    pub(super) fn flag(&mut self, field: Field, default: bool) -> bool {
        let Some(text) = self.first(field) else {
            return default;
        };
        read_flag(text).unwrap_or_else(|| {
            self.note(field.as_str(), Reason::ValueUnknown);
            default
        })
    }

    /// A system without the column has active accounts only; a value that cannot be read closes the
    /// account rather than opening it.
    fn is_active(&mut self) -> bool {
        let is_told = self.first(Field::IsActive).is_some();
        self.flag(Field::IsActive, !is_told)
    }

    fn time(&mut self, field: Field) -> Option<DateTime<Utc>> {
        let text = self.first(field)?;
        let read = read_time(text, self.rules.mapping.offset);
        // The clocks of two machines differ, by less than this.
        let latest = self.rules.now + Duration::days(1);
        let possible = read.filter(|at| *at <= latest && *at > DateTime::UNIX_EPOCH);
        if possible.is_none() {
            self.note(field.as_str(), Reason::DateImpossible);
        }
        possible
    }
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
#[path = "person_tests.rs"]
mod tests;
