//! Sessions and their lists.

use async_graphql::{Context, ID, Object};
use chrono::{DateTime, Utc};

use crate::domain::ids::UserId;
use crate::domain::session;
use crate::schema::connection::{Connection, PageArguments, TimeCursor, TotalCount};
use crate::schema::directives::{AtMost, Key};
use crate::schema::error::Error;
use crate::schema::request::ContextExt as _;
use crate::selectors::session::{SessionCountOfUser, SessionsOfUser};

#[derive(Clone, Debug)]
pub struct Session(pub session::Session);

/// A sign-in on a device, from authentication until it expires or is ended.
#[Object(directive = Key::apply("id"))]
impl Session {
    /// The ID; the `sid` claim of access tokens.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Whether this is the session of the request.
    async fn current(&self, context: &Context<'_>) -> bool {
        context
            .session()
            .is_some_and(|session| session.id == self.0.id)
    }

    /// When the user signed in.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was last refreshed.
    async fn last_seen_at(&self) -> DateTime<Utc> {
        self.0.last_seen_at
    }

    /// When the session expires at the latest.
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }

    /// The network address of the last refresh.
    async fn ip_address(&self) -> Option<&str> {
        self.0.ip_address.as_deref()
    }

    /// The user agent.
    async fn user_agent(&self) -> &str {
        &self.0.user_agent
    }

    /// The browser, according to the user agent.
    async fn browser(&self) -> &str {
        &self.0.browser
    }

    /// The operating system, according to the user agent.
    async fn os(&self) -> &str {
        &self.0.os
    }

    /// `desktop`, `mobile`, `tablet`, `bot` or `unknown`.
    async fn device(&self) -> &str {
        &self.0.device
    }

    /// The authentication methods (RFC 8176) of the last authentication: the sign-in, `stepUp`, or
    /// a code for `STEP_UP`. `fed` stands for an identity provider.
    #[graphql(directive = AtMost::apply(8))]
    async fn amr(&self) -> &[String] {
        &self.0.amr
    }
}

/// A page of sessions.
pub(in crate::schema) type SessionConnection = Connection<TimeCursor, Session>;

/// Loads a page of a user's live sessions.
pub(in crate::schema) async fn load_page(
    context: &Context<'_>,
    user: UserId,
    arguments: PageArguments,
) -> Result<SessionConnection, Error> {
    let now = context.now();
    let page = arguments.request();
    let sessions = context.loaders();
    let sessions = sessions.sessions(SessionsOfUser { user, now, page });
    let total = TotalCount::Sessions(SessionCountOfUser { user, now });
    Ok(arguments.page(sessions.await?, total, |session| {
        let cursor = TimeCursor((session.created_at, session.id.uuid()));
        (cursor, Session(session))
    }))
}
