//! Everything that is built once: the pools, the keys, the hashing threads, the clock.
//!
//! Services take `&App` for these, beside `&Caller`. Contains no rules.

mod alarm;
mod check;
mod parts;
mod pictures;
mod readiness;
mod trusted_documents;
mod wake_ups;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Notify;
use uuid::Uuid;

use crate::config::{Algorithm, Config};
use crate::crypto::access_token::{KeySet, SigningKey};
use crate::crypto::hasher::Hasher;
use crate::crypto::id_token::IssuerKeys;
use crate::crypto::keyring::{Keyring, Purpose};
use crate::crypto::random::Random;
use crate::crypto::simplejwt::SimpleJwt;
use crate::domain::clock::Clock;
use crate::domain::ids::MessageId;
use crate::fault::Fault;
use crate::messages::{Channel, TemplateError, Templates};
use crate::providers::breached::Breached;
use crate::providers::google::ProviderKeys;
use crate::providers::mailer::Mailer;
use crate::providers::media::Media;
use crate::providers::sms::Sms;
use crate::providers::{DevMailbox, Outgoing, SendError};
use crate::stores::database;
use crate::stores::session::SessionReader;
use crate::stores::signing_key::{self, StoredKey};
use crate::stores::{Database, DatabaseLocation, DatabaseSettings, Tx};
use crate::telemetry::Metrics;
use crate::volatile::{EventBus, Unavailable, Volatile};

pub use alarm::Alarm;
use parts::{google, hasher_parameters, keyring, simplejwt};
pub use pictures::{DecoderBusy, PictureDecoder};
use readiness::Remembered;

/// The parts of the application.
pub struct App {
    /// The configuration.
    pub config: Arc<Config>,
    /// The database.
    pub database: Database,
    /// Reads the sessions of callers.
    pub session_reader: SessionReader,
    /// Reads the sessions of listeners, behind whom no request waits.
    pub listener_sessions: SessionReader,
    /// Short-lived state that instances share.
    pub volatile: Volatile,
    /// Domain events of this instance and the others.
    pub event_bus: EventBus,
    /// In-process rate limits while the shared store is down.
    pub local: Volatile,
    /// Seals and MACs under the master key.
    pub keyring: Keyring,
    /// The password-hashing threads.
    pub hasher: Hasher,
    /// The clock.
    pub clock: Clock,
    /// The source of randomness.
    pub random: Random,
    /// The mail transport; `None` while none is configured.
    pub mailer: Option<Mailer>,
    /// The SMS transport; `None` while none is configured.
    pub sms: Option<Sms>,
    /// Where pictures are stored.
    pub media: Media,
    /// Decodes what people upload as pictures.
    pub pictures: PictureDecoder,
    /// The breached-password service; `None` while none is configured.
    pub breached: Option<Breached>,
    /// Raised while one-time codes are being guessed.
    pub code_alarm: Alarm,
    /// The metrics.
    pub metrics: Metrics,
    /// The keys of Google or the configured issuer; `None` while disabled.
    pub google: Option<ProviderKeys<IssuerKeys>>,
    /// Verifies tokens of the old system; `None` while none are accepted.
    pub simplejwt: Option<SimpleJwt>,
    /// The words and templates of messages.
    pub templates: Templates,
    documents: RwLock<Arc<TrustedDocuments>>,
    outbox: Notify,
    linking: Notify,
    exports: Notify,
    removing: Notify,
    readiness: Remembered,
    signing_keys: RwLock<Published>,
}

/// The current signing keys, and the rows that they were loaded from.
struct Published {
    stored: Vec<StoredKey>,
    keys: Arc<KeySet>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("App").finish_non_exhaustive()
    }
}

impl App {
    /// [`App::build`] for commands that need the database at once: it answers and has our tables.
    ///
    /// # Errors
    /// Among others, why the database cannot be used. The shared store may be down.
    pub async fn open(config: Arc<Config>, clock: Clock, random: Random) -> Result<Self, Fault> {
        let app = Self::build(config, clock, random).await?;
        app.database.expect_tables().await?;
        Ok(app)
    }

    /// Opens the stores and starts the hashing threads; does not connect, migrate or create anything.
    pub async fn build(config: Arc<Config>, clock: Clock, random: Random) -> Result<Self, Fault> {
        let database = Database::open(&database_settings(&config)).await?;
        Self::with_database(config, database, clock, random)
    }

    /// The same with pools that are already open.
    pub fn with_database(
        config: Arc<Config>,
        database: Database,
        clock: Clock,
        random: Random,
    ) -> Result<Self, Fault> {
        let keyring = keyring(&config)?;
        let implementation = config.hashing.implementation;
        let hasher = Hasher::start(&hasher_parameters(&config), implementation, &random)?;
        let metrics = Metrics::new();
        database.report_to(&metrics);
        let breached = Breached::configured(&config.breached, &metrics)?;
        // Configured transports win; in development the mailbox takes the place of the others.
        let mailbox =
            (!config.is_production()).then(|| DevMailbox::new(config.data_dir.join("mailbox")));
        let mailer =
            Mailer::configured(&config.smtp)?.or_else(|| mailbox.clone().map(Mailer::DevMailbox));
        let sms = Sms::configured(&config.sms)?.or_else(|| mailbox.map(Sms::DevMailbox));
        // Until the published keys are loaded, a temporary key takes their place: no service accepts what it
        // would sign.
        let now = clock.now();
        let volatile = Volatile::configured(&config.redis, now)?;
        let templates = load_templates(&config)?;
        let google = google(&config)?;
        let simplejwt = simplejwt(&config)?;
        let gathering = Duration::from_millis(config.subscriptions.gather_milliseconds);
        let media = Media::configured(&config)?;
        let pictures = PictureDecoder::new(&config.media);
        let placeholder = KeySet::new(vec![SigningKey::generate(Algorithm::Es256, now)?])?;
        Ok(Self {
            config,
            database,
            session_reader: SessionReader::default(),
            listener_sessions: SessionReader::patient(gathering),
            volatile,
            // Not from the given source: instances with the same seed must not have the same id.
            event_bus: EventBus::new(Random::system().bytes()),
            local: Volatile::memory(now),
            keyring,
            hasher,
            clock,
            random,
            mailer,
            sms,
            media,
            pictures,
            breached,
            code_alarm: Alarm::default(),
            metrics,
            google,
            simplejwt,
            templates,
            documents: RwLock::new(Arc::new(TrustedDocuments::built_in())),
            outbox: Notify::new(),
            linking: Notify::new(),
            exports: Notify::new(),
            removing: Notify::new(),
            readiness: Remembered::default(),
            signing_keys: RwLock::new(Published {
                stored: Vec::new(),
                keys: placeholder.into(),
            }),
        })
    }

    /// Begins a transaction on the primary database.
    pub async fn begin(&self) -> Result<Tx, Fault> {
        self.database.begin().await
    }

    /// A new time-ordered id.
    #[must_use]
    pub fn new_id<T: From<Uuid>>(&self) -> T {
        T::from(self.random.uuid_v7(self.clock.now()))
    }

    /// The current signing keys.
    #[must_use]
    pub fn signing_keys(&self) -> Arc<KeySet> {
        let published = self
            .signing_keys
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&published.keys)
    }

    /// The trusted documents: the built-in ones until others are set.
    #[must_use]
    pub fn documents(&self) -> Arc<TrustedDocuments> {
        let documents = self.documents.read();
        Arc::clone(&documents.unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the trusted documents; requests in flight keep theirs.
    pub fn set_documents(&self, documents: TrustedDocuments) {
        let mut current = self
            .documents
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(documents);
    }

    /// Reads the published keys and replaces the current ones if they changed.
    pub async fn load_signing_keys(&self) -> Result<(), Fault> {
        let stored = signing_key::all(&self.database).await?;
        let unchanged = {
            let published = self
                .signing_keys
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            published.stored == stored
        };
        if unchanged || stored.is_empty() {
            return Ok(());
        }
        let keys = stored
            .iter()
            .map(|key| self.open_key(key))
            .collect::<Result<Vec<_>, _>>()?;
        let keys = Arc::new(KeySet::new(keys)?);
        let mut published = self
            .signing_keys
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *published = Published { stored, keys };
        Ok(())
    }

    fn open_key(&self, stored: &StoredKey) -> Result<SigningKey, Fault> {
        let aad = stored.kid.as_bytes();
        let sealed = &stored.sealed_private_key;
        let opened = self.keyring.open(Purpose::SigningKeys, aad, sealed);
        let private = opened.map_err(|error| {
            Fault::new(format!(
                "the signing key {} cannot be opened: {error}; if the master key was changed, give \
                 the old one as IDGATE_KEYS__MASTER_PREVIOUS",
                stored.kid
            ))
        })?;
        let algorithm: Algorithm = stored.algorithm.parse()?;
        Ok(SigningKey::from_pkcs8(
            algorithm,
            private,
            stored.active_from,
        )?)
    }

    /// The messages of the development mailbox, newest first.
    pub async fn mailbox(&self) -> Result<Vec<StoredMail>, Fault> {
        match (&self.mailer, &self.sms) {
            (Some(Mailer::DevMailbox(mailbox)), _) | (_, Some(Sms::DevMailbox(mailbox))) => {
                Ok(mailbox.messages().await?)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Deletes the messages of the development mailbox.
    pub async fn clear_mailbox(&self) -> Result<(), Fault> {
        match (&self.mailer, &self.sms) {
            (Some(Mailer::DevMailbox(mailbox)), _) | (_, Some(Sms::DevMailbox(mailbox))) => {
                Ok(mailbox.clear().await?)
            }
            _ => Ok(()),
        }
    }

    /// Deletes the messages with these ids or to these addresses from the development mailbox.
    pub async fn forget_mail(&self, ids: &[MessageId], addresses: &[String]) -> Result<(), Fault> {
        match (&self.mailer, &self.sms) {
            (Some(Mailer::DevMailbox(mailbox)), _) | (_, Some(Sms::DevMailbox(mailbox))) => {
                Ok(mailbox.forget(ids, addresses).await?)
            }
            _ => Ok(()),
        }
    }

    /// The channels with a transport, as the outbox names them.
    #[must_use]
    pub fn channels(&self) -> Vec<&'static str> {
        let mail = self.mailer.as_ref().map(|_| Channel::Email.as_str());
        let texts = self.sms.as_ref().map(|_| Channel::Sms.as_str());
        mail.into_iter().chain(texts).collect()
    }

    /// Sends a message by the transport of its channel.
    pub async fn send(&self, message: &Outgoing<'_>) -> Result<(), SendError> {
        match (&self.mailer, &self.sms) {
            (Some(mailer), _) if message.channel == Channel::Email.as_str() => {
                mailer.send(message).await
            }
            (_, Some(sms)) if message.channel == Channel::Sms.as_str() => sms.send(message).await,
            _ => Err(SendError::Temporary(
                "no provider is configured for this channel".to_owned(),
            )),
        }
    }
}

pub use self::check::{InvalidSetting, check, check_stores, connection_problems};
pub use crate::providers::StoredMail;
pub use readiness::{Dependencies, DependencyState};
pub use trusted_documents::{
    DocumentProblem, DocumentProblems, TrustedDocument, TrustedDocuments, built_in_documents,
    document_id,
};

/// Whether the failure is an unreachable dependency, so that a retry may succeed.
#[must_use]
pub fn is_unavailable(fault: &Fault) -> bool {
    fault.source().is::<Unavailable>() || database::is_unavailable(fault)
}

/// Whether the request wrote about an account that was erased meanwhile.
#[must_use]
pub fn is_orphaned(fault: &Fault) -> bool {
    database::is_orphaned(fault)
}

/// The configured database; by default a file in the data directory.
#[must_use]
pub fn database_settings(config: &Config) -> DatabaseSettings {
    let location = match (config.database.server(), config.database.file()) {
        (Some(url), _) => DatabaseLocation::Postgres(url),
        (None, Some(file)) => DatabaseLocation::Sqlite(file),
        (None, None) => DatabaseLocation::Sqlite(sqlite_file(&config.data_dir)),
    };
    DatabaseSettings {
        location,
        max_connections: config.database.max_connections,
        acquire_timeout: Duration::from_secs(config.database.acquire_timeout_seconds),
        statement_timeout: Duration::from_secs(config.database.statement_timeout_seconds),
    }
}

/// The file of the embedded database.
#[must_use]
pub fn sqlite_file(data_dir: &Path) -> PathBuf {
    data_dir.join("idgate.sqlite3")
}

/// Loads and validates the messages.
pub fn load_templates(config: &Config) -> Result<Templates, TemplateError> {
    let host = config.links.base_url.host_str().unwrap_or_default();
    Templates::load(&config.messages, host)
}

/// The file of a master key that is not configured.
#[must_use]
pub fn master_key_file(data_dir: &Path) -> PathBuf {
    data_dir.join("master.key")
}
