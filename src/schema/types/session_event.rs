//! Something that happened to a person's sessions.

use async_graphql::{Context, Enum, Object};
use chrono::{DateTime, Utc};

use super::session::Session;
use crate::domain::event::DomainEvent;
use crate::domain::ids::UserId;
use crate::domain::session::RevocationReason;
use crate::schema::error::Error;
use crate::schema::request::ContextExt as _;
use crate::selectors::session_by_id::KnownSession;

/// What happened to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum SessionEventKind {
    /// It began.
    SignedIn,
    /// It was ended before its time.
    Ended,
}

/// Why a session was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum SessionEndReason {
    /// The person signed out there.
    SignedOut,
    /// The person ended it from another session.
    Revoked,
    /// The password was set or changed.
    PasswordChanged,
    /// Somebody presented a refresh token that had been used: it may have been stolen.
    TokenReused,
    /// An administrator ended it.
    EndedByStaff,
    /// The account was suspended.
    Suspended,
    /// The account went back to whoever owns the address, or lost it.
    AccountRecovered,
    /// Another reason.
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
            RevocationReason::AccountReset
            | RevocationReason::AddressDetached
            | RevocationReason::EmailReverted => Self::AccountRecovered,
        }
    }
}

/// Something that happened to a session of the person who listens.
#[derive(Clone, Debug)]
pub struct SessionEvent {
    kind: SessionEventKind,
    at: DateTime<Utc>,
    known: KnownSession,
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
        let Some(known) = context.loaders().session(id).await? else {
            return Ok(None);
        };
        // The event may come over the network: whose session it is, the row says. And it may
        // come late: nobody needs to be told of the sign-in that they listen by.
        let listens = context.session().map(|session| session.id);
        if known.session.user_id != person || listens == Some(id) {
            return Ok(None);
        }
        let at = match kind {
            SessionEventKind::SignedIn => Some(known.session.created_at),
            SessionEventKind::Ended => known.session.revoked_at,
        };
        Ok(at.map(|at| Self { kind, at, known }))
    }
}

/// Something that happened to a session of the person who listens.
#[Object]
impl SessionEvent {
    /// What happened.
    async fn kind(&self) -> SessionEventKind {
        self.kind
    }

    /// When it happened.
    async fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// The session, as it is now.
    async fn session(&self) -> Session {
        Session(self.known.session.clone())
    }

    /// Why the session was ended; absent while it lives.
    async fn reason(&self) -> Option<SessionEndReason> {
        let recorded = self.known.revoked_reason.as_deref();
        recorded
            .map(|text| RevocationReason::parse(text).map_or(SessionEndReason::Other, Into::into))
    }
}
