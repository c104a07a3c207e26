//! An account from its registration to its profile: one file per use case.

mod change_email;
mod change_phone;
mod contact_change;
mod profile;
mod register;
mod revert_email;
mod verify_email;
mod verify_phone;

pub use crate::stores::user::ProfileChange;
pub use change_email::{
    ConfirmEmailChangeProblem, NewEmailProof, RequestEmailChangeProblem, confirm_email_change,
    request_email_change,
};
pub use change_phone::{
    ConfirmPhoneChangeProblem, RequestPhoneChangeProblem, confirm_phone_change,
    request_phone_change,
};
pub use contact_change::ContactChangeProblem;
pub use profile::update_profile;
pub use register::{RegisterProblem, Registered, Registration, register};
pub use revert_email::{RevertEmailChangeProblem, revert_email_change};
pub use verify_email::{
    EmailVerification, VerifyEmailProblem, request_email_verification, verify_email,
};
