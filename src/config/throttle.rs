//! `[throttle]`: how often things may be tried.

use std::time::Duration;

use serde::Deserialize;

use crate::config::report::Review;
use crate::config::values;

/// Scales above this leave no budget worth the name.
const HIGHEST_ORDINARY_SCALE: f64 = 10.0;

/// The budgets of attempts, as written; whoever charges them applies scale and instances.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Throttle {
    /// Multiplies every budget.
    pub scale: f64,
    /// How many instances share the budgets.
    pub instances: u32,
    /// How many times the budget of an address its IPv4 /24 has.
    pub ipv4_24_multiple: u32,
    /// How many times the budget of a /64 its IPv6 /56 has.
    pub ipv6_56_multiple: u32,
    /// How many times the budget of a /64 its IPv6 /48 has.
    pub ipv6_48_multiple: u32,
    /// Sign-in attempts from one address.
    pub login_address: Budget,
    /// Sign-in attempts on one identifier.
    pub login_identifier: Budget,
    /// Sign-in attempts from a device that was here before.
    pub login_device: Budget,
    /// Sign-in attempts on one account, by whatever identifier.
    pub login_account: Budget,
    /// Sign-in attempts from all devices together that an account knows.
    pub login_devices: Budget,
    /// Sign-in attempts altogether.
    pub login_global: Budget,
    /// Registrations from one address.
    pub register_address: Budget,
    /// Registrations of one identifier.
    pub register_identifier: Budget,
    /// Registrations altogether.
    pub register_global: Budget,
    /// Refreshes from one address.
    pub refresh_address: Budget,
    /// Confirmations from one address.
    pub verify_address: Budget,
    /// Messages to one identifier.
    pub message_identifier: Budget,
    /// Messages asked for by all devices together that an account knows.
    pub message_devices: Budget,
    /// Messages asked for from one address.
    pub message_address: Budget,
    /// Text messages that leave.
    pub sms_global: Budget,
    /// Those of them whose receivers are not known yet.
    pub sms_strangers: Budget,
    /// The same to one country.
    pub sms_country: Budget,
    /// The same to ten thousand neighbouring numbers.
    pub sms_range: Budget,
    /// Text messages to one number.
    pub sms_number: Budget,
    /// Codes tried from one address.
    pub code_address: Budget,
    /// Codes tried on one identifier.
    pub code_identifier: Budget,
    /// Codes tried on one account, by whatever identifier.
    pub code_account: Budget,
    /// Codes tried by all devices together that an account knows.
    pub code_devices: Budget,
    /// Codes tried in the long run, on an identifier, an account, or by its devices.
    pub code_day: Budget,
    /// Wrong codes altogether. More of them refuse nobody but raise an alarm.
    pub code_wrong_global: Budget,
    /// Repeated authentications of one signed-in person.
    pub step_up_user: Budget,
    /// Sign-ins with a provider's token from one address.
    pub google_address: Budget,
    /// Sign-ins of one person at a provider.
    pub google_subject: Budget,
    /// Changes of one signed-in person to what is theirs.
    pub change_user: Budget,
    /// Changes of one administrator to accounts of others.
    pub administer_user: Budget,
}

/// So many attempts in so much time, written as `count/seconds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Budget {
    /// Attempts.
    pub count: u32,
    /// The time in which a used-up budget fills again.
    pub window: Duration,
}

impl Budget {
    /// So many times as much in the same time.
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
                values::quoted(&text)
            )),
        }
    }
}

impl Throttle {
    pub(super) fn check(&self, review: &mut Review<'_>) {
        review.within("throttle.instances", self.instances, 1..=10_000);
        for (name, multiple) in [
            ("throttle.ipv4_24_multiple", self.ipv4_24_multiple),
            ("throttle.ipv6_56_multiple", self.ipv6_56_multiple),
            ("throttle.ipv6_48_multiple", self.ipv6_48_multiple),
        ] {
            review.within(name, multiple, 1..=65_536);
        }
        if self.sms_strangers.per_second() >= self.sms_global.per_second() {
            review.warn(
                "throttle.sms_strangers",
                "no text messages are kept for people who are known: strangers can use up \
                 throttle.sms_global",
            );
        }
        if !self.scale.is_finite() || self.scale <= 0.0 {
            review.refuse(
                "throttle.scale",
                format!("{} would refuse everything", self.scale),
                "Write a number above 0; 1.0 keeps the budgets as they are written.",
            );
        } else if review.is_production() && self.scale > HIGHEST_ORDINARY_SCALE {
            review.warn(
                "throttle.scale",
                format!("{} leaves guessing unhindered", self.scale),
            );
        }
    }
}
