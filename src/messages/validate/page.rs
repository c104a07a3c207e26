//! Validating the pages of links.

use fluent_bundle::FluentArgs;

use crate::domain::link::LinkKind;
use crate::messages::catalog::Language;
use crate::messages::sources::{LAYOUT, Problem};
use crate::messages::templates::Templates;
use crate::messages::{Field, Form, Page, Voice, words_of};

/// The words that the page of every link has.
const PARTS: [&str; 5] = ["heading", "intro", "button", "done", "done-intro"];

/// The other words of pages, with the name of the value that each may use.
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

/// Looks up all words of all pages in this language, renders a sample, and collects the problems.
pub(super) fn validate(templates: &Templates, language: &Language, problems: &mut Vec<Problem>) {
    for kind in LinkKind::ALL {
        for part in PARTS {
            let name = format!("{}.{part}", words_of(kind));
            language.say(&name, &FluentArgs::new(), problems);
        }
    }
    for (name, value) in WORDS {
        let mut values = FluentArgs::new();
        match value {
            "" => {}
            "count" => values.set("count", 8),
            name => values.set(name, "7"),
        }
        language.say(name, &values, problems);
    }
    let voice = Voice {
        templates,
        language,
    };
    match voice.render_with(LAYOUT, &sample()) {
        Ok(html) => problems.extend(wrong_with(&html).map(|(reason, remedy)| Problem {
            place: templates.file(LAYOUT).to_owned(),
            reason: reason.to_owned(),
            remedy: remedy.to_owned(),
        })),
        // A template that did not parse was reported then.
        Err(_) if templates.layouts().get_template(LAYOUT).is_err() => {}
        Err(problem) => problems.push(problem),
    }
}

/// What a layout omits from the sample, or leaves unescaped.
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

/// A page with every part, and markup in every value.
fn sample() -> Page {
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
