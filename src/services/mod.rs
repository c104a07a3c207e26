//! The use cases: one public function is one mutation is one transaction.
//!
//! Entry services (`account`, `session`, `otp`, `password`, `google`, `administration`) are what
//! mutations call and never call each other; the supporting ones (`sign_in`, `throttle`, `audit`,
//! `outbox` and the other private modules here) are called by them. `operator` is what the command
//! line and the background work do. Reads for display live in the selectors.

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
pub use sign_in::Started;
pub use step_up::SteppedUp;
pub use throttle::RateLimitExceeded;
