//! A sign-in on a device, and the list of them.

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};

use crate::domain::ids::UserId;
use crate::domain::session;
use crate::schema::connection::{PageArguments, PageInfo, encode_cursor};
use crate::schema::error::Error;
use crate::schema::request::ContextExt as _;
use crate::selectors::session::{SessionCountOfUser, SessionsOfUser};

/// A sign-in on a device.
#[derive(Clone, Debug)]
pub struct Session(pub session::Session);

/// A sign-in on a device: from its first proof of who one is until it expires or is ended.
#[Object]
impl Session {
    /// The identifier, also the `sid` of access tokens.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Whether this is the session that asks.
    async fn current(&self, context: &Context<'_>) -> bool {
        context
            .session()
            .is_some_and(|session| session.id == self.0.id)
    }

    /// When it began.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was last refreshed.
    async fn last_seen_at(&self) -> DateTime<Utc> {
        self.0.last_seen_at
    }

    /// When it ends, at the latest.
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }

    /// The network address it was last refreshed from.
    async fn ip_address(&self) -> Option<&str> {
        self.0.ip_address.as_deref()
    }

    /// What the program calls itself.
    async fn user_agent(&self) -> &str {
        &self.0.user_agent
    }

    /// The browser, as far as the user agent tells.
    async fn browser(&self) -> &str {
        &self.0.browser
    }

    /// The operating system, as far as the user agent tells.
    async fn os(&self) -> &str {
        &self.0.os
    }

    /// `desktop`, `mobile`, `tablet`, `bot` or `unknown`.
    async fn device(&self) -> &str {
        &self.0.device
    }

    /// How the person proved who they are when they last did, at the sign-in or by `stepUp` or a
    /// code for `STEP_UP` (RFC 8176); `fed` is the word of an identity provider.
    async fn amr(&self) -> &[String] {
        &self.0.amr
    }
}

/// A place in the list.
#[derive(Clone, Debug, SimpleObject)]
pub struct SessionEdge {
    /// The session.
    node: Session,
    /// Its place, for `after` and `before`.
    cursor: String,
}

/// A part of a list of sessions.
#[derive(Clone, Debug)]
pub struct SessionConnection {
    user: UserId,
    now: DateTime<Utc>,
    sessions: Vec<session::Session>,
    page_info: PageInfo,
}

impl SessionConnection {
    /// Loads a page of a person's live sessions.
    pub(in crate::schema) async fn load(
        context: &Context<'_>,
        user: UserId,
        arguments: PageArguments,
    ) -> Result<Self, Error> {
        let now = context.app().clock.now();
        let key = SessionsOfUser {
            user,
            now,
            page: arguments.request(),
        };
        let mut sessions = context.loaders().sessions(key).await?;
        let more = arguments.cut(&mut sessions);
        let cursor =
            |session: &session::Session| encode_cursor((session.created_at, session.id.uuid()));
        let page_info = arguments.page_info(
            more,
            sessions.first().map(cursor),
            sessions.last().map(cursor),
        );
        Ok(Self {
            user,
            now,
            sessions,
            page_info,
        })
    }
}

/// A part of a list of sessions.
#[Object]
impl SessionConnection {
    /// The sessions with their places.
    async fn edges(&self) -> Vec<SessionEdge> {
        let edge = |session: &session::Session| SessionEdge {
            cursor: encode_cursor((session.created_at, session.id.uuid())),
            node: Session(session.clone()),
        };
        self.sessions.iter().map(edge).collect()
    }

    /// The sessions alone.
    async fn nodes(&self) -> Vec<Session> {
        self.sessions.iter().cloned().map(Session).collect()
    }

    /// Where this part ends, and whether there is more.
    async fn page_info(&self) -> &PageInfo {
        &self.page_info
    }

    /// How many there are in all; counted only when asked for.
    async fn total_count(&self, context: &Context<'_>) -> Result<i64, Error> {
        let key = SessionCountOfUser {
            user: self.user,
            now: self.now,
        };
        let count = context.loaders().session_count(key).await?;
        Ok(i64::try_from(count).unwrap_or(i64::MAX))
    }
}
