//! Sign-in with Google.

use secrecy::SecretString;

use super::Request;
use super::input::{self, input};
use super::output::{Envelope, Success, Tokens};
use super::refusal::{IntoRefusal, Refusal};
use crate::app::App;
use crate::domain::problem;
use crate::services::google::{self, GoogleCredential, GoogleLoginProblem};

input! {
    /// The credential from Google.
    pub(super) struct GoogleInput {
        /// The ID token: `credential` in the response of Google's button. It can be used once.
        #[schema(value_type = String, example = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln")]
        id_token: SecretString,
        /// The `nonce` sent to Google, if any.
        nonce: Option<String>,
    }
}

impl IntoRefusal for GoogleLoginProblem {
    fn into_refusal(self) -> Refusal {
        match self {
            Self::TokenInvalid => problem::GOOGLE_TOKEN_INVALID.into(),
            Self::Suspended => problem::ACCOUNT_SUSPENDED.into(),
            Self::Deleted(offer) => offer.into_refusal(),
            Self::Taken => problem::TAKEN.into(),
        }
    }
}

/// Sign in with a Google ID token
///
/// A new user gets an account. A conflict (409) means that the address has an account whose owner this
/// token does not prove to be: sign in to it another way.
#[utoipa::path(
    post,
    path = "/api/v1/auth/google",
    tag = "google",
    request_body = GoogleInput,
    responses((status = 200, description = "Signed in: the tokens of a new session.", body = Envelope<Tokens>)),
)]
pub(super) async fn google(app: &App, request: &Request<'_>) -> Result<Success, Refusal> {
    let input: GoogleInput = input::read(request.body)?;
    let credential = GoogleCredential {
        id_token: input.id_token,
        nonce: input.nonce,
    };
    let tokens = google::login(app, request.caller, credential).await?;
    Success::ok("Login successful.", Tokens::of(app, tokens))
}
