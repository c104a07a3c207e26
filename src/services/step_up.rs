//! Recording in a session that its user authenticated again.

use crate::app::App;
use crate::domain::caller::{Caller, SignedIn};
use crate::fault::Fault;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::sign_in;
use crate::stores::{Tx, session};

/// A session with a recent authentication.
#[derive(Debug)]
pub struct SteppedUp {
    /// An access token whose `auth_time` is now.
    pub access_token: String,
    /// Lifetime of the access token in seconds.
    pub expires_in: i64,
}

/// Refreshes `auth_time` of the caller's session; `None` if it has ended.
///
/// `amr` replaces the earlier methods (RFC 8176), which do not belong to the new `auth_time`.
pub(super) async fn renew(
    tx: &Tx,
    app: &App,
    caller: &Caller,
    person: &SignedIn,
    amr: &[&str],
) -> Result<Option<SteppedUp>, Fault> {
    let now = app.clock.now();
    let current = session::find_with_user(tx, person.session()).await?;
    let Some((mut session, user)) =
        current.filter(|(session, user)| session.is_live(now) && user.may_sign_in())
    else {
        return Ok(None);
    };
    session.amr = amr.iter().map(|&method| method.to_owned()).collect();
    session.auth_time = now;
    session::reauthenticate(tx, session.id, &session.amr, now).await?;
    let event = Event::new(Action::SteppedUp, Subject::User(user.id)).by(caller);
    audit::record(tx, app, &caller.client, event).await?;
    Ok(Some(SteppedUp {
        access_token: sign_in::access_token(app, &user, &session)?,
        expires_in: app.config.tokens.access_seconds,
    }))
}
