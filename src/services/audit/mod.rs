//! Writing audit events: what happened, who did it, to whom and from where.
//!
//! Personal values are sealed under a key of the user they are about, so erasing that key erases
//! them everywhere (`details`). Each row carries a MAC over all its columns (`mac`). `operator` links
//! the rows into a chain and verifies it.

mod attempt;
mod details;
mod mac;

use std::net::IpAddr;

use serde_json::Value;

use crate::app::App;
use crate::domain::caller::{Caller, Client, SignedIn};
use crate::domain::identifier::Identifier;
use crate::domain::ids::UserId;
use crate::fault::Fault;
use crate::stores::user::Credentials;
use crate::stores::{Tx, audit_event, person_key};

pub(super) use attempt::{
    record_attempt, record_attempt_alone, record_unattributed, summarize_attempts,
};
use details::SealedFor;
pub use details::{Change, Details, open};
pub(super) use details::{new_person_key, open_person_key};
pub(super) use mac::{AuditMac, MacCheck};

macro_rules! actions {
    ($($name:ident: $text:literal,)+) => {
        /// What happened. The names are part of the API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Action {
            $(#[doc = concat!("`", $text, "`")] $name,)+
        }

        impl Action {
            /// The name in the database and in the API.
            pub(super) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// Parses a name.
            fn parse(text: &str) -> Option<Self> {
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
    AvatarUploadBegun: "avatar.upload_begun",
    AvatarSet: "avatar.set",
    AvatarRemoved: "avatar.removed",
    LoginSucceeded: "login.succeeded",
    LoginFailed: "login.failed",
    LoginRefused: "login.refused",
    LegacySessionBegun: "session.legacy_begun",
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
    DataExportRequested: "data_export.requested",
    DataExportDownloaded: "data_export.downloaded",
    UserInvited: "user.invited",
    InvitationAccepted: "user.invitation_accepted",
    UserUpdated: "user.updated",
    RoleChanged: "user.role_changed",
    StaffFunctionsChanged: "user.staff_functions_changed",
    UserSuspended: "user.suspended",
    UserUnsuspended: "user.unsuspended",
    UserDeleted: "user.deleted",
    UserRestored: "user.restored",
    ErasureRequested: "user.erasure_requested",
    UserErased: "user.erased",
    AccountDeleted: "account.deleted",
    DeletionCancelled: "account.deletion_cancelled",
    UserSessionsRevoked: "user.sessions_revoked",
    AdministrationRefused: "administration.refused",
    AdminCreated: "admin.created",
    SigningKeyRotated: "signing_key.rotated",
    AuditRemoved: "audit.removed",
    ImportFinished: "import.finished",
    UserImported: "user.imported",
    UserImportUpdated: "user.import_updated",
    LegacyExported: "export.finished",
}

/// One event.
#[derive(Debug)]
pub(super) struct Event<'a> {
    pub(super) action: Action,
    pub(super) actor: Option<UserId>,
    pub(super) subject: Subject<'a>,
    /// Values before and after the change, by field.
    pub(super) changes: Option<Value>,
}

/// The user that an event is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subject<'a> {
    /// A user whose sealed key the caller has read (`None` if they were erased).
    UserWithKey {
        user: UserId,
        sealed_key: Option<&'a [u8]>,
    },
    /// A user whose key has to be looked up.
    User(UserId),
    /// An identifier without an account; only its keyed hash is stored.
    UnknownIdentifier(&'a Identifier),
    /// A user who is erased by this event, whose details must not be personal: they stay readable.
    Erased(UserId),
    /// No user.
    System,
}

impl<'a> Subject<'a> {
    /// The user of an account that was read with its key.
    pub(super) fn of(account: &'a Credentials) -> Self {
        Self::UserWithKey {
            user: account.user.id,
            sealed_key: account.sealed_person_key.as_deref(),
        }
    }
}

impl<'a> Event<'a> {
    /// An event without an actor and without values.
    pub(super) fn new(action: Action, subject: Subject<'a>) -> Self {
        Self {
            action,
            actor: None,
            subject,
            changes: None,
        }
    }

    /// Sets the actor to the caller, if signed in.
    pub(super) fn by(mut self, caller: &Caller) -> Self {
        self.actor = caller.signed_in().map(SignedIn::user);
        self
    }

    /// Sets the actor.
    pub(super) fn by_user(mut self, user: UserId) -> Self {
        self.actor = Some(user);
        self
    }

    /// Sets the values.
    pub(super) fn with(mut self, changes: Value) -> Self {
        self.changes = Some(changes);
        self
    }
}

const IP_INDEX: &str = "audit-address";

/// Writes an event in the transaction that it records.
pub(super) async fn record(
    tx: &Tx,
    app: &App,
    client: &Client,
    event: Event<'_>,
) -> Result<(), Fault> {
    let stored = stored(tx, app, client, event).await?;
    let mac = AuditMac(app).event(&stored);
    audit_event::insert(tx, stored, mac).await
}

/// Writes the events of many accounts in the transaction that they record.
pub(super) async fn record_many(
    tx: &Tx,
    app: &App,
    client: &Client,
    events: Vec<Event<'_>>,
) -> Result<(), Fault> {
    let mut rows = Vec::with_capacity(events.len());
    for event in events {
        let stored = stored(tx, app, client, event).await?;
        let mac = AuditMac(app).event(&stored);
        rows.push((stored, mac));
    }
    audit_event::insert_many(tx, rows).await
}

async fn stored(
    tx: &Tx,
    app: &App,
    client: &Client,
    event: Event<'_>,
) -> Result<audit_event::StoredEvent, Fault> {
    let id = app.new_id();
    let (subject, sealed_for) = match event.subject {
        Subject::UserWithKey { user, sealed_key } => {
            let key = sealed_key.map(<[u8]>::to_vec);
            (Some(user), SealedFor::Person(user, key))
        }
        Subject::User(user) => {
            let key = person_key::find(tx, user).await?;
            (Some(user), SealedFor::Person(user, key))
        }
        Subject::Erased(user) => (Some(user), SealedFor::Operators),
        Subject::UnknownIdentifier(_) | Subject::System => (None, SealedFor::Operators),
    };
    let identifier_index = match event.subject {
        Subject::UnknownIdentifier(identifier) => Some(
            app.keyring
                .blind_index("audit-identifier", &identifier.key())
                .to_vec(),
        ),
        _ => None,
    };
    let details = details::serialize(client, event.changes)?;
    Ok(audit_event::StoredEvent {
        id,
        created_at: app.clock.now(),
        action: event.action.as_str().into(),
        actor: event.actor,
        // Reserved for delegation, which idgate does not have.
        on_behalf_of: None,
        subject,
        identifier_index,
        address_index: Some(address_index(app, client.address)),
        request_id: client.request_id.clone(),
        operation_name: client.operation_name.clone(),
        document_id: client.document_id.clone(),
        sealed_details: details::seal(app, id, &sealed_for, &details)?,
    })
}

/// Writes an event in a transaction of its own, for a failure that changed nothing else.
pub(super) async fn record_alone(
    app: &App,
    client: &Client,
    event: Event<'_>,
) -> Result<(), Fault> {
    let tx = app.begin().await?;
    record(&tx, app, client, event).await?;
    tx.commit().await
}

/// The blind index of a network address, by which events from it can be found.
fn address_index(app: &App, address: IpAddr) -> Vec<u8> {
    let text = address.to_canonical().to_string();
    app.keyring.blind_index(IP_INDEX, &text).to_vec()
}

/// The blind indices of a network address under every configured master key.
#[must_use]
pub fn ip_blind_indices(app: &App, address: IpAddr) -> Vec<Vec<u8>> {
    let text = address.to_canonical().to_string();
    let indices = app.keyring.blind_indices(IP_INDEX, &text);
    indices.into_iter().map(|index| index.to_vec()).collect()
}
