//! Loading messages: reading the files, assembling the templates, validating all of it.

use std::sync::Arc;

use minijinja::{Environment, UndefinedBehavior};

use super::catalog::{Catalog, Language};
use super::sources::{BUILT_IN_LAYOUT, BUILT_IN_PAGE, Problem, Sources, TemplateError};
use super::templates::{Templates, template_problem, wrapped, write_value};
use super::{languages, validate};
use crate::config::Messages;

impl Templates {
    /// Reads the files and validates every message. Codes in text messages are bound to this host.
    ///
    /// # Errors
    ///
    /// Every problem with the files, and how to fix it.
    pub fn load(settings: &Messages, host: &str) -> Result<Self, TemplateError> {
        let mut problems = Vec::new();
        let templates = Self::assemble(settings, host, &mut problems);
        validate::validate(&templates, &mut problems);
        validate::drop_duplicates(&mut problems);
        if problems.is_empty() {
            Ok(templates)
        } else {
            Err(TemplateError(problems))
        }
    }

    fn assemble(settings: &Messages, host: &str, problems: &mut Vec<Problem>) -> Self {
        let mut sources = Sources::embedded();
        if let Some(directory) = &settings.templates_dir {
            sources.override_from(directory, problems);
        }
        let (languages, default) = languages_of(&sources, settings, problems);
        let mut environment = environment();
        let mut files = Vec::new();
        if let Err(error) = environment.add_template(BUILT_IN_LAYOUT, BUILT_IN_PAGE) {
            problems.push(template_problem(BUILT_IN_LAYOUT, &error));
        }
        for (name, source) in sources.templates {
            if let Err(error) = environment.add_template_owned(name, source.text) {
                problems.push(template_problem(&source.file, &error));
            }
            files.push((name, source.file));
        }
        Self {
            product: settings.product_name.clone(),
            host: host.to_owned(),
            languages,
            default,
            environment,
            files,
        }
    }
}

/// Every language, and the fallback.
fn languages_of(
    sources: &Sources,
    settings: &Messages,
    problems: &mut Vec<Problem>,
) -> (Vec<Arc<Language>>, Arc<Language>) {
    let product = &settings.product_name;
    let files: Vec<_> = sources
        .own
        .iter()
        .chain(&sources.embedded)
        .map(|file| {
            let catalog = Catalog::read(&file.source, &file.id, product, problems);
            (&file.id, Arc::new(catalog))
        })
        .collect();
    for (_, catalog) in files.iter().take(sources.own.len()) {
        validate::check_names(catalog, files.iter().skip(sources.own.len()), problems);
    }
    let mut ids: Vec<_> = sources.embedded.iter().map(|file| &file.id).collect();
    for file in &sources.own {
        if !ids.contains(&&file.id) {
            ids.push(&file.id);
        }
    }
    let position = languages::best_match(&settings.default_locale, &ids);
    if position.is_none() {
        problems.push(no_default(settings, &ids));
    }
    let position = position.unwrap_or(0);
    let last = [ids.get(position), ids.first()];
    let languages: Vec<_> = ids
        .iter()
        .map(|id| {
            let order = [Some(id)].into_iter().chain(last).flatten();
            let fallbacks = order.flat_map(|id| files.iter().filter(move |(of, _)| of == id));
            Arc::new(Language {
                id: (*id).clone(),
                fallbacks: fallbacks.map(|(_, catalog)| Arc::clone(catalog)).collect(),
            })
        })
        .collect();
    let default = languages.get(position).cloned().unwrap_or_default();
    (languages, default)
}

fn no_default(settings: &Messages, ids: &[&unic_langid::LanguageIdentifier]) -> Problem {
    let available: Vec<_> = ids.iter().map(ToString::to_string).collect();
    let wanted = &settings.default_locale;
    Problem {
        place: "messages.default_locale".to_owned(),
        reason: format!("there are no words in {wanted:?}"),
        remedy: format!(
            "choose one of {}, or put {wanted}.ftl into messages.templates_dir",
            available.join(", ")
        ),
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_formatter(write_value);
    environment.add_filter("wrap", |text: String| wrapped(&text));
    environment
}
