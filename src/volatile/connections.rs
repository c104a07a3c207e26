//! The pool of connections to Redis, and how dead connections leave it.
//!
//! A pooled connection is multiplexed: requests clone it and return it before they use it, so
//! they do not queue for one. The manager of `bb8-redis` never reports a connection as broken, so
//! each carries the epoch it was opened in, and a failure ends that epoch.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bb8_redis::RedisConnectionManager;
use redis::aio::MultiplexedConnection;
use redis::{ConnectionInfo, RedisError};
use tokio::sync::watch;

use super::Unavailable;
use super::server::Server;

pub(super) struct Connections {
    pool: bb8::Pool<Manager>,
    shared: Arc<Shared>,
}

/// A connection and the epoch it was opened in.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) multiplexed: MultiplexedConnection,
    epoch: u64,
}

/// State shared by the pool's manager and its users.
struct Shared {
    server: Server,
    epoch: AtomicU64,
    /// Why the last connection attempt failed; the pool itself would only time out.
    failure: watch::Sender<Option<Unavailable>>,
}

struct Manager {
    redis: RedisConnectionManager,
    timeout: Duration,
    shared: Arc<Shared>,
}

impl Connections {
    /// Prepares the pool without connecting or spawning a task.
    pub(super) fn prepare(
        info: ConnectionInfo,
        server: Server,
        timeout: Duration,
        size: u32,
    ) -> Result<Self, RedisError> {
        let redis = RedisConnectionManager::new(info)?;
        let shared = Arc::new(Shared {
            server,
            epoch: AtomicU64::new(0),
            failure: watch::Sender::new(None),
        });
        let manager = Manager {
            redis,
            timeout,
            shared: Arc::clone(&shared),
        };
        let pool = bb8::Pool::builder()
            .max_size(size)
            .connection_timeout(timeout)
            .retry_connection(false)
            .test_on_check_out(false)
            .max_lifetime(None)
            .idle_timeout(None)
            .build_unchecked(manager);
        Ok(Self { pool, shared })
    }

    /// A connection of the current epoch, opened if there is none.
    pub(super) async fn take(&self) -> Result<Connection, Unavailable> {
        let mut failure = self.shared.failure.subscribe();
        loop {
            tokio::select! {
                biased;
                pooled = self.pool.get() => match pooled {
                    Ok(connection) if self.shared.is_current(&connection) => {
                        return Ok(connection.clone());
                    }
                    // Stale: the pool discards it when it is dropped here.
                    Ok(_) => {}
                    Err(bb8::RunError::User(error)) => return Err(self.shared.server.failed(&error)),
                    Err(bb8::RunError::TimedOut) => return Err(self.shared.server.timed_out()),
                },
                Ok(()) = failure.changed() => {
                    if let Some(failure) = failure.borrow_and_update().clone() {
                        return Err(failure);
                    }
                }
            }
        }
    }

    /// Ends the epoch of a failed connection: others of it are most likely dead as well.
    pub(super) fn retire(&self, connection: &Connection) {
        self.shared
            .epoch
            .fetch_max(connection.epoch + 1, Ordering::AcqRel);
    }
}

impl Shared {
    fn is_current(&self, connection: &Connection) -> bool {
        connection.epoch >= self.epoch.load(Ordering::Acquire)
    }
}

impl bb8::ManageConnection for Manager {
    type Connection = Connection;
    type Error = RedisError;

    async fn connect(&self) -> Result<Connection, RedisError> {
        let epoch = self.shared.epoch.load(Ordering::Acquire);
        match self.redis.connect().await {
            Ok(mut multiplexed) => {
                multiplexed.set_response_timeout(self.timeout);
                Ok(Connection { multiplexed, epoch })
            }
            Err(error) => {
                let failure = self.shared.server.failed(&error);
                self.shared.failure.send_replace(Some(failure));
                Err(error)
            }
        }
    }

    async fn is_valid(&self, connection: &mut Connection) -> Result<(), RedisError> {
        self.redis.is_valid(&mut connection.multiplexed).await
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        !self.shared.is_current(connection)
    }
}
