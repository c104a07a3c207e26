//! The use cases: one public function is one mutation is one transaction.
//!
//! Mutations call the entry services (`account`, `session`, `otp`, `password`, `google`,
//! `administration`), which never call each other. The private modules here (`sign_in`, `throttle`,
//! `outbox`, …) and `audit` support them. `operator` serves the command line and background loops.
//! Reads for display are in the selectors.

pub mod account;
pub mod administration;
pub mod audit;
pub mod google;
pub mod operator;
pub mod otp;
pub mod password;
pub mod session;

mod code;
mod device;
mod links;
mod new_password;
mod outbox;
mod ownership;
mod profile_rules;
mod recovery;
mod refused;
mod sign_in;
mod step_up;
mod throttle;

pub use new_password::PasswordRejected;
pub use refused::Refused;
pub use sign_in::SessionTokens;
pub use step_up::SteppedUp;
pub use throttle::RateLimitExceeded;
