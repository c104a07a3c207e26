//! What resolvers find in their context: the application, the caller, the loaders.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::Context;
use chrono::{DateTime, Duration, Utc};

use super::error::{Error, ErrorCode};
use super::subscription::Occasion;
use crate::app::App;
use crate::domain::caller::{Caller, Fresh, Holding, SignedIn};
use crate::domain::permission::Permission;
use crate::domain::session::Session;
use crate::domain::token::PlainToken;
use crate::domain::user::User;
use crate::selectors::Loaders;

/// How a client wants its refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// In the body: native, server and cross-site clients.
    Body,
    /// As a cookie that scripts cannot read: same-site browsers.
    Cookie,
}

/// What a request brought in its refresh cookie.
#[derive(Debug)]
pub enum CookieCredential {
    /// No cookie, or none of ours.
    None,
    /// A token that this request may use.
    Present(PlainToken),
    /// A cookie without the header that proves that no other site sent it.
    Unguarded,
}

/// What transport has to do to the refresh cookie once the answer is ready.
#[derive(Debug)]
pub enum CookieChange {
    /// Set it.
    Set {
        /// The new token.
        token: PlainToken,
        /// When it stops working.
        expires_at: DateTime<Utc>,
    },
    /// Remove it.
    Clear,
}

/// The parts of a request that only transport knows.
#[derive(Debug)]
pub struct Arrival {
    /// Who asks.
    pub caller: Caller,
    /// Their rows, if they are signed in.
    pub rows: Option<(User, Session)>,
    /// How they want refresh tokens.
    pub delivery: Delivery,
    /// The refresh token from the cookie, or why it may not be used.
    pub cookie: CookieCredential,
}

/// One request, as resolvers see it.
#[derive(Debug)]
pub struct RequestData {
    caller: Caller,
    session: Option<Session>,
    account: Option<Arc<User>>,
    loaders: Loaders,
    delivery: Delivery,
    cookie: CookieCredential,
    cookie_change: Mutex<Option<CookieChange>>,
}

impl RequestData {
    /// Builds the loaders and primes them with the caller's own account.
    #[must_use]
    pub fn new(app: &App, arrival: Arrival) -> Arc<Self> {
        let Arrival {
            caller,
            rows,
            delivery,
            cookie,
        } = arrival;
        let (account, session) = rows.unzip();
        let account = account.map(Arc::new);
        Arc::new(Self {
            loaders: Loaders::new(app.database.reader().clone(), account.clone()),
            caller,
            session,
            account,
            delivery,
            cookie,
            cookie_change: Mutex::new(None),
        })
    }

    /// What the mutation decided about the refresh cookie.
    #[must_use]
    pub fn take_cookie_change(&self) -> Option<CookieChange> {
        self.cookie_change
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Runs the resolvers of this request, whose reads are batched while they wait.
    pub(super) async fn serve<F: Future>(&self, resolving: F) -> F::Output {
        self.loaders.serve(resolving).await
    }

    pub(super) fn change_cookie(&self, change: CookieChange) {
        *self
            .cookie_change
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(change);
    }
}

/// Reading the context, with names.
pub(super) trait Asked {
    fn app(&self) -> &App;
    fn request(&self) -> &RequestData;

    fn caller(&self) -> &Caller {
        &self.request().caller
    }

    /// Why a subscription is run.
    fn occasion(&self) -> Occasion;

    fn loaders(&self) -> &Loaders {
        &self.request().loaders
    }

    /// The session that asks.
    fn session(&self) -> Option<&Session> {
        self.request().session.as_ref()
    }

    /// The account that asks.
    fn account(&self) -> Option<&Arc<User>> {
        self.request().account.as_ref()
    }

    fn delivery(&self) -> Delivery {
        self.request().delivery
    }

    /// The refresh token from the cookie, unless another site may have sent it along.
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

    /// The person who asks, or the error that tells a client to sign in.
    fn signed_in(&self) -> Result<&SignedIn, Error> {
        self.caller().signed_in().ok_or_else(Error::unauthenticated)
    }

    /// The person who asks, if their sign-in is recent enough for what cannot be undone.
    fn fresh(&self) -> Result<Option<Fresh<'_>>, Error> {
        self.signed_in()?;
        let app = self.app();
        let max_age = Duration::seconds(app.config.sessions.fresh_seconds);
        Ok(self.caller().fresh(app.clock.now(), max_age))
    }

    /// The person who asks, with a permission they hold, or why they may not.
    fn holding(&self, permission: Permission) -> Result<Holding<'_>, Error> {
        self.signed_in()?;
        let holding = self.caller().holding(permission);
        holding.ok_or_else(Error::forbidden)
    }
}

impl Asked for Context<'_> {
    fn app(&self) -> &App {
        self.data_unchecked::<Arc<App>>()
    }

    fn request(&self) -> &RequestData {
        self.data_unchecked::<Arc<RequestData>>()
    }

    fn occasion(&self) -> Occasion {
        let given = self.data_opt::<Occasion>().copied();
        given.unwrap_or(Occasion::Opening)
    }
}
