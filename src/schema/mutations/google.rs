//! Signing in with Google.

#![expect(
    missing_docs,
    reason = "the members of a union are documented by their types"
)]

use async_graphql::{Context, ID, InputObject, Object, SimpleObject, Union};

use crate::domain::ids::IdentityId;
use crate::schema::answer::{IntoProblem, answer};
use crate::schema::directives::{Authenticated, Credential};
use crate::schema::error::Error;
use crate::schema::problem::{
    AccountSuspended, Conflict, GoogleTokenInvalid, IdentityAlreadyLinked, InputInvalid,
    LastAuthenticator, NotFound, RateLimited, StepUpRequired,
};
use crate::schema::request::ContextExt as _;
use crate::schema::types::identity::Identity;
use crate::schema::types::signed_in::SignedIn;
use crate::services::google::{
    self, GoogleCredential, GoogleLoginProblem, LinkGoogleProblem, UnlinkGoogleProblem,
};

/// What the client got from Google.
#[derive(InputObject)]
pub struct LoginWithGoogleInput {
    /// The ID token: `credential` in the answer of Google's button. It works once.
    id_token: String,
    /// The nonce that the page had given to Google, where it had given one.
    nonce: Option<String>,
}

/// The result of `loginWithGoogle`: `SignedIn` with tokens for a new session. `GoogleTokenInvalid`
/// if the ID token cannot be accepted: start the sign-in at Google again. `Conflict` if the
/// address has an account that this token does not prove to own.
#[derive(Union)]
pub enum LoginWithGoogleResult {
    SignedIn(Box<SignedIn>),
    GoogleTokenInvalid(GoogleTokenInvalid),
    AccountSuspended(AccountSuspended),
    Conflict(Conflict),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

impl IntoProblem<LoginWithGoogleResult> for GoogleLoginProblem {
    fn into_problem(self) -> LoginWithGoogleResult {
        match self {
            Self::TokenInvalid => GoogleTokenInvalid.into(),
            Self::Suspended => AccountSuspended.into(),
            Self::Taken => Conflict::TAKEN.into(),
        }
    }
}

/// What the client got from Google.
#[derive(InputObject)]
pub struct LinkGoogleInput {
    /// The ID token: `credential` in the answer of Google's button. It works once.
    id_token: String,
    /// The nonce that the page had given to Google, where it had given one.
    nonce: Option<String>,
}

/// The signed-in person can sign in with this as well.
#[derive(SimpleObject)]
pub struct GoogleLinked {
    /// What was linked.
    identity: Identity,
}

/// The result of `linkGoogle`: `GoogleLinked` with the identity, also if it was linked before.
/// `IdentityAlreadyLinked` if it belongs to another account; `GoogleTokenInvalid` if the ID token
/// cannot be accepted.
#[derive(Union)]
pub enum LinkGoogleResult {
    GoogleLinked(GoogleLinked),
    GoogleTokenInvalid(GoogleTokenInvalid),
    IdentityAlreadyLinked(IdentityAlreadyLinked),
    StepUpRequired(StepUpRequired),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

impl IntoProblem<LinkGoogleResult> for LinkGoogleProblem {
    fn into_problem(self) -> LinkGoogleResult {
        match self {
            Self::TokenInvalid => GoogleTokenInvalid.into(),
            Self::AlreadyLinked => IdentityAlreadyLinked.into(),
            Self::StepUpRequired => StepUpRequired.into(),
        }
    }
}

/// What to unlink.
#[derive(InputObject)]
pub struct UnlinkGoogleInput {
    /// One of the `identities` of `me`; needed only where there are several.
    identity_id: Option<ID>,
}

/// The person cannot sign in with this any more.
#[derive(SimpleObject)]
pub struct GoogleUnlinked {
    /// What was unlinked.
    identity_id: ID,
}

/// The result of `unlinkGoogle`: `GoogleUnlinked` with the id of the identity. `LastAuthenticator`
/// if the person could not sign in without it; `NotFound` if the account has no such identity.
#[derive(Union)]
pub enum UnlinkGoogleResult {
    GoogleUnlinked(GoogleUnlinked),
    NotFound(NotFound),
    LastAuthenticator(LastAuthenticator),
    StepUpRequired(StepUpRequired),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

impl IntoProblem<UnlinkGoogleResult> for UnlinkGoogleProblem {
    fn into_problem(self) -> UnlinkGoogleResult {
        match self {
            Self::NotFound => NotFound.into(),
            Self::LastAuthenticator => LastAuthenticator.into(),
            Self::StepUpRequired => StepUpRequired.into(),
        }
    }
}

/// Signing in with Google.
#[derive(Clone, Copy, Debug, Default)]
pub struct GoogleMutations;

#[Object]
impl GoogleMutations {
    /// Signs in with an ID token that the client got from Google. Somebody new gets an account.
    /// `Conflict` means that the address has an account which this token does not prove to own:
    /// sign in there as usual, then call `linkGoogle` with the same token.
    #[graphql(directive = Credential::apply())]
    async fn login_with_google(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The token, and the nonce it was asked for with.")]
        input: LoginWithGoogleInput,
    ) -> Result<LoginWithGoogleResult, Error> {
        let credential = GoogleCredential {
            id_token: input.id_token.into(),
            nonce: input.nonce,
        };
        let outcome = google::login(context.app(), context.caller(), credential).await;
        answer(outcome, |started| {
            Box::new(SignedIn::deliver(context, started))
        })
    }

    /// Adds Google to the ways in which the signed-in person can sign in. Needs a recent proof of
    /// who asks; sent again for an identity that is linked already, it gives the same answer.
    #[graphql(directive = Authenticated::apply(), directive = Credential::apply())]
    async fn link_google(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The token, and the nonce it was asked for with.")] input: LinkGoogleInput,
    ) -> Result<LinkGoogleResult, Error> {
        let person = context.authorize()?;
        let credential = GoogleCredential {
            id_token: input.id_token.into(),
            nonce: input.nonce,
        };
        let outcome = google::link(context.app(), context.caller(), person, credential).await;
        answer(outcome, |linked| GoogleLinked {
            identity: Identity(linked),
        })
    }

    /// Takes Google off the ways in which the signed-in person can sign in, unless it is the last:
    /// then set a password first. Needs a recent proof of who asks.
    #[graphql(directive = Authenticated::apply())]
    async fn unlink_google(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to unlink; the only one there is may be left unnamed.")]
        input: Option<UnlinkGoogleInput>,
    ) -> Result<UnlinkGoogleResult, Error> {
        let person = context.authorize()?;
        let wanted = match input.and_then(|input| input.identity_id) {
            Some(id) => match id.parse::<IdentityId>() {
                Ok(id) => Some(id),
                Err(_) => return Ok(UnlinkGoogleResult::NotFound(NotFound)),
            },
            None => None,
        };
        let outcome = google::unlink(context.app(), context.caller(), person, wanted).await;
        answer(outcome, |id| GoogleUnlinked {
            identity_id: id.to_string().into(),
        })
    }
}
