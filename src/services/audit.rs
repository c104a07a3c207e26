//! Writing audit events: what happened, by whom, about whom, from where.
//!
//! Personal values are sealed under the key of the person they are about, so erasing that key
//! erases them everywhere; each row carries a MAC over everything it says.

use std::net::IpAddr;

use serde_json::{Map, Value};

use crate::app::App;
use crate::crypto::keyring::Purpose;
use crate::crypto::seal::SealingKey;
use crate::domain::caller::{Caller, Client};
use crate::domain::identifier::Identifier;
use crate::domain::ids::UserId;
use crate::fault::Fault;
use crate::stores::{Tx, audit_event, person_key};

/// What can happen. The spelling is part of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    UserRegistered,
    RegistrationRepeated,
    EmailVerificationRequested,
    EmailVerified,
    EmailVerificationFailed,
    ProfileUpdated,
    LoginSucceeded,
    LoginFailed,
    LoginRefused,
    SessionRevoked,
    OtherSessionsRevoked,
    SessionEnded,
    RefreshRefused,
    RefreshTokenReused,
    DeviceChanged,
    SteppedUp,
    StepUpFailed,
    PhoneVerified,
    CodeRequested,
    CodeRefused,
    PasswordResetRequested,
    PasswordReset,
    PasswordResetRefused,
    PasswordChanged,
    PasswordChangeFailed,
    PasswordSet,
    EmailChangeRequested,
    EmailChanged,
    EmailReverted,
    PhoneChangeRequested,
    PhoneChanged,
    AccountReclaimed,
    AddressReleased,
    IdentityLinked,
    IdentityUnlinked,
    GoogleLoginRefused,
    UserInvited,
    InvitationAccepted,
    UserUpdated,
    RoleChanged,
    StaffFunctionsChanged,
    UserSuspended,
    UserUnsuspended,
    UserSessionsRevoked,
    AdminCreated,
    SigningKeyRotated,
}

impl Action {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::UserRegistered => "user.registered",
            Self::RegistrationRepeated => "user.registration_repeated",
            Self::EmailVerificationRequested => "email.verification_requested",
            Self::EmailVerified => "email.verified",
            Self::EmailVerificationFailed => "email.verification_failed",
            Self::ProfileUpdated => "profile.updated",
            Self::LoginSucceeded => "login.succeeded",
            Self::LoginFailed => "login.failed",
            Self::LoginRefused => "login.refused",
            Self::SessionRevoked => "session.revoked",
            Self::OtherSessionsRevoked => "session.others_revoked",
            Self::SessionEnded => "session.ended",
            Self::RefreshRefused => "session.refresh_refused",
            Self::RefreshTokenReused => "session.refresh_token_reused",
            Self::DeviceChanged => "session.device_changed",
            Self::SteppedUp => "session.stepped_up",
            Self::StepUpFailed => "session.step_up_failed",
            Self::PhoneVerified => "phone.verified",
            Self::CodeRequested => "code.requested",
            Self::CodeRefused => "code.refused",
            Self::PasswordResetRequested => "password.reset_requested",
            Self::PasswordReset => "password.reset",
            Self::PasswordResetRefused => "password.reset_refused",
            Self::PasswordChanged => "password.changed",
            Self::PasswordChangeFailed => "password.change_failed",
            Self::PasswordSet => "password.set",
            Self::EmailChangeRequested => "email.change_requested",
            Self::EmailChanged => "email.changed",
            Self::EmailReverted => "email.reverted",
            Self::PhoneChangeRequested => "phone.change_requested",
            Self::PhoneChanged => "phone.changed",
            Self::AccountReclaimed => "account.reclaimed",
            Self::AddressReleased => "account.address_released",
            Self::IdentityLinked => "identity.linked",
            Self::IdentityUnlinked => "identity.unlinked",
            Self::GoogleLoginRefused => "google.login_refused",
            Self::UserInvited => "user.invited",
            Self::InvitationAccepted => "user.invitation_accepted",
            Self::UserUpdated => "user.updated",
            Self::RoleChanged => "user.role_changed",
            Self::StaffFunctionsChanged => "user.staff_functions_changed",
            Self::UserSuspended => "user.suspended",
            Self::UserUnsuspended => "user.unsuspended",
            Self::UserSessionsRevoked => "user.sessions_revoked",
            Self::AdminCreated => "admin.created",
            Self::SigningKeyRotated => "signing_key.rotated",
        }
    }
}

/// One event.
#[derive(Debug)]
pub(super) struct Event<'a> {
    pub(super) action: Action,
    pub(super) actor: Option<UserId>,
    pub(super) about: About<'a>,
    /// Values before and after, by field.
    pub(super) changes: Option<Value>,
}

/// Whom an event is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum About<'a> {
    /// A person, whose sealed key the caller has at hand (or knows to be gone).
    Person {
        user: UserId,
        sealed_key: Option<&'a [u8]>,
    },
    /// A person whose key has to be looked up.
    Whom(UserId),
    /// An identifier that names no account; only its keyed hash is kept.
    Nobody(&'a Identifier),
    /// The system itself.
    System,
}

impl<'a> Event<'a> {
    /// An event without recorded values, done by nobody who is signed in.
    pub(super) fn new(action: Action, about: About<'a>) -> Self {
        Self {
            action,
            actor: None,
            about,
            changes: None,
        }
    }

    /// The same event, done by the caller if one is signed in.
    pub(super) fn by(mut self, caller: &Caller) -> Self {
        self.actor = caller
            .signed_in()
            .map(crate::domain::caller::SignedIn::user);
        self
    }

    /// The same event, done by this person.
    pub(super) fn by_user(mut self, user: UserId) -> Self {
        self.actor = Some(user);
        self
    }

    /// The same event with values.
    pub(super) fn with(mut self, changes: Value) -> Self {
        self.changes = Some(changes);
        self
    }
}

/// How the details of a row are sealed; the first byte of the sealed value.
const UNDER_PERSON_KEY: u8 = 1;
const UNDER_KEYRING: u8 = 2;

/// Writes an event into the transaction of what it records.
pub(super) async fn record(
    tx: &Tx,
    app: &App,
    client: &Client,
    event: Event<'_>,
) -> Result<(), Fault> {
    let id = app.new_id();
    let (subject, sealed_key) = match event.about {
        About::Person { user, sealed_key } => (Some(user), sealed_key.map(<[u8]>::to_vec)),
        About::Whom(user) => (Some(user), person_key::find_within(tx, user).await?),
        About::Nobody(_) | About::System => (None, None),
    };
    let identifier_index = match event.about {
        About::Nobody(identifier) => Some(
            app.keyring
                .blind_index("audit-identifier", &identifier.key())
                .to_vec(),
        ),
        _ => None,
    };
    let details = details(client, event.changes)?;
    let stored = audit_event::StoredEvent {
        id,
        created_at: app.clock.now(),
        action: event.action.as_str(),
        actor: event.actor,
        on_behalf_of: None,
        subject,
        identifier_index,
        address_index: Some(address_index(app, client.address)),
        request_id: client.request_id.clone(),
        operation_name: client.operation_name.clone(),
        document_id: client.document_id.clone(),
        sealed_details: seal(
            app,
            id.uuid().as_bytes(),
            subject,
            sealed_key.as_deref(),
            &details,
        )?,
    };
    let mac = mac(app, &stored);
    audit_event::insert(tx, stored, mac).await
}

/// The keyed hash under which events from one network address can be found again.
fn address_index(app: &App, address: IpAddr) -> Vec<u8> {
    app.keyring
        .blind_index("audit-address", &address.to_canonical().to_string())
        .to_vec()
}

fn details(client: &Client, changes: Option<Value>) -> Result<Vec<u8>, Fault> {
    let agent = client.agent();
    let mut details = Map::new();
    details.insert("ipAddress".to_owned(), client.address.to_string().into());
    details.insert("userAgent".to_owned(), agent.text.clone().into());
    details.insert("browser".to_owned(), agent.browser.clone().into());
    details.insert("os".to_owned(), agent.os.clone().into());
    details.insert("device".to_owned(), agent.device.clone().into());
    if let Some(changes) = changes {
        details.insert("changes".to_owned(), changes);
    }
    Ok(serde_json::to_vec(&details)?)
}

fn seal(
    app: &App,
    aad: &[u8],
    subject: Option<UserId>,
    sealed_key: Option<&[u8]>,
    details: &[u8],
) -> Result<Vec<u8>, Fault> {
    let (tag, sealed) = if let Some((user, sealed_key)) = subject.zip(sealed_key) {
        let key = open_person_key(app, user, sealed_key)?;
        (UNDER_PERSON_KEY, key.seal(&app.random, aad, details))
    } else {
        let purpose = Purpose::AuditUnattributed;
        (
            UNDER_KEYRING,
            app.keyring.seal(purpose, &app.random, aad, details),
        )
    };
    let mut value = Vec::with_capacity(sealed.len() + 1);
    value.push(tag);
    value.extend_from_slice(&sealed);
    Ok(value)
}

/// Makes the key of a new person and seals it under the keyring.
pub(super) fn new_person_key(app: &App, user: UserId) -> Vec<u8> {
    let key = zeroize::Zeroizing::new(app.random.bytes::<32>());
    app.keyring.seal(
        Purpose::PersonKeys,
        &app.random,
        user.uuid().as_bytes(),
        &*key,
    )
}

fn open_person_key(app: &App, user: UserId, sealed: &[u8]) -> Result<SealingKey, Fault> {
    let key = app
        .keyring
        .open(Purpose::PersonKeys, user.uuid().as_bytes(), sealed)?;
    SealingKey::from_slice(&key).ok_or_else(|| Fault::new("a person key has the wrong length"))
}

/// The MAC over every column, each with its length, absent ones told apart from empty ones.
fn mac(app: &App, event: &audit_event::StoredEvent) -> Vec<u8> {
    let id = |id: Option<UserId>| id.map(|id| id.uuid().as_bytes().to_vec());
    let text = |text: &Option<String>| text.as_ref().map(|text| text.as_bytes().to_vec());
    let columns: [Option<Vec<u8>>; 12] = [
        Some(event.id.uuid().as_bytes().to_vec()),
        Some(event.created_at.timestamp_micros().to_be_bytes().to_vec()),
        Some(event.action.as_bytes().to_vec()),
        id(event.actor),
        id(event.on_behalf_of),
        id(event.subject),
        event.identifier_index.clone(),
        event.address_index.clone(),
        Some(event.request_id.as_bytes().to_vec()),
        text(&event.operation_name),
        text(&event.document_id),
        Some(event.sealed_details.clone()),
    ];
    let encoded: Vec<Vec<u8>> = columns
        .into_iter()
        .map(|column| match column {
            None => vec![0],
            Some(bytes) => [vec![1], bytes].concat(),
        })
        .collect();
    let parts: Vec<&[u8]> = encoded.iter().map(Vec::as_slice).collect();
    app.keyring.mac(Purpose::AuditMac, &parts)
}
