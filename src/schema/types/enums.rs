//! The closed sets of the domain, as the graph spells them.

use async_graphql::Enum;

use crate::domain::code::CodePurpose;
use crate::domain::role;

/// What a person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "role::Role")]
pub enum Role {
    /// Buys.
    Client,
    /// Sells.
    Vendor,
    /// Works here, in one or more staff functions.
    Staff,
    /// Administers everything.
    Admin,
}

/// What a member of staff does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "role::StaffFunction")]
pub enum StaffFunction {
    /// Helps people with their accounts.
    Support,
    /// Edits content.
    Editor,
    /// Sells.
    Sales,
}

/// How an account came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "role::AuthProvider")]
pub enum AuthProvider {
    /// By e-mail address and password.
    Email,
    /// By phone number.
    Phone,
    /// By signing in with Google.
    Google,
}

/// What a one-time code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum OtpPurpose {
    /// Signing in without a password.
    Login,
    /// Setting a new password.
    ResetPassword,
    /// Proving the e-mail address of an account.
    VerifyEmail,
    /// Proving the phone number of an account.
    VerifyPhone,
    /// Proving again who is signed in, for operations that ask for a recent proof.
    StepUp,
}

impl From<OtpPurpose> for CodePurpose {
    fn from(purpose: OtpPurpose) -> Self {
        match purpose {
            OtpPurpose::Login => Self::Login,
            OtpPurpose::ResetPassword => Self::ResetPassword,
            OtpPurpose::VerifyEmail => Self::VerifyEmail,
            OtpPurpose::VerifyPhone => Self::VerifyPhone,
            OtpPurpose::StepUp => Self::StepUp,
        }
    }
}
