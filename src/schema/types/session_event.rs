//! Events of sessions, for subscribers.

use async_graphql::{Context, Enum, Object};
use chrono::{DateTime, Utc};

use super::session::Session;
use crate::domain::event::DomainEvent;
use crate::domain::ids::UserId;
use crate::domain::session::RevocationReason;
use crate::schema::error::Error;
use crate::schema::request::ContextExt as _;
use crate::selectors::session_by_id::SessionWithReason;

/// The kind of a session event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum SessionEventKind {
    /// The session started.
    SignedIn,
    /// The session was ended before it expired.
    Ended,
}

/// Why a session was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum SessionEndReason {
    /// The user signed out.
    SignedOut,
    /// The user ended it from another session.
    Revoked,
    /// The password was set or changed.
    PasswordChanged,
    /// A used refresh token was presented again: it may have been stolen.
    TokenReused,
    /// An administrator ended it.
    EndedByStaff,
    /// The account was suspended.
    Suspended,
    /// The account was deleted.
    AccountDeleted,
    /// The account was recovered by the owner of its address, or lost the address.
    AccountRecovered,
    /// For another reason.
    Other,
}

impl From<RevocationReason> for SessionEndReason {
    fn from(reason: RevocationReason) -> Self {
        match reason {
            RevocationReason::SignedOut => Self::SignedOut,
            RevocationReason::Revoked | RevocationReason::OthersRevoked => Self::Revoked,
            RevocationReason::PasswordChanged
            | RevocationReason::PasswordSet
            | RevocationReason::PasswordReset
            | RevocationReason::InvitationAccepted => Self::PasswordChanged,
            RevocationReason::RefreshTokenReused => Self::TokenReused,
            RevocationReason::RevokedByStaff => Self::EndedByStaff,
            RevocationReason::Suspended => Self::Suspended,
            RevocationReason::DeletedByStaff
            | RevocationReason::Deleted
            | RevocationReason::Erased => Self::AccountDeleted,
            RevocationReason::AccountReset
            | RevocationReason::AddressDetached
            | RevocationReason::EmailReverted => Self::AccountRecovered,
        }
    }
}

#[derive(Clone, Debug)]
pub struct SessionEvent {
    kind: SessionEventKind,
    at: DateTime<Utc>,
    session: SessionWithReason,
}

impl SessionEvent {
    /// The session event of a domain event, if the row confirms it.
    pub(in crate::schema) async fn read(
        context: &Context<'_>,
        person: UserId,
        event: DomainEvent,
    ) -> Result<Option<Self>, Error> {
        let (kind, id) = match event {
            DomainEvent::SignedIn { session, .. } => (SessionEventKind::SignedIn, session),
            DomainEvent::SessionEnded { session, .. } => (SessionEventKind::Ended, session),
            DomainEvent::Audited { .. } => return Ok(None),
        };
        let Some(session) = context.loaders().session(id).await? else {
            return Ok(None);
        };
        // The event may come from the network, so the row decides whose session it is. It may also
        // be late: the sign-in that started the subscribing session is not reported.
        let own = context.session().map(|session| session.id);
        if session.session.user_id != person || own == Some(id) {
            return Ok(None);
        }
        let at = match kind {
            SessionEventKind::SignedIn => Some(session.session.created_at),
            SessionEventKind::Ended => session.session.revoked_at,
        };
        Ok(at.map(|at| Self { kind, at, session }))
    }
}

/// A change of one of the subscriber's sessions.
#[Object]
impl SessionEvent {
    /// The kind of the event.
    async fn kind(&self) -> SessionEventKind {
        self.kind
    }

    /// When it happened.
    async fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// The session in its current state.
    async fn session(&self) -> Session {
        Session(self.session.session.clone())
    }

    /// Why the session was ended; absent while it is live.
    async fn reason(&self) -> Option<SessionEndReason> {
        let recorded = self.session.revoked_reason.as_deref();
        recorded
            .map(|text| RevocationReason::parse(text).map_or(SessionEndReason::Other, Into::into))
    }
}
