//! Making messages of words and templates.

use std::path::PathBuf;
use std::sync::Arc;

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value,
};

use super::phrases::{Language, Words};
use super::sheet::Sheet;
use super::sources::{Problem, Sources, TemplateError};
use super::{Body, Channel, Message, Recipient, languages, page, proof};
use crate::domain::html::escaped;

/// Columns of plain text: what mail programs show and quote without breaking lines (RFC 3676 §4.2).
const COLUMNS: usize = 72;

/// What messages depend on besides their words.
#[derive(Clone, Debug)]
pub struct TemplateSettings {
    /// What the service calls itself.
    pub product_name: String,
    /// The only host where browsers offer a code from a text message.
    pub host: String,
    /// The language of those who prefer none that there is, a BCP 47 tag.
    pub default_locale: String,
    /// A directory with files that go before those in this binary.
    pub directory: Option<PathBuf>,
}

/// The words of all messages, read once.
pub struct Templates {
    product: String,
    host: String,
    pub(super) languages: Vec<Arc<Language>>,
    pub(super) default: Arc<Language>,
    pages: Environment<'static>,
    /// What to call each template when something is wrong with it.
    files: Vec<(&'static str, String)>,
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Templates").finish_non_exhaustive()
    }
}

impl Templates {
    /// Reads the words and proves that every message can be written with them.
    ///
    /// # Errors
    ///
    /// When a file in the directory cannot be read, is not what it should be, or leaves a link or
    /// a code out: all of it at once, with what to do.
    pub fn load(settings: &TemplateSettings) -> Result<Self, TemplateError> {
        let mut problems = Vec::new();
        let templates = Self::assemble(settings, &mut problems);
        proof::prove(&templates, &mut problems);
        proof::drop_repeated(&mut problems);
        if problems.is_empty() {
            Ok(templates)
        } else {
            Err(TemplateError(problems))
        }
    }

    /// The words in this binary under its own name, for codes that browsers fill in at this host
    /// only.
    #[must_use]
    pub fn embedded(host: &str) -> Self {
        let settings = TemplateSettings {
            product_name: "idgate".to_owned(),
            host: host.to_owned(),
            default_locale: "en".to_owned(),
            directory: None,
        };
        // The tests load the same files and find no problem.
        Self::assemble(&settings, &mut Vec::new())
    }

    fn assemble(settings: &TemplateSettings, problems: &mut Vec<Problem>) -> Self {
        let mut sources = Sources::embedded();
        if let Some(directory) = &settings.directory {
            sources.override_from(directory, problems);
        }
        let (languages, default) = languages_of(&sources, settings, problems);
        let mut pages = environment();
        let mut files = Vec::new();
        if let Err(error) = pages.add_template(page::BUILT_IN_LAYOUT, page::BUILT_IN) {
            problems.push(broken(page::BUILT_IN_LAYOUT, &error));
        }
        for (name, source) in sources.templates {
            if let Err(error) = pages.add_template_owned(name, source.text) {
                problems.push(broken(&source.file, &error));
            }
            files.push((name, source.file));
        }
        Self {
            product: settings.product_name.clone(),
            host: settings.host.clone(),
            languages,
            default,
            pages,
            files,
        }
    }

    /// Puts a message into words.
    #[must_use]
    pub fn render(&self, recipient: &Recipient<'_>, message: &Message<'_>) -> Body {
        let mut problems = Vec::new();
        let language = self.language(recipient.locale);
        let sheet = self.sheet(language, recipient.channel, message, &mut problems);
        let body = self.fill(&sheet, recipient, &mut problems);
        for problem in problems {
            // The reason could quote a code or a link.
            tracing::error!(
                kind = message.kind(),
                place = problem.place,
                "a message was written without its template"
            );
        }
        body
    }

    /// The language for somebody who prefers this one.
    fn language(&self, wanted: Option<&str>) -> &Language {
        let there_are: Vec<_> = self.languages.iter().map(|language| &language.id).collect();
        wanted
            .and_then(|wanted| languages::chosen(wanted, &there_are))
            .and_then(|position| self.languages.get(position))
            .unwrap_or(&self.default)
    }

    /// The words of a message, before they are laid out.
    pub(super) fn sheet<'a>(
        &'a self,
        language: &Language,
        channel: Channel,
        message: &Message<'a>,
        problems: &mut Vec<Problem>,
    ) -> Sheet<'a> {
        Sheet {
            product: &self.product,
            host: &self.host,
            ..Sheet::write(language, channel, message, problems)
        }
    }

    /// Lays the words out.
    pub(super) fn fill(
        &self,
        sheet: &Sheet<'_>,
        recipient: &Recipient<'_>,
        problems: &mut Vec<Problem>,
    ) -> Body {
        let to = recipient.to.to_owned();
        match recipient.channel {
            Channel::Email => Body {
                to,
                subject: sheet.subject.clone(),
                text: self.page("mail.txt", sheet, problems) + "\n",
                html: self.page("mail.html", sheet, problems) + "\n",
            },
            Channel::Sms => Body {
                to,
                subject: String::new(),
                text: self.page("sms.txt", sheet, problems),
                html: String::new(),
            },
        }
    }

    /// A filled template. One that fails after all, on values it was not proven with, gives way
    /// to the bare words, because somebody waits for the message.
    fn page(&self, name: &str, sheet: &Sheet<'_>, problems: &mut Vec<Problem>) -> String {
        let page = self.pages.get_template(name);
        let filled = page.and_then(|page| page.render(Value::from_serialize(sheet)));
        let text = filled.unwrap_or_else(|error| {
            // A template that is not there was told of when it could not be read.
            if error.kind() != ErrorKind::TemplateNotFound {
                problems.push(broken(self.file(name), &error));
            }
            let text = bare(sheet);
            if name == "mail.html" {
                format!("<pre>{}</pre>", escaped(&text))
            } else {
                text
            }
        });
        text.trim_matches('\n').to_owned()
    }

    /// What the service calls itself.
    pub(super) fn product(&self) -> &str {
        &self.product
    }

    /// Every layout.
    pub(super) const fn layouts(&self) -> &Environment<'static> {
        &self.pages
    }

    /// What to call a template.
    pub(super) fn file(&self, name: &str) -> &str {
        let found = self.files.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, file)| file)
    }
}

/// Every language there is, and the one of those who prefer none of them.
fn languages_of(
    sources: &Sources,
    settings: &TemplateSettings,
    problems: &mut Vec<Problem>,
) -> (Vec<Arc<Language>>, Arc<Language>) {
    let product = &settings.product_name;
    let files: Vec<_> = sources
        .own
        .iter()
        .chain(&sources.embedded)
        .map(|file| {
            let words = Words::read(&file.source, &file.id, product, problems);
            (&file.id, Arc::new(words))
        })
        .collect();
    for (_, words) in files.iter().take(sources.own.len()) {
        proof::check_names(words, files.iter().skip(sources.own.len()), problems);
    }
    let mut ids: Vec<_> = sources.embedded.iter().map(|file| &file.id).collect();
    for file in &sources.own {
        if !ids.contains(&&file.id) {
            ids.push(&file.id);
        }
    }
    let position = languages::chosen(&settings.default_locale, &ids);
    if position.is_none() {
        problems.push(no_default(settings, &ids));
    }
    let position = position.unwrap_or(0);
    let last = [ids.get(position), ids.first()];
    let languages: Vec<_> = ids
        .iter()
        .map(|id| {
            let order = [Some(id)].into_iter().chain(last).flatten();
            let chain = order.flat_map(|id| files.iter().filter(move |(of, _)| of == id));
            Arc::new(Language {
                id: (*id).clone(),
                chain: chain.map(|(_, words)| Arc::clone(words)).collect(),
            })
        })
        .collect();
    let default = languages.get(position).cloned().unwrap_or_default();
    (languages, default)
}

fn no_default(settings: &TemplateSettings, ids: &[&unic_langid::LanguageIdentifier]) -> Problem {
    let there_are: Vec<_> = ids.iter().map(ToString::to_string).collect();
    let wanted = &settings.default_locale;
    Problem {
        place: "messages.default_locale".to_owned(),
        reason: format!("there are no words in {wanted:?}"),
        remedy: format!(
            "choose one of {}, or put {wanted}.ftl into messages.templates_dir",
            there_are.join(", ")
        ),
    }
}

fn environment() -> Environment<'static> {
    let mut pages = Environment::new();
    pages.set_undefined_behavior(UndefinedBehavior::Strict);
    pages.set_trim_blocks(true);
    pages.set_lstrip_blocks(true);
    pages.set_formatter(write_value);
    pages.add_filter("wrap", |text: String| wrapped(&text));
    pages
}

/// Writes values into HTML the way the rest of the house does, which leaves links readable, and
/// nothing for what a message does not have.
fn write_value(out: &mut Output<'_>, state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) if state.auto_escape() == AutoEscape::Html && !value.is_safe() => {
            Ok(out.write_str(&escaped(text))?)
        }
        None if value.is_none() => Ok(()),
        _ => minijinja::escape_formatter(out, state, value),
    }
}

/// Breaks a paragraph at spaces; a longer word, and a no-break space, stay as they are.
fn wrapped(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split([' ', '\n']).filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= COLUMNS => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

pub(super) fn broken(file: &str, error: &Error) -> Problem {
    let line = error.line().map(|line| format!(":{line}"));
    let detail = error.detail().map(|detail| format!(": {detail}"));
    Problem {
        place: format!("{file}{}", line.unwrap_or_default()),
        reason: format!("{}{}", error.kind(), detail.unwrap_or_default()),
        remedy: "compare it with the built-in file of that name".to_owned(),
    }
}

/// The words without a layout.
fn bare(sheet: &Sheet<'_>) -> String {
    let mut parts = vec![sheet.sms.as_str(), &sheet.heading];
    parts.extend(sheet.intro.iter().map(String::as_str));
    parts.extend(sheet.code);
    parts.extend(sheet.link);
    parts.extend(sheet.validity.as_deref());
    parts.extend(sheet.code_warning.as_deref());
    parts.extend(sheet.doubt.iter().map(String::as_str));
    parts.push(&sheet.footer);
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}
