//! The pool of connections to Redis, and how connections that died leave it.
//!
//! A pooled connection is multiplexed: requests take a copy and put it back before they use it,
//! so nobody queues for one. The pool's own manager never calls a connection broken, therefore
//! each carries the epoch it was made in, and a failure ends its epoch for all of them.

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
    line: Arc<Line>,
}

/// A connection as it was when its epoch began.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) multiplexed: MultiplexedConnection,
    epoch: u64,
}

/// What the pool's manager and its users tell each other.
struct Line {
    server: Server,
    epoch: AtomicU64,
    /// The last reason why no connection could be made; the pool itself would only time out.
    failure: watch::Sender<Option<Unavailable>>,
}

struct Manager {
    redis: RedisConnectionManager,
    timeout: Duration,
    line: Arc<Line>,
}

impl Connections {
    /// Prepares the pool; opens nothing, and starts no task.
    pub(super) fn prepare(
        info: ConnectionInfo,
        server: Server,
        timeout: Duration,
        size: u32,
    ) -> Result<Self, RedisError> {
        let redis = RedisConnectionManager::new(info)?;
        let line = Arc::new(Line {
            server,
            epoch: AtomicU64::new(0),
            failure: watch::Sender::new(None),
        });
        let manager = Manager {
            redis,
            timeout,
            line: Arc::clone(&line),
        };
        let pool = bb8::Pool::builder()
            .max_size(size)
            .connection_timeout(timeout)
            .retry_connection(false)
            .test_on_check_out(false)
            .max_lifetime(None)
            .idle_timeout(None)
            .build_unchecked(manager);
        Ok(Self { pool, line })
    }

    /// A connection of the running epoch, made when there is none.
    pub(super) async fn take(&self) -> Result<Connection, Unavailable> {
        let mut failure = self.line.failure.subscribe();
        loop {
            tokio::select! {
                biased;
                pooled = self.pool.get() => match pooled {
                    Ok(connection) if self.line.is_current(&connection) => {
                        return Ok(connection.clone());
                    }
                    // Dropped here, and so thrown out by the pool.
                    Ok(_) => {}
                    Err(bb8::RunError::User(error)) => return Err(self.line.server.failed(&error)),
                    Err(bb8::RunError::TimedOut) => return Err(self.line.server.is_silent()),
                },
                Ok(()) = failure.changed() => {
                    if let Some(failure) = failure.borrow_and_update().clone() {
                        return Err(failure);
                    }
                }
            }
        }
    }

    /// Ends the epoch of a connection that failed: its sisters most likely died with it.
    pub(super) fn retire(&self, connection: &Connection) {
        self.line
            .epoch
            .fetch_max(connection.epoch + 1, Ordering::AcqRel);
    }
}

impl Line {
    fn is_current(&self, connection: &Connection) -> bool {
        connection.epoch >= self.epoch.load(Ordering::Acquire)
    }
}

impl bb8::ManageConnection for Manager {
    type Connection = Connection;
    type Error = RedisError;

    async fn connect(&self) -> Result<Connection, RedisError> {
        let epoch = self.line.epoch.load(Ordering::Acquire);
        match self.redis.connect().await {
            Ok(mut multiplexed) => {
                multiplexed.set_response_timeout(self.timeout);
                Ok(Connection { multiplexed, epoch })
            }
            Err(error) => {
                let failure = self.line.server.failed(&error);
                self.line.failure.send_replace(Some(failure));
                Err(error)
            }
        }
    }

    async fn is_valid(&self, connection: &mut Connection) -> Result<(), RedisError> {
        self.redis.is_valid(&mut connection.multiplexed).await
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        !self.line.is_current(connection)
    }
}
