//! What idgate says to people, by mail and by text message: kinds and words.
//!
//! Whom a message goes to and when is decided by the services; how it travels by the providers.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::domain::code::CodePurpose;
use crate::domain::html::escaped;

/// How a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// To an e-mail address.
    Email,
    /// To a phone number.
    Sms,
}

impl Channel {
    /// Its spelling in the outbox and the development mailbox.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }
}

/// Who gets a message.
#[derive(Clone, Copy, Debug)]
pub struct Recipient<'a> {
    /// How it travels.
    pub channel: Channel,
    /// The address or number.
    pub to: &'a str,
    /// The language the person prefers, a BCP 47 tag.
    pub locale: Option<&'a str>,
}

/// A message to a person.
#[derive(Clone, Copy, Debug)]
pub enum Message<'a> {
    /// Confirm your address by this link.
    VerifyEmail {
        /// The link.
        link: &'a str,
        /// How long it works.
        hours: i64,
    },
    /// Somebody registered your address again; sign in instead.
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
        /// How long it works.
        minutes: i64,
    },
    /// Set a new password by this link.
    ResetPassword {
        /// The link.
        link: &'a str,
        /// How long it works.
        minutes: i64,
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
        /// How long both work.
        minutes: i64,
    },
    /// Your account moved to another address; this link brings it back.
    EmailChanged {
        /// The new address, partly hidden.
        new_address: &'a str,
        /// The link.
        revert_link: &'a str,
        /// How long it works.
        days: i64,
    },
    /// Your account is back at this address.
    EmailReverted {
        /// Where to set a new password.
        link: &'a str,
        /// How long that works.
        minutes: i64,
    },
    /// Your account has another phone number.
    PhoneChanged {
        /// The new number, partly hidden.
        new_number: &'a str,
    },
    /// Somebody else had registered your address; what they had set is gone.
    AccountReclaimed {
        /// Where to sign in.
        sign_in: &'a str,
    },
    /// Another way to sign in was added.
    IdentityLinked {
        /// Whose it is, as in "Google".
        provider: &'a str,
    },
    /// A way to sign in was removed.
    IdentityUnlinked {
        /// Whose it was, as in "Google".
        provider: &'a str,
    },
}

impl Message<'_> {
    /// What it is about, as the outbox and the development mailbox name it.
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
            Self::SignInWithGoogle { .. } => "sign_in_with_google",
            Self::PasswordChanged { .. } => "password_changed",
            Self::ChangeEmail { .. } => "change_email",
            Self::EmailChanged { .. } => "email_changed",
            Self::EmailReverted { .. } => "email_reverted",
            Self::PhoneChanged { .. } => "phone_changed",
            Self::AccountReclaimed { .. } => "account_reclaimed",
            Self::IdentityLinked { .. } => "identity_linked",
            Self::IdentityUnlinked { .. } => "identity_unlinked",
        }
    }
}

/// What travels in a message: sealed until a worker delivers it.
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

/// The words of all messages.
#[derive(Debug)]
pub struct Templates {
    host: String,
}

impl Templates {
    /// The words in this binary, for codes that browsers fill in at this host only.
    #[must_use]
    pub fn embedded(host: &str) -> Self {
        Self {
            host: host.to_owned(),
        }
    }

    /// Puts a message into words.
    #[must_use]
    pub fn render(&self, recipient: &Recipient<'_>, message: &Message<'_>) -> Body {
        let (subject, opening, link) = words(message);
        let mut text = format!("{opening}\n");
        if let Some(link) = link {
            let _ = write!(text, "\n{link}\n");
        }
        if let (Channel::Sms, Message::Code { code, .. }) = (recipient.channel, message) {
            let _ = write!(text, "\n@{} #{code}", self.host);
        }
        let html = format!("<p>{}</p>", escaped(&text));
        let (subject, html) = match recipient.channel {
            Channel::Email => (subject.to_owned(), html),
            Channel::Sms => (String::new(), String::new()),
        };
        Body {
            to: recipient.to.to_owned(),
            subject,
            text,
            html,
        }
    }
}

fn words<'a>(message: &'a Message<'_>) -> (&'static str, String, Option<&'a str>) {
    match message {
        Message::VerifyEmail { link, hours } => (
            "Confirm your e-mail address",
            format!("Please confirm that this address is yours, within {hours} hours."),
            Some(link),
        ),
        Message::AlreadyRegistered { sign_in } => (
            "You already have an account",
            "Somebody, probably you, tried to create an account with this address.".to_owned(),
            Some(sign_in),
        ),
        Message::Code { code, minutes, .. } => (
            "Your code",
            format!("Your code is {code}. It works for {minutes} minutes."),
            None,
        ),
        Message::ResetPassword { link, minutes } => (
            "Set a new password",
            format!("Set a new password within {minutes} minutes."),
            Some(link),
        ),
        Message::SignInWithGoogle { sign_in } => (
            "How you sign in",
            "Your account has no password: you sign in with Google.".to_owned(),
            Some(sign_in),
        ),
        Message::PasswordChanged { sign_in } => (
            "Your password was changed",
            "If it was not you, set a new password at once.".to_owned(),
            Some(sign_in),
        ),
        Message::ChangeEmail {
            link,
            code,
            minutes,
        } => (
            "Confirm your new address",
            format!("Open the link or enter {code}, within {minutes} minutes."),
            Some(link),
        ),
        Message::EmailChanged {
            new_address,
            revert_link,
            days,
        } => (
            "Your e-mail address was changed",
            format!("It is {new_address} now. For {days} days the link undoes that."),
            Some(revert_link),
        ),
        Message::EmailReverted { link, minutes } => (
            "Your e-mail address is back",
            format!("Set a new password within {minutes} minutes."),
            Some(link),
        ),
        Message::PhoneChanged { new_number } => (
            "Your phone number was changed",
            format!("It is {new_number} now."),
            None,
        ),
        Message::AccountReclaimed { sign_in } => (
            "Your account was secured",
            "Somebody had registered your address before you. What they set is gone.".to_owned(),
            Some(sign_in),
        ),
        Message::IdentityLinked { provider } => (
            "A way to sign in was added",
            format!("You can sign in with {provider} now."),
            None,
        ),
        Message::IdentityUnlinked { provider } => (
            "A way to sign in was removed",
            format!("You cannot sign in with {provider} any more."),
            None,
        ),
    }
}
