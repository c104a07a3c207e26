//! The words of a message in one language, with its values filled in.

use fluent_bundle::FluentArgs;
use serde::Serialize;

use super::catalog::Language;
use super::parts::{MessageParts, ValidFor};
use super::sources::Problem;
use super::{Channel, Message, languages};

/// The maximum length of a value in a sentence, in characters.
const MAX_VALUE_CHARACTERS: usize = 80;

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
        let parts = message.parts();
        let values = values(language, &parts, problems);
        let blank = Self {
            lang: language.id.to_string(),
            dir: languages::direction(&language.id),
            code: parts.code,
            link: parts.link,
            ..Self::default()
        };
        let mut say = |part: &str| {
            let name = format!("{}.{part}", message.name());
            language.say(&name, &values, problems)
        };
        match channel {
            Channel::Sms => Self {
                sms: on_one_line(&say("sms")),
                link: parts.link.filter(|_| !parts.only_by_mail),
                ..blank
            },
            Channel::Email => {
                let mut view = Self {
                    subject: on_one_line(&say("subject")),
                    preheader: on_one_line(&say("preheader")),
                    heading: on_one_line(&say("heading")),
                    intro: paragraphs(&say("intro")),
                    button: parts.link.map(|_| on_one_line(&say("button"))),
                    validity: parts.valid_for.map(|_| on_one_line(&say("validity"))),
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
    parts: &MessageParts<'a>,
    problems: &mut Vec<Problem>,
) -> FluentArgs<'a> {
    let mut values = FluentArgs::new();
    if let Some(time) = parts.valid_for {
        values.set("time", duration_text(language, time, problems));
    }
    if let Some(code) = parts.code {
        values.set("code", code);
    }
    if let Some((name, value)) = parts.value {
        values.set(name, sanitize(value));
    }
    values
}

/// A duration in words.
pub(super) fn duration_text(
    language: &Language,
    time: ValidFor,
    problems: &mut Vec<Problem>,
) -> String {
    let (name, count) = match time.rounded() {
        ValidFor::Minutes(count) => ("time-minutes", count),
        ValidFor::Hours(count) => ("time-hours", count),
        ValidFor::Days(count) => ("time-days", count),
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
