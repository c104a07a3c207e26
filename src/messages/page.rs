//! The pages that links lead to while no front end serves them: their words and their layout.
//!
//! What a page says and asks for is decided by `pages`; this file finds the words in a language
//! and lays them out with `page.html`, the operator's or the one in this binary.

use fluent_bundle::{FluentArgs, FluentValue};
use minijinja::Value;
use serde::Serialize;

use super::phrases::Language;
use super::sheet::{Time, spoken};
use super::sources::Problem;
use super::templates::{Templates, broken};
use super::{languages, proof};
use crate::domain::link::LinkKind;

/// The layout by its name among the templates, and the built-in one that an operator's may replace.
pub(super) const LAYOUT: &str = "page.html";
pub(super) const BUILT_IN_LAYOUT: &str = "built-in/page.html";
pub(super) const BUILT_IN: &str = include_str!("assets/page.html");

/// What a page consists of; what it lacks is none or empty.
#[derive(Debug, Default, Serialize)]
pub struct Page {
    /// What the page is about, in one line.
    pub heading: String,
    /// What went wrong, where no field is to blame.
    pub problem: Option<String>,
    /// Paragraphs.
    pub intro: Vec<String>,
    /// What is asked for.
    pub form: Option<Form>,
    /// Where to go.
    pub links: Vec<Link>,
    /// Allows the page's own style, and no other, under its Content-Security-Policy.
    pub nonce: String,
}

/// A form that carries the token of a link.
#[derive(Debug, Serialize)]
pub struct Form {
    /// Where it is sent, relative to the page.
    pub action: &'static str,
    /// The token, in a hidden field called `token`.
    pub token: String,
    /// What people fill in.
    pub fields: Vec<Field>,
    /// The words of the button.
    pub button: String,
}

/// A field of a form.
#[derive(Debug, Default, Serialize)]
pub struct Field {
    /// Its name in the form.
    pub name: &'static str,
    /// The `type` of its element.
    pub kind: &'static str,
    /// What browsers and password managers may fill in (HTML, "Autofill").
    pub autocomplete: &'static str,
    /// What it is called.
    pub label: String,
    /// What belongs there.
    pub hint: Option<String>,
    /// What stands there; never a password.
    pub value: String,
    /// What is wrong with what was typed.
    pub problem: Option<String>,
    /// Whether typing begins here.
    pub has_focus: bool,
}

/// A way on.
#[derive(Debug, Serialize)]
pub struct Link {
    /// The address.
    pub href: String,
    /// The words to press.
    pub label: String,
    /// What is there.
    pub note: Option<String>,
}

/// The words of one language, for whoever looks at a page.
pub struct Voice<'a> {
    templates: &'a Templates,
    language: &'a Language,
}

impl std::fmt::Debug for Voice<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Voice").finish_non_exhaustive()
    }
}

impl Templates {
    /// The language that suits an `Accept-Language` header best.
    #[must_use]
    pub fn voice(&self, accept_language: &str) -> Voice<'_> {
        let there_are: Vec<_> = self.languages.iter().map(|language| &language.id).collect();
        let position = languages::preferred(accept_language, &there_are);
        let found = position.and_then(|position| self.languages.get(position));
        Voice {
            templates: self,
            language: found.unwrap_or(&self.default),
        }
    }
}

impl Voice<'_> {
    /// The words of this name, such as `page-home.heading`.
    #[must_use]
    pub fn say(&self, name: &str) -> String {
        self.say_with(name, &FluentArgs::new())
    }

    /// The same with a number, `$count`.
    #[must_use]
    pub fn say_count(&self, name: &str, count: usize) -> String {
        self.say_with(name, &with("count", count))
    }

    /// The same with a time, `$time`, in whole minutes that are not less than these seconds.
    #[must_use]
    pub fn say_time(&self, name: &str, seconds: u64) -> String {
        let minutes = i64::try_from(seconds.div_ceil(60).max(1)).unwrap_or(i64::MAX);
        let time = spoken(self.language, Time::Minutes(minutes), &mut Vec::new());
        self.say_with(name, &with("time", time))
    }

    /// The same with the id of the request, `$request`.
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

    /// Lays a page out. An operator's layout that fails after all gives way to the built-in one.
    #[must_use]
    pub fn lay_out(&self, page: &Page) -> String {
        self.filled(LAYOUT, page)
            .or_else(|problem| {
                tracing::error!(
                    place = problem.place,
                    "a page was laid out by the built-in layout"
                );
                self.filled(BUILT_IN_LAYOUT, page)
            })
            .unwrap_or_default()
    }

    fn filled(&self, layout: &str, page: &Page) -> Result<String, Problem> {
        let values = minijinja::context! {
            lang => self.language.id.to_string(),
            dir => languages::direction(&self.language.id),
            product => self.templates.product(),
            ..Value::from_serialize(page)
        };
        let template = self.templates.layouts().get_template(layout);
        let filled = template.and_then(|template| template.render(values));
        filled.map_err(|error| broken(self.templates.file(LAYOUT), &error))
    }
}

fn with<'a>(name: &'static str, value: impl Into<FluentValue<'a>>) -> FluentArgs<'a> {
    let mut values = FluentArgs::new();
    values.set(name, value);
    values
}

/// The name of a link's page in the files of words, such as `page-verify-email`.
#[must_use]
pub fn words_of(kind: LinkKind) -> String {
    format!("page-{}", kind.path().replace('_', "-"))
}

/// The parts that the page of every link has.
const PARTS: [&str; 5] = ["heading", "intro", "button", "done", "done-intro"];

/// The other words of pages, with the value that each may use.
const WORDS: [(&str, &str); 33] = [
    ("page-home.heading", ""),
    ("page-home.intro", ""),
    ("page-home.link", ""),
    ("page-field.password", ""),
    ("page-field.new-password", ""),
    ("page-field.new-password-hint", "count"),
    ("page-field.repeated", ""),
    ("page-field.email-or-phone", ""),
    ("page-field.email-or-phone-hint", ""),
    ("page-problem.link", ""),
    ("page-problem.link-intro", ""),
    ("page-problem.password", ""),
    ("page-problem.credentials", ""),
    ("page-problem.suspended", ""),
    ("page-problem.not-verified", ""),
    ("page-problem.taken", ""),
    ("page-problem.taken-intro", ""),
    ("page-problem.too-many", "time"),
    ("page-problem.busy", ""),
    ("page-problem.unavailable", ""),
    ("page-problem.failed", "request"),
    ("page-problem.foreign", ""),
    ("page-problem.foreign-intro", ""),
    ("page-problem.malformed", ""),
    ("page-problem.malformed-intro", ""),
    ("page-problem.required", ""),
    ("page-problem.too-short", "count"),
    ("page-problem.too-long", "count"),
    ("page-problem.too-weak", ""),
    ("page-problem.breached", ""),
    ("page-problem.different", ""),
    ("page-problem.invalid", ""),
    ("time-minutes", "count"),
];

/// Says every word of every page in this language, lays one out, and notes what is wrong.
pub(super) fn prove(templates: &Templates, language: &Language, problems: &mut Vec<Problem>) {
    for kind in LinkKind::ALL {
        for part in PARTS {
            let name = format!("{}.{part}", words_of(kind));
            language.say(&name, &FluentArgs::new(), problems);
        }
    }
    for (name, value) in WORDS {
        let values = match value {
            "" => FluentArgs::new(),
            "count" => with("count", 8),
            name => with(name, "7"),
        };
        language.say(name, &values, problems);
    }
    let voice = Voice {
        templates,
        language,
    };
    match voice.filled(LAYOUT, &proof::page()) {
        Ok(html) => problems.extend(wrong_with(&html).map(|(reason, remedy)| Problem {
            place: templates.file(LAYOUT).to_owned(),
            reason: reason.to_owned(),
            remedy: remedy.to_owned(),
        })),
        // One that could not be read was told of then.
        Err(_) if templates.layouts().get_template(LAYOUT).is_err() => {}
        Err(problem) => problems.push(problem),
    }
}

/// What a layout leaves out of the sample, or lets through.
fn wrong_with(html: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let needed = [
        (
            html.contains("name=\"token\"") && html.contains("&lt;token&gt;"),
            "the form does not carry the token, escaped",
            "write <input type=\"hidden\" name=\"token\" value=\"{{ form.token }}\">",
        ),
        (
            html.contains("method=\"post\"") && html.contains("action=\"sample\""),
            "the form is not sent by POST to its action",
            "write <form method=\"post\" action=\"{{ form.action }}\">",
        ),
        (
            html.contains("name=\"sample-field\"") && html.contains("&lt;problem&gt;"),
            "a field or what is wrong with it is missing",
            "write {{ field.name }} and {{ field.problem }} for each of form.fields",
        ),
        (
            html.contains("&lt;heading&gt;") && html.contains("&lt;intro&gt;"),
            "the heading or the introduction is missing",
            "write {{ heading }}, and each paragraph of intro",
        ),
        (
            !html.contains("<token>") && !html.contains("<problem>") && !html.contains("<heading>"),
            "a value that somebody else chose becomes markup",
            "write values without `| safe`",
        ),
        (
            !html.contains("<script"),
            "a script would not run",
            "remove it: the pages are served under a policy without scripts",
        ),
    ];
    needed
        .into_iter()
        .filter(|(holds, ..)| !holds)
        .map(|(_, reason, remedy)| (reason, remedy))
}
