//! Signing in with Google.

#![expect(
    missing_docs,
    reason = "the members of a union are documented by their types"
)]

use async_graphql::{Context, ID, InputObject, Object, SimpleObject, Union};

use crate::domain::ids::IdentityId;
use crate::schema::error::{Error, ErrorCode};
use crate::schema::problem::{
    AccountSuspended, Conflict, GoogleTokenInvalid, IdentityAlreadyLinked, InputInvalid,
    LastAuthenticator, NotFound, RateLimited, StepUpRequired,
};
use crate::schema::request::Asked as _;
use crate::schema::types::identity::Identity;
use crate::schema::types::signed_in::SignedIn;
use crate::services::google::{
    self, GoogleCredential, GoogleLoginRefusal, LinkGoogleRefusal, UnlinkGoogleRefusal,
};

/// What the client got from Google.
#[derive(InputObject)]
pub struct LoginWithGoogleInput {
    /// The ID token: `credential` in the answer of Google's button. It works once.
    id_token: String,
    /// The nonce that the page had given to Google, where it had given one.
    nonce: Option<String>,
}

/// What comes of `loginWithGoogle`.
#[derive(Union)]
pub enum LoginWithGoogleResult {
    SignedIn(Box<SignedIn>),
    GoogleTokenInvalid(GoogleTokenInvalid),
    AccountSuspended(AccountSuspended),
    Conflict(Conflict),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
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

/// What comes of `linkGoogle`.
#[derive(Union)]
pub enum LinkGoogleResult {
    GoogleLinked(GoogleLinked),
    GoogleTokenInvalid(GoogleTokenInvalid),
    IdentityAlreadyLinked(IdentityAlreadyLinked),
    StepUpRequired(StepUpRequired),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
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

/// What comes of `unlinkGoogle`.
#[derive(Union)]
pub enum UnlinkGoogleResult {
    GoogleUnlinked(GoogleUnlinked),
    NotFound(NotFound),
    LastAuthenticator(LastAuthenticator),
    StepUpRequired(StepUpRequired),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

/// Signing in with Google.
#[derive(Clone, Copy, Debug, Default)]
pub struct GoogleMutations;

#[Object]
impl GoogleMutations {
    /// Signs in with an ID token that the client got from Google. Somebody new gets an account.
    /// `Conflict` means that the address has an account which this token does not prove to own:
    /// sign in there as usual, then call `linkGoogle` with the same token.
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
        match google::login(context.app(), context.caller(), credential).await {
            Ok(started) => {
                let signed_in = SignedIn::deliver(context, started);
                Ok(LoginWithGoogleResult::SignedIn(Box::new(signed_in)))
            }
            Err(GoogleLoginRefusal::TokenInvalid) => Ok(LoginWithGoogleResult::GoogleTokenInvalid(
                GoogleTokenInvalid,
            )),
            Err(GoogleLoginRefusal::Suspended) => {
                Ok(LoginWithGoogleResult::AccountSuspended(AccountSuspended))
            }
            Err(GoogleLoginRefusal::Taken) => Ok(LoginWithGoogleResult::Conflict(Conflict::TAKEN)),
            Err(GoogleLoginRefusal::Closed) => {
                Err(Error::of(ErrorCode::Forbidden, "Registration is closed."))
            }
            Err(GoogleLoginRefusal::Invalid(rules)) => {
                Ok(LoginWithGoogleResult::InputInvalid(rules.into()))
            }
            Err(GoogleLoginRefusal::RateLimited(limit)) => {
                Ok(LoginWithGoogleResult::RateLimited(RateLimited(limit)))
            }
            Err(GoogleLoginRefusal::Unavailable) => Err(Error::unavailable()),
            Err(GoogleLoginRefusal::Fault(fault)) => Err(fault.into()),
        }
    }

    /// Adds Google to the ways in which the signed-in person can sign in. Needs a recent proof of
    /// who asks; sent again for an identity that is linked already, it gives the same answer.
    async fn link_google(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The token, and the nonce it was asked for with.")] input: LinkGoogleInput,
    ) -> Result<LinkGoogleResult, Error> {
        let person = context.signed_in()?;
        let credential = GoogleCredential {
            id_token: input.id_token.into(),
            nonce: input.nonce,
        };
        match google::link(context.app(), context.caller(), person, credential).await {
            Ok(linked) => Ok(LinkGoogleResult::GoogleLinked(GoogleLinked {
                identity: Identity(linked),
            })),
            Err(LinkGoogleRefusal::TokenInvalid) => {
                Ok(LinkGoogleResult::GoogleTokenInvalid(GoogleTokenInvalid))
            }
            Err(LinkGoogleRefusal::AlreadyLinked) => Ok(LinkGoogleResult::IdentityAlreadyLinked(
                IdentityAlreadyLinked,
            )),
            Err(LinkGoogleRefusal::StepUpRequired) => {
                Ok(LinkGoogleResult::StepUpRequired(StepUpRequired))
            }
            Err(LinkGoogleRefusal::SessionEnded) => Err(Error::unauthenticated()),
            Err(LinkGoogleRefusal::Invalid(rules)) => {
                Ok(LinkGoogleResult::InputInvalid(rules.into()))
            }
            Err(LinkGoogleRefusal::RateLimited(limit)) => {
                Ok(LinkGoogleResult::RateLimited(RateLimited(limit)))
            }
            Err(LinkGoogleRefusal::Unavailable) => Err(Error::unavailable()),
            Err(LinkGoogleRefusal::Fault(fault)) => Err(fault.into()),
        }
    }

    /// Takes Google off the ways in which the signed-in person can sign in, unless it is the last:
    /// then set a password first. Needs a recent proof of who asks.
    async fn unlink_google(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to unlink; the only one there is may be left unnamed.")]
        input: Option<UnlinkGoogleInput>,
    ) -> Result<UnlinkGoogleResult, Error> {
        let person = context.signed_in()?;
        let wanted = match input.and_then(|input| input.identity_id) {
            Some(id) => match id.parse::<IdentityId>() {
                Ok(id) => Some(id),
                Err(_) => return Ok(UnlinkGoogleResult::NotFound(NotFound)),
            },
            None => None,
        };
        match google::unlink(context.app(), context.caller(), person, wanted).await {
            Ok(id) => Ok(UnlinkGoogleResult::GoogleUnlinked(GoogleUnlinked {
                identity_id: id.to_string().into(),
            })),
            Err(UnlinkGoogleRefusal::NotFound) => Ok(UnlinkGoogleResult::NotFound(NotFound)),
            Err(UnlinkGoogleRefusal::LastAuthenticator) => {
                Ok(UnlinkGoogleResult::LastAuthenticator(LastAuthenticator))
            }
            Err(UnlinkGoogleRefusal::StepUpRequired) => {
                Ok(UnlinkGoogleResult::StepUpRequired(StepUpRequired))
            }
            Err(UnlinkGoogleRefusal::SessionEnded) => Err(Error::unauthenticated()),
            Err(UnlinkGoogleRefusal::Invalid(rules)) => {
                Ok(UnlinkGoogleResult::InputInvalid(rules.into()))
            }
            Err(UnlinkGoogleRefusal::RateLimited(limit)) => {
                Ok(UnlinkGoogleResult::RateLimited(RateLimited(limit)))
            }
            Err(UnlinkGoogleRefusal::Fault(fault)) => Err(fault.into()),
        }
    }
}
