//! The configuration: read once at start, checked as a whole, never changed afterwards.
//!
//! Each section has a file that declares its settings, each once (`section`), and checks them.
//! `sources` finds values, `values` fills in those that follow from others (the issuer from the
//! public URL), `read` turns them into types, `safety` checks what only sections together can tell,
//! and `reference` writes `config/default.toml` and `docs/configuration.md`. May use `domain` and
//! `telemetry`.

mod base_url;
mod breached;
mod cookies;
mod database;
mod declaration;
mod diagnostics;
pub mod env;
mod google;
mod graphql;
mod hashing;
mod keys;
mod lifecycle;
mod links;
mod media;
mod messages;
mod migration;
mod origin;
mod otp;
mod outbox;
mod password;
mod phone;
mod profile;
mod read;
mod redact;
mod redis;
pub mod reference;
mod registration;
mod report;
mod rest;
mod retention;
mod router;
mod safety;
mod section;
mod server;
mod service_url;
mod sessions;
mod sms;
mod smtp;
mod sources;
mod subscriptions;
mod telemetry;
mod throttle;
mod tokens;
mod values;

use std::path::PathBuf;

use serde::Deserialize;

use self::declaration::SettingIndex;
use self::diagnostics::Diagnostics;
use self::read::{Reader, read_from_text};
use self::section::{Check, Section, section};
use self::sources::{Sources, file_in};

pub use self::breached::Breached;
pub use self::cookies::{Cookies, SameSite};
pub use self::database::{Database, MigrateAtStart};
pub use self::google::Google;
pub use self::graphql::{Graphql, StaffIntrospection, TrustedDocuments};
pub use self::hashing::{HashImplementation, Hashing};
pub use self::keys::{Algorithm, Keys};
pub use self::lifecycle::Lifecycle;
pub use self::links::Links;
pub use self::media::{CloudinarySignature, Media, MediaStorage};
pub use self::messages::Messages;
pub use self::migration::Migration;
pub use self::origin::Origin;
pub use self::otp::Otp;
pub use self::outbox::Outbox;
pub use self::password::PasswordRules;
pub use self::phone::Phone;
pub use self::profile::Profile;
pub use self::redis::Redis;
pub use self::registration::{Confirmation, Registration};
pub use self::report::{ConfigError, ConfigErrors, Setting, Warning};
pub use self::rest::Rest;
pub use self::retention::Retention;
pub use self::router::{Router, RouterCertificates};
pub use self::server::Server;
pub use self::sessions::Sessions;
pub use self::sms::{Sms, SmsEndpoint, SmsKind};
pub use self::smtp::{Smtp, SmtpSecurity, SmtpServer};
pub use self::subscriptions::Subscriptions;
pub use self::telemetry::Telemetry;
pub use self::throttle::{Budget, Throttle};
pub use self::tokens::Tokens;

section! {
    /// Settings of no section.
    struct Process("") {
        /// What the process is for: "development" is convenient, "production" refuses what is only safe
        /// on your own machine.
        env: Environment = "development";
        /// The directory of the embedded database and of generated keys.
        data_dir: PathBuf = "./data";
    }
}

/// What the process is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Convenient, for a developer's machine.
    Development,
    /// Strict, for real accounts.
    Production,
}

read_from_text!(Environment);

/// Makes the configuration from its sections.
macro_rules! sections {
    ($($(#[doc = $doc:literal])+ $name:ident: $Section:ident,)+) => {
        /// Everything that can be set, complete and checked. Only [`Config::load`] makes one.
        #[derive(Clone, Debug)]
        pub struct Config {
            /// What the process is for.
            pub env: Environment,
            /// The directory of the embedded database and of generated keys.
            pub data_dir: PathBuf,
            $($(#[doc = $doc])+ pub $name: $Section,)+
            settings: Vec<Setting>,
            warnings: Vec<Warning>,
        }

        impl Config {
            fn index() -> SettingIndex {
                let mut declarations = Vec::new();
                Process::declare(&mut declarations);
                $($Section::declare(&mut declarations);)+
                SettingIndex::new(declarations)
            }

            fn read(reader: &mut Reader<'_>) -> Option<Self> {
                let process = Process::read(reader);
                $(let $name = $Section::read(reader);)+
                let Process { env, data_dir } = process?;
                Some(Self {
                    env,
                    data_dir,
                    $($name: $name?,)+
                    settings: Vec::new(),
                    warnings: Vec::new(),
                })
            }

            fn check(&self, diagnostics: &mut Diagnostics<'_>) {
                $(
                    self.$name.check_ranges(diagnostics);
                    self.$name.check(diagnostics);
                )+
                safety::check(self, diagnostics);
            }
        }
    };
}

sections! {
    /// Listeners and the public address.
    server: Server,
    /// The relational database.
    database: Database,
    /// Short-lived shared state.
    redis: Redis,
    /// The master key and the signature algorithm.
    keys: Keys,
    /// What access tokens say.
    tokens: Tokens,
    /// How long a sign-in lasts.
    sessions: Sessions,
    /// The refresh cookie.
    cookies: Cookies,
    /// Who may open an account.
    registration: Registration,
    /// Rules for new passwords.
    password: PasswordRules,
    /// The cost of a password hash.
    hashing: Hashing,
    /// Links in messages.
    links: Links,
    /// One-time codes.
    otp: Otp,
    /// How often things may be tried.
    throttle: Throttle,
    /// Signing in with Google, or with an issuer in its place.
    google: Google,
    /// Openness and limits of GraphQL.
    graphql: Graphql,
    /// The REST API.
    rest: Rest,
    /// What is logged and how.
    telemetry: Telemetry,
    /// How phone numbers are read.
    phone: Phone,
    /// Fallbacks of the profile.
    profile: Profile,
    /// Where pictures are stored.
    media: Media,
    /// The words of messages.
    messages: Messages,
    /// Delivery of messages.
    outbox: Outbox,
    /// The mail server.
    smtp: Smtp,
    /// The provider of text messages.
    sms: Sms,
    /// The service that knows leaked passwords.
    breached: Breached,
    /// How long each kind of data is kept.
    retention: Retention,
    /// The federation router.
    router: Router,
    /// Live events.
    subscriptions: Subscriptions,
    /// Deleting and erasing accounts.
    lifecycle: Lifecycle,
    /// Taking over from another system.
    migration: Migration,
}

impl Config {
    /// Reads defaults, then a file, then the environment, then secret files; each overrides those
    /// before it.
    ///
    /// The file is `file`, or else the one that `IDGATE_CONFIG` names in `environment`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each error with its key, origin, reason and remedy.
    pub fn load(
        file: Option<PathBuf>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigErrors> {
        let index = Self::index();
        let variables: Vec<_> = environment.into_iter().collect();
        let mut sources = Sources::defaults(&index);
        if let Some(path) = file.or_else(|| file_in(&variables)) {
            sources.file(&path);
        }
        sources.environment(variables);
        let Sources {
            mut values,
            mut errors,
            warnings,
            ..
        } = sources;
        values.derive(&index);
        let mut reader = Reader {
            index: &index,
            values: &mut values,
            errors: &mut errors,
        };
        let Some(mut config) = Self::read(&mut reader) else {
            return Err(ConfigErrors(errors));
        };
        let mut diagnostics = Diagnostics::new(config.is_production(), &values, errors, warnings);
        config.check(&mut diagnostics);
        if !diagnostics.errors.is_empty() {
            return Err(ConfigErrors(diagnostics.errors));
        }
        config.warnings = diagnostics.warnings;
        config.settings = index
            .iter()
            .map(|setting| values.describe(setting))
            .collect();
        Ok(config)
    }

    /// Whether this is production.
    #[must_use]
    pub fn is_production(&self) -> bool {
        self.env == Environment::Production
    }

    /// The path of the hosted pages that links lead to; `None` if idgate does not serve them.
    #[must_use]
    pub fn hosted_links(&self) -> Option<String> {
        let path = base_url::path_here(&self.links.base_url, &self.server.public_url);
        path.filter(|_| self.links.hosted)
    }

    /// What is allowed but risky, to be logged at start.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Every setting in force and where it came from, without secrets.
    #[must_use]
    pub fn describe(&self) -> &[Setting] {
        &self.settings
    }
}
