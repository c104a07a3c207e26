//! What a message is made of: which words a kind needs, with the values in their places.

use fluent_bundle::FluentArgs;
use serde::Serialize;

use super::phrases::Language;
use super::sources::Problem;
use super::{Channel, Message, languages};
use crate::domain::code::CodePurpose;

/// The most characters of an address or number in a sentence.
const LONGEST_VALUE: usize = 80;

/// How long something works.
#[derive(Clone, Copy)]
pub(super) enum Time {
    Minutes(i64),
    Hours(i64),
    Days(i64),
}

impl Time {
    /// The largest unit that is exact and stays above one: 1440 minutes are "24 hours".
    const fn rounded(self) -> Self {
        match self {
            Self::Minutes(count) if count >= 120 && count % 60 == 0 => {
                Self::Hours(count / 60).rounded()
            }
            Self::Hours(count) if count >= 48 && count % 24 == 0 => Self::Days(count / 24),
            other => other,
        }
    }
}

/// What is true of one message, before it is put into words.
struct Facts<'a> {
    /// The message's name in the files of words.
    name: &'static str,
    link: Option<&'a str>,
    code: Option<&'a str>,
    time: Option<Time>,
    /// One more value, by its name in the files of words.
    value: Option<(&'static str, &'a str)>,
    /// Whether a text message carries the link too; the way to the sign-in page people know.
    link_by_sms: bool,
}

impl<'a> Facts<'a> {
    const fn bare(name: &'static str) -> Self {
        Self {
            name,
            link: None,
            code: None,
            time: None,
            value: None,
            link_by_sms: true,
        }
    }

    fn sign_in(name: &'static str, link: &'a str) -> Self {
        Self {
            link: Some(link),
            link_by_sms: false,
            ..Self::bare(name)
        }
    }

    fn link(name: &'static str, link: &'a str, time: Time) -> Self {
        Self {
            link: Some(link),
            time: Some(time),
            ..Self::bare(name)
        }
    }

    fn code(name: &'static str, code: &'a str, minutes: i64) -> Self {
        Self {
            code: Some(code),
            time: Some(Time::Minutes(minutes)),
            ..Self::bare(name)
        }
    }

    fn about(name: &'static str, value: &'static str, is: &'a str) -> Self {
        Self {
            value: Some((value, is)),
            ..Self::bare(name)
        }
    }

    fn of(message: &Message<'a>) -> Self {
        match *message {
            Message::VerifyEmail { link, hours } => {
                Self::link("verify-email", link, Time::Hours(hours))
            }
            Message::AlreadyRegistered { sign_in } => Self::sign_in("already-registered", sign_in),
            Message::Code {
                purpose,
                code,
                minutes,
            } => Self::code(code_name(purpose), code, minutes),
            Message::ResetPassword { link, minutes } => {
                Self::link("password-reset", link, Time::Minutes(minutes))
            }
            Message::Invitation { link, hours } => {
                Self::link("invitation", link, Time::Hours(hours))
            }
            Message::SignInWithGoogle { sign_in } => Self::sign_in("sign-in-with-google", sign_in),
            Message::PasswordChanged { sign_in } => Self::sign_in("password-changed", sign_in),
            Message::ChangeEmail {
                link,
                code,
                minutes,
            } => Self {
                link: Some(link),
                ..Self::code("change-email", code, minutes)
            },
            Message::EmailChanged {
                new_address,
                revert_link,
                days,
            } => Self {
                value: Some(("address", new_address)),
                ..Self::link("email-changed", revert_link, Time::Days(days))
            },
            Message::EmailReverted { link, minutes } => {
                Self::link("email-reverted", link, Time::Minutes(minutes))
            }
            Message::EmailNoted { new_address } => {
                Self::about("email-changed-notice", "address", new_address)
            }
            Message::PhoneChanged { new_number } => {
                Self::about("phone-changed", "number", new_number)
            }
            Message::AccountReclaimed { sign_in } => Self::sign_in("account-reclaimed", sign_in),
            Message::IdentityLinked { provider } => {
                Self::about("identity-linked", "provider", provider)
            }
            Message::IdentityUnlinked { provider } => {
                Self::about("identity-unlinked", "provider", provider)
            }
            Message::IdentitiesEnded { provider, sign_in } => Self {
                value: Some(("provider", provider)),
                ..Self::sign_in("identities-ended", sign_in)
            },
        }
    }
}

/// The name of a message in the files of words.
pub(super) fn name(message: &Message<'_>) -> &'static str {
    Facts::of(message).name
}

const fn code_name(purpose: CodePurpose) -> &'static str {
    match purpose {
        CodePurpose::Login => "login-code",
        CodePurpose::ResetPassword => "password-reset-code",
        CodePurpose::VerifyEmail => "verify-email-code",
        CodePurpose::VerifyPhone => "verify-phone-code",
        CodePurpose::StepUp => "step-up-code",
        CodePurpose::ChangeEmail => "change-email-code",
        CodePurpose::ChangePhone => "change-phone-code",
    }
}

/// The words of one message, as the templates take them. What a message or channel does not have
/// is none or empty.
#[derive(Serialize, Default)]
pub(super) struct Sheet<'a> {
    pub(super) lang: String,
    pub(super) dir: &'static str,
    pub(super) product: &'a str,
    pub(super) host: &'a str,
    pub(super) subject: String,
    pub(super) preheader: String,
    pub(super) heading: String,
    pub(super) intro: Vec<String>,
    pub(super) code: Option<&'a str>,
    pub(super) link: Option<&'a str>,
    pub(super) button: Option<String>,
    pub(super) link_line: Option<String>,
    pub(super) link_below: Option<String>,
    pub(super) validity: Option<String>,
    pub(super) code_warning: Option<String>,
    pub(super) doubt: Vec<String>,
    pub(super) footer: String,
    pub(super) sms: String,
}

impl<'a> Sheet<'a> {
    /// Puts a message into the words of a language.
    pub(super) fn write(
        language: &Language,
        channel: Channel,
        message: &Message<'a>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let facts = Facts::of(message);
        let values = values(language, &facts, problems);
        let blank = Self {
            lang: language.id.to_string(),
            dir: languages::direction(&language.id),
            code: facts.code,
            link: facts.link,
            ..Self::default()
        };
        let mut say = |part: &str| {
            let name = format!("{}.{part}", facts.name);
            language.say(&name, &values, problems)
        };
        match channel {
            Channel::Sms => Self {
                sms: on_one_line(&say("sms")),
                link: facts.link.filter(|_| facts.link_by_sms),
                ..blank
            },
            Channel::Email => {
                let mut sheet = Self {
                    subject: on_one_line(&say("subject")),
                    preheader: on_one_line(&say("preheader")),
                    heading: on_one_line(&say("heading")),
                    intro: paragraphs(&say("intro")),
                    button: facts.link.map(|_| on_one_line(&say("button"))),
                    validity: facts.time.map(|_| on_one_line(&say("validity"))),
                    doubt: paragraphs(&say("doubt")),
                    ..blank
                };
                sheet.add_common(language, values, problems);
                sheet
            }
        }
    }

    /// Adds what all mails say alike.
    fn add_common(
        &mut self,
        language: &Language,
        mut values: FluentArgs<'_>,
        problems: &mut Vec<Problem>,
    ) {
        if let Some(button) = &self.button {
            values.set("button", button.clone());
            self.link_line = Some(language.say("link-line", &values, problems));
            self.link_below = Some(language.say("link-below", &values, problems));
        }
        if self.code.is_some() {
            self.code_warning = Some(language.say("code-warning", &values, problems));
        }
        self.footer = language.say("footer", &values, problems);
    }
}

fn values<'a>(
    language: &Language,
    facts: &Facts<'a>,
    problems: &mut Vec<Problem>,
) -> FluentArgs<'a> {
    let mut values = FluentArgs::new();
    if let Some(time) = facts.time {
        values.set("time", spoken(language, time, problems));
    }
    if let Some(code) = facts.code {
        values.set("code", code);
    }
    if let Some((name, value)) = facts.value {
        values.set(name, tamed(value));
    }
    values
}

/// A time in words.
pub(super) fn spoken(language: &Language, time: Time, problems: &mut Vec<Problem>) -> String {
    let (name, count) = match time.rounded() {
        Time::Minutes(count) => ("time-minutes", count),
        Time::Hours(count) => ("time-hours", count),
        Time::Days(count) => ("time-days", count),
    };
    let mut values = FluentArgs::new();
    values.set("count", count);
    language.say(name, &values, problems)
}

/// A value without what could begin another line or turn the writing around: somebody else
/// chose it, and would have us send their own words.
fn tamed(value: &str) -> String {
    let harmful = |letter: char| {
        letter.is_control()
            || letter.is_whitespace()
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    value
        .chars()
        .take(LONGEST_VALUE)
        .map(|letter| if harmful(letter) { '?' } else { letter })
        .collect()
}

fn paragraphs(text: &str) -> Vec<String> {
    text.split("\n\n")
        .map(on_one_line)
        .filter(|paragraph| !paragraph.is_empty())
        .collect()
}

fn on_one_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.join(" ").trim().to_owned()
}
