//! What the listeners of an instance read together.
//!
//! An event reaches all its listeners at the same moment. They are authorised one by one and read the
//! same rows, so a statement waits some milliseconds and answers all that ask for it.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::DatabaseConnection;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::audit_event::EventMatching;
use super::person_key::SealedKeyOfUser;
use super::session_by_id::{SessionById, SessionWithReason};
use super::user::{PublicProfileOf, UserById};
use super::{ReadFailure, Reader};
use crate::domain::audit::AuditEvent;
use crate::domain::user::{PublicProfile, User};
use crate::shared_read::SharedRead;

type Shared<K, V> = SharedRead<K, V, ReadFailure>;

/// The reads of all listeners of an instance.
pub struct ListenerReads {
    /// Frequent events must not starve requests of connections.
    connections: Semaphore,
    users: Shared<UserById, Arc<User>>,
    profiles: Shared<PublicProfileOf, Arc<PublicProfile>>,
    events: Shared<EventMatching, AuditEvent>,
    sessions: Shared<SessionById, SessionWithReason>,
    sealed_keys: Shared<SealedKeyOfUser, Vec<u8>>,
}

impl std::fmt::Debug for ListenerReads {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ListenerReads")
            .finish_non_exhaustive()
    }
}

impl ListenerReads {
    /// Reads of which so many run at a time, each of which waits so long for all that ask.
    #[must_use]
    pub fn new(connections: usize, patience: Duration) -> Arc<Self> {
        Arc::new(Self {
            connections: Semaphore::new(connections),
            users: Shared::patient(patience),
            profiles: Shared::patient(patience),
            events: Shared::patient(patience),
            sessions: Shared::patient(patience),
            sealed_keys: Shared::patient(patience),
        })
    }
}

/// A key of rows that listeners read together.
pub(super) trait ListenerKey: Clone + Eq + Hash + Send + Sync + Sized + 'static {
    type Value: Clone + Send;

    fn shared(reads: &ListenerReads) -> &Shared<Self, Self::Value>;
}

macro_rules! listener_keys {
    ($($key:ty, $value:ty, $reads:ident;)+) => { $(
        impl ListenerKey for $key {
            type Value = $value;

            fn shared(reads: &ListenerReads) -> &Shared<Self, $value> {
                &reads.$reads
            }
        }
    )+ };
}

listener_keys! {
    UserById, Arc<User>, users;
    PublicProfileOf, Arc<PublicProfile>, profiles;
    EventMatching, AuditEvent, events;
    SessionById, SessionWithReason, sessions;
    SealedKeyOfUser, Vec<u8>, sealed_keys;
}

/// The database, for one statement.
pub(super) struct Turn<'a> {
    database: &'a DatabaseConnection,
    _permit: Option<SemaphorePermit<'a>>,
}

impl Deref for Turn<'_> {
    type Target = DatabaseConnection;

    fn deref(&self) -> &DatabaseConnection {
        self.database
    }
}

impl Reader {
    /// The database, once it is this reader's turn.
    pub(super) async fn turn(&self) -> Turn<'_> {
        let permit = match &self.listeners {
            // The semaphore is never closed.
            Some(reads) => reads.connections.acquire().await.ok(),
            None => None,
        };
        Turn {
            database: &self.database,
            _permit: permit,
        }
    }

    /// Reads the values of keys: for a listener, together with the others that wait.
    pub(super) async fn together<K: ListenerKey, F>(
        &self,
        keys: &[K],
        read: impl FnOnce(Vec<K>) -> F,
    ) -> Result<HashMap<K, K::Value>, ReadFailure>
    where
        F: Future<Output = Result<HashMap<K, K::Value>, ReadFailure>>,
    {
        match &self.listeners {
            Some(reads) => K::shared(reads).get_all(keys.to_vec(), read).await,
            None => read(keys.to_vec()).await,
        }
    }
}
