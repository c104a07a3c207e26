//! Everything that can be changed: one file per capability, each field thin over one service.

pub mod account;
pub mod google;
pub mod session;

use async_graphql::MergedObject;

/// Everything that can be changed.
#[derive(Clone, Copy, Debug, Default, MergedObject)]
pub struct Mutation(
    account::AccountMutations,
    google::GoogleMutations,
    session::SessionMutations,
);
