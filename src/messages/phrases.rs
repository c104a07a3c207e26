//! Words by language, as Fluent files write them, and where to look when a language lacks some.

use std::sync::Arc;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentError, FluentResource};
use unic_langid::LanguageIdentifier;

use super::sources::{Problem, Source};

/// What a file may call itself only once: the term that stands for the service.
const PRODUCT: &str = "-product";

/// The words of one file.
pub(super) struct Words {
    pub(super) file: String,
    fluent: FluentBundle<FluentResource>,
    /// Names of messages and of their parts, `login-code.sms`, with their lines.
    pub(super) names: Vec<(String, usize)>,
}

impl Words {
    /// Reads a file; what cannot be read becomes a problem, and the rest is kept.
    pub(super) fn read(
        source: &Source,
        language: &LanguageIdentifier,
        product: &str,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut fluent = FluentBundle::new_concurrent(vec![language.clone()]);
        // The marks around each value would stand in links, codes and the GSM alphabet's way.
        fluent.set_use_isolating(false);
        let (name, _) = parsed(&product_term(product));
        // The bundle is still empty, so the term cannot be there already.
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
            problems.push(twice(source, &error));
        }
        Self {
            file: source.file.clone(),
            fluent,
            names,
        }
    }
}

/// A language with the files to look into, its own first.
#[derive(Default)]
pub(super) struct Language {
    pub(super) id: LanguageIdentifier,
    pub(super) chain: Vec<Arc<Words>>,
}

impl Language {
    /// The words of a message or a part of one, such as `footer` or `login-code.sms`.
    ///
    /// Nothing is missing once every language ends with the embedded English.
    pub(super) fn say(
        &self,
        name: &str,
        values: &FluentArgs<'_>,
        problems: &mut Vec<Problem>,
    ) -> String {
        let (id, part) = name.split_once('.').unwrap_or((name, ""));
        let found = self.chain.iter().find_map(|words| {
            let message = words.fluent.get_message(id)?;
            let pattern = if part.is_empty() {
                message.value()?
            } else {
                message.get_attribute(part)?.value()
            };
            Some((words, pattern))
        });
        let Some((words, pattern)) = found else {
            problems.push(Problem {
                place: format!("{}, {name}", self.id),
                reason: "no file has words for it".to_owned(),
                remedy: "add them".to_owned(),
            });
            return String::new();
        };
        let mut errors = Vec::new();
        let said = words
            .fluent
            .format_pattern(pattern, Some(values), &mut errors);
        problems.extend(errors.iter().map(|error| Problem {
            place: format!("{}, {name}", words.file),
            reason: error.to_string(),
            remedy: "use only the values and terms that the built-in en.ftl uses there".to_owned(),
        }));
        said.into_owned()
    }
}

/// The term for the service, with the signs that mean something to Fluent written out.
fn product_term(product: &str) -> String {
    let written = product.replace('\\', "\\\\").replace('"', "\\\"");
    format!("{PRODUCT} = {{ \"{written}\" }}\n")
}

/// A resource, and where and why parts of it were left out.
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

fn twice(source: &Source, error: &FluentError) -> Problem {
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

/// The names of messages and parts: the only lines that Fluent lets begin like this.
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

/// Whether this names a message or a part; terms, which begin with a dash, are a file's own.
fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
