//! Validating every message and page when they are loaded, so that a mistake in a file is reported at
//! startup.

mod names;
mod page;

use std::collections::BTreeSet;

use fluent_bundle::FluentArgs;

use super::catalog::Language;
use super::parts::{Link, NewAddress, Part as _, ValidFor};
use super::sources::Problem;
use super::templates::Templates;
use super::view::MessageView;
use super::{Body, Channel, Message, Recipient};
use crate::domain::html::escaped;

pub(super) use self::names::check_names;

/// An address that becomes markup unless it is escaped.
const MARKUP: &str = "<b>@example.com";

/// Renders every message in every language and channel, and collects the problems.
pub(super) fn validate(templates: &Templates, problems: &mut Vec<Problem>) {
    for language in &templates.languages {
        validate_durations(language, problems);
        page::validate(templates, language, problems);
        for message in Message::samples() {
            for channel in [Channel::Email, Channel::Sms] {
                validate_message(templates, language, channel, &message, problems);
            }
        }
        validate_escaping(templates, language, problems);
    }
}

/// Renders durations with numbers of every plural category of any language.
fn validate_durations(language: &Language, problems: &mut Vec<Problem>) {
    for name in ["time-minutes", "time-hours", "time-days"] {
        for count in [0, 1, 2, 3, 5, 11, 21, 100] {
            let mut values = FluentArgs::new();
            values.set("count", count);
            language.say(name, &values, problems);
        }
    }
}

fn validate_message(
    templates: &Templates,
    language: &Language,
    channel: Channel,
    message: &Message<'_>,
    problems: &mut Vec<Problem>,
) {
    let before = problems.len();
    let view = templates.view(language, channel, message, problems);
    let body = templates.fill(&view, &recipient(channel), problems);
    // Do not report consequences of a problem that is known already.
    if problems.len() > before {
        return;
    }
    let mut refuse = |place: String, reason: &str, remedy: &str| {
        problems.push(Problem {
            place,
            reason: format!("{reason} ({} in {})", message.kind(), language.id),
            remedy: remedy.to_owned(),
        });
    };
    if channel == Channel::Sms {
        for (file, reason, remedy) in wrong_with_sms(&view, &body) {
            refuse(templates.file(file).to_owned(), reason, remedy);
        }
        if view.code.is_some_and(|code| !view.sms.contains(code)) {
            refuse(
                format!("{}.ftl", language.id),
                "the words of the text message lack the code",
                "write { $code } into .sms",
            );
        }
        return;
    }
    for (file, reason, remedy) in wrong_with_mail(&view, &body) {
        refuse(templates.file(file).to_owned(), reason, remedy);
    }
    if view.subject.is_empty() || view.code.is_some_and(|code| view.subject.contains(code)) {
        // Subjects are shown on lock screens.
        refuse(
            format!("{}.ftl", language.id),
            "the subject is empty or has the code",
            "write a .subject without { $code }",
        );
    }
}

type Wrong = (&'static str, &'static str, &'static str);

fn wrong_with_mail(view: &MessageView<'_>, body: &Body) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    if let Some(link) = view.link {
        if !body.text.lines().any(|line| line == link) {
            let remedy = "write {{ link }} on a line of its own";
            wrong.push((
                "mail.txt",
                "the link is missing or not alone on its line",
                remedy,
            ));
        }
        if !body.html.contains(&escaped(link)) {
            wrong.push(("mail.html", "the link is missing", "write {{ link }}"));
        }
    }
    if let Some(code) = view.code {
        if !body.text.contains(code) {
            wrong.push(("mail.txt", "the code is missing", "write {{ code }}"));
        }
        if !body.html.contains(code) {
            wrong.push(("mail.html", "the code is missing", "write {{ code }}"));
        }
    }
    wrong
}

fn wrong_with_sms(view: &MessageView<'_>, body: &Body) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let lines: Vec<&str> = body.text.lines().collect();
    if !body.text.starts_with(&view.sms) {
        wrong.push(("sms.txt", "the words are missing", "begin with {{ sms }}"));
    }
    if view.link.is_some_and(|link| !lines.contains(&link)) {
        let remedy = "write {{ link }} on a line of its own";
        wrong.push((
            "sms.txt",
            "the link is missing or not alone on its line",
            remedy,
        ));
    }
    if let Some(code) = view.code {
        // Origin-bound codes: browsers fill in the code at this host only if this is the last line.
        let bound = format!("@{} #{code}", view.host);
        if lines.last() != Some(&bound.as_str()) {
            let remedy = "end with the line @{{ host }} #{{ code }}";
            wrong.push((
                "sms.txt",
                "the last line does not bind the code to the host",
                remedy,
            ));
        }
    }
    wrong
}

/// The person who requests a change chooses the new address, which must not become markup (HTML injection).
fn validate_escaping(templates: &Templates, language: &Language, problems: &mut Vec<Problem>) {
    let message = Message::EmailChanged(NewAddress(MARKUP), Link::SAMPLE, ValidFor::SAMPLE);
    let view = templates.view(language, Channel::Email, &message, problems);
    let body = templates.fill(&view, &recipient(Channel::Email), problems);
    if body.html.contains(MARKUP) {
        problems.push(Problem {
            place: templates.file("mail.html").to_owned(),
            reason: "an address that somebody else chose becomes markup".to_owned(),
            remedy: "write values without `| safe`".to_owned(),
        });
    }
}

const fn recipient(channel: Channel) -> Recipient<'static> {
    Recipient {
        channel,
        to: "",
        locale: None,
    }
}

/// Drops duplicates: the same mistake shows in many messages.
pub(super) fn drop_duplicates(problems: &mut Vec<Problem>) {
    let mut seen = BTreeSet::new();
    problems.retain(|problem| seen.insert((problem.place.clone(), problem.remedy.clone())));
}
