//! Budgets: who may try what how often, charged before any work is done.
//!
//! Every attempt is counted under its network address, under the identifier it names (known or
//! not, so that the limit says nothing about accounts) and under a global roof.

use std::time::Duration;

use crate::app::App;
use crate::config::Budget;
use crate::domain::caller::Client;
use crate::domain::identifier::Identifier;
use crate::domain::ids::UserId;
use crate::domain::network;
use crate::volatile::{Charge, Verdict};

/// A used-up budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// When trying again makes sense.
    pub retry_after: Duration,
}

/// What is attempted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Attempt<'a> {
    Login {
        identifier: &'a Identifier,
        device: Option<&'a str>,
    },
    Register {
        identifier: &'a Identifier,
    },
    RequestMessage {
        against: Against<'a>,
    },
    RedeemLink,
    TryCode {
        against: Against<'a>,
    },
    /// A text message on its way out, whoever asked for it.
    SendText,
    Refresh,
    StepUp {
        user: UserId,
    },
    /// A token of an identity provider, before anything about it is known.
    Google,
    /// The same, once the provider's signature says who it is about.
    GoogleSubject {
        issuer: &'a str,
        subject: &'a str,
    },
    /// A change by a signed-in person to what is theirs.
    OwnChange {
        user: UserId,
    },
    /// A change by an administrator to somebody else's account.
    Administer {
        user: UserId,
    },
}

/// Whose budget a message or a try counts against, besides the network address.
#[derive(Clone, Copy, Debug)]
pub(super) enum Against<'a> {
    /// What was typed, whether or not anybody has it.
    Identifier(&'a Identifier),
    /// Somebody signed in, whose own codes strangers must not use up.
    Person(UserId),
    /// A device that was here before, for the same reason.
    Device(&'a str),
}

struct Line {
    scope: &'static str,
    key: String,
    budget: Budget,
}

/// Charges an attempt against all its budgets, before any work is done for it.
///
/// When the shared store is away a local budget takes its place: the configured one divided by
/// the number of instances, so that all instances together still stay under it.
pub(super) async fn charge(
    app: &App,
    client: &Client,
    attempt: Attempt<'_>,
) -> Result<(), Exhausted> {
    match lines(app, client, attempt) {
        lines if lines.is_empty() => {}
        lines => charge_lines(app, &lines).await?,
    }
    // Roofs are charged last: attempts that one address was refused must not fill them for all.
    match roofs(app, attempt) {
        roofs if roofs.is_empty() => Ok(()),
        roofs => charge_lines(app, &roofs).await,
    }
}

/// Charges all lines in one atomic step.
async fn charge_lines(app: &App, lines: &[Line]) -> Result<(), Exhausted> {
    let now = app.clock.now();
    let shared = charges(lines, app.config.throttle.scale);
    let verdict = match app.volatile.charge(now, &shared).await {
        Ok(verdict) => verdict,
        Err(unavailable) => {
            tracing::debug!(%unavailable, "budgets are kept locally");
            let share = app.config.throttle.scale / f64::from(app.config.throttle.instances.max(1));
            app.local
                .charge(now, &charges(lines, share))
                .await
                .unwrap_or(Verdict::Allowed)
        }
    };
    match verdict {
        Verdict::Allowed => Ok(()),
        Verdict::Refused { retry_after } => Err(Exhausted { retry_after }),
    }
}

/// The limits for everybody together, where there are any.
fn roofs(app: &App, attempt: Attempt<'_>) -> Vec<Line> {
    let budgets = &app.config.throttle;
    let line = |scope, budget: &Budget| Line {
        scope,
        key: "all".to_owned(),
        budget: *budget,
    };
    match attempt {
        Attempt::Login { .. } => vec![line("login-global", &budgets.login_global)],
        Attempt::Register { .. } => vec![line("register-global", &budgets.register_global)],
        Attempt::SendText => vec![line("sms-global", &budgets.sms_global)],
        _ => Vec::new(),
    }
}

fn charges(lines: &[Line], scale: f64) -> Vec<Charge> {
    lines
        .iter()
        .map(|line| Charge {
            key: format!("{}:{}", line.scope, line.key),
            capacity: scaled(line.budget.count, scale),
            window: line.budget.window,
            cost: 1,
        })
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float casts saturate, which is what a scaled limit should do"
)]
fn scaled(count: u32, scale: f64) -> u32 {
    ((f64::from(count) * scale) as u32).max(1)
}

fn lines(app: &App, client: &Client, attempt: Attempt<'_>) -> Vec<Line> {
    let budgets = &app.config.throttle;
    let address = || hidden(app, &network::bucket(client.address));
    let line = |scope, key, budget: &Budget| Line {
        scope,
        key,
        budget: *budget,
    };
    let named = |identifier: &Identifier| hidden(app, &identifier.key());
    let counted = |against| match against {
        Against::Identifier(identifier) => named(identifier),
        Against::Person(user) => user.to_string(),
        Against::Device(device) => hidden(app, device),
    };
    match attempt {
        Attempt::Login { identifier, device } => vec![
            line("login-address", address(), &budgets.login_address),
            match device {
                // A device that signed in before has a bucket that strangers cannot fill.
                Some(device) => line("login-device", hidden(app, device), &budgets.login_device),
                None => line(
                    "login-identifier",
                    named(identifier),
                    &budgets.login_identifier,
                ),
            },
        ],
        Attempt::Register { identifier } => vec![
            line("register-address", address(), &budgets.register_address),
            line(
                "register-identifier",
                named(identifier),
                &budgets.register_identifier,
            ),
        ],
        Attempt::RequestMessage { against } => vec![
            line("message-address", address(), &budgets.message_address),
            line(
                "message-identifier",
                counted(against),
                &budgets.message_identifier,
            ),
        ],
        Attempt::TryCode { against } => vec![
            line("code-address", address(), &budgets.code_address),
            line(
                "code-identifier",
                counted(against),
                &budgets.code_identifier,
            ),
            line("code-day", counted(against), &budgets.code_day),
        ],
        Attempt::SendText => Vec::new(),
        Attempt::RedeemLink => vec![line("verify-address", address(), &budgets.verify_address)],
        Attempt::Refresh => vec![line("refresh-address", address(), &budgets.refresh_address)],
        Attempt::StepUp { user } => {
            vec![line(
                "step-up-user",
                user.to_string(),
                &budgets.step_up_user,
            )]
        }
        Attempt::Google => vec![line("google-address", address(), &budgets.google_address)],
        Attempt::GoogleSubject { issuer, subject } => {
            let key = hidden(app, &format!("{issuer} {subject}"));
            vec![line("google-subject", key, &budgets.google_subject)]
        }
        Attempt::OwnChange { user } => {
            vec![line("change-user", user.to_string(), &budgets.change_user)]
        }
        Attempt::Administer { user } => {
            let (key, budget) = (user.to_string(), &budgets.administer_user);
            vec![line("administer-user", key, budget)]
        }
    }
}

/// Identifiers are personal: the shared store sees only their keyed hashes.
fn hidden(app: &App, text: &str) -> String {
    use base64::Engine as _;
    let index = app.keyring.blind_index("throttle", text);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(index.get(..16).unwrap_or(&index))
}
