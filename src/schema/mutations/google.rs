//! Sign-in with Google.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject, Union};

use crate::domain::ids::IdentityId;
use crate::schema::answer::{IntoProblem, answer};
use crate::schema::directives::{Authenticated, Cost, Credential, PASSWORD_HASH};
use crate::schema::error::Error;
use crate::schema::problem::{
    AccountDeleted, AccountSuspended, Conflict, GoogleTokenInvalid, IdentityAlreadyLinked,
    InputInvalid, LastAuthenticator, NotFound, RateLimited, StepUpRequired,
};
use crate::schema::request::ContextExt as _;
use crate::schema::types::identity::Identity;
use crate::schema::types::signed_in::SignedIn;
use crate::services::google::{
    self, GoogleCredential, GoogleLoginProblem, LinkGoogleProblem, UnlinkGoogleProblem,
};

/// The credential from Google.
#[derive(InputObject)]
pub struct LoginWithGoogleInput {
    /// The ID token: `credential` in the response of Google's button. It can be used once.
    id_token: String,
    /// The `nonce` sent to Google, if any.
    nonce: Option<String>,
}

/// The result of `loginWithGoogle`: `SignedIn` with tokens for a new session. `GoogleTokenInvalid`
/// if the ID token is rejected: sign in to Google again. `Conflict` if the address has an account
/// whose owner this token does not prove to be. `AccountDeleted` if its owner has deleted the account
/// and can still keep it.
#[derive(Union)]
pub enum LoginWithGoogleResult {
    SignedIn(Box<SignedIn>),
    GoogleTokenInvalid(GoogleTokenInvalid),
    AccountSuspended(AccountSuspended),
    AccountDeleted(AccountDeleted),
    Conflict(Conflict),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

impl IntoProblem<LoginWithGoogleResult> for GoogleLoginProblem {
    fn into_problem(self) -> LoginWithGoogleResult {
        match self {
            Self::TokenInvalid => GoogleTokenInvalid.into(),
            Self::Suspended => AccountSuspended.into(),
            Self::Deleted(offer) => AccountDeleted(offer).into(),
            Self::Taken => Conflict::TAKEN.into(),
        }
    }
}

/// The credential from Google.
#[derive(InputObject)]
pub struct LinkGoogleInput {
    /// The ID token: `credential` in the response of Google's button. It can be used once.
    id_token: String,
    /// The `nonce` sent to Google, if any.
    nonce: Option<String>,
}

/// The identity was linked: the user can now sign in with it.
#[derive(SimpleObject)]
pub struct GoogleLinked {
    /// The linked identity.
    identity: Identity,
}

/// The result of `linkGoogle`: `GoogleLinked` with the identity, even if it was linked before.
/// `IdentityAlreadyLinked` if it belongs to another account; `GoogleTokenInvalid` if the ID token
/// is rejected.
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

/// The identity to unlink.
#[derive(InputObject)]
pub struct UnlinkGoogleInput {
    /// The ID of one of the `identities` of `me`; only needed if there are several.
    identity_id: Option<ID>,
}

/// The identity was unlinked: the user can no longer sign in with it.
#[derive(SimpleObject)]
pub struct GoogleUnlinked {
    /// The ID of the unlinked identity.
    identity_id: ID,
}

/// The result of `unlinkGoogle`: `GoogleUnlinked` with the ID of the identity. `LastAuthenticator`
/// if the user could not sign in without it; `NotFound` if the account has no such identity.
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

#[derive(Clone, Copy, Debug, Default)]
pub struct GoogleMutations;

#[Object]
impl GoogleMutations {
    /// Signs in with a Google ID token; a new user gets an account. `Conflict` means that the
    /// address has an account whose owner this token does not prove to be: sign in to it another
    /// way, then call `linkGoogle` with the same token.
    #[graphql(directive = Cost::apply(PASSWORD_HASH), directive = Credential::apply())]
    async fn login_with_google(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The ID token and its nonce.")] input: LoginWithGoogleInput,
    ) -> Result<LoginWithGoogleResult, Error> {
        let credential = GoogleCredential {
            id_token: input.id_token.into(),
            nonce: input.nonce,
        };
        let outcome = google::login(context.app(), context.caller(), credential).await;
        answer(outcome, |tokens| {
            Box::new(SignedIn::deliver(context, tokens))
        })
    }

    /// Adds Google to the sign-in methods of the signed-in user. Requires a recent sign-in.
    /// Idempotent for an identity that is linked already.
    #[graphql(directive = Authenticated::apply(), directive = Cost::apply(PASSWORD_HASH), directive = Credential::apply())]
    async fn link_google(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The ID token and its nonce.")] input: LinkGoogleInput,
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

    /// Removes Google from the sign-in methods of the signed-in user, unless it is the last one:
    /// set a password first. Requires a recent sign-in.
    #[graphql(directive = Authenticated::apply())]
    async fn unlink_google(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The identity to unlink; optional if there is only one.")] input: Option<
            UnlinkGoogleInput,
        >,
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
