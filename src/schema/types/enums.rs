//! GraphQL enums for closed sets of the domain.

use async_graphql::Enum;

use crate::domain::code::CodePurpose;
use crate::domain::role;

/// The role of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "role::Role")]
pub enum Role {
    /// A customer.
    Client,
    /// A vendor.
    Vendor,
    /// A staff member, with one or more staff functions.
    Staff,
    /// An administrator.
    Admin,
}

/// A function of a staff member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "role::StaffFunction")]
pub enum StaffFunction {
    /// Helps users with their accounts.
    Support,
    /// Edits content.
    Editor,
    /// Works in sales.
    Sales,
}

/// How the account was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "role::AuthProvider")]
pub enum AuthProvider {
    /// Registered with an e-mail address.
    Email,
    /// Registered with a phone number.
    Phone,
    /// Signed in with Google.
    Google,
}

/// The purpose of a one-time code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum OtpPurpose {
    /// Sign in without a password.
    Login,
    /// Set a new password.
    ResetPassword,
    /// Verify the e-mail address of the account.
    VerifyEmail,
    /// Verify the phone number of the account.
    VerifyPhone,
    /// Authenticate again, for operations that require a recent sign-in.
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
