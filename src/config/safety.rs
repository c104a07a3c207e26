//! Checks that need several sections, and checks of production.
//!
//! Refused everywhere:
//! - a public address (`server.public_url`, `tokens.issuer`, `links.base_url`) of plain http on another
//!   machine (in `diagnostics.rs`);
//! - trusting every network to name the client's address;
//! - a router listener that cannot authenticate the router, and certificates without that listener;
//! - hosted pages at links that lead elsewhere;
//! - tokens of another system while ended sessions are forgotten at once;
//! - staff roles open to registration (in `registration.rs`), a guessable secret (in `router.rs`), two
//!   listeners at one address (in `server.rs`).
//!
//! Refused in production only:
//! - plain http among those addresses, and among the origins of pages except on this machine;
//! - short-lived state inside the process, unless a single instance is declared;
//! - no master key, or one that is a pattern rather than random (in `keys.rs`);
//! - mail or text messages, which hold codes and links, over connections that can be read;
//! - a storage of pictures over connections that can be read;
//! - password hashes that are cheap to guess (in `hashing.rs`).

use super::base_url;
use super::diagnostics::Diagnostics;
use super::media;
use super::service_url::is_loopback;
use super::{Config, StaffIntrospection, TrustedDocuments};

pub(super) fn check(config: &Config, diagnostics: &mut Diagnostics<'_>) {
    check_data_dir(config, diagnostics);
    check_trust(config, diagnostics);
    check_hosted_links(config, diagnostics);
    check_legacy_tokens(config, diagnostics);
    if config.is_production() {
        check_production(config, diagnostics);
        warn_in_production(config, diagnostics);
    } else if !config.server.listen.ip().is_loopback() {
        diagnostics.warn(
            "server.listen",
            format!(
                "others can reach the development settings at {}",
                config.server.listen
            ),
        );
    }
}

fn check_data_dir(config: &Config, diagnostics: &mut Diagnostics<'_>) {
    if config.data_dir.as_os_str().is_empty() {
        diagnostics.refuse(
            "data_dir",
            "no directory is named, so data would land at the root of the disk",
            "Name a directory, such as \"./data\".",
        );
    }
    diagnostics.path("data_dir", &config.data_dir);
}

/// The row of an ended session keeps a token of the old system void.
fn check_legacy_tokens(config: &Config, diagnostics: &mut Diagnostics<'_>) {
    let honoured = config.migration.simplejwt_key().is_some();
    if honoured && config.retention.ended_sessions_days == 0 {
        diagnostics.refuse(
            "retention.ended_sessions_days",
            "it is 0, so no token of migration.simplejwt_key would be accepted",
            "Keep ended sessions for as long as refresh tokens of the old system last.",
        );
    }
}

fn check_hosted_links(config: &Config, diagnostics: &mut Diagnostics<'_>) {
    let base_url = &config.links.base_url;
    if config.links.hosted && base_url::path_here(base_url, &config.server.public_url).is_none() {
        diagnostics.refuse(
            "links.hosted",
            format!("links lead to {base_url}, not here"),
            "Leave links.base_url empty, or turn the pages off.",
        );
    }
}

fn check_trust(config: &Config, diagnostics: &mut Diagnostics<'_>) {
    if config
        .server
        .trusted_proxies
        .iter()
        .any(|network| network.prefix_len() == 0)
    {
        diagnostics.refuse(
            "server.trusted_proxies",
            "every network is trusted, so anyone could invent the address they come from",
            "Name the networks of your own proxies, such as 10.0.0.0/8.",
        );
    }
    let (listens, router) = (config.server.router_listen.is_some(), &config.router);
    if listens && router.secret.is_none() && router.certificates().is_none() {
        diagnostics.refuse(
            "router.secret",
            "there is a listener for the router but neither a secret nor certificates that prove \
             a caller to be it",
            "Set IDGATE_ROUTER__SECRET_FILE, or the certificates of [router].",
        );
    }
    if !listens && router.certificates().is_some() {
        diagnostics.refuse(
            "router.certificate_file",
            "certificates prove a router on a listener of its own, and there is none",
            "Set IDGATE_SERVER__ROUTER_LISTEN, or leave the certificates empty.",
        );
    }
}

fn check_production(config: &Config, diagnostics: &mut Diagnostics<'_>) {
    if config.redis.is_in_process() && !config.redis.allow_in_process {
        diagnostics.refuse(
            "redis.url",
            "production needs a store that instances share; limits and codes would differ on each",
            "Set REDIS_URL, or redis.allow_in_process = true if there is one single instance.",
        );
    }
    if config.keys.master().is_none() {
        diagnostics.refuse(
            "keys.master",
            "production needs a master key that all instances share and that outlives this disk",
            "Set IDGATE_KEYS__MASTER_FILE; make one with `openssl rand -base64 32`.",
        );
    }
    check_messages(config, diagnostics);
    check_media(config, diagnostics);
    for origin in &config.server.cors_origins {
        if origin.url().scheme() == "http" && !is_loopback(origin.url()) {
            diagnostics.refuse(
                "server.cors_origins",
                format!(
                    "{} is plain http, so anyone on the way can be it",
                    origin.to_header()
                ),
                "Name https origins.",
            );
        }
    }
}

/// Messages hold codes and links that open accounts.
fn check_messages(config: &Config, diagnostics: &mut Diagnostics<'_>) {
    if config
        .smtp
        .server()
        .is_some_and(|server| server.is_exposed())
    {
        diagnostics.refuse(
            "smtp.url",
            "mail could be read on the way: encryption is missing, or can be taken away",
            "Write smtps://…, or smtp://…?tls=required; plain is for a server on this machine.",
        );
    }
    if config.sms.is_exposed() {
        diagnostics.refuse(
            "sms.url",
            "text messages could be read on the way",
            "Write an https address.",
        );
    }
}

/// Signed requests to the storage can be repeated by a reader while they are valid.
fn check_media(config: &Config, diagnostics: &mut Diagnostics<'_>) {
    for (key, url) in config.media.services() {
        if media::is_exposed(url) {
            diagnostics.refuse(
                key,
                "pictures and signatures could be read on the way",
                "Write an https address.",
            );
        }
    }
}

/// Without a provider people wait for messages in vain.
fn warn_of_missing_providers(config: &Config, diagnostics: &mut Diagnostics<'_>) {
    let (mail, texts) = (config.smtp.url.is_some(), config.sms.url.is_some());
    if !mail {
        diagnostics.warn(
            "smtp.url",
            "there is no mail server: mail waits in the outbox until it expires",
        );
    }
    if !texts {
        diagnostics.warn(
            "sms.url",
            "there is no SMS provider: text messages wait in the outbox until they expire",
        );
    }
    if texts && config.sms.countries.is_empty() {
        diagnostics.warn(
            "sms.countries",
            "text messages go to every country, which invites toll fraud: name yours",
        );
    }
    if config.registration.requires_confirmation() && !mail {
        diagnostics.warn(
            "registration.confirmation",
            "addresses must be confirmed, but no mail can be sent: new accounts cannot sign in",
        );
    }
}

fn warn_in_production(config: &Config, diagnostics: &mut Diagnostics<'_>) {
    if config.database.is_embedded() {
        diagnostics.warn(
            "database.url",
            "SQLite serves one single instance and no replica",
        );
    }
    if config.redis.is_in_process() {
        diagnostics.warn(
            "redis.allow_in_process",
            "limits are lost when this instance restarts",
        );
    }
    warn_of_missing_providers(config, diagnostics);
    if config.registration.enabled && !config.registration.requires_confirmation() {
        diagnostics.warn(
            "registration.confirmation",
            "people sign in with unconfirmed addresses, and registering tells strangers who has an \
             account",
        );
    }
    let plain = config.router.certificates().is_none();
    if let Some(address) = config
        .server
        .router_listen
        .filter(|address| !address.ip().is_loopback())
        && plain
    {
        diagnostics.warn(
            "server.router_listen",
            format!(
                "the router's secret and everything it reads travel in clear text to {address}; \
                 set the certificates of [router] unless the network encrypts"
            ),
        );
    }
    if config.graphql.trusted_documents == TrustedDocuments::Off {
        diagnostics.warn("graphql.trusted_documents", "anyone may run any document");
    }
    if config.graphql.introspection {
        diagnostics.warn("graphql.introspection", "anyone may read the schema");
    }
    if config.graphql.graphiql {
        diagnostics.warn("graphql.graphiql", "anyone may open GraphiQL");
    }
    let is_open = config.graphql.staff_introspection == StaffIntrospection::Listener;
    if is_open && config.server.staff_listen.is_some() {
        diagnostics.warn(
            "graphql.staff_introspection",
            "every client of the staff listener may read the schema and run any document",
        );
    }
}
