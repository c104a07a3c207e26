//! Redeeming a link through the services, which charge rate limits and write audit events.

use secrecy::{ExposeSecret as _, SecretString};

use super::FormInput;
use crate::app::{self, App};
use crate::domain::caller::{Caller, Client};
use crate::domain::link::LinkKind;
use crate::domain::violation::{ViolationRule, Violations};
use crate::fault::Fault;
use crate::services::account::{
    self, ConfirmEmailChangeProblem, EmailVerification, NewEmailProof, RevertEmailChangeProblem,
    VerifyEmailProblem,
};
use crate::services::lifecycle::{self, CancelDeletionProblem};
use crate::services::password::{self, ConfirmResetProblem, PasswordReset, ResetProof};
use crate::services::session::{self, Login, LoginProblem, LogoutCredential};
use crate::services::{PasswordRejected, RateLimitExceeded, Refused};

/// The field with a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldName {
    Password,
    NewPassword,
    Repeated,
    EmailOrPhone,
}

/// Why a link was not redeemed.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The form was submitted from another site.
    CrossSite,
    /// The form does not parse.
    Malformed,
    /// The link is unknown, used, expired or another user's.
    Link,
    /// Another account has the address.
    Taken,
    /// A problem with a field.
    Field(FieldName, FieldProblem),
    /// The account is suspended.
    Suspended,
    /// The typed address is not verified.
    NotVerified,
    /// A rate limit was exceeded.
    RateLimited(RateLimitExceeded),
    /// The hashing queue is full.
    Overloaded,
    /// An unexpected failure.
    Fault(Fault),
}

/// The problem of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldProblem {
    /// It violates this rule.
    Rule(ViolationRule),
    /// The password is wrong.
    Password,
    /// No account has these credentials.
    Credentials,
    /// The password is known from a data breach.
    Breached,
    /// It differs from the field before.
    Different,
}

impl<E: Into<Fault>> From<E> for Refusal {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

impl Refusal {
    /// Whether submitting the form again may succeed.
    pub(super) const fn is_retryable(&self) -> bool {
        !matches!(
            self,
            Self::CrossSite | Self::Malformed | Self::Link | Self::Taken
        )
    }

    pub(super) fn status(&self) -> u16 {
        match self {
            Self::CrossSite | Self::Suspended | Self::NotVerified => 403,
            Self::Malformed | Self::Link | Self::Field(..) => 400,
            Self::Taken => 409,
            Self::RateLimited(_) => 429,
            Self::Overloaded => 503,
            Self::Fault(fault) if app::is_unavailable(fault) => 503,
            Self::Fault(_) => 500,
        }
    }

    pub(super) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::RateLimited(exhausted) => Some(exhausted.retry_after.as_secs().max(1)),
            Self::Overloaded => Some(1),
            _ => None,
        }
    }
}

/// Redeems the link.
pub(super) async fn redeem(
    app: &App,
    client: Client,
    kind: LinkKind,
    input: FormInput,
) -> Result<(), Refusal> {
    let caller = Caller::anonymous(client);
    match kind {
        LinkKind::VerifyEmail => verify_email(app, &caller, input).await,
        LinkKind::PasswordReset | LinkKind::Invitation => set_password(app, &caller, input).await,
        LinkKind::ChangeEmail => change_email(app, &caller, input).await,
        LinkKind::RevertEmail => revert_email(app, &caller, input).await,
        LinkKind::CancelDeletion => keep_account(app, &caller, input).await,
    }
}

async fn verify_email(app: &App, caller: &Caller, input: FormInput) -> Result<(), Refusal> {
    let input = EmailVerification {
        token: input.token,
        password: Some(typed(FieldName::Password, input.password)?),
    };
    let verified = account::verify_email(app, caller, input).await;
    let started = verified.map_err(|refused| {
        refusal(refused, FieldName::Password, |problem| match problem {
            VerifyEmailProblem::TokenInvalid => Refusal::Link,
            VerifyEmailProblem::InvalidCredentials => {
                Refusal::Field(FieldName::Password, FieldProblem::Password)
            }
            VerifyEmailProblem::Suspended => Refusal::Suspended,
        })
    })?;
    leave(app, caller, &started.access_token).await;
    Ok(())
}

async fn set_password(app: &App, caller: &Caller, input: FormInput) -> Result<(), Refusal> {
    let new_password = typed(FieldName::NewPassword, input.new_password)?;
    let repeated = typed(FieldName::Repeated, input.repeated)?;
    if new_password.expose_secret() != repeated.expose_secret() {
        return Err(Refusal::Field(FieldName::Repeated, FieldProblem::Different));
    }
    let input = PasswordReset {
        proof: ResetProof::Token(input.token),
        new_password,
    };
    let confirmed = password::confirm_password_reset(app, caller, input).await;
    confirmed.map_err(|refused| {
        refusal(refused, FieldName::NewPassword, |problem| match problem {
            ConfirmResetProblem::TokenInvalid
            | ConfirmResetProblem::CodeInvalid
            | ConfirmResetProblem::CodeExpired => Refusal::Link,
            ConfirmResetProblem::Suspended => Refusal::Suspended,
            ConfirmResetProblem::PasswordRejected(PasswordRejected::Breached) => {
                Refusal::Field(FieldName::NewPassword, FieldProblem::Breached)
            }
            ConfirmResetProblem::PasswordRejected(PasswordRejected::TooWeak(violations)) => {
                broken(FieldName::NewPassword, violations.first_rule())
            }
        })
    })
}

/// Confirming a new address requires a session, so the page also signs in, and ends the session
/// afterwards in any case.
async fn change_email(app: &App, caller: &Caller, input: FormInput) -> Result<(), Refusal> {
    let who = input.email_or_phone.filter(|typed| !typed.is_empty());
    let required = FieldProblem::Rule(ViolationRule::Required);
    let login = Login {
        email_or_phone: who.ok_or(Refusal::Field(FieldName::EmailOrPhone, required))?,
        password: typed(FieldName::Password, input.password)?,
        device_token: None,
    };
    let signed_in = session::login(app, caller, login).await;
    let signed_in = signed_in.map_err(|refused| {
        refusal(refused, FieldName::Password, |problem| match problem {
            LoginProblem::InvalidCredentials | LoginProblem::InvalidCredentialsOrPending => {
                Refusal::Field(FieldName::Password, FieldProblem::Credentials)
            }
            LoginProblem::Suspended => Refusal::Suspended,
            LoginProblem::EmailNotVerified => Refusal::NotVerified,
            // Deleting the account ended its links.
            LoginProblem::Deleted(_) => Refusal::Link,
        })
    })?;
    let access_token = signed_in.access_token;
    let confirmed = confirm_new_address(app, caller, &access_token, input.token).await;
    leave(app, caller, &access_token).await;
    confirmed
}

async fn confirm_new_address(
    app: &App,
    caller: &Caller,
    access_token: &str,
    token: String,
) -> Result<(), Refusal> {
    let client = caller.client.clone();
    let authenticated = session::authenticate(app, client, Some(access_token)).await?;
    let caller = authenticated.caller;
    // The session has just ended.
    let person = caller.signed_in().ok_or(Refusal::Link)?;
    let proof = NewEmailProof::Token(token);
    let confirmed = account::confirm_email_change(app, &caller, person, proof).await;
    confirmed.map(drop).map_err(|refused| match refused {
        Refused::Because(ConfirmEmailChangeProblem::Taken) => Refusal::Taken,
        // The page has no field for problems of the link itself.
        Refused::Because(_) | Refused::Invalid(_) | Refused::Unauthenticated => Refusal::Link,
        shared => refusal(shared, FieldName::Password, |_| Refusal::Link),
    })
}

async fn revert_email(app: &App, caller: &Caller, input: FormInput) -> Result<(), Refusal> {
    let reverted = account::revert_email_change(app, caller, &input.token).await;
    reverted.map_err(|refused| {
        refusal(refused, FieldName::Password, |problem| match problem {
            RevertEmailChangeProblem::TokenInvalid => Refusal::Link,
            RevertEmailChangeProblem::Taken => Refusal::Taken,
        })
    })
}

async fn keep_account(app: &App, caller: &Caller, input: FormInput) -> Result<(), Refusal> {
    let kept = lifecycle::cancel_account_deletion(app, caller, &input.token).await;
    kept.map_err(|refused| {
        refusal(refused, FieldName::Password, |problem| match problem {
            CancelDeletionProblem::TokenInvalid => Refusal::Link,
            CancelDeletionProblem::Taken(_) => Refusal::Taken,
        })
    })
}

/// The refusals of any service as shown by the page; `field` is where a rule was violated.
fn refusal<P, I: Into<Violations>>(
    refused: Refused<P, I>,
    field: FieldName,
    problem: impl FnOnce(P) -> Refusal,
) -> Refusal {
    match refused {
        Refused::Because(because) => problem(because),
        Refused::Invalid(input) => broken(field, input.into().first_rule()),
        Refused::RateLimited(limit) => Refusal::RateLimited(limit),
        // A link never registers an account.
        Refused::Unauthenticated | Refused::RegistrationClosed => Refusal::Link,
        Refused::Unavailable => Refusal::Overloaded,
        Refused::Fault(fault) => Refusal::Fault(fault),
    }
}

/// Ends a session whose tokens no page keeps; if that fails it expires by itself.
async fn leave(app: &App, caller: &Caller, access_token: &str) {
    let client = caller.client.clone();
    let Ok(authenticated) = session::authenticate(app, client, Some(access_token)).await else {
        return;
    };
    let Some(person) = authenticated.caller.signed_in() else {
        return;
    };
    let credential = LogoutCredential::Caller(person);
    if session::logout(app, &caller.client, credential)
        .await
        .is_err()
    {
        tracing::warn!("the session that a page began was not ended");
    }
}

fn typed(field: FieldName, typed: Option<SecretString>) -> Result<SecretString, Refusal> {
    let typed = typed.filter(|typed| !typed.expose_secret().is_empty());
    let required = FieldProblem::Rule(ViolationRule::Required);
    typed.ok_or(Refusal::Field(field, required))
}

fn broken(field: FieldName, rule: Option<ViolationRule>) -> Refusal {
    Refusal::Field(
        field,
        FieldProblem::Rule(rule.unwrap_or(ViolationRule::InvalidFormat)),
    )
}
