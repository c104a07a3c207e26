//! Verifying a code: what it authorizes depends on its purpose alone.

use chrono::Duration;
use secrecy::SecretString;
use serde_json::json;

use super::{CodeRequest, contact, is_applicable, tie_break};
use crate::app::App;
use crate::domain::caller::{Caller, SignedIn};
use crate::domain::code::{Code, CodePurpose};
use crate::domain::identifier::Identifier;
use crate::domain::password::Password;
use crate::domain::token::PlainToken;
use crate::domain::user::{Contact, User};
use crate::fault::Fault;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::code::{self, CodeCheck, CodeSubject, VerifiedCode};
use crate::services::device::{self, Device};
use crate::services::links;
use crate::services::ownership::{self, AddressProof};
use crate::services::refused::Refused;
use crate::services::sign_in::{self, SessionTokens};
use crate::services::step_up::{self, SteppedUp};
use crate::services::throttle::{self, RateLimit};
use crate::stores::link::LinkPurpose;
use crate::stores::user::Credentials;
use crate::stores::{Tx, user};

/// The input of a verification.
#[derive(Debug)]
pub struct OtpVerification {
    /// The address the code was sent to.
    pub email_or_phone: String,
    /// The purpose that it was requested for.
    pub purpose: CodePurpose,
    /// The digits, as typed.
    pub code: String,
    /// The password of the registration that this verifies; without it that password is removed.
    pub password: Option<SecretString>,
    /// The device token of an earlier sign-in.
    pub device_token: Option<String>,
}

/// What the code authorized.
#[derive(Debug)]
pub enum Verified {
    /// A new session.
    SignedIn(Box<SessionTokens>),
    /// A recent authentication of the caller's session.
    SteppedUp(SteppedUp),
    /// The address is verified, in the caller's session.
    Contact(Box<User>),
    /// A token with which a new password can be set.
    Reset {
        /// For `confirmPasswordReset`.
        token: PlainToken,
        /// Lifetime of the token in seconds.
        expires_in: i64,
    },
}

/// Why the code was refused.
#[derive(Debug, PartialEq, Eq)]
pub enum VerifyOtpProblem {
    /// Wrong, out of tries, used, or never sent.
    CodeInvalid,
    /// It was valid once.
    CodeExpired,
    /// The code is valid, but the password is wrong.
    InvalidCredentials,
    /// The code is valid, but the account is suspended.
    Suspended,
}

/// Redeems a code for its purpose.
pub async fn verify_otp(
    app: &App,
    caller: &Caller,
    input: OtpVerification,
) -> Result<Verified, Refused<VerifyOtpProblem>> {
    let identifier = Identifier::read(&input.email_or_phone, app.config.phone.region());
    let purpose = input.purpose;
    if purpose == CodePurpose::StepUp && caller.signed_in().is_none() {
        return Err(Refused::Unauthenticated);
    }
    let presented = input.device_token.as_deref();
    let request = CodeRequest::new(app, caller, purpose, &identifier, presented);
    let key = request.key();
    request.charge(RateLimit::VerifyCode { key }).await?;
    let contact = contact(purpose, &identifier)?;
    let typed = code::parse(&input.code)?;
    let password = input.password.map(Password::attempt).transpose();
    let password = password?;
    let (owner, code) = check(&request, purpose, contact, &typed).await?;
    let device = request.device;
    let redemption = Redemption {
        app,
        caller,
        owner,
        device,
        contact,
        code,
    };
    match purpose {
        CodePurpose::Login => redemption.sign_in(AddressProof::AddressOnly, false).await,
        CodePurpose::ResetPassword => redemption.allow_reset().await,
        CodePurpose::VerifyEmail | CodePurpose::VerifyPhone => redemption.prove(password).await,
        CodePurpose::StepUp => match caller.signed_in() {
            Some(person) => redemption.step_up(person).await,
            None => Err(Refused::Unauthenticated),
        },
        CodePurpose::ChangeEmail | CodePurpose::ChangePhone => {
            Err(Refused::Because(VerifyOtpProblem::CodeInvalid))
        }
    }
}

/// Checks the code and returns the account that it belongs to.
async fn check(
    request: &CodeRequest<'_>,
    purpose: CodePurpose,
    contact: Contact,
    typed: &Code,
) -> Result<(Credentials, VerifiedCode), Refused<VerifyOtpProblem>> {
    let (app, caller, identifier) = (request.app, request.caller, request.identifier);
    let found = user::find_by_identifier(&app.database, identifier, tie_break(caller)).await?;
    if request.person.is_none() {
        let target = request.target(found.as_ref());
        request
            .charge(RateLimit::VerifyCodeAccount { target })
            .await?;
    }
    let applicable = found
        .as_ref()
        .filter(|found| is_applicable(caller, &found.user, purpose, contact));
    let subject = applicable.map_or(CodeSubject::Unknown, |found| CodeSubject::User(&found.user));
    let pool = request.pool(found.as_ref());
    let checked = code::check(app, subject, purpose, identifier, typed, pool).await?;
    let refusal = match (checked, found) {
        (CodeCheck::Valid(code), Some(owner)) if !owner.user.is_suspended() => {
            return Ok((owner, code));
        }
        (checked, found) => {
            refuse(app, caller, purpose, found.as_ref(), identifier).await?;
            checked
        }
    };
    Err(match refusal {
        CodeCheck::Valid(_) => Refused::Because(VerifyOtpProblem::Suspended),
        CodeCheck::Expired => Refused::Because(VerifyOtpProblem::CodeExpired),
        CodeCheck::Invalid => Refused::Because(VerifyOtpProblem::CodeInvalid),
    })
}

/// Records a refused code.
async fn refuse(
    app: &App,
    caller: &Caller,
    purpose: CodePurpose,
    found: Option<&Credentials>,
    identifier: &Identifier,
) -> Result<(), Fault> {
    let subject = found.map_or(Subject::UnknownIdentifier(identifier), Subject::of);
    let event = Event::new(Action::CodeRefused, subject)
        .by(caller)
        .with(json!({ "purpose": purpose.as_str() }));
    audit::record_attempt_alone(app, &caller.client, event).await
}

/// A valid code and the context to redeem it in.
struct Redemption<'a> {
    app: &'a App,
    caller: &'a Caller,
    owner: Credentials,
    /// The presented device, of this or another account.
    device: Option<Device>,
    contact: Contact,
    code: VerifiedCode,
}

impl Redemption<'_> {
    /// Begins the transaction that consumes the code, unless the account has changed since.
    async fn begin(&self) -> Result<Tx, Refused<VerifyOtpProblem>> {
        let tx = self.app.begin().await?;
        let held = user::lock(&tx, self.owner.user.id).await?;
        let version = self.owner.user.credential_version;
        if held.is_none_or(|held| held.is_deleted() || held.credential_version != version) {
            return Err(Refused::Because(VerifyOtpProblem::CodeInvalid));
        }
        if self.code.consume(&tx, self.app).await? {
            Ok(tx)
        } else {
            Err(Refused::Because(VerifyOtpProblem::CodeInvalid))
        }
    }

    async fn finish(self, tx: Tx) -> Result<(), Fault> {
        tx.commit().await?;
        self.app.wake_outbox();
        self.code.forget(self.app).await;
        Ok(())
    }

    async fn sign_in(
        mut self,
        proof: AddressProof,
        with_password: bool,
    ) -> Result<Verified, Refused<VerifyOtpProblem>> {
        let (app, client) = (self.app, &self.caller.client);
        let tx = self.begin().await?;
        let now = app.clock.now();
        let (id, version) = (self.owner.user.id, self.owner.user.credential_version);
        let user = user::record_login(&tx, id, version, now).await?;
        let user = user.ok_or(Refused::Because(VerifyOtpProblem::CodeInvalid))?;
        let updated =
            ownership::mark_verified(&tx, app, client, &self.owner, self.contact, proof).await?;
        let user = updated.unwrap_or(user);
        let mut amr = self.amr();
        if with_password {
            amr.push("pwd");
        }
        let event = Event::new(Action::LoginSucceeded, Subject::of(&self.owner))
            .by_user(id)
            .with(json!({ "method": "otp" }));
        audit::record(&tx, app, client, event).await?;
        let mut tokens = sign_in::start(&tx, app, client, user, &amr).await?;
        let (user, session) = (&tokens.user, tokens.session.id);
        tokens.device_token = device::keep_or_issue(app, self.device.take(), user, session);
        self.finish(tx).await?;
        Ok(Verified::SignedIn(Box::new(tokens)))
    }

    /// RFC 8176 §2: `otp`, and `sms` if that was the channel.
    fn amr(&self) -> Vec<&'static str> {
        match self.contact {
            Contact::Email => vec!["otp"],
            Contact::Phone => vec!["otp", "sms"],
        }
    }

    async fn prove(
        self,
        password: Option<Password>,
    ) -> Result<Verified, Refused<VerifyOtpProblem>> {
        let is_own = |person: &SignedIn| person.user() == self.owner.user.id;
        if self.caller.signed_in().is_some_and(is_own) {
            return self.verify_in_session().await;
        }
        let Some(password) = password else {
            return self.sign_in(AddressProof::AddressOnly, false).await;
        };
        let limit = RateLimit::StepUp {
            user: self.owner.user.id,
        };
        throttle::charge(self.app, &self.caller.client, limit).await?;
        let hash = self.owner.password_hash.clone();
        let verified = self.app.hasher.verify(password, hash).await;
        let verification = verified?;
        if !verification.matches {
            let event = Event::new(Action::CodeRefused, Subject::of(&self.owner))
                .with(json!({ "method": "otp", "password": "wrong" }));
            audit::record_alone(self.app, &self.caller.client, event).await?;
            return Err(Refused::Because(VerifyOtpProblem::InvalidCredentials));
        }
        self.sign_in(AddressProof::WithCredentials, true).await
    }

    async fn verify_in_session(self) -> Result<Verified, Refused<VerifyOtpProblem>> {
        let (app, client) = (self.app, &self.caller.client);
        let tx = self.begin().await?;
        let proof = AddressProof::WithCredentials;
        let updated =
            ownership::mark_verified(&tx, app, client, &self.owner, self.contact, proof).await?;
        let user = updated.unwrap_or_else(|| self.owner.user.clone());
        self.finish(tx).await?;
        Ok(Verified::Contact(Box::new(user)))
    }

    async fn step_up(self, person: &SignedIn) -> Result<Verified, Refused<VerifyOtpProblem>> {
        let tx = self.begin().await?;
        let renewed = step_up::renew(&tx, self.app, self.caller, person, &self.amr()).await?;
        let stepped_up = renewed.ok_or(Refused::Unauthenticated)?;
        self.finish(tx).await?;
        Ok(Verified::SteppedUp(stepped_up))
    }

    /// Exchanges the code for a token, so that a page can ask for the new password later.
    async fn allow_reset(self) -> Result<Verified, Refused<VerifyOtpProblem>> {
        let life = Duration::seconds(self.app.config.otp.life_seconds.into());
        let tx = self.begin().await?;
        let user = &self.owner.user;
        let address = links::address(user, self.contact)
            .ok_or_else(|| Fault::new("a code for an account without this address"))?;
        let purpose = LinkPurpose::ResetPassword;
        let created = links::create(&tx, self.app, user, purpose, address, life).await?;
        let event = Event::new(Action::PasswordResetRequested, Subject::of(&self.owner))
            .with(json!({ "method": "otp" }));
        audit::record(&tx, self.app, &self.caller.client, event).await?;
        self.finish(tx).await?;
        Ok(Verified::Reset {
            token: created.token,
            expires_in: life.num_seconds(),
        })
    }
}
