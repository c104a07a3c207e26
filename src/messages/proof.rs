//! Trying every message before the first is sent, so that a mistake in a file shows at start.

use std::collections::BTreeSet;
use std::sync::Arc;

use fluent_bundle::FluentArgs;
use unic_langid::LanguageIdentifier;

use super::phrases::{Language, Words};
use super::sheet::Sheet;
use super::sources::Problem;
use super::templates::Templates;
use super::{Body, Channel, Field, Form, Message, Page, Recipient, page};
use crate::domain::code::CodePurpose;
use crate::domain::html::escaped;

const LINK: &str = "https://id.example.com/confirm?token=idl_Sample-0nly_7GdTz4qVtW1xkLmR0yBnE";
const SIGN_IN: &str = "https://id.example.com/sign-in";
const CODE: &str = "123456";
const MINUTES: i64 = 30;

/// What only an escaped address may not become.
const MARKUP: &str = "<b>@example.com";

/// One message of every kind, with made-up values: for proofs and previews.
#[must_use]
pub fn samples() -> Vec<Message<'static>> {
    let codes = CodePurpose::ALL.map(|purpose| Message::Code {
        purpose,
        code: CODE,
        minutes: 10,
    });
    let mut samples = vec![
        Message::VerifyEmail {
            link: LINK,
            hours: 24,
        },
        Message::AlreadyRegistered { sign_in: SIGN_IN },
        Message::ResetPassword {
            link: LINK,
            minutes: MINUTES,
        },
        Message::Invitation {
            link: LINK,
            hours: 168,
        },
        Message::SignInWithGoogle { sign_in: SIGN_IN },
        Message::PasswordChanged { sign_in: SIGN_IN },
        Message::ChangeEmail {
            link: LINK,
            code: CODE,
            minutes: MINUTES,
        },
        Message::EmailChanged {
            new_address: "a***@example.org",
            revert_link: LINK,
            days: 30,
        },
        Message::EmailReverted {
            link: LINK,
            minutes: MINUTES,
        },
        Message::EmailNoted {
            new_address: "a***@example.org",
        },
        Message::PhoneChanged {
            new_number: "+44******123",
        },
        Message::AccountReclaimed { sign_in: SIGN_IN },
        Message::IdentityLinked { provider: "Google" },
        Message::IdentityUnlinked { provider: "Google" },
        Message::IdentitiesEnded {
            provider: "Google",
            sign_in: SIGN_IN,
        },
    ];
    samples.extend(codes);
    samples
}

/// Writes every message in every language for every channel and notes what is wrong with it.
pub(super) fn prove(templates: &Templates, problems: &mut Vec<Problem>) {
    for language in &templates.languages {
        prove_times(language, problems);
        page::prove(templates, language, problems);
        for message in samples() {
            for channel in [Channel::Email, Channel::Sms] {
                prove_one(templates, language, channel, &message, problems);
            }
        }
        prove_escaping(templates, language, problems);
    }
}

/// Numbers that the plural rules of the world's languages tell apart.
fn prove_times(language: &Language, problems: &mut Vec<Problem>) {
    for name in ["time-minutes", "time-hours", "time-days"] {
        for count in [0, 1, 2, 3, 5, 11, 21, 100] {
            let mut values = FluentArgs::new();
            values.set("count", count);
            language.say(name, &values, problems);
        }
    }
}

fn prove_one(
    templates: &Templates,
    language: &Language,
    channel: Channel,
    message: &Message<'_>,
    problems: &mut Vec<Problem>,
) {
    let before = problems.len();
    let sheet = templates.sheet(language, channel, message, problems);
    let body = templates.fill(&sheet, &recipient(channel), problems);
    // What follows from a problem that is known already helps nobody.
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
        for (file, reason, remedy) in wrong_with_sms(&sheet, &body) {
            refuse(templates.file(file).to_owned(), reason, remedy);
        }
        if sheet.code.is_some_and(|code| !sheet.sms.contains(code)) {
            refuse(
                format!("{}.ftl", language.id),
                "the words of the text message lack the code",
                "write { $code } into .sms",
            );
        }
        return;
    }
    for (file, reason, remedy) in wrong_with_mail(&sheet, &body) {
        refuse(templates.file(file).to_owned(), reason, remedy);
    }
    if sheet.subject.is_empty() || sheet.code.is_some_and(|code| sheet.subject.contains(code)) {
        // Subjects stand on locked screens.
        refuse(
            format!("{}.ftl", language.id),
            "the subject is empty or has the code",
            "write a .subject without { $code }",
        );
    }
}

type Wrong = (&'static str, &'static str, &'static str);

fn wrong_with_mail(sheet: &Sheet<'_>, body: &Body) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    if let Some(link) = sheet.link {
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
    if let Some(code) = sheet.code {
        if !body.text.contains(code) {
            wrong.push(("mail.txt", "the code is missing", "write {{ code }}"));
        }
        if !body.html.contains(code) {
            wrong.push(("mail.html", "the code is missing", "write {{ code }}"));
        }
    }
    wrong
}

fn wrong_with_sms(sheet: &Sheet<'_>, body: &Body) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let lines: Vec<&str> = body.text.lines().collect();
    if !body.text.starts_with(&sheet.sms) {
        wrong.push(("sms.txt", "the words are missing", "begin with {{ sms }}"));
    }
    if sheet.link.is_some_and(|link| !lines.contains(&link)) {
        let remedy = "write {{ link }} on a line of its own";
        wrong.push((
            "sms.txt",
            "the link is missing or not alone on its line",
            remedy,
        ));
    }
    if let Some(code) = sheet.code {
        // Browsers offer a code at this host alone, and only if this is the last line.
        let bound = format!("@{} #{code}", sheet.host);
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

/// Somebody else chooses the new address; it must not become markup in our message.
fn prove_escaping(templates: &Templates, language: &Language, problems: &mut Vec<Problem>) {
    let message = Message::EmailChanged {
        new_address: MARKUP,
        revert_link: LINK,
        days: 30,
    };
    let sheet = templates.sheet(language, Channel::Email, &message, problems);
    let body = templates.fill(&sheet, &recipient(Channel::Email), problems);
    if body.html.contains(MARKUP) {
        problems.push(Problem {
            place: templates.file("mail.html").to_owned(),
            reason: "an address that somebody else chose becomes markup".to_owned(),
            remedy: "write values without `| safe`".to_owned(),
        });
    }
}

/// A page with something everywhere, and markup in whatever somebody else chooses.
pub(super) fn page() -> Page {
    Page {
        heading: "<heading>".to_owned(),
        problem: Some("<problem>".to_owned()),
        intro: vec!["<intro>".to_owned()],
        form: Some(Form {
            action: "sample",
            token: "<token>".to_owned(),
            fields: vec![Field {
                name: "sample-field",
                kind: "password",
                problem: Some("<problem>".to_owned()),
                ..Field::default()
            }],
            button: "<button>".to_owned(),
        }),
        links: Vec::new(),
        nonce: "nonce".to_owned(),
    }
}

const fn recipient(channel: Channel) -> Recipient<'static> {
    Recipient {
        channel,
        to: "",
        locale: None,
    }
}

/// Refuses words that no message uses: a name that is mistyped would change nothing, silently.
pub(super) fn check_names<'a>(
    words: &Words,
    embedded: impl Iterator<Item = &'a (&'a LanguageIdentifier, Arc<Words>)>,
    problems: &mut Vec<Problem>,
) {
    let known: BTreeSet<&str> = embedded
        .flat_map(|(_, words)| words.names.iter().map(|(name, _)| name.as_str()))
        .collect();
    for (name, line) in &words.names {
        if known.contains(name.as_str()) {
            continue;
        }
        let nearest = known
            .iter()
            .min_by_key(|known| strsim::damerau_levenshtein(known, name));
        problems.push(Problem {
            place: format!("{}:{line}, {name}", words.file),
            reason: "no message uses these words".to_owned(),
            remedy: nearest.map_or_else(
                || "remove them".to_owned(),
                |nearest| format!("did you mean {nearest}?"),
            ),
        });
    }
}

/// Leaves one of each: the same mistake shows in many messages.
pub(super) fn drop_repeated(problems: &mut Vec<Problem>) {
    let mut seen = BTreeSet::new();
    problems.retain(|problem| seen.insert((problem.place.clone(), problem.remedy.clone())));
}
