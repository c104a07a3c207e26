//! Batched reads: one key type, one loader and one query per file, and [`Loaders`] for a request.
//! `directory` and `statistics` have no parent to be batched under: one statement each.
//!
//! Nothing here writes or authorizes; the guards of the schema do.

pub mod audit_event;
pub mod data_export;
pub mod deleted_record;
pub mod directory;
pub mod identity;
mod listeners;
pub mod page;
pub mod person_key;
pub mod session;
pub mod session_by_id;
pub mod statistics;
pub mod user;
pub mod user_by_email;

mod batch_scheduler;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_graphql::dataloader::{DataLoader, HashMapCache};
use async_graphql::runtime::Timer;
use chrono::{DateTime, NaiveDate, Utc};
use futures_util::future::{BoxFuture, FutureExt as _};
use sea_orm::DatabaseConnection;

use crate::domain::audit::AuditEvent;
use crate::domain::data_export::DataExport;
use crate::domain::deletion::DeletedRecord;
use crate::domain::email::EmailAddress;
use crate::domain::identity::Identity;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::session::Session;
use crate::domain::user::{PublicProfile, User};
use crate::fault::Fault;

pub use listeners::ListenerReads;

use audit_event::{CountMatching, CountOfUser, EventMatching, EventsMatching, EventsOfUser};
use batch_scheduler::BatchScheduler;
use data_export::ExportOfUser;
use deleted_record::{CountDeleted, DeletedMatching};
use directory::{DirectoryPage, Filter, Listed};
use identity::IdentitiesOfUser;
use person_key::SealedKeyOfUser;
use session::{SessionCountOfUser, SessionsOfUser};
use session_by_id::{SessionById, SessionWithReason};
use statistics::{Group, Span};
use user::{AnyUserById, PublicProfileOf, UserById};
use user_by_email::UserByEmail;

/// Keys of one batch: more than any document can name, so that no list is split, and fewer than
/// the parameters a statement may have.
const MAX_BATCH: usize = 10_000;

/// A failed read, shared by all keys of the batch.
#[derive(Clone, Debug)]
pub struct ReadFailure(Arc<Fault>);

impl ReadFailure {
    /// What went wrong.
    #[must_use]
    pub fn fault(&self) -> &Fault {
        &self.0
    }
}

impl<E: Into<Fault>> From<E> for ReadFailure {
    #[track_caller]
    fn from(error: E) -> Self {
        Self(Arc::new(error.into()))
    }
}

/// Runs the batched queries.
#[derive(Debug)]
pub struct Reader {
    /// Never a lagging replica: a request must see what it has just changed.
    database: DatabaseConnection,
    /// For a listener, what it shares with the others.
    listeners: Option<Arc<ListenerReads>>,
}

/// No delay before loading: [`BatchScheduler`] says when a batch is complete.
#[derive(Debug)]
struct NoDelay;

impl Timer for NoDelay {
    fn delay(&self, _: Duration) -> BoxFuture<'static, ()> {
        std::future::ready(()).boxed()
    }
}

type Loader = DataLoader<Reader, HashMapCache>;

/// The loaders of one request, made when the first of them is needed.
pub struct Loaders {
    database: DatabaseConnection,
    listeners: Option<Arc<ListenerReads>>,
    own_account: Option<Arc<User>>,
    loader: OnceLock<Loader>,
    scheduler: BatchScheduler,
}

impl std::fmt::Debug for Loaders {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Loaders").finish_non_exhaustive()
    }
}

impl Loaders {
    /// Loaders that already have the caller's own account.
    #[must_use]
    pub fn new(database: DatabaseConnection, own_account: Option<Arc<User>>) -> Self {
        Self {
            database,
            listeners: None,
            own_account,
            loader: OnceLock::new(),
            scheduler: BatchScheduler::default(),
        }
    }

    /// The same for a listener, who shares reads with the others.
    #[must_use]
    pub fn for_listener(mut self, listeners: &Arc<ListenerReads>) -> Self {
        self.listeners = Some(Arc::clone(listeners));
        self
    }

    /// Runs a future that uses these loaders; outside of it nothing is loaded.
    pub async fn serve<F: Future>(&self, request: F) -> F::Output {
        self.scheduler.run(request).await
    }

    fn loader(&self) -> &Loader {
        self.loader.get_or_init(|| {
            let scheduler = self.scheduler.clone();
            DataLoader::with_cache(self.reader(), scheduler, NoDelay, HashMapCache::default())
                .max_batch_size(MAX_BATCH)
        })
    }

    /// The live account with this id.
    pub async fn user(&self, id: UserId) -> Result<Option<Arc<User>>, ReadFailure> {
        match &self.own_account {
            Some(user) if user.id == id => Ok(Some(Arc::clone(user))),
            _ => self.loader().load_one(UserById(id)).await,
        }
    }

    /// The live accounts with these ids.
    pub async fn users(
        &self,
        ids: impl Iterator<Item = UserId>,
    ) -> Result<HashMap<UserId, Arc<User>>, ReadFailure> {
        let found = self.loader().load_many(ids.map(UserById)).await?;
        let found = found.into_iter();
        Ok(found.map(|(UserById(id), user)| (id, user)).collect())
    }

    /// What every caller may see of the live accounts with these ids.
    pub async fn public_profiles(
        &self,
        ids: impl Iterator<Item = UserId>,
    ) -> Result<HashMap<UserId, Arc<PublicProfile>>, ReadFailure> {
        let found = self.loader().load_many(ids.map(PublicProfileOf)).await?;
        let found = found.into_iter();
        Ok(found
            .map(|(PublicProfileOf(id), profile)| (id, profile))
            .collect())
    }

    /// The account with this id, live or soft-deleted.
    pub async fn user_or_deleted(&self, id: UserId) -> Result<Option<Arc<User>>, ReadFailure> {
        self.loader().load_one(AnyUserById(id)).await
    }

    /// A page of the records of deleted accounts that match.
    pub async fn deleted_records(
        &self,
        key: DeletedMatching,
    ) -> Result<Vec<DeletedRecord>, ReadFailure> {
        Ok(self.loader().load_one(key).await?.unwrap_or_default())
    }

    /// How many records of deleted accounts match.
    pub async fn deleted_record_count(&self, key: CountDeleted) -> Result<u64, ReadFailure> {
        Ok(self.loader().load_one(key).await?.unwrap_or_default())
    }

    /// The live account with this address.
    pub async fn user_by_email(
        &self,
        email: &EmailAddress,
    ) -> Result<Option<Arc<User>>, ReadFailure> {
        self.loader().load_one(UserByEmail::from(email)).await
    }

    /// The provider identities that a person can sign in with.
    pub async fn identities(&self, user: UserId) -> Result<Vec<Identity>, ReadFailure> {
        let found = self.loader().load_one(IdentitiesOfUser(user)).await?;
        Ok(found.unwrap_or_default())
    }

    /// An export of a person's data, by its owner and id.
    pub async fn data_export(&self, key: ExportOfUser) -> Result<Option<DataExport>, ReadFailure> {
        self.loader().load_one(key).await
    }

    /// The session with this id, live or over.
    pub async fn session(&self, id: SessionId) -> Result<Option<SessionWithReason>, ReadFailure> {
        self.loader().load_one(SessionById(id)).await
    }

    /// A page of a person's live sessions.
    pub async fn sessions(&self, key: SessionsOfUser) -> Result<Vec<Session>, ReadFailure> {
        Ok(self.loader().load_one(key).await?.unwrap_or_default())
    }

    /// How many live sessions a person has.
    pub async fn session_count(&self, key: SessionCountOfUser) -> Result<u64, ReadFailure> {
        Ok(self.loader().load_one(key).await?.unwrap_or_default())
    }

    fn reader(&self) -> Reader {
        Reader {
            database: self.database.clone(),
            listeners: self.listeners.clone(),
        }
    }

    /// A page of all accounts.
    pub async fn directory(&self, page: &DirectoryPage) -> Result<Vec<Listed>, ReadFailure> {
        self.reader().directory(page).await
    }

    /// How many accounts match.
    pub async fn directory_count(&self, filter: &Filter) -> Result<u64, ReadFailure> {
        self.reader().directory_count(filter).await
    }

    /// Live accounts, counted by role, provider and verification.
    pub async fn user_groups(&self, span: Span) -> Result<Vec<Group>, ReadFailure> {
        self.reader().user_groups(span).await
    }

    /// Live accounts, counted by the day of their creation; days without any are left out.
    pub async fn new_users(&self, span: Span) -> Result<Vec<(NaiveDate, u64)>, ReadFailure> {
        self.reader().new_users(span).await
    }

    /// How many sessions are live at this instant.
    pub async fn live_sessions(&self, now: DateTime<Utc>) -> Result<u64, ReadFailure> {
        self.reader().live_sessions(now).await
    }

    /// A page of the audit events that match.
    pub async fn audit_events(&self, key: EventsMatching) -> Result<Vec<AuditEvent>, ReadFailure> {
        Ok(self.loader().load_one(key).await?.unwrap_or_default())
    }

    /// One audit event, if it matches.
    pub async fn audit_event(&self, key: EventMatching) -> Result<Option<AuditEvent>, ReadFailure> {
        self.loader().load_one(key).await
    }

    /// How many audit events match.
    pub async fn audit_event_count(&self, key: CountMatching) -> Result<u64, ReadFailure> {
        Ok(self.loader().load_one(key).await?.unwrap_or_default())
    }

    /// A page of the audit events about a person.
    pub async fn audit_events_of(&self, key: EventsOfUser) -> Result<Vec<AuditEvent>, ReadFailure> {
        Ok(self.loader().load_one(key).await?.unwrap_or_default())
    }

    /// How many audit events are about a person.
    pub async fn audit_event_count_of(&self, key: CountOfUser) -> Result<u64, ReadFailure> {
        Ok(self.loader().load_one(key).await?.unwrap_or_default())
    }

    /// The sealed key of a person, unless it was erased.
    pub async fn sealed_key(&self, user: UserId) -> Result<Option<Vec<u8>>, ReadFailure> {
        self.loader().load_one(SealedKeyOfUser(user)).await
    }
}
