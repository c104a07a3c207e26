//! The words of a message in one language, with its values filled in.

use fluent_bundle::FluentArgs;
use serde::Serialize;

use super::catalog::Language;
use super::sources::Problem;
use super::{Channel, Message, languages};
use crate::domain::code::CodePurpose;

/// The maximum length of a value in a sentence, in characters.
const MAX_VALUE_CHARACTERS: usize = 80;

/// How long a link or code is valid.
#[derive(Clone, Copy)]
pub(super) enum Duration {
    Minutes(i64),
    Hours(i64),
    Days(i64),
}

impl Duration {
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

/// The parts of one message, before they are put into words.
struct MessageSpec<'a> {
    /// The name of its words in the catalogs.
    name: &'static str,
    link: Option<&'a str>,
    code: Option<&'a str>,
    time: Option<Duration>,
    /// Another value, by its name in the catalogs.
    value: Option<(&'static str, &'a str)>,
    /// Whether a text message contains the link; people know the way to the sign-in page.
    link_by_sms: bool,
}

impl<'a> MessageSpec<'a> {
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

    fn link(name: &'static str, link: &'a str, time: Duration) -> Self {
        Self {
            link: Some(link),
            time: Some(time),
            ..Self::bare(name)
        }
    }

    fn code(name: &'static str, code: &'a str, minutes: i64) -> Self {
        Self {
            code: Some(code),
            time: Some(Duration::Minutes(minutes)),
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
                Self::link("verify-email", link, Duration::Hours(hours))
            }
            Message::AlreadyRegistered { sign_in } => Self::sign_in("already-registered", sign_in),
            Message::Code {
                purpose,
                code,
                minutes,
            } => Self::code(code_name(purpose), code, minutes),
            Message::ResetPassword { link, minutes } => {
                Self::link("password-reset", link, Duration::Minutes(minutes))
            }
            Message::Invitation { link, hours } => {
                Self::link("invitation", link, Duration::Hours(hours))
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
                ..Self::link("email-changed", revert_link, Duration::Days(days))
            },
            Message::EmailReverted { link, minutes } => {
                Self::link("email-reverted", link, Duration::Minutes(minutes))
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

/// The name of a message in the catalogs.
pub(super) fn name(message: &Message<'_>) -> &'static str {
    MessageSpec::of(message).name
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

/// The words of one message, as the templates see them. Absent parts are `None` or empty.
#[derive(Serialize, Default)]
pub(super) struct MessageView<'a> {
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

impl<'a> MessageView<'a> {
    /// Puts a message into the words of a language.
    pub(super) fn new(
        language: &Language,
        channel: Channel,
        message: &Message<'a>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let spec = MessageSpec::of(message);
        let values = values(language, &spec, problems);
        let blank = Self {
            lang: language.id.to_string(),
            dir: languages::direction(&language.id),
            code: spec.code,
            link: spec.link,
            ..Self::default()
        };
        let mut say = |part: &str| {
            let name = format!("{}.{part}", spec.name);
            language.say(&name, &values, problems)
        };
        match channel {
            Channel::Sms => Self {
                sms: on_one_line(&say("sms")),
                link: spec.link.filter(|_| spec.link_by_sms),
                ..blank
            },
            Channel::Email => {
                let mut view = Self {
                    subject: on_one_line(&say("subject")),
                    preheader: on_one_line(&say("preheader")),
                    heading: on_one_line(&say("heading")),
                    intro: paragraphs(&say("intro")),
                    button: spec.link.map(|_| on_one_line(&say("button"))),
                    validity: spec.time.map(|_| on_one_line(&say("validity"))),
                    doubt: paragraphs(&say("doubt")),
                    ..blank
                };
                view.add_common(language, values, problems);
                view
            }
        }
    }

    /// Adds the words that all mails share.
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
    spec: &MessageSpec<'a>,
    problems: &mut Vec<Problem>,
) -> FluentArgs<'a> {
    let mut values = FluentArgs::new();
    if let Some(time) = spec.time {
        values.set("time", duration_text(language, time, problems));
    }
    if let Some(code) = spec.code {
        values.set("code", code);
    }
    if let Some((name, value)) = spec.value {
        values.set(name, sanitize(value));
    }
    values
}

/// A duration in words.
pub(super) fn duration_text(
    language: &Language,
    time: Duration,
    problems: &mut Vec<Problem>,
) -> String {
    let (name, count) = match time.rounded() {
        Duration::Minutes(count) => ("time-minutes", count),
        Duration::Hours(count) => ("time-hours", count),
        Duration::Days(count) => ("time-days", count),
    };
    let mut values = FluentArgs::new();
    values.set("count", count);
    language.say(name, &values, problems)
}

/// A value without line breaks, blanks and direction overrides: an attacker who chose it could otherwise have
/// us send their own text (content injection).
fn sanitize(value: &str) -> String {
    let harmful = |letter: char| {
        letter.is_control()
            || letter.is_whitespace()
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    value
        .chars()
        .take(MAX_VALUE_CHARACTERS)
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
