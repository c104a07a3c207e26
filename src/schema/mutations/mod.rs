//! Mutations: one file per capability, each field a thin layer over one service.

pub mod account;
pub mod administration;
pub mod google;
pub mod lifecycle;
pub mod media;
pub mod otp;
pub mod password;
pub mod session;

use async_graphql::MergedObject;

/// The mutation root.
#[derive(Clone, Copy, Debug, Default, MergedObject)]
pub struct Mutation(
    account::AccountMutations,
    account::address::AddressMutations,
    session::SessionMutations,
    otp::OtpMutations,
    password::PasswordMutations,
    google::GoogleMutations,
    media::MediaMutations,
    administration::AdministrationMutations,
    lifecycle::LifecycleMutations,
);
