//! The guarantees of messages, on every channel and in every language.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use tempfile::TempDir;

use super::parts::{Link, NewAddress, NewNumber, SignIn, ValidFor};
use super::*;
use crate::config::Messages;
use crate::domain::code::CodePurpose;
use crate::domain::html::escaped;

mod overrides;

/// The longest names that text messages must have room for.
const HOST: &str = "id.accounts.my-example.company";
const PRODUCT: &str = "Twenty Letters Exact";

/// The basic character set of GSM 03.38 §6.2.1; any other character doubles the price of a message.
const GSM: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                   ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

const CHANNELS: [Channel; 2] = [Channel::Email, Channel::Sms];

fn settings() -> Messages {
    Messages {
        product_name: PRODUCT.to_owned(),
        default_locale: "en".to_owned(),
        templates_dir: None,
    }
}

fn loaded() -> &'static Templates {
    static LOADED: LazyLock<Templates> =
        LazyLock::new(|| Templates::load(&settings(), HOST).unwrap());
    &LOADED
}

const fn to(channel: Channel, locale: &str) -> Recipient<'_> {
    Recipient {
        channel,
        to: "ada@example.com",
        locale: Some(locale),
    }
}

fn in_directory(files: &[(&str, &str)]) -> (TempDir, Result<Templates, TemplateError>) {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    let loaded = load_from(directory.path());
    (directory, loaded)
}

fn load_from(directory: &Path) -> Result<Templates, TemplateError> {
    let settings = Messages {
        templates_dir: Some(directory.to_owned()),
        ..settings()
    };
    Templates::load(&settings, HOST)
}

#[test]
fn every_message_has_words_on_every_channel_in_every_language() {
    let templates = loaded();
    for locale in ["en", "fr"] {
        for message in Message::samples() {
            for channel in CHANNELS {
                let body = templates.render(&to(channel, locale), &message);
                assert_eq!(body.to, "ada@example.com");
                assert!(body.text.contains(PRODUCT), "{}", body.text);
                assert!(!body.text.contains("None"), "{}", body.text);
                for part in [&body.subject, &body.text, &body.html] {
                    assert!(!part.contains("{{") && !part.contains("{%"), "{part}");
                    assert!(!part.contains("{ $"), "{part}");
                }
                let is_mail = channel == Channel::Email;
                assert_eq!(body.subject.is_empty(), !is_mail);
                assert_eq!(body.html.is_empty(), !is_mail);
                assert!(!body.subject.contains("123456"), "{}", body.subject);
            }
        }
    }
}

#[test]
fn every_message_has_a_name_of_its_own_that_begins_with_its_kind() {
    let mut names = std::collections::BTreeSet::new();
    for message in Message::samples() {
        let name = message.name();
        assert!(names.insert(name), "two messages are called {name}");
        let spelled = name.replace('-', "_");
        let rest = spelled.strip_prefix(message.kind());
        let rest = rest.unwrap_or_else(|| panic!("{name} is of the kind {}", message.kind()));
        assert!(["", "_code", "_notice"].contains(&rest), "{name}");
    }
    assert_eq!(names.len(), Message::samples().len());
}

#[test]
fn links_stand_alone_in_text_and_are_escaped_in_html() {
    let link = "https://id.example.com/a?token=idl_x&y=\"<b>'&amp=1";
    let message = Message::VerifyEmail(Link(link), ValidFor::Hours(24));
    let body = loaded().render(&to(Channel::Email, "en"), &message);
    assert!(body.text.lines().any(|line| line == link), "{}", body.text);
    assert!(!body.html.contains(link) && !body.html.contains("<b>"));
    assert_eq!(body.html.matches(&escaped(link)).count(), 3);
    for message in Message::samples() {
        let Some(link) = message.parts().link else {
            continue;
        };
        let body = loaded().render(&to(Channel::Email, "fr"), &message);
        assert!(body.text.lines().any(|line| line == link), "{}", body.text);
        assert!(body.html.contains(&format!("href=\"{link}\"")));
    }
}

#[test]
fn what_somebody_else_chose_brings_neither_markup_nor_lines() {
    let hostile = "<script>alert(1)</script>@x.test\n\nhttps://evil.test/\u{202e}";
    let revert = Link("https://id.example.com/revert?token=idl_1");
    let message = Message::EmailChanged(NewAddress(hostile), revert, ValidFor::Days(30));
    for locale in ["en", "fr"] {
        let body = loaded().render(&to(Channel::Email, locale), &message);
        assert!(!body.html.contains("<script"), "{}", body.html);
        assert!(body.html.contains("&lt;script&gt;alert(1)"));
        assert!(
            !body
                .text
                .lines()
                .any(|line| line.starts_with("https://evil"))
        );
        assert!(!body.text.contains('\u{202e}') && !body.html.contains('\u{202e}'));
        let text = loaded().render(&to(Channel::Sms, locale), &message).text;
        assert!(
            !text.lines().any(|line| line.starts_with("https://evil")),
            "{text}"
        );
    }
    let long = "a".repeat(10_000);
    let message = Message::PhoneChanged(NewNumber(&long));
    let body = loaded().render(&to(Channel::Sms, "en"), &message);
    assert!(body.text.len() < 300);
}

#[test]
fn html_brings_nothing_from_elsewhere() {
    for message in Message::samples() {
        let body = loaded().render(&to(Channel::Email, "en"), &message);
        for foreign in [
            "<img", "<script", "<link", "<iframe", "url(", "src=", "@import",
        ] {
            assert!(!body.html.contains(foreign), "{foreign} in {}", body.html);
        }
        let tables = body.html.matches("<table").count();
        assert_eq!(
            body.html.matches("<table role=\"presentation\"").count(),
            tables
        );
        let buttons = body.html.matches("class=\"press\"").count();
        assert_eq!(buttons, usize::from(message.parts().link.is_some()));
    }
}

#[test]
fn plain_text_keeps_to_72_columns() {
    for locale in ["en", "fr"] {
        for message in Message::samples() {
            let body = loaded().render(&to(Channel::Email, locale), &message);
            for line in body.text.lines() {
                let is_short = line.chars().count() <= 72;
                assert!(is_short || line.starts_with("https://"), "{line}");
            }
            assert!(!body.text.contains("\n\n\n"), "{}", body.text);
        }
    }
}

#[test]
fn a_code_by_text_message_fits_one_part_and_is_bound_to_the_host() {
    assert_eq!((HOST.len(), PRODUCT.len()), (30, 20));
    assert_eq!(GSM.chars().count(), 127);
    for locale in ["en", "fr"] {
        for purpose in CodePurpose::ALL {
            for minutes in [1, 2, 10, 59, 90, 119, 120, 1440, 2880, 43_200] {
                let message = Message::code(purpose, "123456", minutes);
                let text = loaded().render(&to(Channel::Sms, locale), &message).text;
                let end = format!("\n\n@{HOST} #123456");
                assert!(text.ends_with(&end), "{text}");
                assert!(text.chars().count() < 160, "{}: {text}", text.len());
                assert!(text.chars().all(|letter| GSM.contains(letter)), "{text}");
                assert_eq!(text.matches("123456").count(), 2);
            }
        }
    }
}

#[test]
fn notices_by_text_message_fit_one_part() {
    for locale in ["en", "fr"] {
        for message in Message::samples() {
            let text = loaded().render(&to(Channel::Sms, locale), &message).text;
            assert!(text.chars().all(|letter| GSM.contains(letter)), "{text}");
            let has_link = text.contains("https://");
            assert!(has_link || text.chars().count() < 160, "{text}");
        }
    }
}

#[test]
fn people_get_the_language_they_prefer_or_the_default() {
    let german = [("de.ftl", "login-code =\n    .subject = Ihr Code\n")];
    let (_directory, templates) = in_directory(&german);
    let templates = templates.unwrap();
    let message = Message::code(CodePurpose::Login, "123456", 10);
    for (locale, subject, lang) in [
        (Some("fr"), "Votre code de connexion", "fr"),
        (Some("fr-CA"), "Votre code de connexion", "fr"),
        (Some("de-AT"), "Ihr Code", "de"),
        (Some("ja"), "Your code to sign in", "en"),
        (Some("\u{0}<>"), "Your code to sign in", "en"),
        (None, "Your code to sign in", "en"),
    ] {
        let recipient = Recipient {
            locale,
            ..to(Channel::Email, "")
        };
        let body = templates.render(&recipient, &message);
        assert_eq!(body.subject, subject, "{locale:?}");
        let opening = format!("<html lang=\"{lang}\" dir=\"ltr\"");
        assert!(body.html.contains(&opening), "{locale:?}");
    }
}

#[test]
fn the_name_of_the_service_is_only_ever_a_name() {
    for name in ["A \"B\" \\ { $code }", "<b>Bold</b>", "{{ code }}"] {
        let settings = Messages {
            product_name: name.to_owned(),
            ..settings()
        };
        let templates = Templates::load(&settings, HOST);
        let message = Message::PasswordChanged(SignIn("https://id.example.com/"));
        let body = templates
            .unwrap()
            .render(&to(Channel::Email, "en"), &message);
        let unbroken = body.text.replace('\n', " ");
        assert!(unbroken.contains(name), "{unbroken}");
        assert!(body.html.contains(&escaped(name)), "{}", body.html);
        assert!(!body.html.contains("<b>"));
    }
}

#[test]
fn the_embedded_languages_say_the_same_things() {
    let names = |text: &str| {
        let is_entry = |line: &&str| {
            let line = line.trim_start();
            line.contains(" =")
                && line.starts_with(|first: char| first == '.' || first.is_ascii_lowercase())
        };
        text.lines()
            .filter(is_entry)
            .map(|line| line.split(" =").next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    let english = names(include_str!("../assets/en.ftl"));
    assert!(english.len() > 100);
    assert_eq!(english, names(include_str!("../assets/fr.ftl")));
}

#[test]
fn some_messages_in_full() {
    let settings = Messages {
        product_name: "idgate".to_owned(),
        ..settings()
    };
    let templates = Templates::load(&settings, "id.example.com").unwrap();
    let mut shown = String::new();
    for (locale, kinds) in [
        (
            "en",
            [
                "verify_email",
                "login_code",
                "change_email",
                "email_changed",
            ],
        ),
        (
            "fr",
            [
                "verify_email",
                "login_code",
                "change_email",
                "email_changed",
            ],
        ),
    ] {
        for message in Message::samples() {
            if !kinds.contains(&message.kind()) {
                continue;
            }
            let mail = templates.render(&to(Channel::Email, locale), &message);
            let sms = templates.render(&to(Channel::Sms, locale), &message);
            let _ = write!(
                shown,
                "=== {} in {locale}\nSubject: {}\n\n{}\n--- by text message\n{}\n\n",
                message.kind(),
                mail.subject,
                mail.text,
                sms.text
            );
        }
    }
    insta::assert_snapshot!(shown);
}
