//! The words of languages, from Fluent files, and their fallbacks.

use std::sync::Arc;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentError, FluentResource};
use unic_langid::LanguageIdentifier;

use super::sources::{Problem, Source};

/// The term for the name of the service, which files must not define.
const PRODUCT: &str = "-product";

/// The words of one file.
pub(super) struct Catalog {
    pub(super) file: String,
    fluent: FluentBundle<FluentResource>,
    /// The names of messages and attributes, such as `login-code.sms`, with their lines.
    pub(super) names: Vec<(String, usize)>,
}

impl Catalog {
    /// Parses a file; what does not parse is reported, and the rest is kept.
    pub(super) fn read(
        source: &Source,
        language: &LanguageIdentifier,
        product: &str,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut fluent = FluentBundle::new_concurrent(vec![language.clone()]);
        // Isolation marks around values would break links and codes, and are not in the GSM alphabet.
        fluent.set_use_isolating(false);
        let (name, _) = parsed(&product_term(product));
        // The bundle is empty, so the term cannot be a duplicate.
        let _ = fluent.add_resource(name);
        let (resource, faults) = parsed(&source.text);
        for (offset, reason) in faults {
            problems.push(Problem {
                place: format!("{}:{}", source.file, line_at(&source.text, offset)),
                reason,
                remedy: "mend the Fluent syntax there".to_owned(),
            });
        }
        let names = names(&source.text);
        for error in fluent.add_resource(resource).err().unwrap_or_default() {
            problems.push(duplicate_message(source, &error));
        }
        Self {
            file: source.file.clone(),
            fluent,
            names,
        }
    }
}

/// A language and the catalogs to search, its own first.
#[derive(Default)]
pub(super) struct Language {
    pub(super) id: LanguageIdentifier,
    pub(super) fallbacks: Vec<Arc<Catalog>>,
}

impl Language {
    /// Formats a message or an attribute, such as `footer` or `login-code.sms`.
    ///
    /// Always found after loading: every language falls back to the built-in English.
    pub(super) fn say(
        &self,
        name: &str,
        values: &FluentArgs<'_>,
        problems: &mut Vec<Problem>,
    ) -> String {
        let (id, part) = name.split_once('.').unwrap_or((name, ""));
        let found = self.fallbacks.iter().find_map(|catalog| {
            let message = catalog.fluent.get_message(id)?;
            let pattern = if part.is_empty() {
                message.value()?
            } else {
                message.get_attribute(part)?.value()
            };
            Some((catalog, pattern))
        });
        let Some((catalog, pattern)) = found else {
            problems.push(Problem {
                place: format!("{}, {name}", self.id),
                reason: "no file has words for it".to_owned(),
                remedy: "add them".to_owned(),
            });
            return String::new();
        };
        let mut errors = Vec::new();
        let text = catalog
            .fluent
            .format_pattern(pattern, Some(values), &mut errors);
        problems.extend(errors.iter().map(|error| Problem {
            place: format!("{}, {name}", catalog.file),
            reason: error.to_string(),
            remedy: "use only the values and terms that the built-in en.ftl uses there".to_owned(),
        }));
        text.into_owned()
    }
}

/// The definition of the term for the name of the service, escaped for Fluent.
fn product_term(product: &str) -> String {
    let written = product.replace('\\', "\\\\").replace('"', "\\\"");
    format!("{PRODUCT} = {{ \"{written}\" }}\n")
}

/// Parses a resource; returns the offset and reason of each part that was dropped.
fn parsed(text: &str) -> (FluentResource, Vec<(usize, String)>) {
    match FluentResource::try_new(text.to_owned()) {
        Ok(resource) => (resource, Vec::new()),
        Err((resource, errors)) => {
            let faults = errors
                .into_iter()
                .map(|error| (error.pos.start, error.kind.to_string()))
                .collect();
            (resource, faults)
        }
    }
}

fn duplicate_message(source: &Source, error: &FluentError) -> Problem {
    match error {
        FluentError::Overriding { id, .. } if id == "product" => Problem {
            place: format!("{}, {PRODUCT}", source.file),
            reason: "the name of the service is not a file's to say".to_owned(),
            remedy: "remove the term and set messages.product_name".to_owned(),
        },
        FluentError::Overriding { id, .. } => Problem {
            place: format!("{}, {id}", source.file),
            reason: "it is there twice".to_owned(),
            remedy: "keep one of the two".to_owned(),
        },
        other => Problem {
            place: source.file.clone(),
            reason: other.to_string(),
            remedy: "mend the Fluent syntax there".to_owned(),
        },
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or_default();
    before.matches('\n').count() + 1
}

/// The names of messages and attributes, which Fluent permits only at the start of lines.
fn names(text: &str) -> Vec<(String, usize)> {
    let mut message = "";
    let mut found = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let Some((name, _)) = line.split_once('=') else {
            continue;
        };
        let (indented, name) = (name.starts_with(' '), name.trim());
        if indented {
            if let Some(part) = name.strip_prefix('.').filter(|part| is_name(part)) {
                found.push((format!("{message}.{part}"), number));
            }
        } else if is_name(name) {
            message = name;
            found.push((name.to_owned(), number));
        }
    }
    found
}

/// Whether this is the name of a message or an attribute, not a term, which begins with a dash.
fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
