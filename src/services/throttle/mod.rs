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
use crate::domain::phone::PhoneNumber;
use crate::services::device::Device;
use crate::stores::user::Credentials;
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
    /// A sign-in with a password, before the account is looked up.
    Login {
        against: Against<'a>,
    },
    /// The same once it is known whose account it is.
    LoginTo {
        target: Target<'a>,
    },
    Register {
        identifier: &'a Identifier,
    },
    /// A message to an address, before the account is looked up.
    RequestMessage {
        against: Against<'a>,
    },
    /// The same once it is known whose account it is.
    RequestMessageTo {
        target: Target<'a>,
    },
    RedeemLink,
    /// A typed code, before the account is looked up.
    TryCode {
        against: Against<'a>,
    },
    /// The same once it is known whose account it is.
    TryCodeOf {
        target: Target<'a>,
    },
    /// A text message on its way out, whoever asked for it.
    SendText {
        number: &'a PhoneNumber,
        country: &'a str,
        receiver: Receiver,
    },
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
    Device(&'a Device),
}

impl<'a> Against<'a> {
    /// A device where one was presented, else what was typed.
    pub(super) fn device_or(device: Option<&'a Device>, identifier: &'a Identifier) -> Self {
        device.map_or(Self::Identifier(identifier), Self::Device)
    }
}

/// Where an attempt leads, once the identifier was looked up.
///
/// Guesses count for the account, so that a second identifier does not double them; an identifier
/// that names nobody counts like an account. Devices that the account knows share a budget apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    identifier: &'a Identifier,
    account: Option<UserId>,
    device: Standing,
}

/// What a presented device token is worth at this account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Nothing was presented: the identifier has been charged.
    None,
    /// The device signed in here before: it has been charged, and the identifier must not be.
    Known,
    /// Another account's, or from before a new password: the identifier is still to be charged.
    Stale,
}

impl<'a> Target<'a> {
    pub(super) fn new(
        identifier: &'a Identifier,
        found: Option<&Credentials>,
        device: Option<&Device>,
    ) -> Self {
        let account = found.map(|found| &found.user);
        let device = device.map_or(Standing::None, |device| {
            if account.is_some_and(|user| device.is_known_to(user)) {
                Standing::Known
            } else {
                Standing::Stale
            }
        });
        Self {
            identifier,
            account: account.map(|user| user.id),
            device,
        }
    }

    /// Whether a device asks that the account knows.
    pub(super) fn by_known_device(&self) -> bool {
        self.device == Standing::Known
    }
}

/// What is known of those who get a text message. Pumping is paid for numbers that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receiver {
    /// An account has proven this number.
    Proven,
    /// A signed-in person, who has proven another address, would like to have this number.
    SignedIn,
    /// Anybody may have asked for it.
    Stranger,
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
    charge_levels(app, &levels::of(app, client, attempt)).await
}

/// Counts a wrong code in the budget that everybody's wrong codes share.
///
/// # Errors
/// More codes are guessed at than people mistype. The try was made already, so nothing is refused.
pub(super) async fn count_wrong_code(app: &App) -> Result<(), Exhausted> {
    charge_levels(app, &[levels::wrong_code(app)]).await
}

async fn charge_levels(app: &App, levels: &[levels::Level]) -> Result<(), Exhausted> {
    let (now, scale) = (app.clock.now(), app.config.throttle.scale);
    let shared = levels::charges(levels, scale);
    let verdict = match app.volatile.charge(now, &shared).await {
        Ok(verdict) => verdict,
        Err(unavailable) => {
            tracing::debug!(%unavailable, "budgets are kept locally");
            let share = scale / f64::from(app.config.throttle.instances.max(1));
            let local = levels::charges(levels, share);
            let verdict = app.local.charge(now, &local).await;
            verdict.unwrap_or(Verdict::Allowed)
        }
    };
    match verdict {
        Verdict::Allowed => Ok(()),
        Verdict::Refused { retry_after, .. } => Err(Exhausted { retry_after }),
    }
}
