//! The closed sets of the domain, as the graph spells them.

use async_graphql::Enum;

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
