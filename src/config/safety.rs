//! Settings that are each fine but unsafe together, or unsafe in production.
//!
//! Refused everywhere:
//! - an address people are sent to (`server.public_url`, `tokens.issuer`, `links.base_url`) that is
//!   plain http on another machine (the rule is in `report.rs`);
//! - trusting every network to say who the client is;
//! - a listener for the router without a way to know it, certificates without such a listener;
//! - people who can make themselves staff (in `registration.rs`), a secret that is short or repeats
//!   itself (in `router.rs`), two listeners on one address (in `server.rs`).
//!
//! Refused in production only:
//! - any plain http among those addresses, and among the origins of scripts except on this machine;
//! - short-lived state inside the process, unless the single instance is declared;
//! - no master key, or one that is a pattern rather than random (in `keys.rs`);
//! - mail or text messages that could be read on the way, since they hold codes and links;
//! - password hashes that are cheap to guess (in `hashing.rs`).

use super::report::Review;
use super::values::is_loopback;
use super::{Config, StaffIntrospection, TrustedDocuments};

pub(super) fn check(config: &Config, review: &mut Review<'_>) {
    check_trust(config, review);
    if config.is_production() {
        check_production(config, review);
        warn_in_production(config, review);
    } else if !config.server.listen.ip().is_loopback() {
        review.warn(
            "server.listen",
            format!(
                "others can reach the development settings at {}",
                config.server.listen
            ),
        );
    }
}

fn check_trust(config: &Config, review: &mut Review<'_>) {
    if config
        .server
        .trusted_proxies
        .iter()
        .any(|network| network.prefix_len() == 0)
    {
        review.refuse(
            "server.trusted_proxies",
            "every network is trusted, so anyone could invent the address they come from",
            "Name the networks of your own proxies, such as 10.0.0.0/8.",
        );
    }
    let (listens, router) = (config.server.router_listen.is_some(), &config.router);
    if listens && router.secret.is_none() && router.certificates().is_none() {
        review.refuse(
            "router.secret",
            "there is a listener for the router but neither a secret nor certificates that prove \
             a caller to be it",
            "Set IDGATE_ROUTER__SECRET_FILE, or the certificates of [router].",
        );
    }
    if !listens && router.certificates().is_some() {
        review.refuse(
            "router.certificate_file",
            "certificates prove a router on a listener of its own, and there is none",
            "Set IDGATE_SERVER__ROUTER_LISTEN, or leave the certificates empty.",
        );
    }
}

fn check_production(config: &Config, review: &mut Review<'_>) {
    if config.is_in_process() && !config.redis.allow_in_process {
        review.refuse(
            "redis.url",
            "production needs a store that instances share; limits and codes would differ on each",
            "Set REDIS_URL, or redis.allow_in_process = true if there is one single instance.",
        );
    }
    if config.keys.master().is_none() {
        review.refuse(
            "keys.master",
            "production needs a master key that all instances share and that outlives this disk",
            "Set IDGATE_KEYS__MASTER_FILE; make one with `openssl rand -base64 32`.",
        );
    }
    check_messages(config, review);
    for origin in &config.server.cors_origins {
        if origin.url().scheme() == "http" && !is_loopback(origin.url()) {
            review.refuse(
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

/// What is in a message opens accounts, so nobody on its way out may read it.
fn check_messages(config: &Config, review: &mut Review<'_>) {
    if config.smtp.server().is_some_and(|it| it.is_exposed()) {
        review.refuse(
            "smtp.url",
            "mail could be read on the way: encryption is missing, or can be taken away",
            "Write smtps://…, or smtp://…?tls=required; plain is for a server on this machine.",
        );
    }
    if config.sms.is_exposed() {
        review.refuse(
            "sms.url",
            "text messages could be read on the way",
            "Write an https address.",
        );
    }
}

/// Who cannot be written to waits, and operators should not learn that from people.
fn warn_of_silence(config: &Config, review: &mut Review<'_>) {
    let (mail, texts) = (config.smtp.url.is_some(), config.sms.url.is_some());
    if !mail {
        review.warn(
            "smtp.url",
            "there is no mail server: mail waits in the outbox until it expires",
        );
    }
    if !texts {
        review.warn(
            "sms.url",
            "there is no SMS provider: text messages wait in the outbox until they expire",
        );
    }
    if texts && config.sms.countries.is_empty() {
        review.warn(
            "sms.countries",
            "text messages go to every country, and fraudsters choose the dearest: name yours",
        );
    }
    if config.confirmation_required() && !mail {
        review.warn(
            "registration.confirmation",
            "addresses must be confirmed, but no mail can be sent: nobody who registers can sign in",
        );
    }
}

fn warn_in_production(config: &Config, review: &mut Review<'_>) {
    if config.is_embedded_database() {
        review.warn(
            "database.url",
            "SQLite serves one single instance and no replica",
        );
    }
    if config.is_in_process() {
        review.warn(
            "redis.allow_in_process",
            "limits are lost when this instance restarts",
        );
    }
    warn_of_silence(config, review);
    if config.registration.enabled && !config.confirmation_required() {
        review.warn(
            "registration.confirmation",
            "people sign in with addresses that they never proved, and registering tells strangers \
             who has an account",
        );
    }
    let plain = config.router.certificates().is_none();
    if let Some(address) = config
        .server
        .router_listen
        .filter(|it| !it.ip().is_loopback())
        && plain
    {
        review.warn(
            "server.router_listen",
            format!(
                "the router's secret and everything it reads travel in clear text to {address}; \
                 set the certificates of [router] unless the network encrypts"
            ),
        );
    }
    if config.graphql.trusted_documents == TrustedDocuments::Off {
        review.warn("graphql.trusted_documents", "anyone may run any document");
    }
    if config.introspection() {
        review.warn("graphql.introspection", "anyone may read the schema");
    }
    if config.graphiql() {
        review.warn("graphql.graphiql", "anyone may open GraphiQL");
    }
    let open_to_all = config.graphql.staff_introspection == StaffIntrospection::Listener;
    if open_to_all && config.server.staff_listen.is_some() {
        review.warn(
            "graphql.staff_introspection",
            "whoever reaches the staff listener may read the schema and run any document",
        );
    }
}
