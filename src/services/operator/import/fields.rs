//! The values of an account that an import writes, field by field, so that what changed here can be
//! told from what changed there.
//!
//! Of what was written only keyed digests are kept: the values themselves stand in the account.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::app::App;
use crate::domain::email::EmailAddress;
use crate::domain::legacy::Person;
use crate::domain::phone::PhoneNumber;
use crate::domain::user::User;

/// Fields, in the order of their digests. The last is compared by other means.
pub(in crate::services::operator) const FIELDS: [&str; 22] = [
    "pid",
    "email",
    "phone",
    "first_name",
    "last_name",
    "avatar",
    "bio",
    "country",
    "state",
    "city",
    "address",
    "locale",
    "role",
    "staff_functions",
    "is_verified",
    "email_verified",
    "phone_verified",
    "is_active",
    "created_at",
    "last_login_at",
    "vendor_id",
    "password",
];
/// Bytes of the digest of a value.
const BYTES: usize = 8;
const LABEL: &str = "import-field";

/// The values of the fields.
pub(in crate::services::operator) type Values = [String; FIELDS.len()];

fn time(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(String::new, |at| {
        at.to_rfc3339_opts(SecondsFormat::Micros, true)
    })
}

fn optional(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

/// Those that the legacy system has. The public id and the time of creation are empty where it has none.
pub(in crate::services::operator) fn of_person(person: &Person) -> Values {
    [
        optional(person.pid.as_deref()),
        optional(person.email.as_ref().map(EmailAddress::as_str)),
        optional(person.phone.as_ref().map(PhoneNumber::as_str)),
        person.first_name.clone(),
        person.last_name.clone(),
        optional(person.avatar.as_deref()),
        person.bio.clone(),
        person.country.clone(),
        person.state.clone(),
        person.city.clone(),
        person.address.clone(),
        optional(person.locale.as_deref()),
        person.role.to_string(),
        person.staff_functions.to_text(),
        person.is_verified.to_string(),
        person.email_verified.to_string(),
        person.phone_verified.to_string(),
        person.is_active.to_string(),
        time(person.created_at),
        time(person.last_login_at),
        optional(person.vendor_id.as_deref()),
        person.password.clone(),
    ]
}

/// Those that the account has; without the password, which cannot be read back.
pub(in crate::services::operator) fn of_user(user: &User) -> Values {
    [
        user.pid.clone(),
        optional(user.email.as_deref()),
        optional(user.phone.as_deref()),
        user.first_name.clone(),
        user.last_name.clone(),
        optional(user.avatar.as_deref()),
        user.bio.clone(),
        user.country.clone(),
        user.state.clone(),
        user.city.clone(),
        user.address.clone(),
        optional(user.locale.as_deref()),
        user.role.to_string(),
        user.staff_functions.to_text(),
        user.is_verified.to_string(),
        user.email_verified.to_string(),
        user.phone_verified.to_string(),
        (!user.is_suspended()).to_string(),
        time(Some(user.created_at)),
        time(user.last_login_at),
        optional(user.vendor_id.as_deref()),
        String::new(),
    ]
}

/// Takes the value of a field from the legacy system.
pub(in crate::services::operator) fn take(
    field: &str,
    person: &Person,
    user: &mut User,
    now: DateTime<Utc>,
) {
    match field {
        "email" => user.email = person.email.as_ref().map(|email| email.as_str().to_owned()),
        "phone" => user.phone = person.phone.as_ref().map(|phone| phone.as_str().to_owned()),
        "first_name" => user.first_name.clone_from(&person.first_name),
        "last_name" => user.last_name.clone_from(&person.last_name),
        "avatar" => user.avatar.clone_from(&person.avatar),
        "bio" => user.bio.clone_from(&person.bio),
        "country" => user.country.clone_from(&person.country),
        "state" => user.state.clone_from(&person.state),
        "city" => user.city.clone_from(&person.city),
        "address" => user.address.clone_from(&person.address),
        "locale" => user.locale.clone_from(&person.locale),
        "role" => user.role = person.role,
        "staff_functions" => user.staff_functions = person.staff_functions,
        "is_verified" => user.is_verified = person.is_verified,
        "email_verified" => user.email_verified = person.email_verified,
        "phone_verified" => user.phone_verified = person.phone_verified,
        "is_active" => {
            user.suspended_at = (!person.is_active).then_some(now);
            user.suspended_reason = (!person.is_active).then(|| super::INACTIVE.to_owned());
        }
        "created_at" => user.created_at = person.created_at.unwrap_or(user.created_at),
        "last_login_at" => user.last_login_at = person.last_login_at,
        "vendor_id" => user.vendor_id.clone_from(&person.vendor_id),
        // A public id never changes, and the password is not a column of the account.
        _ => {}
    }
}

/// The digests of the values that were written, and when the password was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::services::operator) struct Written {
    digests: Vec<[u8; BYTES]>,
    password_at: i64,
}

impl Written {
    pub(in crate::services::operator) fn of(
        app: &App,
        values: &Values,
        password_at: Option<DateTime<Utc>>,
    ) -> Self {
        let fields = FIELDS.iter().zip(values);
        Self {
            digests: fields
                .map(|(field, value)| cut(&app.keyring.blind_index(LABEL, &text(field, value))))
                .collect(),
            password_at: micros(password_at),
        }
    }

    /// Reads what [`Self::to_bytes`] wrote; `None` for another layout.
    pub(in crate::services::operator) fn read(bytes: &[u8]) -> Option<Self> {
        let (digests, password_at) = bytes.split_last_chunk::<BYTES>()?;
        let digests: Vec<[u8; BYTES]> = digests
            .chunks(BYTES)
            .map(<[u8; BYTES]>::try_from)
            .collect::<Result<_, _>>()
            .ok()?;
        (digests.len() == FIELDS.len()).then_some(Self {
            digests,
            password_at: i64::from_be_bytes(*password_at),
        })
    }

    pub(in crate::services::operator) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.digests.concat();
        bytes.extend_from_slice(&self.password_at.to_be_bytes());
        bytes
    }

    /// Whether this value was written, under any master key.
    pub(in crate::services::operator) fn is(&self, app: &App, place: usize, value: &str) -> bool {
        let Some((field, digest)) = FIELDS.get(place).zip(self.digests.get(place)) else {
            return false;
        };
        let all = app.keyring.blind_indices(LABEL, &text(field, value));
        all.iter().any(|index| cut(index) == *digest)
    }

    /// Whether this is the legacy password that was written.
    pub(super) fn has_password(&self, app: &App, password: &str) -> bool {
        self.is(app, FIELDS.len() - 1, password)
    }

    /// Whether the password is the one that was written.
    pub(in crate::services::operator) fn has_password_of(
        &self,
        changed_at: Option<DateTime<Utc>>,
    ) -> bool {
        self.password_at == micros(changed_at)
    }

    /// Notes that this value was written.
    pub(in crate::services::operator) fn set(&mut self, app: &App, place: usize, value: &str) {
        if let Some((field, digest)) = FIELDS.get(place).zip(self.digests.get_mut(place)) {
            *digest = cut(&app.keyring.blind_index(LABEL, &text(field, value)));
        }
    }

    /// Notes when the password was written.
    pub(in crate::services::operator) fn set_password_at(&mut self, at: Option<DateTime<Utc>>) {
        self.password_at = micros(at);
    }
}

fn text(field: &str, value: &str) -> String {
    format!("{field}\0{value}")
}

fn micros(at: Option<DateTime<Utc>>) -> i64 {
    at.map_or(0, |at| at.timestamp_micros())
}

fn cut(index: &[u8; 32]) -> [u8; BYTES] {
    let mut digest = [0; BYTES];
    digest
        .iter_mut()
        .zip(index)
        .for_each(|(to, from)| *to = *from);
    digest
}
