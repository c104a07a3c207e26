//! The engine, whatever its root types are: the surfaces differ in these and in nothing else.

use async_graphql::{ObjectType, Request, Response, SubscriptionType};
use futures_util::future::{BoxFuture, FutureExt as _};

/// Runs operations.
pub(super) trait Engine: Send + Sync {
    /// Runs a query or a mutation.
    fn execute(&self, request: Request) -> BoxFuture<'_, Response>;
}

impl<Q, M, S> Engine for async_graphql::Schema<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    fn execute(&self, request: Request) -> BoxFuture<'_, Response> {
        async_graphql::Schema::execute(self, request).boxed()
    }
}
