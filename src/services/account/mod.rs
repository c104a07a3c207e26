//! An account from its registration to its profile: one file per use case.

mod profile;
mod register;
mod verify_email;

pub use crate::stores::user::ProfileChange;
pub use profile::{ProfileRefusal, update_profile};
pub use register::{RegisterRefusal, Registered, Registration, register};
pub use verify_email::{
    EmailVerification, RequestRefusal, VerifyEmailRefusal, request_email_verification, verify_email,
};
