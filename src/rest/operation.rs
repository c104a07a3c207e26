//! The operations with their methods and paths: what `transport` routes, and what the document describes.

use crate::app::App;
use crate::rest::output::Success;
use crate::rest::refusal::Refusal;
use crate::rest::{Request, account, google, otp, password, session};

/// An HTTP method of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Everything but reading and editing the profile.
    Post,
    /// Edits.
    Patch,
    /// Edits, for clients of the old system.
    Put,
}

impl Method {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Put => "PUT",
        }
    }
}

macro_rules! operations {
    ($($(#[doc = $doc:literal])+ $member:ident: $method:ident $path:literal, $name:literal, $failed:literal => $run:path;)+) => {
        /// An operation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Operation {
            $($(#[doc = $doc])+ $member,)+
        }

        impl Operation {
            /// Every operation; those of one path are neighbours.
            pub const ALL: &[Self] = &[$(Self::$member),+];

            /// The HTTP method.
            #[must_use]
            pub const fn method(self) -> Method {
                match self {
                    $(Self::$member => Method::$method,)+
                }
            }

            /// The path.
            #[must_use]
            pub const fn path(self) -> &'static str {
                match self {
                    $(Self::$member => $path,)+
                }
            }

            /// The name in logs, metrics and audit events. With its dot it cannot be that of a GraphQL
            /// operation.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$member => concat!("rest.", $name),)+
                }
            }

            /// The `message` of a refusal by the operation.
            #[must_use]
            pub const fn failed(self) -> &'static str {
                match self {
                    $(Self::$member => $failed,)+
                }
            }

            /// Runs the operation.
            pub async fn run(self, app: &App, request: &Request<'_>) -> Result<Success, Refusal> {
                match self {
                    $(Self::$member => $run(app, request).await,)+
                }
            }
        }
    };
}

operations! {
    /// Creates an account.
    Register: Post "/api/v1/auth/register", "register", "Registration failed." => account::register;
    /// Signs in with a password.
    Login: Post "/api/v1/auth/login", "login", "Login failed." => session::login;
    /// Exchanges a refresh token.
    Refresh: Post "/api/v1/auth/refresh", "refresh", "Refresh failed." => session::refresh;
    /// Ends a session.
    Logout: Post "/api/v1/auth/logout", "logout", "Logout failed." => session::logout;
    /// Signs in with Google.
    Google: Post "/api/v1/auth/google", "google", "Google sign-in failed." => google::google;
    /// Sends a one-time code.
    RequestOtp: Post "/api/v1/auth/otp/request", "otp_request", "The code was not sent." => otp::otp_request;
    /// Redeems a one-time code.
    VerifyOtp: Post "/api/v1/auth/otp/verify", "otp_verify", "The code was not accepted." => otp::otp_verify;
    /// Sends a link or a code to set a new password.
    RequestPasswordReset: Post "/api/v1/auth/password/reset", "password_reset", "Password reset request failed." => password::password_reset;
    /// Sets a new password with that link or code.
    ConfirmPasswordReset: Post "/api/v1/auth/password/confirm", "password_confirm", "Password reset failed." => password::password_confirm;
    /// Changes the password of the signed-in user.
    ChangePassword: Post "/api/v1/auth/password/change", "password_change", "The password was not changed." => password::password_change;
    /// Reads the profile of the signed-in user.
    Profile: Get "/api/v1/auth/profile", "profile", "The profile was not read." => account::profile;
    /// Changes it.
    UpdateProfile: Patch "/api/v1/auth/profile", "profile_update", "The profile was not changed." => account::profile_update;
    /// Changes it too.
    ReplaceProfile: Put "/api/v1/auth/profile", "profile_replace", "The profile was not changed." => account::profile_replace;
}

/// Other paths of operations: what routes of the old system are called.
const ALIASES: [(&str, &str); 1] = [(
    "/api/v1/auth/password/confirm",
    "/api/v1/auth/password/reset/confirm",
)];

/// A path with its operations.
#[derive(Clone, Debug)]
pub struct Route {
    operations: Vec<Operation>,
}

impl Route {
    /// Every path that it has: with and without the slash at the end that Django's routes have.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let path = self.operations.first().map(|operation| operation.path());
        let aliases = ALIASES.iter().filter(|(known, _)| Some(*known) == path);
        let aliases = aliases.map(|(_, alias)| *alias);
        path.into_iter()
            .chain(aliases)
            .flat_map(|path| [path.to_owned(), format!("{path}/")])
            .collect()
    }

    /// The operation of this method.
    #[must_use]
    pub fn operation(&self, method: &str) -> Option<Operation> {
        let mut operations = self.operations.iter().copied();
        operations.find(|operation| operation.method().as_str() == method)
    }

    /// The value of the `Allow` header.
    #[must_use]
    pub fn allow(&self) -> String {
        let methods = self
            .operations
            .iter()
            .map(|operation| match operation.method() {
                Method::Get => "GET, HEAD",
                other => other.as_str(),
            });
        methods.collect::<Vec<_>>().join(", ")
    }
}

/// Every route.
#[must_use]
pub fn routes() -> Vec<Route> {
    let neighbours = Operation::ALL.chunk_by(|one, next| one.path() == next.path());
    neighbours
        .map(|operations| Route {
            operations: operations.to_vec(),
        })
        .collect()
}
