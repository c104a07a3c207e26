//! The configuration: read once at start, checked as a whole, never changed afterwards.
//!
//! Each section has a file of its own that says what its settings mean and allow; `catalogue`,
//! `layers` and `load` turn text into sections, `safety` refuses what is unsafe together. Values
//! that follow from others (the issuer from the public URL, say) are filled in while loading, so
//! readers never see a blank. May use `domain` and `telemetry`; knows no layer above.

mod audit;
mod breached;
mod catalogue;
mod cookies;
mod database;
pub mod env;
mod google;
mod graphql;
mod hashing;
mod keys;
mod layers;
mod links;
mod load;
mod messages;
mod origin;
mod otp;
mod outbox;
mod password;
mod phone;
mod profile;
mod redis;
mod registration;
mod report;
mod router;
mod safety;
mod server;
mod service_url;
mod sessions;
mod sms;
mod smtp;
mod subscriptions;
mod throttle;
mod tokens;
mod values;

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

pub use self::audit::Audit;
pub use self::breached::Breached;
pub use self::cookies::{Cookies, SameSite};
pub use self::database::{Database, MigrateAtStart};
pub use self::google::Google;
pub use self::graphql::{Graphql, StaffIntrospection, TrustedDocuments};
pub use self::hashing::Hashing;
pub use self::keys::{Algorithm, Keys};
pub use self::links::Links;
pub use self::messages::Messages;
pub use self::origin::Origin;
pub use self::otp::Otp;
pub use self::outbox::Outbox;
pub use self::password::PasswordRules;
pub use self::phone::Phone;
pub use self::profile::Profile;
pub use self::redis::Redis;
pub use self::registration::{Confirmation, Registration};
pub use self::report::{ConfigError, ConfigErrors, Setting, Warning};
pub use self::router::{Router, RouterCertificates};
pub use self::server::Server;
pub use self::sessions::Sessions;
pub use self::sms::{Sms, SmsEndpoint, SmsKind};
pub use self::smtp::{Smtp, SmtpSecurity, SmtpServer};
pub use self::subscriptions::Subscriptions;
pub use self::throttle::{Budget, Throttle};
pub use self::tokens::Tokens;
use crate::telemetry;

/// Everything that can be set, complete and checked. Only [`Config::load`] makes one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What the process is for.
    pub env: Environment,
    /// Where the embedded database and keys of our own making live.
    pub data_dir: PathBuf,
    /// Listeners and the public address.
    pub server: Server,
    /// The relational database.
    pub database: Database,
    /// Short-lived shared state.
    pub redis: Redis,
    /// The master key and the signature algorithm.
    pub keys: Keys,
    /// What access tokens say.
    pub tokens: Tokens,
    /// How long a sign-in lasts.
    pub sessions: Sessions,
    /// The refresh cookie.
    pub cookies: Cookies,
    /// Who may open an account.
    pub registration: Registration,
    /// Rules for new passwords.
    pub password: PasswordRules,
    /// The cost of a password hash.
    pub hashing: Hashing,
    /// Links in messages.
    pub links: Links,
    /// One-time codes.
    pub otp: Otp,
    /// How often things may be tried.
    pub throttle: Throttle,
    /// Signing in with Google, or with an issuer in its place.
    pub google: Google,
    /// Openness and limits of GraphQL.
    pub graphql: Graphql,
    /// What is logged and how.
    pub telemetry: telemetry::Settings,
    /// How phone numbers are read.
    pub phone: Phone,
    /// Fallbacks of the profile.
    pub profile: Profile,
    /// The words of messages.
    pub messages: Messages,
    /// Delivery of messages.
    pub outbox: Outbox,
    /// The mail server.
    pub smtp: Smtp,
    /// The provider of text messages.
    pub sms: Sms,
    /// The service that knows leaked passwords.
    pub breached: Breached,
    /// How long audit events are kept.
    pub audit: Audit,
    /// The federation router.
    pub router: Router,
    /// Live events.
    pub subscriptions: Subscriptions,
    #[serde(skip)]
    settings: Vec<Setting>,
    #[serde(skip)]
    warnings: Vec<Warning>,
}

/// What the process is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Somebody's own machine: convenient.
    Development,
    /// People's accounts: strict.
    Production,
}

impl Config {
    /// Whether this is production.
    #[must_use]
    pub fn is_production(&self) -> bool {
        self.env == Environment::Production
    }

    /// The address people see.
    #[must_use]
    pub const fn public_url(&self) -> &Url {
        &self.server.public_url
    }

    /// Whether cookies travel over https, and so may be `Secure` and `__Host-`.
    #[must_use]
    pub fn secure_cookies(&self) -> bool {
        self.public_url().scheme() == "https"
    }

    /// The `iss` of access tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.tokens.issuer
    }

    /// What links in messages start with.
    #[must_use]
    pub const fn links_base(&self) -> &Url {
        &self.links.base_url
    }

    /// The path below which the pages that links lead to are served here; none while a front end
    /// serves them.
    #[must_use]
    pub fn hosted_links(&self) -> Option<String> {
        let path = links::path_here(&self.links.base_url, self.public_url());
        path.filter(|_| self.links.hosted)
    }

    /// The primary database, password included; `None` means the embedded file.
    #[must_use]
    pub fn database_url(&self) -> Option<String> {
        self.database.url()
    }

    /// The shared store of short-lived state; `None` keeps it in this process.
    #[must_use]
    pub fn redis_url(&self) -> Option<SecretString> {
        self.redis.url.clone()
    }

    /// Whether the database is a SQLite file.
    #[must_use]
    pub fn is_embedded_database(&self) -> bool {
        self.database.is_embedded()
    }

    /// Whether short-lived state stays inside this process.
    #[must_use]
    pub const fn is_in_process(&self) -> bool {
        self.redis.url.is_none()
    }

    /// Whether the schema can be asked for and errors suggest names.
    #[must_use]
    pub const fn introspection(&self) -> bool {
        self.graphql.introspection
    }

    /// Whether GraphiQL is served.
    #[must_use]
    pub const fn graphiql(&self) -> bool {
        self.graphql.graphiql
    }

    /// Whether only documents known beforehand run.
    #[must_use]
    pub fn trusted_documents_required(&self) -> bool {
        self.graphql.trusted_documents == TrustedDocuments::Required
    }

    /// Whether an address must be confirmed before the first sign-in.
    #[must_use]
    pub fn confirmation_required(&self) -> bool {
        self.registration.confirmation == Confirmation::Required
    }

    /// What is allowed but deserves care, to be logged at start.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Every setting as it counts and where it came from; secrets do not show.
    #[must_use]
    pub fn describe(&self) -> &[Setting] {
        &self.settings
    }
}
