//! The pages that links lead to while no front end serves them: their words and their layout.
//!
//! `pages` decides what a page says and asks for; this file looks up the words in a language and
//! renders them with `page.html`, the operator's or the built-in one.

use fluent_bundle::{FluentArgs, FluentValue};
use minijinja::Value;
use serde::Serialize;

use super::catalog::Language;
use super::languages;
use super::parts::ValidFor;
use super::sources::{BUILT_IN_LAYOUT, LAYOUT, Problem};
use super::templates::{Templates, template_problem};
use super::view::duration_text;
use crate::domain::link::LinkKind;

/// The content of a page; absent parts are `None` or empty.
#[derive(Debug, Default, Serialize)]
pub struct Page {
    /// The heading.
    pub heading: String,
    /// A problem that does not belong to a field.
    pub problem: Option<String>,
    /// Paragraphs.
    pub intro: Vec<String>,
    /// The form.
    pub form: Option<Form>,
    /// Links to other pages.
    pub links: Vec<Link>,
    /// The nonce of the page's style in its Content-Security-Policy.
    pub nonce: String,
}

/// A form that carries the token of a link.
#[derive(Debug, Serialize)]
pub struct Form {
    /// The URL that it is sent to, relative to the page.
    pub action: &'static str,
    /// The token, in a hidden field called `token`.
    pub token: String,
    /// The visible fields.
    pub fields: Vec<Field>,
    /// The label of the button.
    pub button: String,
}

/// A field of a form.
#[derive(Debug, Default, Serialize)]
pub struct Field {
    /// Its name in the form.
    pub name: &'static str,
    /// The `type` attribute.
    pub kind: &'static str,
    /// The `autocomplete` attribute (HTML, "Autofill").
    pub autocomplete: &'static str,
    /// The label.
    pub label: String,
    /// A hint about the expected value.
    pub hint: Option<String>,
    /// The value; never a password.
    pub value: String,
    /// What is wrong with the value.
    pub problem: Option<String>,
    /// The `autofocus` attribute.
    pub has_focus: bool,
}

/// A link.
#[derive(Debug, Serialize)]
pub struct Link {
    /// The URL.
    pub href: String,
    /// The text.
    pub label: String,
    /// A description.
    pub note: Option<String>,
}

/// Renders pages in one language.
pub struct Voice<'a> {
    pub(super) templates: &'a Templates,
    pub(super) language: &'a Language,
}

impl std::fmt::Debug for Voice<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Voice").finish_non_exhaustive()
    }
}

impl Templates {
    /// The language that matches an `Accept-Language` header best.
    #[must_use]
    pub fn voice(&self, accept_language: &str) -> Voice<'_> {
        let available: Vec<_> = self.languages.iter().map(|language| &language.id).collect();
        let position = languages::preferred(accept_language, &available);
        let found = position.and_then(|position| self.languages.get(position));
        Voice {
            templates: self,
            language: found.unwrap_or(&self.default),
        }
    }
}

impl Voice<'_> {
    /// The words with this name, such as `page-home.heading`.
    #[must_use]
    pub fn say(&self, name: &str) -> String {
        self.say_with(name, &FluentArgs::new())
    }

    /// The words with a number, `$count`.
    #[must_use]
    pub fn say_count(&self, name: &str, count: usize) -> String {
        self.say_with(name, &with("count", count))
    }

    /// The words with a duration, `$time`, rounded up to minutes.
    #[must_use]
    pub fn say_time(&self, name: &str, seconds: u64) -> String {
        let minutes = i64::try_from(seconds.div_ceil(60).max(1)).unwrap_or(i64::MAX);
        let time = duration_text(self.language, ValidFor::Minutes(minutes), &mut Vec::new());
        self.say_with(name, &with("time", time))
    }

    /// The words with the id of the request, `$request`.
    #[must_use]
    pub fn say_request(&self, name: &str, request: &str) -> String {
        self.say_with(name, &with("request", request.to_owned()))
    }

    fn say_with(&self, name: &str, values: &FluentArgs<'_>) -> String {
        let mut problems = Vec::new();
        let said = self.language.say(name, values, &mut problems);
        for problem in problems {
            tracing::error!(name, place = problem.place, "a page lacks words");
        }
        said
    }

    /// Renders a page, with the built-in layout if the operator's fails.
    #[must_use]
    pub fn render(&self, page: &Page) -> String {
        self.render_with(LAYOUT, page)
            .or_else(|problem| {
                tracing::error!(
                    place = problem.place,
                    "a page was laid out by the built-in layout"
                );
                self.render_with(BUILT_IN_LAYOUT, page)
            })
            .unwrap_or_default()
    }

    pub(super) fn render_with(&self, layout: &str, page: &Page) -> Result<String, Problem> {
        let values = minijinja::context! {
            lang => self.language.id.to_string(),
            dir => languages::direction(&self.language.id),
            product => self.templates.product(),
            ..Value::from_serialize(page)
        };
        let template = self.templates.layouts().get_template(layout);
        let filled = template.and_then(|template| template.render(values));
        filled.map_err(|error| template_problem(self.templates.file(LAYOUT), &error))
    }
}

fn with<'a>(name: &'static str, value: impl Into<FluentValue<'a>>) -> FluentArgs<'a> {
    let mut values = FluentArgs::new();
    values.set(name, value);
    values
}

/// The prefix of the words of a link's page, such as `page-verify-email`.
#[must_use]
pub fn words_of(kind: LinkKind) -> String {
    format!("page-{}", kind.path().replace('_', "-"))
}
