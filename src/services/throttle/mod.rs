//! Budgets: who may try what how often, charged before any work is done.
//!
//! An attempt passes levels in order (`levels.rs` lists them): the networks it comes from, then the
//! identifier, device or account that it concerns (known or not, so that the limit says nothing
//! about accounts), then the limit for everybody together. Whoever is refused at one level charges
//! nothing there and nothing later: a refused address cannot use up the budget of a victim.

mod levels;

use std::time::Duration;

use crate::app::App;
use crate::domain::caller::Client;
use crate::domain::identifier::Identifier;
use crate::domain::ids::UserId;
use crate::volatile::Verdict;

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

/// Charges an attempt against its budgets, before any work is done for it.
///
/// When the shared store is away a local budget takes its place: the configured one divided by
/// the number of instances, so that all instances together still stay under it.
pub(super) async fn charge(
    app: &App,
    client: &Client,
    attempt: Attempt<'_>,
) -> Result<(), Exhausted> {
    let levels = levels::of(app, client, attempt);
    let (now, scale) = (app.clock.now(), app.config.throttle.scale);
    let shared = levels::charges(&levels, scale);
    let verdict = match app.volatile.charge(now, &shared).await {
        Ok(verdict) => verdict,
        Err(unavailable) => {
            tracing::debug!(%unavailable, "budgets are kept locally");
            let share = scale / f64::from(app.config.throttle.instances.max(1));
            let local = levels::charges(&levels, share);
            let verdict = app.local.charge(now, &local).await;
            verdict.unwrap_or(Verdict::Allowed)
        }
    };
    match verdict {
        Verdict::Allowed => Ok(()),
        Verdict::Refused { retry_after, .. } => Err(Exhausted { retry_after }),
    }
}
