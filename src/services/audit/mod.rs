//! Writing audit events: what happened, by whom, about whom, from where.
//!
//! Personal values are sealed under the key of the person they are about, so erasing that key
//! erases them everywhere (`details`); each row carries a MAC over everything it says, and has a
//! place in a chain (`proof`). Linking and verifying the chain is work of `operator`.

mod attempt;
mod details;
mod proof;

use std::net::IpAddr;

use serde_json::Value;

use crate::app::App;
use crate::domain::caller::{Caller, Client};
use crate::domain::identifier::Identifier;
use crate::domain::ids::UserId;
use crate::fault::Fault;
use crate::stores::user::Credentials;
use crate::stores::{Tx, audit_event, person_key};

pub(super) use attempt::{attempt, noise, sum_up};
pub(super) use details::new_person_key;
pub use details::{Change, Details, open};
pub(super) use proof::{Author, Proof};

macro_rules! actions {
    ($($name:ident: $text:literal,)+) => {
        /// What can happen. The spelling is part of the API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Action {
            $($name,)+
        }

        impl Action {
            /// The spelling.
            pub(super) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// Reads the spelling.
            fn named(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

actions! {
    UserRegistered: "user.registered",
    RegistrationRepeated: "user.registration_repeated",
    EmailVerificationRequested: "email.verification_requested",
    EmailVerified: "email.verified",
    EmailVerificationFailed: "email.verification_failed",
    ProfileUpdated: "profile.updated",
    LoginSucceeded: "login.succeeded",
    LoginFailed: "login.failed",
    LoginRefused: "login.refused",
    SessionRevoked: "session.revoked",
    OtherSessionsRevoked: "session.others_revoked",
    SessionEnded: "session.ended",
    RefreshRefused: "session.refresh_refused",
    RefreshTokenReused: "session.refresh_token_reused",
    DeviceChanged: "session.device_changed",
    SteppedUp: "session.stepped_up",
    StepUpFailed: "session.step_up_failed",
    PhoneVerified: "phone.verified",
    CodeRequested: "code.requested",
    CodeRefused: "code.refused",
    PasswordResetRequested: "password.reset_requested",
    PasswordReset: "password.reset",
    PasswordResetRefused: "password.reset_refused",
    PasswordChanged: "password.changed",
    PasswordChangeFailed: "password.change_failed",
    PasswordSet: "password.set",
    EmailChangeRequested: "email.change_requested",
    EmailChanged: "email.changed",
    EmailReverted: "email.reverted",
    PhoneChangeRequested: "phone.change_requested",
    PhoneChanged: "phone.changed",
    AccountReclaimed: "account.reclaimed",
    AddressReleased: "account.address_released",
    IdentityLinked: "identity.linked",
    IdentityUnlinked: "identity.unlinked",
    GoogleLoginRefused: "google.login_refused",
    UserInvited: "user.invited",
    InvitationAccepted: "user.invitation_accepted",
    UserUpdated: "user.updated",
    RoleChanged: "user.role_changed",
    StaffFunctionsChanged: "user.staff_functions_changed",
    UserSuspended: "user.suspended",
    UserUnsuspended: "user.unsuspended",
    UserSessionsRevoked: "user.sessions_revoked",
    AdministrationRefused: "administration.refused",
    AdminCreated: "admin.created",
    SigningKeyRotated: "signing_key.rotated",
    AuditRemoved: "audit.removed",
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

impl<'a> About<'a> {
    /// The person of an account that was read with its key.
    pub(super) fn of(account: &'a Credentials) -> Self {
        Self::Person {
            user: account.user.id,
            sealed_key: account.sealed_person_key.as_deref(),
        }
    }
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

const ADDRESS_INDEX: &str = "audit-address";

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
    let details = details::of(client, event.changes)?;
    let stored = audit_event::StoredEvent {
        id,
        created_at: app.clock.now(),
        action: event.action.as_str().into(),
        actor: event.actor,
        // The column waits for delegation; nothing in idgate is done in another's name.
        on_behalf_of: None,
        subject,
        identifier_index,
        address_index: Some(address_index(app, client.address)),
        request_id: client.request_id.clone(),
        operation_name: client.operation_name.clone(),
        document_id: client.document_id.clone(),
        sealed_details: details::seal(app, id, subject, sealed_key.as_deref(), &details)?,
    };
    let mac = Proof(app).of_event(&stored);
    audit_event::insert(tx, stored, mac).await
}

/// The keyed hash under which events from one network address can be found again.
fn address_index(app: &App, address: IpAddr) -> Vec<u8> {
    let text = address.to_canonical().to_string();
    app.keyring.blind_index(ADDRESS_INDEX, &text).to_vec()
}

/// The keyed hashes of one network address under every master key that is known.
#[must_use]
pub fn address_indices(app: &App, address: IpAddr) -> Vec<Vec<u8>> {
    let text = address.to_canonical().to_string();
    let indices = app.keyring.blind_indices(ADDRESS_INDEX, &text);
    indices.into_iter().map(|index| index.to_vec()).collect()
}
