//! What idgate says to people, by mail and by text message: kinds and words.
//!
//! This file has the kinds. The words are in `assets/`, one file per language; `sources` finds them
//! and the operator's, `catalog` parses them, `languages` chooses among them, `view` selects the words
//! of a kind, and `templates` renders them. `load` puts these together and has `validate` try every
//! message before the first is sent. The services decide who gets which message, the providers send
//! it.

mod catalog;
mod languages;
mod load;
mod page;
mod sources;
mod templates;
#[cfg(test)]
mod tests;
mod validate;
mod view;

use serde::{Deserialize, Serialize};

use crate::domain::code::CodePurpose;

pub use self::page::{Field, Form, Link, Page, Voice, words_of};
pub use self::sources::{Problem, TemplateError};
pub use self::templates::{TemplateSettings, Templates};
pub use self::validate::samples;

/// The channel of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// To an e-mail address.
    Email,
    /// To a phone number.
    Sms,
}

impl Channel {
    /// The name in the outbox and the development mailbox.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }
}

/// The recipient of a message.
#[derive(Clone, Copy, Debug)]
pub struct Recipient<'a> {
    /// The channel.
    pub channel: Channel,
    /// The address or number.
    pub to: &'a str,
    /// The preferred language, a BCP 47 tag.
    pub locale: Option<&'a str>,
}

/// A message to a user.
#[derive(Clone, Copy, Debug)]
pub enum Message<'a> {
    /// Confirm your address by this link.
    VerifyEmail {
        /// The link.
        link: &'a str,
        /// How long it is valid.
        hours: i64,
    },
    /// The address was registered again; sign in instead.
    AlreadyRegistered {
        /// Where to sign in.
        sign_in: &'a str,
    },
    /// A one-time code.
    Code {
        /// What it is for.
        purpose: CodePurpose,
        /// The digits.
        code: &'a str,
        /// How long it is valid.
        minutes: i64,
    },
    /// Set a new password by this link.
    ResetPassword {
        /// The link.
        link: &'a str,
        /// How long it is valid.
        minutes: i64,
    },
    /// An invitation: set the password with this link.
    Invitation {
        /// The link.
        link: &'a str,
        /// How long it is valid.
        hours: i64,
    },
    /// You have no password: this is how you sign in.
    SignInWithGoogle {
        /// Where to sign in.
        sign_in: &'a str,
    },
    /// Your password was changed.
    PasswordChanged {
        /// Where to set a new one if it was not you.
        sign_in: &'a str,
    },
    /// Confirm this new address of your account.
    ChangeEmail {
        /// The link.
        link: &'a str,
        /// The digits that do the same.
        code: &'a str,
        /// How long both are valid.
        minutes: i64,
    },
    /// Your account moved to another address; this link brings it back.
    EmailChanged {
        /// The new address, partly hidden.
        new_address: &'a str,
        /// The link.
        revert_link: &'a str,
        /// How long it is valid.
        days: i64,
    },
    /// Your account is back at this address.
    EmailReverted {
        /// Where to set a new password.
        link: &'a str,
        /// How long that link is valid.
        minutes: i64,
    },
    /// Your account has another e-mail address; sent to where it cannot be reverted from.
    EmailNoted {
        /// The new address, partly hidden.
        new_address: &'a str,
    },
    /// Your account has another phone number.
    PhoneChanged {
        /// The new number, partly hidden.
        new_number: &'a str,
    },
    /// Another person had registered the address; what they set was removed.
    AccountReclaimed {
        /// Where to sign in.
        sign_in: &'a str,
    },
    /// Another way to sign in was added.
    IdentityLinked {
        /// The provider, such as "Google".
        provider: &'a str,
    },
    /// A way to sign in was removed.
    IdentityUnlinked {
        /// The provider, such as "Google".
        provider: &'a str,
    },
    /// Recently added ways to sign in were removed when the account was secured.
    IdentitiesEnded {
        /// The provider, such as "Google".
        provider: &'a str,
        /// Where to sign in, to add one again.
        sign_in: &'a str,
    },
}

impl Message<'_> {
    /// Its unique name in the catalogs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        view::name(self)
    }

    /// Its kind in the outbox and the development mailbox, which a link, a code and a notice about
    /// the same thing share.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::VerifyEmail { .. } => "verify_email",
            Self::AlreadyRegistered { .. } => "already_registered",
            Self::Code { purpose, .. } => match purpose {
                CodePurpose::Login => "login_code",
                CodePurpose::ResetPassword => "password_reset",
                CodePurpose::VerifyEmail => "verify_email",
                CodePurpose::VerifyPhone => "verify_phone",
                CodePurpose::StepUp => "step_up_code",
                CodePurpose::ChangeEmail => "change_email",
                CodePurpose::ChangePhone => "change_phone",
            },
            Self::ResetPassword { .. } => "password_reset",
            Self::Invitation { .. } => "invitation",
            Self::SignInWithGoogle { .. } => "sign_in_with_google",
            Self::PasswordChanged { .. } => "password_changed",
            Self::ChangeEmail { .. } => "change_email",
            Self::EmailChanged { .. } | Self::EmailNoted { .. } => "email_changed",
            Self::EmailReverted { .. } => "email_reverted",
            Self::PhoneChanged { .. } => "phone_changed",
            Self::AccountReclaimed { .. } => "account_reclaimed",
            Self::IdentityLinked { .. } => "identity_linked",
            Self::IdentityUnlinked { .. } => "identity_unlinked",
            Self::IdentitiesEnded { .. } => "identities_ended",
        }
    }
}

/// The rendered message: sealed until a worker delivers it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Body {
    /// The address or number it goes to.
    pub to: String,
    /// The subject line; empty in a text message.
    pub subject: String,
    /// The plain-text part.
    pub text: String,
    /// The HTML part; empty in a text message.
    pub html: String,
}
