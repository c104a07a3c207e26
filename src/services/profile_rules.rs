//! What a profile may say, and how a change of one is recorded, whoever changes it.

use serde_json::{Map, Value, json};

use crate::domain::user::User;
use crate::domain::violation::{Violation, ViolationRule};
use crate::stores::user::ProfileChange;

/// The fields that differ, each with its value before and after.
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

/// Every rule that a change breaks.
pub(super) fn violations(change: &ProfileChange) -> Vec<Violation> {
    let limits = [
        ("firstName", change.first_name.as_deref(), 150),
        ("lastName", change.last_name.as_deref(), 150),
        ("bio", change.bio.as_deref(), 2000),
        ("country", change.country.as_deref(), 100),
        ("state", change.state.as_deref(), 100),
        ("city", change.city.as_deref(), 100),
        ("address", change.address.as_deref(), 255),
        (
            "locale",
            change.locale.as_ref().and_then(|locale| locale.as_deref()),
            35,
        ),
    ];
    let mut violations = Vec::new();
    for (path, value, limit) in limits {
        let Some(value) = value else { continue };
        if value.chars().count() > limit {
            let message = format!("at most {limit} characters");
            violations.push(Violation::new(path, ViolationRule::TooLong, message));
        }
        if value
            .chars()
            .any(|letter| letter.is_control() && letter != '\n')
        {
            let message = "control characters are not allowed";
            violations.push(Violation::new(path, ViolationRule::InvalidFormat, message));
        }
    }
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

/// The shape of a BCP 47 tag: subtags of letters and digits joined by hyphens.
fn is_language_tag(text: &str) -> bool {
    text.split('-').enumerate().all(|(position, part)| {
        let shaped = (1..=8).contains(&part.len());
        let first = position > 0 || part.bytes().all(|byte| byte.is_ascii_alphabetic());
        shaped && first && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}
