//! `[subscriptions]`: live events, and what a connection may hold.

use super::section::{Check, section};

section! {
    /// Limits of connections that stay open for events.
    pub struct Subscriptions("subscriptions") {
        /// Whether events are pushed live, at /graphql/ws and /graphql/stream and to the federation
        /// router.
        pub enabled: bool = true;
        /// Connections per account at a time, on each listener of each instance.
        pub max_connections: usize = 20, in 1..=10_000;
        /// WebSocket connections per network address that have not authenticated yet, so that anonymous
        /// clients cannot use up all connections.
        pub max_unknown: usize = 100, in 1..=10_000;
        /// Subscriptions per connection, since each runs its document for every event.
        pub max_per_connection: usize = 16, in 1..=10_000;
        /// Events queued for a connection before it is closed, so that slow readers cost no memory.
        pub queue: usize = 256, in 1..=10_000;
        /// Milliseconds for which an event waits until all its listeners ask for its rows, which are then
        /// read once.
        pub gather_milliseconds: u64 = 10, in 0..=1_000;
        /// Seconds in which a WebSocket has to send `connection_init`.
        pub init_seconds: u64 = 5, in 1..=300;
        /// Seconds between checks that the session of a connection is still valid; a revocation that
        /// is announced is checked at once.
        pub recheck_seconds: u64 = 30, in 1..=300;
        /// Seconds between keep-alive messages, for proxies and so that dead connections are noticed.
        pub keep_alive_seconds: u64 = 20, in 1..=300;
        /// Seconds in which a client has to accept what is written before it is disconnected.
        pub write_seconds: u64 = 10, in 1..=300;
    }
}

impl Check for Subscriptions {}
