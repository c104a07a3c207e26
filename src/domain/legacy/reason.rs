//! Why a row, or a value of it, is quarantined, and how an operator settled that.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($name:ident = $text:literal, $description:literal;)+) => {
        /// Why a row or a value is not taken as it is. The names are part of the report's format.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $(#[doc = $description] $name,)+
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name in the database and in reports.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The reason in words.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$name => $description,)+ }
            }
        }
    };
}

reasons! {
    NoIdentifier = "no_identifier", "There is neither a usable e-mail address nor a usable phone number.";
    EmailDuplicate = "email_duplicate", "Another legacy row has the same address in another spelling (case or Unicode form).";
    EmailTaken = "email_taken", "An account that was made here has the address.";
    EmailInvalid = "email_invalid", "The address is not a valid e-mail address.";
    PhoneDuplicate = "phone_duplicate", "Another legacy row has the same phone number.";
    PhoneTaken = "phone_taken", "An account that was made here has the phone number.";
    PhoneInvalid = "phone_invalid", "The phone number does not exist or has no country code.";
    PidInvalid = "pid_invalid", "The public id has more than 50 characters.";
    PidTaken = "pid_taken", "Another account has the public id.";
    IdTaken = "id_taken", "An account here has this legacy id, and no import made it.";
    PasswordUnknown = "password_unknown", "The password hash has a format that cannot be verified here.";
    PasswordMalformed = "password_malformed", "The password hash is cut off or damaged.";
    PasswordTooCostly = "password_too_costly", "Verifying the password hash would cost too much.";
    TextBroken = "text_broken", "The text is not valid UTF-8.";
    TextTooLong = "text_too_long", "The text is too long and was shortened.";
    TextUnusable = "text_unusable", "The text has characters that are not allowed, which were removed.";
    DateImpossible = "date_impossible", "The time cannot be read, or lies in the future.";
    ValueUnknown = "value_unknown", "The value is in no table of values of the mapping.";
    GroupNotStaff = "group_not_staff", "A group gives a staff function to a person who is not staff.";
    SecondProfile = "second_profile", "There is more than one profile; the first counts.";
    SecondAddress = "second_address", "An account has one e-mail address here; this is another one.";
    IdentityTaken = "identity_taken", "Another account is linked with this account at the provider.";
    NoUser = "no_user", "The row refers to a user who does not exist.";
    Refused = "refused", "The database refuses the row.";
    ValueSetAside = "value_set_aside", "A value is unusable, and --on-bad-value quarantine was given.";
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Reason {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut all = Self::ALL.iter().copied();
        all.find(|reason| reason.as_str() == text).ok_or(())
    }
}

/// A value that was not taken as it is, of a row that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SetAside {
    /// The field.
    pub field: &'static str,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for SetAside {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.field, self.reason)
    }
}

/// Why a row is quarantined as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantine {
    /// The reason.
    pub reason: Reason,
    /// Values that are unusable as well.
    pub set_aside: Vec<SetAside>,
}

/// What an operator decided about a row. It holds for later imports of the row, too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each decision stands for itself"
)]
pub struct Resolution {
    /// Leave the row out for good.
    pub is_discarded: bool,
    /// Import without the e-mail address.
    pub drop_email: bool,
    /// Import without the phone number.
    pub drop_phone: bool,
    /// Import without the password: the person sets one by a message.
    pub drop_password: bool,
    /// Make a new public id.
    pub new_pid: bool,
    /// Take this address.
    pub email: Option<String>,
    /// Take this phone number.
    pub phone: Option<String>,
    /// Take the address from an account that was made here and never verified it.
    pub take_address: bool,
    /// Although the legacy system did not verify it either.
    pub take_unverified: bool,
    /// Keep what stands here in all conflicts so far.
    pub keep_ours: bool,
    /// Take the legacy values in all conflicts so far.
    pub take_theirs: bool,
}

impl Resolution {
    /// What holds for later imports: conflicts to come, and addresses that are taken then, are decided
    /// anew.
    #[must_use]
    pub fn for_later(&self) -> Self {
        Self {
            take_address: false,
            take_unverified: false,
            keep_ours: false,
            take_theirs: false,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_reads_back() {
        for reason in Reason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(*reason));
        }
        assert_eq!("other".parse::<Reason>(), Err(()));
    }
}
