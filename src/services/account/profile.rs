//! What people say about themselves.

use serde_json::{Map, Value, json};

use crate::app::App;
use crate::domain::caller::{Caller, SignedIn};
use crate::domain::user::User;
use crate::domain::violation::{Violation, ViolationRule};
use crate::fault::Fault;
use crate::services::audit::{self, About, Action, Event};
use crate::services::throttle::{self, Attempt, Exhausted};
use crate::stores::user::{self, ProfileChange};

/// Why a profile was left as it is.
#[derive(Debug)]
pub enum ProfileRefusal {
    /// Something about the input.
    Invalid(Vec<Violation>),
    /// Too many changes.
    RateLimited(Exhausted),
    /// Something broke.
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for ProfileRefusal {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

/// Changes the given parts of the person's own profile.
pub async fn update_profile(
    app: &App,
    caller: &Caller,
    person: &SignedIn,
    change: ProfileChange,
) -> Result<User, ProfileRefusal> {
    let attempt = Attempt::OwnChange {
        user: person.user(),
    };
    let charged = throttle::charge(app, &caller.client, attempt).await;
    charged.map_err(ProfileRefusal::RateLimited)?;
    let violations = violations(&change);
    if !violations.is_empty() {
        return Err(ProfileRefusal::Invalid(violations));
    }
    let tx = app.begin().await?;
    let gone = || Fault::new("a signed-in person has no account");
    let before = user::lock(&tx, person.user()).await?.ok_or_else(gone)?;
    user::update_profile(&tx, person.user(), change, app.clock.now()).await?;
    let after = user::lock(&tx, person.user()).await?.ok_or_else(gone)?;
    let event = Event::new(Action::ProfileUpdated, About::Whom(person.user())).by(caller);
    audit::record(
        &tx,
        app,
        &caller.client,
        event.with(changes(&before, &after)),
    )
    .await?;
    tx.commit().await?;
    Ok(after)
}

fn changes(before: &User, after: &User) -> Value {
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

fn violations(change: &ProfileChange) -> Vec<Violation> {
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
