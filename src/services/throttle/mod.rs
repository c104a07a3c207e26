//! Rate limits, charged before the work that they limit.
//!
//! A request is charged level by level (`levels.rs`): its networks, then the identifier, device or
//! account that it concerns, then the global limits. Identifiers without an account are limited
//! alike, so a limit does not reveal whether an account exists. A request that one level refuses is
//! charged nothing there and nothing on later levels: a blocked network cannot use up the budget of
//! the account it attacks.

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

/// A rate limit was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimitExceeded {
    /// How long to wait before the next attempt.
    pub retry_after: Duration,
}

impl RateLimitExceeded {
    /// Whole seconds to wait, rounded up, so that a retry is never too early.
    #[must_use]
    pub fn seconds(self) -> u64 {
        let seconds = self.retry_after.as_millis().div_ceil(1000).max(1);
        u64::try_from(seconds).unwrap_or(u64::MAX)
    }
}

/// Which limits apply.
///
/// `Login`, `RequestMessage` and `VerifyCode` are charged before the account is looked up, their
/// `…Account` counterparts once it is known.
#[derive(Clone, Copy, Debug)]
pub(super) enum RateLimit<'a> {
    Login {
        key: LimitKey<'a>,
    },
    LoginAccount {
        target: Target<'a>,
    },
    Register {
        identifier: &'a Identifier,
    },
    RequestMessage {
        key: LimitKey<'a>,
    },
    RequestMessageAccount {
        target: Target<'a>,
    },
    RedeemLink,
    VerifyCode {
        key: LimitKey<'a>,
    },
    VerifyCodeAccount {
        target: Target<'a>,
    },
    /// A text message that is about to be sent.
    SendText {
        number: &'a PhoneNumber,
        country: &'a str,
        trust: RecipientTrust,
    },
    Refresh,
    StepUp {
        user: UserId,
    },
    /// An ID token whose signature is not checked yet.
    GoogleLogin,
    /// The subject of an ID token whose signature is valid.
    GoogleSubject {
        issuer: &'a str,
        subject: &'a str,
    },
    /// A change by a signed-in user to their own account.
    AccountChange {
        user: UserId,
    },
    /// A step of uploading an avatar, each of which moves or decodes a picture.
    AvatarUpload {
        user: UserId,
    },
    /// A change by an administrator to another account.
    Administer {
        user: UserId,
    },
}

/// What a limit counts by, besides the network address.
#[derive(Clone, Copy, Debug)]
pub(super) enum LimitKey<'a> {
    /// The identifier as typed, with or without an account.
    Identifier(&'a Identifier),
    /// A signed-in user, whose own codes strangers must not use up.
    User(UserId),
    /// A device with a device token, which strangers must not lock out either.
    Device(&'a Device),
}

impl<'a> LimitKey<'a> {
    /// The device if one was presented, else the identifier.
    pub(super) fn device_or(device: Option<&'a Device>, identifier: &'a Identifier) -> Self {
        device.map_or(Self::Identifier(identifier), Self::Device)
    }
}

/// The account that a request concerns, once its identifier was looked up.
///
/// Guesses count per account, so a second identifier does not double them. An identifier without an
/// account is limited like an account. Devices that the account knows share a separate budget.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    identifier: &'a Identifier,
    account: Option<UserId>,
    device: DeviceStatus,
}

/// Whether the presented device token is valid for this account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DeviceStatus {
    /// No token: the identifier has been charged.
    Absent,
    /// A valid token: the device has been charged, and the identifier must not be.
    Known,
    /// A token of another account or of an earlier password: the identifier is still to be charged.
    Stale,
}

impl<'a> Target<'a> {
    pub(super) fn new(
        identifier: &'a Identifier,
        found: Option<&Credentials>,
        device: Option<&Device>,
    ) -> Self {
        let account = found.map(|found| &found.user);
        let device = device.map_or(DeviceStatus::Absent, |device| {
            if account.is_some_and(|user| device.is_known_to(user)) {
                DeviceStatus::Known
            } else {
                DeviceStatus::Stale
            }
        });
        Self {
            identifier,
            account: account.map(|user| user.id),
            device,
        }
    }

    /// Whether the request comes from a device that the account knows.
    pub(super) fn has_known_device(&self) -> bool {
        self.device == DeviceStatus::Known
    }
}

/// How far the recipient of a text message is trusted. SMS pumping targets numbers that no account
/// has verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecipientTrust {
    /// An account has verified this number.
    Verified,
    /// A signed-in user with another verified address asked for it.
    SignedIn,
    /// Anyone may have asked for it.
    Unknown,
}

/// Charges a request against its limits.
///
/// When the shared store is down, local budgets take over: the configured ones divided by the
/// number of instances, so that all instances together stay within them.
pub(super) async fn charge(
    app: &App,
    client: &Client,
    limit: RateLimit<'_>,
) -> Result<(), RateLimitExceeded> {
    charge_levels(app, &levels::of(app, client, limit)).await
}

/// Counts a wrong code against the global limit of wrong codes.
///
/// # Errors
/// More codes are wrong than typing errors explain. The code was already checked, so nothing is
/// refused.
pub(super) async fn count_wrong_code(app: &App) -> Result<(), RateLimitExceeded> {
    charge_levels(app, &[levels::wrong_codes(app)]).await
}

async fn charge_levels(app: &App, levels: &[levels::Level]) -> Result<(), RateLimitExceeded> {
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
        Verdict::Refused { retry_after, .. } => Err(RateLimitExceeded { retry_after }),
    }
}
