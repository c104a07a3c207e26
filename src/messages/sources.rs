//! The files of messages: the built-in ones, and those of the operator.

use std::borrow::Cow;
use std::fmt;
use std::fs;
use std::path::Path;

use unic_langid::LanguageIdentifier;

/// More than any of these files needs, so that a wrong path cannot exhaust memory.
const MAX_FILE_BYTES: u64 = 1_048_576;

/// The layout of pages, and the name under which the built-in one stays available.
pub(super) const LAYOUT: &str = "page.html";
pub(super) const BUILT_IN_LAYOUT: &str = "built-in/page.html";
pub(super) const BUILT_IN_PAGE: &str = include_str!("assets/page.html");

/// The built-in templates.
const TEMPLATES: [(&str, &str); 4] = [
    ("mail.html", include_str!("assets/mail.html")),
    ("mail.txt", include_str!("assets/mail.txt")),
    ("sms.txt", include_str!("assets/sms.txt")),
    (LAYOUT, BUILT_IN_PAGE),
];

/// The built-in languages. English is first, as the last fallback: it has all words.
const LANGUAGES: [(&str, &str); 2] = [
    ("en", include_str!("assets/en.ftl")),
    ("fr", include_str!("assets/fr.ftl")),
];

/// A problem with the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, with the line or the name of the words.
    pub place: String,
    /// What is wrong there.
    pub reason: String,
    /// How to fix it.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: {}; {}",
            self.place, self.reason, self.remedy
        )
    }
}

/// All problems with the files, so that they can be fixed at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct TemplateError(pub(super) Vec<Problem>);

impl TemplateError {
    /// The problems.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a TemplateError {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("messages cannot be written:")?;
        for problem in &self.0 {
            write!(formatter, "\n    {problem}")?;
        }
        Ok(())
    }
}

/// The text of a file, and its name in problems.
pub(super) struct Source {
    pub(super) file: String,
    pub(super) text: Cow<'static, str>,
}

/// The words of one language.
pub(super) struct LanguageSource {
    pub(super) id: LanguageIdentifier,
    pub(super) source: Source,
}

/// All files.
pub(super) struct Sources {
    /// By name: `mail.html`, `mail.txt`, `sms.txt`, `page.html`.
    pub(super) templates: Vec<(&'static str, Source)>,
    /// The operator's words.
    pub(super) own: Vec<LanguageSource>,
    /// The built-in words, English first.
    pub(super) embedded: Vec<LanguageSource>,
}

impl Sources {
    /// The built-in files.
    pub(super) fn embedded() -> Self {
        let source = |name: &str, text| Source {
            file: format!("built-in {name}"),
            text: Cow::Borrowed(text),
        };
        let templates = TEMPLATES.map(|(name, text)| (name, source(name, text)));
        let languages = LANGUAGES.into_iter().filter_map(|(tag, text)| {
            Some(LanguageSource {
                id: tag.parse().ok()?,
                source: source(&format!("{tag}.ftl"), text),
            })
        });
        Self {
            templates: templates.into(),
            own: Vec::new(),
            embedded: languages.collect(),
        }
    }

    /// Adds the files of a directory, which take precedence over the built-in ones.
    pub(super) fn override_from(&mut self, directory: &Path, problems: &mut Vec<Problem>) {
        let names = match names(directory) {
            Ok(names) => names,
            Err(error) => {
                problems.push(Problem {
                    place: directory.display().to_string(),
                    reason: format!("the directory cannot be read: {error}"),
                    remedy:
                        "name a readable directory as messages.templates_dir, or leave it empty"
                            .to_owned(),
                });
                return;
            }
        };
        let mut used = 0;
        for name in names {
            let path = directory.join(&name);
            // Editors and Kubernetes keep files of their own here, such as `..data` and `en.ftl~`.
            let Some((stem, kind)) = name.rsplit_once('.').filter(|(stem, kind)| {
                !stem.is_empty()
                    && !stem.starts_with('.')
                    && matches!(*kind, "html" | "txt" | "ftl")
            }) else {
                continue;
            };
            used += 1;
            match read(&path) {
                Ok(source) if kind == "ftl" => self.add_language(stem, source, problems),
                Ok(source) => self.replace_template(&name, source, problems),
                Err(problem) => problems.push(problem),
            }
        }
        if used == 0 {
            problems.push(Problem {
                place: directory.display().to_string(),
                reason: "the directory has no file that messages are made of".to_owned(),
                remedy: format!("put {FILES} there, or leave messages.templates_dir empty"),
            });
        }
    }

    fn add_language(&mut self, tag: &str, source: Source, problems: &mut Vec<Problem>) {
        match tag.parse::<LanguageIdentifier>() {
            // `FR.ftl` and `fr.ftl` are different files on most disks.
            Ok(id) if self.own.iter().any(|language| language.id == id) => problems.push(Problem {
                place: source.file,
                reason: format!("there is another file for {id}"),
                remedy: "keep one of them".to_owned(),
            }),
            Ok(id) => self.own.push(LanguageSource { id, source }),
            Err(_) => problems.push(Problem {
                place: source.file,
                reason: format!("{tag:?} is not a language"),
                remedy: "name the file after a BCP 47 tag, such as de.ftl or pt-BR.ftl".to_owned(),
            }),
        }
    }

    fn replace_template(&mut self, name: &str, source: Source, problems: &mut Vec<Problem>) {
        let known = self.templates.iter_mut().find(|(known, _)| *known == name);
        match known {
            Some((_, current)) => *current = source,
            None => problems.push(Problem {
                place: source.file,
                reason: "no message is made of this file".to_owned(),
                remedy: format!("rename it to one of {FILES}, or remove it"),
            }),
        }
    }
}

const FILES: &str = "mail.html, mail.txt, sms.txt, page.html or <language>.ftl";

/// The sorted names of a directory's files.
fn names(directory: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn read(path: &Path) -> Result<Source, Problem> {
    let refused = |reason: String| Problem {
        place: path.display().to_string(),
        reason,
        remedy: "put a readable UTF-8 file there, or remove it".to_owned(),
    };
    let unreadable = |error: std::io::Error| refused(format!("the file cannot be read: {error}"));
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if metadata.len() > MAX_FILE_BYTES {
        return Err(refused("the file is larger than 1 MiB".to_owned()));
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    Ok(Source {
        file: path.display().to_string(),
        // Fluent treats a carriage return as part of the text.
        text: Cow::Owned(
            text.replace("\r\n", "\n")
                .trim_start_matches('\u{feff}')
                .to_owned(),
        ),
    })
}
