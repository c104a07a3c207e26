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
        identifier: &'a Identifier,
    },
    RedeemLink,
    TryCode {
        identifier: &'a Identifier,
    },
    Refresh,
    StepUp {
        user: UserId,
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
    charge_lines(app, &lines(app, client, attempt)).await?;
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
    let texts = |identifier: &Identifier| {
        matches!(identifier, Identifier::Phone(_)).then(|| line("sms-global", &budgets.sms_global))
    };
    match attempt {
        Attempt::Login { .. } => vec![line("login-global", &budgets.login_global)],
        Attempt::Register { identifier } => {
            let roof = line("register-global", &budgets.register_global);
            std::iter::once(roof).chain(texts(identifier)).collect()
        }
        Attempt::RequestMessage { identifier } => texts(identifier).into_iter().collect(),
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
        Attempt::RequestMessage { identifier } => vec![
            line("message-address", address(), &budgets.message_address),
            line(
                "message-identifier",
                named(identifier),
                &budgets.message_identifier,
            ),
        ],
        Attempt::TryCode { identifier } => vec![
            line("code-address", address(), &budgets.code_address),
            line(
                "code-identifier",
                named(identifier),
                &budgets.code_identifier,
            ),
        ],
        Attempt::RedeemLink => vec![line("verify-address", address(), &budgets.verify_address)],
        Attempt::Refresh => vec![line("refresh-address", address(), &budgets.refresh_address)],
        Attempt::StepUp { user } => {
            vec![line(
                "step-up-user",
                user.to_string(),
                &budgets.step_up_user,
            )]
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
