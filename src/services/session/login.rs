//! Signing in with a password.

use secrecy::SecretString;

use crate::app::App;
use crate::domain::caller::Caller;
use crate::domain::identifier::Identifier;
use crate::domain::password::Password;
use crate::domain::user::User;
use crate::fault::Fault;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::deletion::{self, CancellationOffer};
use crate::services::device;
use crate::services::refused::Refused;
use crate::services::session::rehash::Rehash;
use crate::services::sign_in::{self, SessionTokens};
use crate::services::throttle::{self, LimitKey, RateLimit, Target};
use crate::stores::user;
use crate::stores::user::{Credentials, SignInAccount};

/// The input of a login.
#[derive(Debug)]
pub struct Login {
    /// E-mail address or phone number, as typed.
    pub email_or_phone: String,
    /// The password, as typed.
    pub password: SecretString,
    /// The device token of an earlier sign-in.
    pub device_token: Option<String>,
}

/// Why the login was refused.
#[derive(Debug)]
pub enum LoginProblem {
    /// Wrong password, unknown identifier, or no password.
    InvalidCredentials,
    /// The same where addresses have to be confirmed; also an account that never confirmed one.
    /// Deliberately indistinguishable.
    InvalidCredentialsOrPending,
    /// The password is right, but the account is suspended.
    Suspended,
    /// The password is right, but the account has verified another address than this one.
    EmailNotVerified,
    /// The password is right, but its owner has deleted the account, and can still keep it.
    Deleted(CancellationOffer),
}

/// Checks a password and starts a session.
pub async fn login(
    app: &App,
    caller: &Caller,
    input: Login,
) -> Result<SessionTokens, Refused<LoginProblem>> {
    let identifier = Identifier::read(&input.email_or_phone, app.config.phone.region());
    let device = device::read(app, input.device_token.as_deref());
    let key = LimitKey::device_or(device.as_ref(), &identifier);
    let limit = RateLimit::Login { key };
    throttle::charge(app, &caller.client, limit).await?;
    let attempted = Password::attempt(input.password)?;

    let now = app.clock.now();
    let found = user::find_to_sign_in(&app.database, &identifier, now).await?;
    let is_deleted = found.as_ref().is_some_and(SignInAccount::is_deleted);
    let found = found.map(|found| found.account);
    let target = Target::new(&identifier, found.as_ref(), device.as_ref());
    let limit = RateLimit::LoginAccount { target };
    throttle::charge(app, &caller.client, limit).await?;
    // An unknown identifier costs a hash too, or the response time would reveal accounts.
    let hash = found.as_ref().and_then(|found| found.password_hash.clone());
    let verification = app.hasher.verify(attempted.clone(), hash).await?;
    let Some(found) = found else {
        record(
            app,
            caller,
            Subject::UnknownIdentifier(&identifier),
            Action::LoginFailed,
        )
        .await?;
        return Err(Refused::Because(no_match(app)));
    };
    if !verification.matches || is_pending(app, &found.user) {
        record(app, caller, Subject::of(&found), Action::LoginFailed).await?;
        return Err(Refused::Because(no_match(app)));
    }
    if let Some(refusal) = refusal_after_password(app, &found.user, &identifier) {
        record(app, caller, Subject::of(&found), Action::LoginRefused).await?;
        return Err(refusal);
    }
    if is_deleted {
        return Err(offer_cancellation(app, caller, &found).await?);
    }
    let rehash = Rehash::of(app, attempted, verification, &found.user).await;
    let mut tokens = start_session(app, caller, found, rehash).await?;
    let (user, session) = (&tokens.user, tokens.session.id);
    tokens.device_token = device::keep_or_issue(app, device, user, session);
    Ok(tokens)
}

fn no_match(app: &App) -> LoginProblem {
    if app.config.registration.requires_confirmation() {
        LoginProblem::InvalidCredentialsOrPending
    } else {
        LoginProblem::InvalidCredentials
    }
}

/// Whether the account has not confirmed any address yet.
///
/// Its registrant knows the password. Answering it differently from a wrong one would reveal to them
/// whether the address was free when they registered it.
fn is_pending(app: &App, user: &User) -> bool {
    must_confirm(app, user) && !user.has_verified_contact()
}

/// Whether an unverified address keeps the account from signing in. Imported accounts have always
/// signed in with theirs, confirmed or not.
fn must_confirm(app: &App, user: &User) -> bool {
    app.config.registration.requires_confirmation() && user.legacy_id.is_none()
}

/// Why the account may not sign in although the password is right.
fn refusal_after_password(
    app: &App,
    user: &User,
    identifier: &Identifier,
) -> Option<Refused<LoginProblem>> {
    if user.is_suspended() {
        return Some(Refused::Because(LoginProblem::Suspended));
    }
    let is_verified = match identifier {
        Identifier::Phone(_) => user.phone_verified,
        Identifier::Email(_) | Identifier::Other(_) => user.email_verified,
    };
    (must_confirm(app, user) && !is_verified)
        .then_some(Refused::Because(LoginProblem::EmailNotVerified))
}

/// Refuses the owner of a deleted account, with a token to keep it.
async fn offer_cancellation(
    app: &App,
    caller: &Caller,
    found: &Credentials,
) -> Result<Refused<LoginProblem>, Fault> {
    let tx = app.begin().await?;
    let offer = deletion::offer_cancellation(&tx, app, found.user.id).await?;
    let event = Event::new(Action::LoginRefused, Subject::of(found));
    audit::record_attempt(&tx, app, &caller.client, event).await?;
    tx.commit().await?;
    // Without an offer the account was erased or restored since the check.
    Ok(Refused::Because(
        offer.map_or_else(|| no_match(app), LoginProblem::Deleted),
    ))
}

async fn start_session(
    app: &App,
    caller: &Caller,
    found: Credentials,
    rehash: Option<Rehash>,
) -> Result<SessionTokens, Refused<LoginProblem>> {
    let Credentials {
        user,
        password_hash,
        sealed_person_key,
        ..
    } = found;
    let now = app.clock.now();
    let tx = app.begin().await?;
    let current = user::record_login(&tx, user.id, user.credential_version, now).await?;
    // The password was changed or the account deleted since the check.
    let user = current.ok_or_else(|| Refused::Because(no_match(app)))?;
    if let Some((old, rehash)) = password_hash.as_deref().zip(rehash) {
        rehash.store(&tx, app, &user, old).await?;
    }
    let subject = Subject::UserWithKey {
        user: user.id,
        sealed_key: sealed_person_key.as_deref(),
    };
    let event = Event::new(Action::LoginSucceeded, subject).by_user(user.id);
    audit::record(&tx, app, &caller.client, event).await?;
    let tokens = sign_in::start(&tx, app, &caller.client, user, &["pwd"]).await?;
    tx.commit().await?;
    Ok(tokens)
}

/// Records a refused login.
async fn record(
    app: &App,
    caller: &Caller,
    subject: Subject<'_>,
    action: Action,
) -> Result<(), Fault> {
    audit::record_attempt_alone(app, &caller.client, Event::new(action, subject)).await
}
