//! The data of a request in the resolvers' context: the application, the caller, the data loaders.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::Context;
use chrono::{DateTime, Duration, Utc};

use super::error::{Error, ErrorCode};
use super::live_event::Trigger;
use super::metadata::{Access, Metadata};
use crate::app::App;
use crate::domain::caller::{Caller, Fresh, Holding, SignedIn};
use crate::domain::permission::PermissionType;
use crate::domain::session::Session;
use crate::domain::token::PlainToken;
use crate::domain::user::User;
use crate::selectors::{ListenerReads, Loaders};

/// How a client receives its refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenDelivery {
    /// In the response body: native, server and cross-site clients.
    Body,
    /// As an `HttpOnly` cookie: same-site browsers.
    Cookie,
}

/// The refresh cookie of a request.
#[derive(Debug)]
pub enum CookieCredential {
    /// There is none, or it is malformed.
    None,
    /// A refresh token.
    Present(PlainToken),
    /// A cookie without the header that proves that no other site sent it (CSRF).
    Unguarded,
}

/// A change of the refresh cookie, for the response.
#[derive(Debug)]
pub enum CookieChange {
    /// Set it.
    Set {
        /// The new token.
        token: PlainToken,
        /// When the token expires.
        expires_at: DateTime<Utc>,
    },
    /// Remove it.
    Clear,
}

/// Who sends a request, and how refresh tokens travel.
#[derive(Debug)]
pub struct RequestIdentity {
    /// The authenticated caller.
    pub caller: Caller,
    /// The rows of the account and session, if signed in.
    pub rows: Option<(Arc<User>, Arc<Session>)>,
    /// How the client receives refresh tokens.
    pub delivery: TokenDelivery,
    /// The refresh token from the cookie, or why it may not be used.
    pub cookie: CookieCredential,
}

/// The data of one request.
#[derive(Debug)]
pub struct RequestData {
    caller: Caller,
    session: Option<Arc<Session>>,
    account: Option<Arc<User>>,
    now: DateTime<Utc>,
    loaders: Loaders,
    delivery: TokenDelivery,
    cookie: CookieCredential,
    cookie_change: Mutex<Option<CookieChange>>,
}

impl RequestData {
    /// Builds the data loaders, primed with the caller's own account.
    #[must_use]
    pub fn new(app: &App, identity: RequestIdentity) -> Arc<Self> {
        Self::with_loaders(app, identity, |loaders| loaders)
    }

    /// The data of one batch of events for a listener.
    pub(super) fn for_listener(
        app: &App,
        identity: RequestIdentity,
        listeners: &Arc<ListenerReads>,
    ) -> Arc<Self> {
        Self::with_loaders(app, identity, |loaders| loaders.for_listener(listeners))
    }

    fn with_loaders(
        app: &App,
        identity: RequestIdentity,
        adapt: impl FnOnce(Loaders) -> Loaders,
    ) -> Arc<Self> {
        let RequestIdentity {
            caller,
            rows,
            delivery,
            cookie,
        } = identity;
        let (account, session) = rows.unzip();
        Arc::new(Self {
            loaders: adapt(Loaders::new(app.database.reader().clone(), account.clone())),
            caller,
            session,
            account,
            now: app.clock.now(),
            delivery,
            cookie,
            cookie_change: Mutex::new(None),
        })
    }

    /// The change of the refresh cookie that the mutation requested.
    #[must_use]
    pub fn take_cookie_change(&self) -> Option<CookieChange> {
        self.cookie_change
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Runs the resolvers of this request; their reads are batched.
    pub(super) async fn serve<F: Future>(&self, execution: F) -> F::Output {
        self.loaders.serve(execution).await
    }

    pub(super) fn change_cookie(&self, change: CookieChange) {
        *self
            .cookie_change
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(change);
    }
}

/// Typed access to the data of a resolver's context.
pub(super) trait ContextExt {
    fn app(&self) -> &App;
    fn request(&self) -> &RequestData;

    fn caller(&self) -> &Caller {
        &self.request().caller
    }

    /// Why a subscription is executed.
    fn trigger(&self) -> Trigger;

    fn loaders(&self) -> &Loaders {
        &self.request().loaders
    }

    /// The time of this request, the same for all its fields. Reads that depend on the time are
    /// batched only if they name the same instant.
    fn now(&self) -> DateTime<Utc> {
        self.request().now
    }

    /// The caller's session.
    fn session(&self) -> Option<&Session> {
        self.request().session.as_deref()
    }

    /// The caller's account.
    fn account(&self) -> Option<&Arc<User>> {
        self.request().account.as_ref()
    }

    fn delivery(&self) -> TokenDelivery {
        self.request().delivery
    }

    /// The refresh token from the cookie, unless another site may have sent it (CSRF).
    fn cookie(&self) -> Result<Option<PlainToken>, Error> {
        match &self.request().cookie {
            CookieCredential::None => Ok(None),
            CookieCredential::Present(token) => Ok(Some(token.clone())),
            CookieCredential::Unguarded => Err(Error::of(
                ErrorCode::CsrfPreventionFailed,
                "Requests that use the cookie need the header `Idgate-Csrf: 1` and an allowed \
                 origin.",
            )),
        }
    }

    /// The signed-in caller, or the error that tells the client to sign in.
    fn signed_in(&self) -> Result<&SignedIn, Error> {
        self.caller().signed_in().ok_or_else(Error::unauthenticated)
    }

    /// The signed-in caller if they authenticated recently, as irreversible operations require.
    fn fresh(&self) -> Result<Option<Fresh<'_>>, Error> {
        self.signed_in()?;
        let max_age = Duration::seconds(self.app().config.sessions.fresh_seconds);
        Ok(self.caller().fresh(self.now(), max_age))
    }

    /// Who may run the operation whose root field is being resolved, as its directives say.
    fn access(&self) -> Option<&'static Access>;

    /// The signed-in caller, if the directives of the root field admit them.
    fn authorize(&self) -> Result<&SignedIn, Error> {
        let access = self.access().unwrap_or(&Access::SignedIn);
        access.check(self.caller().signed_in())
    }

    /// The signed-in caller as a holder of permission `P`, which the directives have to imply.
    fn holding<P: PermissionType>(&self) -> Result<Holding<'_, P>, Error> {
        self.authorize()?;
        let implied = self
            .access()
            .is_some_and(|access| access.implies(P::PERMISSION));
        let holding = self.caller().holding::<P>().filter(|_| implied);
        holding.ok_or_else(Error::forbidden)
    }
}

impl ContextExt for Context<'_> {
    fn app(&self) -> &App {
        self.data_unchecked::<Arc<App>>()
    }

    fn request(&self) -> &RequestData {
        self.data_unchecked::<Arc<RequestData>>()
    }

    fn access(&self) -> Option<&'static Access> {
        let operation = self.query_env.operation.node.ty;
        let metadata = self.data_unchecked::<&'static Metadata>();
        metadata.access(operation, &self.item.node.name.node)
    }

    fn trigger(&self) -> Trigger {
        let trigger = self.data_opt::<Trigger>().copied();
        trigger.unwrap_or(Trigger::Start)
    }
}
