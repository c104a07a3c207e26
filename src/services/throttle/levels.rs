//! Which budgets an attempt is charged to, level by level.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Against, Attempt, Receiver, Standing, Target};
use crate::app::App;
use crate::config::{Budget, Throttle};
use crate::domain::caller::Client;
use crate::domain::network;
use crate::domain::phone::PhoneNumber;
use crate::volatile::Charge;

/// A budget and whose it is.
pub(super) struct Line {
    scope: &'static str,
    key: String,
    budget: Budget,
}

/// Lines that are charged together or not at all.
pub(super) type Level = Vec<Line>;

/// The levels of an attempt, in the order in which they are charged.
///
/// First what only the sender pays for, then what others depend on, and the limits for everybody
/// together at the end: attempts that were refused for another reason must not fill those.
pub(super) fn of(app: &App, client: &Client, attempt: Attempt<'_>) -> Vec<Level> {
    let budgets = &app.config.throttle;
    let networks = |scope, budget| networks(app, client, scope, budget);
    match attempt {
        Attempt::Login { against } => vec![
            networks("login-address", &budgets.login_address),
            login(app, against),
        ],
        Attempt::LoginTo { target } => {
            let (account, devices) = (&budgets.login_account, &budgets.login_devices);
            vec![
                stale(target, |against| login(app, against)),
                vec![match target.account_or_devices(app) {
                    Whose::Devices(key) => line("login-devices", key, devices),
                    Whose::Account(key) => line("login-account", key, account),
                }],
                everybody("login-global", &budgets.login_global),
            ]
        }
        Attempt::Register { identifier } => vec![
            networks("register-address", &budgets.register_address),
            vec![line(
                "register-identifier",
                hidden(app, &identifier.key()),
                &budgets.register_identifier,
            )],
            everybody("register-global", &budgets.register_global),
        ],
        Attempt::RequestMessage { against } => vec![
            networks("message-address", &budgets.message_address),
            message(app, against),
        ],
        Attempt::RequestMessageTo { target } => vec![
            stale(target, |against| message(app, against)),
            match target.account_or_devices(app) {
                Whose::Devices(key) => {
                    vec![line("message-devices", key, &budgets.message_devices)]
                }
                // Each address is a mailbox of its own.
                Whose::Account(_) => Level::new(),
            },
        ],
        Attempt::TryCode { against } => vec![
            networks("code-address", &budgets.code_address),
            code(app, against),
        ],
        Attempt::TryCodeOf { target } => vec![
            stale(target, |against| code(app, against)),
            match target.account_or_devices(app) {
                Whose::Devices(key) => vec![
                    line("code-devices", key.clone(), &budgets.code_devices),
                    line("code-devices-day", key, &budgets.code_day),
                ],
                Whose::Account(key) => vec![
                    line("code-account", key.clone(), &budgets.code_account),
                    line("code-account-day", key, &budgets.code_day),
                ],
            },
        ],
        Attempt::SendText {
            number,
            country,
            receiver,
        } => text(app, number, country, receiver),
        Attempt::RedeemLink => vec![networks("verify-address", &budgets.verify_address)],
        Attempt::Refresh => vec![networks("refresh-address", &budgets.refresh_address)],
        Attempt::StepUp { user } => vec![vec![line(
            "step-up-user",
            user.to_string(),
            &budgets.step_up_user,
        )]],
        Attempt::Google => vec![networks("google-address", &budgets.google_address)],
        Attempt::GoogleSubject { issuer, subject } => {
            let key = hidden(app, &format!("{issuer} {subject}"));
            vec![vec![line("google-subject", key, &budgets.google_subject)]]
        }
        Attempt::OwnChange { user } => vec![vec![line(
            "change-user",
            user.to_string(),
            &budgets.change_user,
        )]],
        Attempt::Administer { user } => vec![vec![line(
            "administer-user",
            user.to_string(),
            &budgets.administer_user,
        )]],
    }
}

/// The one level of a text message: what does not leave must use up nothing, neither the country's
/// texts nor everybody's.
///
/// Strangers get a part of the limit for everybody only, so a flood from many networks leaves the
/// rest to people who are known.
fn text(app: &App, number: &PhoneNumber, country: &str, receiver: Receiver) -> Vec<Level> {
    let budgets = &app.config.throttle;
    let own = hidden(app, number.as_str());
    let mut level = vec![line("sms-number", own, &budgets.sms_number)];
    level.extend(everybody("sms-global", &budgets.sms_global));
    if receiver != Receiver::Proven {
        let range = hidden(app, number.range());
        level.push(line("sms-range", range, &budgets.sms_range));
    }
    if receiver == Receiver::Stranger {
        let country = country.to_owned();
        level.push(line("sms-country", country, &budgets.sms_country));
        level.extend(everybody("sms-strangers", &budgets.sms_strangers));
    }
    vec![level]
}

pub(super) fn wrong_code(app: &App) -> Level {
    everybody("code-wrong-global", &app.config.throttle.code_wrong_global)
}

/// The levels as the store takes them, every budget multiplied by `scale`.
pub(super) fn charges(levels: &[Level], scale: f64) -> Vec<Vec<Charge>> {
    let charge = |line: &Line| Charge {
        key: format!("{}:{}", line.scope, line.key),
        capacity: scaled(line.budget.count, scale),
        window: line.budget.window,
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

fn line(scope: &'static str, key: String, budget: &Budget) -> Line {
    let budget = *budget;
    Line { scope, key, budget }
}

fn everybody(scope: &'static str, budget: &Budget) -> Level {
    vec![line(scope, "all".to_owned(), budget)]
}

/// The network of the client and the wider ones around it: a provider that hands out whole networks
/// must not hand out fresh budgets with them.
fn networks(app: &App, client: &Client, scope: &'static str, budget: &Budget) -> Level {
    network::buckets(client.address)
        .into_iter()
        .map(|bucket| {
            let wider = budget.times(multiple(&app.config.throttle, bucket.prefix));
            line(scope, hidden(app, &bucket.key), &wider)
        })
        .collect()
}

/// How many times the budget of one address a network has.
const fn multiple(budgets: &Throttle, prefix: network::Prefix) -> u32 {
    match prefix {
        network::Prefix::Host => 1,
        network::Prefix::V4Net24 => budgets.ipv4_24_multiple,
        network::Prefix::V6Net56 => budgets.ipv6_56_multiple,
        network::Prefix::V6Net48 => budgets.ipv6_48_multiple,
    }
}

fn login(app: &App, against: Against<'_>) -> Level {
    let budgets = &app.config.throttle;
    let budget = match against {
        Against::Device(_) => &budgets.login_device,
        Against::Identifier(_) | Against::Person(_) => &budgets.login_identifier,
    };
    vec![line("login", counted(app, against), budget)]
}

fn message(app: &App, against: Against<'_>) -> Level {
    let budget = &app.config.throttle.message_identifier;
    vec![line("message", counted(app, against), budget)]
}

fn code(app: &App, against: Against<'_>) -> Level {
    let (key, budgets) = (counted(app, against), &app.config.throttle);
    vec![
        line("code", key.clone(), &budgets.code_identifier),
        line("code-day", key, &budgets.code_day),
    ]
}

/// What a device token would have spared the identifier, had it been worth anything.
fn stale(target: Target<'_>, level: impl Fn(Against<'_>) -> Level) -> Level {
    match target.device {
        Standing::Stale => level(Against::Identifier(target.identifier)),
        Standing::None | Standing::Known => Level::new(),
    }
}

/// Who pays once the account is known.
enum Whose {
    /// All devices together that the account knows.
    Devices(String),
    /// Everybody else at the account, or at the identifier that names nobody.
    Account(String),
}

impl Target<'_> {
    fn account_or_devices(self, app: &App) -> Whose {
        let account = self.account.map_or_else(
            || hidden(app, &format!("nobody {}", self.identifier.key())),
            |user| hidden(app, &format!("account {user}")),
        );
        if self.by_known_device() {
            Whose::Devices(account)
        } else {
            Whose::Account(account)
        }
    }
}

/// The kinds of keys never meet: what somebody types must not name a device or a person.
fn counted(app: &App, against: Against<'_>) -> String {
    let (kind, key) = match against {
        Against::Identifier(identifier) => ("identifier", hidden(app, &identifier.key())),
        Against::Person(user) => ("person", user.to_string()),
        Against::Device(device) => ("device", hidden(app, &device.bucket())),
    };
    format!("{kind}:{key}")
}

/// Identifiers are personal: the shared store sees only their keyed hashes.
fn hidden(app: &App, text: &str) -> String {
    let index = app.keyring.blind_index("throttle", text);
    URL_SAFE_NO_PAD.encode(index.get(..16).unwrap_or(&index))
}
