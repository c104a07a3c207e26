//! The use cases: one public function is one mutation is one transaction.
//!
//! Mutations call the entry services (`account`, `session`, `otp`, `password`, `google`,
//! `media`, `administration`, `lifecycle`), which never call each other. The other modules here
//! (`sign_in`, `throttle`, `audit`, `outbox`, …) support them. `operator` serves the command line and
//! background loops.
//! Reads for display are in the selectors.

pub mod account;
pub mod administration;
pub mod audit;
pub mod deletion;
pub mod google;
pub mod lifecycle;
pub mod media;
pub mod operator;
pub mod otp;
pub mod password;
pub mod session;

mod avatar;
mod code;
mod device;
mod erasure;
mod export_archive;
mod links;
mod new_password;
mod outbox;
mod ownership;
mod profile_rules;
mod recovery;
mod refused;
mod sign_in;
pub mod staff_change;
mod step_up;
mod throttle;

pub use new_password::PasswordRejected;
pub use refused::Refused;
pub use sign_in::SessionTokens;
pub use step_up::SteppedUp;
pub use throttle::RateLimitExceeded;
