//! Rendering messages.

use std::sync::Arc;

use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, Value};

use super::catalog::Language;
use super::sources::Problem;
use super::view::MessageView;
use super::{Body, Channel, Message, Recipient, languages};
use crate::domain::html::escaped;

/// Columns of plain text, which mail programs can quote without wrapping (RFC 3676 §4.2).
const COLUMNS: usize = 72;

/// The words and templates of all messages.
pub struct Templates {
    pub(super) product: String,
    pub(super) host: String,
    pub(super) languages: Vec<Arc<Language>>,
    pub(super) default: Arc<Language>,
    pub(super) environment: Environment<'static>,
    /// The file name of each template, for problems.
    pub(super) files: Vec<(&'static str, String)>,
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Templates").finish_non_exhaustive()
    }
}

impl Templates {
    /// Renders a message for a recipient.
    #[must_use]
    pub fn render(&self, recipient: &Recipient<'_>, message: &Message<'_>) -> Body {
        let mut problems = Vec::new();
        let language = self.language(recipient.locale);
        let view = self.view(language, recipient.channel, message, &mut problems);
        let body = self.fill(&view, recipient, &mut problems);
        for problem in problems {
            // Without the reason, which could quote a code or a link.
            tracing::error!(
                kind = message.kind(),
                place = problem.place,
                "a message was written without its template"
            );
        }
        body
    }

    /// The language that matches a preference best.
    fn language(&self, wanted: Option<&str>) -> &Language {
        let available: Vec<_> = self.languages.iter().map(|language| &language.id).collect();
        wanted
            .and_then(|wanted| languages::best_match(wanted, &available))
            .and_then(|position| self.languages.get(position))
            .unwrap_or(&self.default)
    }

    /// The words of a message.
    pub(super) fn view<'a>(
        &'a self,
        language: &Language,
        channel: Channel,
        message: &Message<'a>,
        problems: &mut Vec<Problem>,
    ) -> MessageView<'a> {
        MessageView {
            product: &self.product,
            host: &self.host,
            ..MessageView::new(language, channel, message, problems)
        }
    }

    /// Fills the templates of a channel.
    pub(super) fn fill(
        &self,
        view: &MessageView<'_>,
        recipient: &Recipient<'_>,
        problems: &mut Vec<Problem>,
    ) -> Body {
        let to = recipient.to.to_owned();
        match recipient.channel {
            Channel::Email => Body {
                to,
                subject: view.subject.clone(),
                text: self.fill_template("mail.txt", view, problems) + "\n",
                html: self.fill_template("mail.html", view, problems) + "\n",
            },
            Channel::Sms => Body {
                to,
                subject: String::new(),
                text: self.fill_template("sms.txt", view, problems),
                html: String::new(),
            },
        }
    }

    /// Fills a template. If it fails on values that it was not validated with, the message is sent
    /// without a template.
    fn fill_template(
        &self,
        name: &str,
        view: &MessageView<'_>,
        problems: &mut Vec<Problem>,
    ) -> String {
        let template = self.environment.get_template(name);
        let filled = template.and_then(|template| template.render(Value::from_serialize(view)));
        let text = filled.unwrap_or_else(|error| {
            // A missing template was reported when it did not parse.
            if error.kind() != ErrorKind::TemplateNotFound {
                problems.push(template_problem(self.file(name), &error));
            }
            let text = plain_fallback(view);
            if name == "mail.html" {
                format!("<pre>{}</pre>", escaped(&text))
            } else {
                text
            }
        });
        text.trim_matches('\n').to_owned()
    }

    /// The name of the service.
    pub(super) fn product(&self) -> &str {
        &self.product
    }

    /// The parsed templates.
    pub(super) const fn layouts(&self) -> &Environment<'static> {
        &self.environment
    }

    /// The file name of a template.
    pub(super) fn file(&self, name: &str) -> &str {
        let found = self.files.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, file)| file)
    }
}

/// Escapes values like `domain::html`, which leaves links readable; absent values print nothing.
pub(super) fn write_value(
    out: &mut Output<'_>,
    state: &State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    match value.as_str() {
        Some(text) if state.auto_escape() == AutoEscape::Html && !value.is_safe() => {
            Ok(out.write_str(&escaped(text))?)
        }
        None if value.is_none() => Ok(()),
        _ => minijinja::escape_formatter(out, state, value),
    }
}

/// Wraps a paragraph at spaces, but neither long words nor at no-break spaces.
pub(super) fn wrapped(text: &str) -> String {
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

pub(super) fn template_problem(file: &str, error: &Error) -> Problem {
    let line = error.line().map(|line| format!(":{line}"));
    let detail = error.detail().map(|detail| format!(": {detail}"));
    Problem {
        place: format!("{file}{}", line.unwrap_or_default()),
        reason: format!("{}{}", error.kind(), detail.unwrap_or_default()),
        remedy: "compare it with the built-in file of that name".to_owned(),
    }
}

/// The words without a template.
fn plain_fallback(view: &MessageView<'_>) -> String {
    let mut parts = vec![view.sms.as_str(), &view.heading];
    parts.extend(view.intro.iter().map(String::as_str));
    parts.extend(view.code);
    parts.extend(view.link);
    parts.extend(view.validity.as_deref());
    parts.extend(view.code_warning.as_deref());
    parts.extend(view.doubt.iter().map(String::as_str));
    parts.push(&view.footer);
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}
