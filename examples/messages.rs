//! Writes every message in every language into a directory, to be looked at in a browser.
//!
//! `cargo run --example messages -- OUT [TEMPLATES]`, where TEMPLATES is a directory of your own
//! words and templates.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use idgate::config::Messages;
use idgate::domain::html::escaped;
use idgate::messages::{Channel, Message, Recipient, Templates};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let out = arguments.next().ok_or("name the directory to write into")?;
    let directory = arguments.next();
    let mut languages = vec!["en".to_owned(), "fr".to_owned()];
    for entry in directory.iter().map(fs::read_dir) {
        for file in entry? {
            let name = file?.file_name().to_string_lossy().into_owned();
            languages.extend(name.strip_suffix(".ftl").map(str::to_owned));
        }
    }
    languages.sort();
    languages.dedup();
    let settings = Messages {
        product_name: "idgate".to_owned(),
        default_locale: "en".to_owned(),
        templates_dir: directory,
    };
    let templates = Templates::load(&settings, "id.example.com")?;
    fs::create_dir_all(&out)?;
    let mut index = String::from("<!doctype html><meta charset=\"utf-8\"><title>Messages</title>");
    for language in &languages {
        write!(index, "<h1>{}</h1>", escaped(language))?;
        for message in Message::samples() {
            let name = format!("{language}-{}.html", message.name());
            let recipient = |channel| Recipient {
                channel,
                to: "ada@example.com",
                locale: Some(language),
            };
            let mail = templates.render(&recipient(Channel::Email), &message);
            let sms = templates.render(&recipient(Channel::Sms), &message);
            fs::write(out.join(&name), &mail.html)?;
            write!(
                index,
                "<h2><a href=\"{name}\">{}</a></h2><pre>{}</pre><pre>{}</pre>",
                escaped(&mail.subject),
                escaped(&mail.text),
                escaped(&sms.text)
            )?;
        }
    }
    fs::write(out.join("index.html"), index)?;
    Ok(())
}
