//! `[throttle]`: how often things may be attempted.

use std::time::Duration;

use serde::Deserialize;

use super::diagnostics::Diagnostics;
use super::read::read_from_text;
use super::redact::quoted;
use super::section::{Check, section};

/// A higher scale leaves the budgets without effect.
const MAX_USUAL_SCALE: f64 = 10.0;

section! {
    /// Budgets of attempts as configured; `scale` and `instances` are applied when they are charged.
    pub struct Throttle("throttle") {
        /// Multiplies every budget below; for load tests.
        pub scale: f64 = 1.0;
        /// The number of instances that share the budgets while Redis is unavailable and each counts on
        /// its own.
        pub instances: u32 = 1, in 1..=10_000;
        /// The budget of an IPv4 /24, in budgets of one address.
        pub ipv4_24_multiple: u32 = 8, in 1..=65_536;
        /// The budget of an IPv6 /56, in budgets of a /64, the network of one home.
        pub ipv6_56_multiple: u32 = 2, in 1..=65_536;
        /// The budget of an IPv6 /48, which anyone can rent, in budgets of a /64.
        pub ipv6_48_multiple: u32 = 4, in 1..=65_536;
        /// Logins from one network address (count/seconds), against guessing many accounts.
        pub login_address: Budget = "60/60";
        /// Logins with one identifier (count/seconds), against distributed guessing of one password.
        pub login_identifier: Budget = "10/300";
        /// Logins from a known device (count/seconds), so that strangers cannot lock its owner out.
        pub login_device: Budget = "10/300";
        /// Logins to one account (count/seconds), by any of its identifiers.
        pub login_account: Budget = "10/300";
        /// Logins to one account from all its known devices (count/seconds), against stolen device
        /// tokens.
        pub login_devices: Budget = "20/300";
        /// All logins (count/seconds), against guessing from many network addresses.
        pub login_global: Budget = "6000/60";
        /// Registrations from one network address (count/seconds), against mass registration.
        pub register_address: Budget = "20/3600";
        /// Registrations of one identifier (count/seconds), each of which may send a message.
        pub register_identifier: Budget = "5/3600";
        /// All registrations (count/seconds), against mass registration from many network addresses.
        pub register_global: Budget = "3000/60";
        /// Refreshes from one network address (count/seconds), which many people may share.
        pub refresh_address: Budget = "600/60";
        /// Confirmations from one network address (count/seconds), against guessing links.
        pub verify_address: Budget = "60/600";
        /// Messages to one identifier (count/seconds), against flooding a mailbox.
        pub message_identifier: Budget = "5/3600";
        /// Messages requested by all known devices of one account (count/seconds), so that strangers
        /// cannot use up the budget of its owner.
        pub message_devices: Budget = "10/3600";
        /// Messages requested from one network address (count/seconds), against mail to many.
        pub message_address: Budget = "30/3600";
        /// All text messages (count/seconds), against toll fraud; further ones are queued.
        pub sms_global: Budget = "1000/3600";
        /// Text messages to unverified numbers (count/seconds); the rest of `throttle.sms_global` is
        /// reserved for verified ones.
        pub sms_strangers: Budget = "700/3600";
        /// Text messages to unverified numbers of one country (count/seconds), against toll fraud in
        /// the most expensive one.
        pub sms_country: Budget = "500/3600";
        /// Text messages to unverified numbers that differ only in the last four digits
        /// (count/seconds), against traffic pumping.
        pub sms_range: Budget = "30/3600";
        /// Text messages to one number (count/seconds).
        pub sms_number: Budget = "10/3600";
        /// Codes tried from one network address (count/seconds), against guessing for many accounts.
        pub code_address: Budget = "60/600";
        /// Codes tried for one identifier (count/seconds), against guessing one code after another.
        pub code_identifier: Budget = "20/3600";
        /// Codes tried for one account (count/seconds), by any of its identifiers.
        pub code_account: Budget = "20/3600";
        /// Codes tried by all known devices of one account (count/seconds), against stolen device
        /// tokens.
        pub code_devices: Budget = "20/3600";
        /// Codes tried in the long run for one identifier, for one account, or by its devices
        /// (count/seconds). NIST SP 800-63B allows 100 failures.
        pub code_day: Budget = "50/86400";
        /// All wrong codes (count/seconds). More do not fail, but shorten the validity of codes for as
        /// many seconds.
        pub code_wrong_global: Budget = "1000/3600";
        /// Repeated authentications of one signed-in account (count/seconds), against a stolen session.
        pub step_up_user: Budget = "10/300";
        /// Sign-ins with a Google token from one network address (count/seconds), each of which costs
        /// a signature check.
        pub google_address: Budget = "60/60";
        /// Sign-ins of one Google account (count/seconds), each of which starts a session.
        pub google_subject: Budget = "20/300";
        /// Changes of one account to itself (count/seconds): profile, sessions, logout.
        pub change_user: Budget = "60/60";
        /// Steps of one account's uploads of avatars (count/seconds), three for each: begin, upload, set.
        pub avatar_user: Budget = "60/3600";
        /// Changes of one administrator to other accounts (count/seconds), against a stolen session.
        pub administer_user: Budget = "120/60";
    }
}

/// Attempts per span of time, written as `count/seconds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Budget {
    /// Attempts.
    pub count: u32,
    /// The time in which an exhausted budget refills.
    pub window: Duration,
}

read_from_text!(Budget);

impl Budget {
    /// A multiple of the budget in the same time.
    #[must_use]
    pub const fn times(self, multiple: u32) -> Self {
        Self {
            count: self.count.saturating_mul(multiple),
            window: self.window,
        }
    }

    fn per_second(self) -> f64 {
        f64::from(self.count) / self.window.as_secs_f64()
    }
}

impl TryFrom<String> for Budget {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(count, seconds)| {
            Some((
                count.trim().parse::<u32>().ok()?,
                seconds.trim().parse::<u32>().ok()?,
            ))
        });
        match parts {
            Some((count @ 1..=1_000_000_000, seconds @ 1..=86_400)) => Ok(Self {
                count,
                window: Duration::from_secs(u64::from(seconds)),
            }),
            _ => Err(format!(
                "{} is not a count and up to 86400 seconds, such as 10/300",
                quoted(&text)
            )),
        }
    }
}

impl Check for Throttle {
    fn check(&self, diagnostics: &mut Diagnostics<'_>) {
        if self.sms_strangers.per_second() >= self.sms_global.per_second() {
            diagnostics.warn(
                "throttle.sms_strangers",
                "no text messages are reserved for verified numbers: strangers can use up \
                 throttle.sms_global",
            );
        }
        if !self.scale.is_finite() || self.scale <= 0.0 {
            diagnostics.refuse(
                "throttle.scale",
                format!("{} would refuse everything", self.scale),
                "Write a number above 0; 1.0 keeps the budgets as they are written.",
            );
        } else if diagnostics.is_production() && self.scale > MAX_USUAL_SCALE {
            diagnostics.warn(
                "throttle.scale",
                format!("{} leaves guessing unhindered", self.scale),
            );
        }
    }
}
