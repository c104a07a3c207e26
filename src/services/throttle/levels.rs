//! The budgets of each rate limit, level by level.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{DeviceStatus, LimitKey, RateLimit, RecipientTrust, Target};
use crate::app::App;
use crate::config::{Budget, Throttle};
use crate::domain::caller::Client;
use crate::domain::network;
use crate::domain::phone::PhoneNumber;
use crate::volatile::Charge;

/// A budget and the key it counts by.
pub(super) struct LimitCheck {
    scope: &'static str,
    key: String,
    budget: Budget,
}

/// Checks that are charged together or not at all.
pub(super) type Level = Vec<LimitCheck>;

/// The levels of a limit, in the order in which they are charged.
///
/// First the budgets of the sender alone, then those that other people share, and the global ones
/// last: requests that were refused for another reason must not use those up.
pub(super) fn of(app: &App, client: &Client, limit: RateLimit<'_>) -> Vec<Level> {
    let budgets = &app.config.throttle;
    let networks = |scope, budget| networks(app, client, scope, budget);
    match limit {
        RateLimit::Login { key } => vec![
            networks("login-address", &budgets.login_address),
            login(app, key),
        ],
        RateLimit::LoginAccount { target } => {
            let (account, devices) = (&budgets.login_account, &budgets.login_devices);
            vec![
                if_stale(target, |key| login(app, key)),
                vec![match target.account_or_devices(app) {
                    AccountKey::KnownDevices(key) => check("login-devices", key, devices),
                    AccountKey::Account(key) => check("login-account", key, account),
                }],
                global("login-global", &budgets.login_global),
            ]
        }
        RateLimit::Register { identifier } => vec![
            networks("register-address", &budgets.register_address),
            vec![check(
                "register-identifier",
                blind_index(app, &identifier.key()),
                &budgets.register_identifier,
            )],
            global("register-global", &budgets.register_global),
        ],
        RateLimit::RequestMessage { key } => vec![
            networks("message-address", &budgets.message_address),
            message(app, key),
        ],
        RateLimit::RequestMessageAccount { target } => vec![
            if_stale(target, |key| message(app, key)),
            match target.account_or_devices(app) {
                AccountKey::KnownDevices(key) => {
                    vec![check("message-devices", key, &budgets.message_devices)]
                }
                // Every address is a mailbox of its own, and was charged before.
                AccountKey::Account(_) => Level::new(),
            },
        ],
        RateLimit::VerifyCode { key } => vec![
            networks("code-address", &budgets.code_address),
            code(app, key),
        ],
        RateLimit::VerifyCodeAccount { target } => vec![
            if_stale(target, |key| code(app, key)),
            match target.account_or_devices(app) {
                AccountKey::KnownDevices(key) => vec![
                    check("code-devices", key.clone(), &budgets.code_devices),
                    check("code-devices-day", key, &budgets.code_day),
                ],
                AccountKey::Account(key) => vec![
                    check("code-account", key.clone(), &budgets.code_account),
                    check("code-account-day", key, &budgets.code_day),
                ],
            },
        ],
        RateLimit::SendText {
            number,
            country,
            trust,
        } => text_message(app, number, country, trust),
        RateLimit::RedeemLink => vec![networks("verify-address", &budgets.verify_address)],
        RateLimit::Refresh => vec![networks("refresh-address", &budgets.refresh_address)],
        RateLimit::StepUp { user } => vec![vec![check(
            "step-up-user",
            user.to_string(),
            &budgets.step_up_user,
        )]],
        RateLimit::GoogleLogin => vec![networks("google-address", &budgets.google_address)],
        RateLimit::GoogleSubject { issuer, subject } => {
            let key = blind_index(app, &format!("{issuer} {subject}"));
            vec![vec![check("google-subject", key, &budgets.google_subject)]]
        }
        RateLimit::AccountChange { user } => vec![vec![check(
            "change-user",
            user.to_string(),
            &budgets.change_user,
        )]],
        RateLimit::AvatarUpload { user } => vec![vec![check(
            "avatar-user",
            user.to_string(),
            &budgets.avatar_user,
        )]],
        RateLimit::Administer { user } => vec![vec![check(
            "administer-user",
            user.to_string(),
            &budgets.administer_user,
        )]],
    }
}

/// A text message has one level: a message that is not sent must be charged nowhere.
///
/// Unknown recipients get a part of the global budget, so SMS pumping from many networks leaves the
/// rest to verified ones.
fn text_message(
    app: &App,
    number: &PhoneNumber,
    country: &str,
    trust: RecipientTrust,
) -> Vec<Level> {
    let budgets = &app.config.throttle;
    let own = blind_index(app, number.as_str());
    let mut level = vec![check("sms-number", own, &budgets.sms_number)];
    level.extend(global("sms-global", &budgets.sms_global));
    if trust != RecipientTrust::Verified {
        let range = blind_index(app, number.range());
        level.push(check("sms-range", range, &budgets.sms_range));
    }
    if trust == RecipientTrust::Unknown {
        let country = country.to_owned();
        level.push(check("sms-country", country, &budgets.sms_country));
        level.extend(global("sms-strangers", &budgets.sms_strangers));
    }
    vec![level]
}

pub(super) fn wrong_codes(app: &App) -> Level {
    global("code-wrong-global", &app.config.throttle.code_wrong_global)
}

/// The levels in the form that the store takes, every budget multiplied by `scale`.
pub(super) fn charges(levels: &[Level], scale: f64) -> Vec<Vec<Charge>> {
    let charge = |check: &LimitCheck| Charge {
        key: format!("{}:{}", check.scope, check.key),
        capacity: scaled(check.budget.count, scale),
        window: check.budget.window,
        cost: 1,
    };
    let level = |level: &Level| level.iter().map(charge).collect();
    levels.iter().map(level).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float casts saturate, which is what a scaled limit should do"
)]
fn scaled(count: u32, scale: f64) -> u32 {
    ((f64::from(count) * scale) as u32).max(1)
}

fn check(scope: &'static str, key: String, budget: &Budget) -> LimitCheck {
    let budget = *budget;
    LimitCheck { scope, key, budget }
}

fn global(scope: &'static str, budget: &Budget) -> Level {
    vec![check(scope, "all".to_owned(), budget)]
}

/// The network of the client and the wider ones around it: an attacker who controls a whole prefix
/// must not get a fresh budget with each address in it.
fn networks(app: &App, client: &Client, scope: &'static str, budget: &Budget) -> Level {
    network::buckets(client.address)
        .into_iter()
        .map(|bucket| {
            let wider = budget.times(multiple(&app.config.throttle, bucket.prefix));
            check(scope, blind_index(app, &bucket.key), &wider)
        })
        .collect()
}

/// The budget of a network, as a multiple of that of one address.
const fn multiple(budgets: &Throttle, prefix: network::Prefix) -> u32 {
    match prefix {
        network::Prefix::Host => 1,
        network::Prefix::V4Net24 => budgets.ipv4_24_multiple,
        network::Prefix::V6Net56 => budgets.ipv6_56_multiple,
        network::Prefix::V6Net48 => budgets.ipv6_48_multiple,
    }
}

fn login(app: &App, key: LimitKey<'_>) -> Level {
    let budgets = &app.config.throttle;
    let budget = match key {
        LimitKey::Device(_) => &budgets.login_device,
        LimitKey::Identifier(_) | LimitKey::User(_) => &budgets.login_identifier,
    };
    vec![check("login", key_text(app, key), budget)]
}

fn message(app: &App, key: LimitKey<'_>) -> Level {
    let budget = &app.config.throttle.message_identifier;
    vec![check("message", key_text(app, key), budget)]
}

fn code(app: &App, key: LimitKey<'_>) -> Level {
    let (key, budgets) = (key_text(app, key), &app.config.throttle);
    vec![
        check("code", key.clone(), &budgets.code_identifier),
        check("code-day", key, &budgets.code_day),
    ]
}

/// The charge of the identifier that an invalid device token skipped.
fn if_stale(target: Target<'_>, level: impl Fn(LimitKey<'_>) -> Level) -> Level {
    match target.device {
        DeviceStatus::Stale => level(LimitKey::Identifier(target.identifier)),
        DeviceStatus::Absent | DeviceStatus::Known => Level::new(),
    }
}

/// The key that is charged once the account is known.
enum AccountKey {
    /// Shared by all devices that the account knows.
    KnownDevices(String),
    /// Shared by everything else at the account, or at the identifier without one.
    Account(String),
}

impl Target<'_> {
    fn account_or_devices(self, app: &App) -> AccountKey {
        let account = self.account.map_or_else(
            || blind_index(app, &format!("unknown {}", self.identifier.key())),
            |user| blind_index(app, &format!("account {user}")),
        );
        if self.has_known_device() {
            AccountKey::KnownDevices(account)
        } else {
            AccountKey::Account(account)
        }
    }
}

/// Prefixed by kind: a typed identifier must not collide with a device or user id.
fn key_text(app: &App, key: LimitKey<'_>) -> String {
    let (kind, key) = match key {
        LimitKey::Identifier(identifier) => ("identifier", blind_index(app, &identifier.key())),
        LimitKey::User(user) => ("user", user.to_string()),
        LimitKey::Device(device) => ("device", blind_index(app, &device.limit_key())),
    };
    format!("{kind}:{key}")
}

/// Identifiers are personal data: the shared store sees only their keyed hashes.
fn blind_index(app: &App, text: &str) -> String {
    let index = app.keyring.blind_index("throttle", text);
    URL_SAFE_NO_PAD.encode(index.get(..16).unwrap_or(&index))
}
