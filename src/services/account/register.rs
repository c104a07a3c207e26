//! Creating an account.

use secrecy::SecretString;
use serde_json::json;

use super::{verify_email, verify_phone};
use crate::app::App;
use crate::domain::caller::Caller;
use crate::domain::email::EmailAddress;
use crate::domain::identifier::Identifier;
use crate::domain::ids::UserId;
use crate::domain::password::{Candidate, Password};
use crate::domain::phone::PhoneNumber;
use crate::domain::pid::Pid;
use crate::domain::role::{AuthProvider, Role};
use crate::domain::text::Layout;
use crate::domain::user::{MAX_NAME_LENGTH, User};
use crate::domain::violation::{Violation, ViolationRule};
use crate::fault::Fault;
use crate::messages::Message;
use crate::messages::parts::SignIn;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::erasure;
use crate::services::new_password::{self, PasswordRejected};
use crate::services::outbox;
use crate::services::profile_rules;
use crate::services::refused::Refused;
use crate::services::sign_in::{self, SessionTokens};
use crate::services::throttle::{self, RateLimit};
use crate::stores::user::{Credentials, NewUser};
use crate::stores::{Tx, decoy, password, person_key, user};

/// Attempts while the account that has the address is deleted or erased.
const MAX_ATTEMPTS: usize = 4;

/// The input of a registration.
#[derive(Debug)]
pub struct Registration {
    /// E-mail address; exactly one of this and the phone number.
    pub email: Option<String>,
    /// Phone number; exactly one of this and the e-mail address.
    pub phone: Option<String>,
    /// The password; optional with a phone number.
    pub password: Option<SecretString>,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// One of the roles that the configuration permits.
    pub role: Option<Role>,
}

/// The result of a registration.
#[derive(Debug)]
pub enum Registered {
    /// A message has been sent. The answer for a taken address is the same.
    ConfirmationSent,
    /// The account exists and this is its first session.
    SignedIn(Box<SessionTokens>),
}

/// Why no account was created.
#[derive(Debug, PartialEq, Eq)]
pub enum RegisterProblem {
    /// An account has the address. Only reported where no confirmation is required.
    Taken,
    /// The password is too weak, or known from a data breach.
    PasswordRejected(PasswordRejected),
}

/// The contact of the new account.
#[derive(Debug)]
enum Address {
    Email(EmailAddress),
    Phone(PhoneNumber),
}

struct Checked {
    address: Address,
    password: Option<Password>,
    first_name: String,
    last_name: String,
    role: Role,
}

/// Creates an account.
///
/// Where confirmation is required, a taken address costs the same hash, the same number of
/// statements and one message, so neither the answer nor its timing reveals an account.
pub async fn register(
    app: &App,
    caller: &Caller,
    input: Registration,
) -> Result<Registered, Refused<RegisterProblem>> {
    if !app.config.registration.enabled {
        return Err(Refused::RegistrationClosed);
    }
    let typed = input
        .email
        .as_deref()
        .or(input.phone.as_deref())
        .unwrap_or_default();
    let identifier = Identifier::read(typed, app.config.phone.region());
    throttle::charge(
        app,
        &caller.client,
        RateLimit::Register {
            identifier: &identifier,
        },
    )
    .await?;
    let checked = check(app, input).await?;
    let hash = match &checked.password {
        Some(password) => {
            if new_password::is_breached(app, password).await {
                let breached = PasswordRejected::Breached;
                return Err(Refused::Because(RegisterProblem::PasswordRejected(
                    breached,
                )));
            }
            let hashed = app.hasher.hash(password.clone()).await;
            Some(hashed?)
        }
        None => None,
    };
    for _ in 0..MAX_ATTEMPTS {
        let stored = store(app, caller, &checked, hash.clone()).await;
        if erasure::interrupted(&stored) {
            continue;
        }
        if let Some(registered) = stored? {
            return Ok(registered);
        }
    }
    Err(Fault::new("the account that has the address kept changing").into())
}

/// Creates the account, or tells the owner of its address; `None` if the account that had the address
/// was deleted meanwhile.
async fn store(
    app: &App,
    caller: &Caller,
    checked: &Checked,
    hash: Option<String>,
) -> Result<Option<Registered>, Refused<RegisterProblem>> {
    let identifier = checked.address.identifier();
    // Without a password only the code makes the account usable.
    let needs_verification = app.config.registration.requires_confirmation() || hash.is_none();

    let tx = app.begin().await?;
    let id: UserId = app.new_id();
    let inserted = user::insert(&tx, new_user(app, id, checked)).await?;
    let mut holders = user::find_all_by_identifier(&tx, &identifier)
        .await?
        .into_iter();
    let Some(owner) = holders.next() else {
        return Ok(None);
    };
    // Another account may have this address without having verified it. It keeps the address until
    // the new account verifies it, or loses it now where verification is never required.
    let is_free = inserted && (needs_verification || holders.next().is_none());
    let outcome = if is_free {
        create(&tx, app, caller, &owner.user, hash, needs_verification).await?
    } else if needs_verification {
        notify_owner(&tx, app, caller, &owner, &identifier).await?;
        Registered::ConfirmationSent
    } else {
        return Err(Refused::Because(RegisterProblem::Taken));
    };
    tx.commit().await?;
    app.wake_outbox();
    Ok(Some(outcome))
}

fn new_user<'a>(app: &App, id: UserId, checked: &'a Checked) -> NewUser<'a> {
    let (email, phone) = match &checked.address {
        Address::Email(email) => (Some(email), None),
        Address::Phone(phone) => (None, Some(phone)),
    };
    NewUser {
        id,
        pid: Pid::from_random(app.random.bytes()).as_str().to_owned(),
        email,
        phone,
        first_name: &checked.first_name,
        last_name: &checked.last_name,
        role: checked.role,
        auth_provider: match checked.address {
            Address::Email(_) => AuthProvider::Email,
            Address::Phone(_) => AuthProvider::Phone,
        },
        verified: false,
        now: app.clock.now(),
    }
}

/// Completes a new account. [`notify_owner`] executes as many statements: keep them equal.
async fn create(
    tx: &Tx,
    app: &App,
    caller: &Caller,
    new: &User,
    hash: Option<String>,
    needs_verification: bool,
) -> Result<Registered, Fault> {
    let now = app.clock.now();
    let sealed_key = audit::new_person_key(app, new.id);
    person_key::insert(tx, new.id, sealed_key.clone(), now).await?;
    match hash {
        Some(hash) => password::insert(tx, new.id, hash, now).await?,
        None => decoy::write(tx, app.new_id()).await?,
    }
    if new.email.is_some() {
        verify_email::send_link(tx, app, new).await?;
    } else if needs_verification {
        verify_phone::send_code(tx, app, new).await?;
    }
    let subject = Subject::UserWithKey {
        user: new.id,
        sealed_key: Some(&sealed_key),
    };
    let changes = json!({ "role": { "before": null, "after": new.role.as_str() } });
    let event = Event::new(Action::UserRegistered, subject)
        .by_user(new.id)
        .with(changes);
    audit::record(tx, app, &caller.client, event).await?;
    if needs_verification {
        return Ok(Registered::ConfirmationSent);
    }
    let user = user::record_login(tx, new.id, new.credential_version, now).await?;
    let user = user.ok_or_else(|| Fault::new("a new account cannot sign in"))?;
    let tokens = sign_in::start(tx, app, &caller.client, user, &["pwd"]).await?;
    Ok(Registered::SignedIn(Box::new(tokens)))
}

/// Notifies the owner of a taken address, and changes nothing in the account.
async fn notify_owner(
    tx: &Tx,
    app: &App,
    caller: &Caller,
    owner: &Credentials,
    identifier: &Identifier,
) -> Result<(), Fault> {
    decoy::write(tx, app.new_id()).await?;
    decoy::write(tx, app.new_id()).await?;
    let sign_in = app.config.links.base_url.as_str();
    if let Identifier::Phone(number) = identifier {
        if owner.user.phone_verified {
            verify_phone::send_other(tx, app, &owner.user, number, sign_in).await?;
        } else {
            verify_phone::send_code(tx, app, &owner.user).await?;
        }
    } else if owner.user.email_verified {
        decoy::write(tx, app.new_id()).await?;
        let to = owner.user.email.as_deref().unwrap_or_default();
        let recipient = outbox::email_recipient(&owner.user, to);
        let message = Message::AlreadyRegistered(SignIn(sign_in));
        outbox::enqueue(tx, app, &owner.user, &recipient, &message, None).await?;
    } else {
        // The first registration is unconfirmed. The link requires its password, so sending it again
        // helps only the first registrant.
        verify_email::send_link(tx, app, &owner.user).await?;
    }
    let subject = Subject::of(owner);
    audit::record(
        tx,
        app,
        &caller.client,
        Event::new(Action::RegistrationRepeated, subject),
    )
    .await
}

impl Address {
    fn identifier(&self) -> Identifier {
        match self {
            Self::Email(email) => Identifier::Email(email.clone()),
            Self::Phone(phone) => Identifier::Phone(phone.clone()),
        }
    }
}

async fn check(app: &App, input: Registration) -> Result<Checked, Refused<RegisterProblem>> {
    let mut violations = Vec::new();
    let mut note = |outcome: Result<_, Violation>| {
        outcome
            .map_err(|violation| {
                violations.push(violation);
            })
            .ok()
    };
    let address = address(app, input.email.as_deref(), input.phone.as_deref());
    let address = note(address.and_then(|address| {
        outbox::check_sms_allowed(app, "phone", &address.identifier())?;
        Ok(address)
    }));
    let first_name = name("firstName", &input.first_name);
    let last_name = name("lastName", &input.last_name);
    let role = role(app, input.role);
    for violation in [
        first_name.as_ref().err(),
        last_name.as_ref().err(),
        role.as_ref().err(),
    ] {
        violations.extend(violation.cloned());
    }
    let user_inputs = [
        input.email.as_deref().unwrap_or_default(),
        input.first_name.as_str(),
        input.last_name.as_str(),
    ];
    if input.password.is_none() && input.phone.is_none() {
        let message = "choose a password";
        violations.push(Violation::new("password", ViolationRule::Required, message));
    }
    let chosen = match input.password {
        Some(typed) => rate_password(app, typed, &user_inputs).await?.map(Some),
        None => Ok(None),
    };
    match (address, first_name, last_name, role, chosen) {
        (Some(address), Ok(first_name), Ok(last_name), Ok(role), Ok(password))
            if violations.is_empty() =>
        {
            Ok(Checked {
                address,
                password,
                first_name,
                last_name,
                role,
            })
        }
        (.., Err(weak)) if violations.is_empty() => {
            let rejected = PasswordRejected::TooWeak(weak.into());
            Err(Refused::Because(RegisterProblem::PasswordRejected(
                rejected,
            )))
        }
        (.., chosen) => {
            violations.extend(chosen.err());
            Err(Refused::Invalid(violations.into()))
        }
    }
}

/// Checks the length of the password and rates its strength.
async fn rate_password(
    app: &App,
    typed: SecretString,
    user_inputs: &[&str],
) -> Result<Result<Password, Violation>, Refused<RegisterProblem>> {
    match Candidate::new(typed, &app.config.password.policy()) {
        Ok(candidate) => Ok(new_password::rate(app, candidate, user_inputs).await?),
        Err(violation) => Ok(Err(violation)),
    }
}

fn address(app: &App, email: Option<&str>, phone: Option<&str>) -> Result<Address, Violation> {
    match (email, phone) {
        (Some(email), None) => EmailAddress::parse(email)
            .map(Address::Email)
            .map_err(|rule| Violation::new("email", ViolationRule::InvalidEmail, rule.to_string())),
        (None, Some(phone)) => PhoneNumber::parse(phone, app.config.phone.region())
            .map(Address::Phone)
            .map_err(|rule| Violation::new("phone", ViolationRule::InvalidPhone, rule.to_string())),
        _ => Err(Violation::new(
            "email",
            ViolationRule::ExactlyOne,
            "give an e-mail address or a phone number, and only one of them",
        )),
    }
}

/// A name may be empty.
fn name(path: &str, typed: &str) -> Result<String, Violation> {
    profile_rules::text(path, typed, Layout::Line, MAX_NAME_LENGTH)
}

/// Only roles that the configuration permits at registration.
fn role(app: &App, wanted: Option<Role>) -> Result<Role, Violation> {
    let role = wanted.unwrap_or(app.config.registration.default_role);
    if app.config.registration.roles.contains(&role) {
        Ok(role)
    } else {
        let message = "this role cannot be chosen at registration";
        Err(Violation::new("role", ViolationRule::NotAllowed, message))
    }
}
