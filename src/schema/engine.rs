//! The engine behind one interface, whatever its root types.

use async_graphql::{ObjectType, Request, Response, SubscriptionType};
use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, FutureExt as _};

/// Executes operations.
pub(super) trait Engine: Send + Sync {
    /// Executes a query or a mutation.
    fn execute(&self, request: Request) -> BoxFuture<'_, Response>;

    /// Executes a subscription to its end, which comes at once: resolvers never wait for events.
    fn subscribe(&self, request: Request) -> BoxFuture<'_, Vec<Response>>;
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

    fn subscribe(&self, request: Request) -> BoxFuture<'_, Vec<Response>> {
        self.execute_stream(request).collect().boxed()
    }
}
