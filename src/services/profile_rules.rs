//! Rules for profile texts, and the audit record of a changed profile.

use serde_json::{Map, Value, json};

use crate::domain::text::{self, Layout, TextRule};
use crate::domain::user::{MAX_NAME_LENGTH, User};
use crate::domain::violation::{Violation, ViolationRule};
use crate::stores::user::ProfileChange;

/// The changed fields, each with its value before and after.
pub(super) fn changes(before: &User, after: &User) -> Value {
    let fields: [(&str, Value, Value); 8] = [
        (
            "firstName",
            json!(before.first_name),
            json!(after.first_name),
        ),
        ("lastName", json!(before.last_name), json!(after.last_name)),
        ("bio", json!(before.bio), json!(after.bio)),
        ("country", json!(before.country), json!(after.country)),
        ("state", json!(before.state), json!(after.state)),
        ("city", json!(before.city), json!(after.city)),
        ("address", json!(before.address), json!(after.address)),
        ("locale", json!(before.locale), json!(after.locale)),
    ];
    let changed: Map<String, Value> = fields
        .into_iter()
        .filter(|(_, before, after)| before != after)
        .map(|(field, before, after)| {
            (
                field.to_owned(),
                json!({ "before": before, "after": after }),
            )
        })
        .collect();
    Value::Object(changed)
}

/// Normalizes every text of a change and returns the rules that they violate.
pub(super) fn read(change: &mut ProfileChange) -> Vec<Violation> {
    let language = change.locale.as_mut().and_then(Option::as_mut);
    let texts = [
        (
            "firstName",
            change.first_name.as_mut(),
            Layout::Line,
            MAX_NAME_LENGTH,
        ),
        (
            "lastName",
            change.last_name.as_mut(),
            Layout::Line,
            MAX_NAME_LENGTH,
        ),
        ("bio", change.bio.as_mut(), Layout::Lines, 2000),
        ("country", change.country.as_mut(), Layout::Line, 100),
        ("state", change.state.as_mut(), Layout::Line, 100),
        ("city", change.city.as_mut(), Layout::Line, 100),
        ("address", change.address.as_mut(), Layout::Lines, 255),
        ("locale", language, Layout::Line, 35),
    ];
    let mut violations = read_texts(texts);
    let locale = change.locale.as_ref().and_then(|locale| locale.as_deref());
    if locale.is_some_and(|locale| !is_language_tag(locale)) {
        let message = "a language tag such as en or fr-CA";
        violations.push(Violation::new(
            "locale",
            ViolationRule::InvalidFormat,
            message,
        ));
    }
    violations
}

/// Normalizes texts for storage; a text that violates a rule is left as it is.
pub(super) fn read_texts<'a>(
    texts: impl IntoIterator<Item = (&'static str, Option<&'a mut String>, Layout, usize)>,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, value, layout, most) in texts {
        let Some(value) = value else { continue };
        match text(path, value, layout, most) {
            Ok(read) => *value = read,
            Err(violation) => violations.push(violation),
        }
    }
    violations
}

/// Normalizes one text for storage.
pub(super) fn text(
    path: &str,
    value: &str,
    layout: Layout,
    most: usize,
) -> Result<String, Violation> {
    text::read(value, layout, most).map_err(|rule| {
        let broken = match rule {
            TextRule::TooLong(_) => ViolationRule::TooLong,
            TextRule::OneLine | TextRule::Character(_) => ViolationRule::InvalidFormat,
        };
        Violation::new(path, broken, rule.to_string())
    })
}

/// The shape of a BCP 47 tag: subtags of letters and digits joined by hyphens.
fn is_language_tag(text: &str) -> bool {
    text.split('-').enumerate().all(|(position, part)| {
        let shaped = (1..=8).contains(&part.len());
        let first = position > 0 || part.bytes().all(|byte| byte.is_ascii_alphabetic());
        shaped && first && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}
