//! The forms of the pages, and their problems.

use super::paragraphs;
use super::redeem::{FieldName, FieldProblem, Refusal};
use crate::app::{self, App};
use crate::domain::link::LinkKind;
use crate::domain::password::Password;
use crate::domain::violation::ViolationRule;
use crate::messages::{Field, Form, Page, Voice, words_of};

/// A submitted form and why it is shown again.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The identifier that was typed; passwords are never shown again.
    pub(super) who: &'a str,
    pub(super) refusal: &'a Refusal,
    /// The id of the failed request.
    pub(super) request: &'a str,
}

/// The page with the form of a link.
pub(super) fn page(
    app: &App,
    voice: &Voice<'_>,
    kind: LinkKind,
    token: &str,
    asked: Option<Asked<'_>>,
) -> Page {
    let words = words_of(kind);
    let refusal = asked.map(|asked| asked.refusal);
    let blamed = match refusal {
        Some(Refusal::Field(field, _)) => Some(*field),
        _ => None,
    };
    let who = asked.map_or("", |asked| asked.who);
    let mut fields: Vec<Field> = blanks(kind)
        .iter()
        .map(|blank| {
            let is_blamed = blamed == Some(*blank);
            let problem = refusal.filter(|_| is_blamed);
            Field {
                problem: problem.and_then(|refusal| wrong(app, voice, refusal)),
                has_focus: is_blamed,
                ..field(app, voice, *blank, who)
            }
        })
        .collect();
    if let Some(first) = fields.first_mut().filter(|_| blamed.is_none()) {
        first.has_focus = true;
    }
    Page {
        heading: voice.say(&format!("{words}.heading")),
        problem: asked.and_then(|asked| general(voice, asked)),
        intro: paragraphs(&voice.say(&format!("{words}.intro"))),
        form: Some(Form {
            // Relative, so that it works below any path, and without the token.
            action: kind.path(),
            token: token.to_owned(),
            fields,
            button: voice.say(&format!("{words}.button")),
        }),
        ..Page::default()
    }
}

const fn blanks(kind: LinkKind) -> &'static [FieldName] {
    match kind {
        LinkKind::VerifyEmail => &[FieldName::Password],
        LinkKind::PasswordReset | LinkKind::Invitation => {
            &[FieldName::NewPassword, FieldName::Repeated]
        }
        LinkKind::ChangeEmail => &[FieldName::EmailOrPhone, FieldName::Password],
        LinkKind::RevertEmail | LinkKind::CancelDeletion => &[],
    }
}

fn field(app: &App, voice: &Voice<'_>, blank: FieldName, who: &str) -> Field {
    let secret = |name, autocomplete, label| Field {
        name,
        kind: "password",
        autocomplete,
        label: voice.say(label),
        ..Field::default()
    };
    match blank {
        FieldName::Password => secret("password", "current-password", "page-field.password"),
        FieldName::NewPassword => {
            let shortest = app.config.password.policy().min_length;
            Field {
                hint: Some(voice.say_count("page-field.new-password-hint", shortest)),
                ..secret("newPassword", "new-password", "page-field.new-password")
            }
        }
        FieldName::Repeated => secret("repeated", "new-password", "page-field.repeated"),
        FieldName::EmailOrPhone => Field {
            name: "emailOrPhone",
            kind: "text",
            autocomplete: "username",
            label: voice.say("page-field.email-or-phone"),
            hint: Some(voice.say("page-field.email-or-phone-hint")),
            value: who.to_owned(),
            ..Field::default()
        },
    }
}

/// The problem shown at a field.
fn wrong(app: &App, voice: &Voice<'_>, refusal: &Refusal) -> Option<String> {
    let Refusal::Field(_, wrong) = refusal else {
        return None;
    };
    let policy = app.config.password.policy();
    Some(match wrong {
        FieldProblem::Password => voice.say("page-problem.password"),
        FieldProblem::Credentials => voice.say("page-problem.credentials"),
        FieldProblem::Breached => voice.say("page-problem.breached"),
        FieldProblem::Different => voice.say("page-problem.different"),
        FieldProblem::Rule(rule) => match rule {
            ViolationRule::Required => voice.say("page-problem.required"),
            ViolationRule::TooShort => voice.say_count("page-problem.too-short", policy.min_length),
            ViolationRule::TooLong => {
                let longest = policy.max_length.min(Password::MAX_CHARACTERS);
                voice.say_count("page-problem.too-long", longest)
            }
            ViolationRule::TooWeak => voice.say("page-problem.too-weak"),
            ViolationRule::InvalidEmail
            | ViolationRule::InvalidPhone
            | ViolationRule::InvalidFormat
            | ViolationRule::NotAllowed
            | ViolationRule::ExactlyOne => voice.say("page-problem.invalid"),
        },
    })
}

/// The problem shown above the form, if no field has one.
fn general(voice: &Voice<'_>, asked: Asked<'_>) -> Option<String> {
    match asked.refusal {
        Refusal::Suspended => Some(voice.say("page-problem.suspended")),
        Refusal::NotVerified => Some(voice.say("page-problem.not-verified")),
        Refusal::RateLimited(exhausted) => {
            let seconds = exhausted.retry_after.as_secs();
            Some(voice.say_time("page-problem.too-many", seconds))
        }
        Refusal::Overloaded => Some(voice.say("page-problem.busy")),
        Refusal::Fault(fault) if app::is_unavailable(fault) => {
            Some(voice.say("page-problem.unavailable"))
        }
        Refusal::Fault(_) => Some(voice.say_request("page-problem.failed", asked.request)),
        Refusal::Field(..)
        | Refusal::CrossSite
        | Refusal::Malformed
        | Refusal::Link
        | Refusal::Taken => None,
    }
}
