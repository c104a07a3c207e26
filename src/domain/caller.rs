//! The caller of an operation: where it comes from, who it is, and what it may do.
//!
//! [`Fresh`] and [`Holding`] are proofs: a service that takes one cannot be called without the check,
//! as only a [`Caller`] creates them.

use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Deref;
use std::sync::OnceLock;

use chrono::{DateTime, Duration, Utc};

use super::ids::{SessionId, UserId};
use super::permission::{PermissionSet, PermissionType};
use super::role::{Role, StaffFunctions};
use super::session::Session;
use super::user::User;
use super::user_agent::UserAgent;

/// The network side of a request.
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    /// The client's network address, as far as the proxies in front are trusted.
    pub address: IpAddr,
    user_agent: Option<String>,
    agent: OnceLock<UserAgent>,
    /// Identifies the request in answers, logs and audit events.
    pub request_id: String,
    /// The name of the operation, if it has one.
    pub operation_name: Option<String>,
    /// The id of the trusted document, if it is one.
    pub document_id: Option<String>,
}

impl Client {
    /// A client at this address with this `User-Agent` header.
    #[must_use]
    pub fn new(address: IpAddr, user_agent: Option<String>, request_id: String) -> Self {
        Self {
            address,
            user_agent,
            agent: OnceLock::new(),
            request_id,
            operation_name: None,
            document_id: None,
        }
    }

    /// The command line of this machine.
    #[must_use]
    pub fn command_line(request_id: String) -> Self {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self::new(address, Some("idgate".to_owned()), request_id)
    }

    /// The user agent, parsed on first use: most requests never need it.
    #[must_use]
    pub fn agent(&self) -> &UserAgent {
        self.agent
            .get_or_init(|| UserAgent::parse(self.user_agent.as_deref()))
    }
}

impl fmt::Debug for Client {
    /// Prints no network address.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("request_id", &self.request_id)
            .field("operation_name", &self.operation_name)
            .field("document_id", &self.document_id)
            .finish_non_exhaustive()
    }
}

/// The caller of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The network side.
    pub client: Client,
    auth_state: AuthState,
}

/// The result of authenticating a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthState {
    /// No token was sent.
    Anonymous,
    /// The token is invalid or no longer valid.
    Rejected,
    /// The token is valid.
    SignedIn(SignedIn),
}

impl Caller {
    /// A caller without a token.
    #[must_use]
    pub fn anonymous(client: Client) -> Self {
        Self {
            client,
            auth_state: AuthState::Anonymous,
        }
    }

    /// A caller with an invalid token.
    #[must_use]
    pub fn rejected(client: Client) -> Self {
        Self {
            client,
            auth_state: AuthState::Rejected,
        }
    }

    /// A caller whose token, session and account were checked for this request.
    #[must_use]
    pub fn signed_in_as(client: Client, signed_in: SignedIn) -> Self {
        Self {
            client,
            auth_state: AuthState::SignedIn(signed_in),
        }
    }

    /// The result of authentication.
    #[must_use]
    pub fn auth_state(&self) -> &AuthState {
        &self.auth_state
    }

    /// The user, if signed in.
    #[must_use]
    pub fn signed_in(&self) -> Option<&SignedIn> {
        match &self.auth_state {
            AuthState::SignedIn(signed_in) => Some(signed_in),
            AuthState::Anonymous | AuthState::Rejected => None,
        }
    }

    /// The user, if authenticated at most `max_age` ago.
    #[must_use]
    pub fn fresh(&self, now: DateTime<Utc>, max_age: Duration) -> Option<Fresh<'_>> {
        // OpenID Connect Core §3.1.2.1: more than `max_age` since `auth_time` requires another
        // authentication, exactly `max_age` does not.
        self.signed_in()
            .filter(|signed_in| now.signed_duration_since(signed_in.auth_time) <= max_age)
            .map(Fresh)
    }

    /// The signed-in user, if they hold permission `P`.
    #[must_use]
    pub fn holding<P: PermissionType>(&self) -> Option<Holding<'_, P>> {
        self.signed_in()
            .filter(|signed_in| signed_in.permissions.holds(P::PERMISSION))
            .map(|signed_in| Holding(signed_in, PhantomData))
    }
}

/// A user whose token, session and account are valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    user: UserId,
    session: SessionId,
    role: Role,
    functions: StaffFunctions,
    permissions: PermissionSet,
    auth_time: DateTime<Utc>,
    amr: Vec<String>,
}

impl SignedIn {
    /// To be called only by the code that has just checked both.
    #[must_use]
    pub fn new(user: &User, session: &Session, permissions: PermissionSet) -> Self {
        Self {
            user: user.id,
            session: session.id,
            role: user.role,
            functions: user.staff_functions,
            permissions,
            auth_time: session.auth_time,
            amr: session.amr.clone(),
        }
    }

    /// The user's id.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.user
    }

    /// The id of the session.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The staff functions.
    #[must_use]
    pub fn functions(&self) -> StaffFunctions {
        self.functions
    }

    /// The permissions.
    #[must_use]
    pub fn permissions(&self) -> PermissionSet {
        self.permissions
    }

    /// When the user last authenticated in this session.
    #[must_use]
    pub fn auth_time(&self) -> DateTime<Utc> {
        self.auth_time
    }

    /// RFC 8176: how the user authenticated.
    #[must_use]
    pub fn amr(&self) -> &[String] {
        &self.amr
    }
}

/// A user who authenticated recently enough for a sensitive operation.
#[derive(Clone, Copy, Debug)]
pub struct Fresh<'a>(&'a SignedIn);

impl Deref for Fresh<'_> {
    type Target = SignedIn;

    fn deref(&self) -> &SignedIn {
        self.0
    }
}

/// A signed-in user who holds permission `P`.
#[derive(Clone, Copy, Debug)]
pub struct Holding<'a, P>(&'a SignedIn, PhantomData<P>);

impl<P> Deref for Holding<'_, P> {
    type Target = SignedIn;

    fn deref(&self) -> &SignedIn {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::permission::types::{StatsRead, UsersRead};
    use super::super::session::tests::session;
    use super::super::user::tests::ada;
    use super::*;

    fn client() -> Client {
        Client::new(IpAddr::V4(Ipv4Addr::LOCALHOST), None, "request".to_owned())
    }

    fn signed_in(role: Role) -> Caller {
        let user = User { role, ..ada() };
        let permissions = PermissionSet::of(role, user.staff_functions);
        Caller::signed_in_as(client(), SignedIn::new(&user, &session(), permissions))
    }

    #[test]
    fn a_caller_without_a_valid_token_is_not_signed_in() {
        for caller in [Caller::anonymous(client()), Caller::rejected(client())] {
            assert!(caller.signed_in().is_none());
            assert!(caller.fresh(DateTime::UNIX_EPOCH, Duration::MAX).is_none());
            assert!(caller.holding::<StatsRead>().is_none());
        }
        assert_ne!(
            Caller::anonymous(client()).auth_state(),
            Caller::rejected(client()).auth_state(),
            "a token that fails is not the same as none"
        );
    }

    #[test]
    fn the_network_address_does_not_print() {
        let printed = format!("{:?}", Caller::anonymous(client()));
        assert!(
            printed.contains("request_id") && !printed.contains("127.0.0.1"),
            "{printed}"
        );
    }

    #[test]
    fn a_sign_in_is_recent_up_to_the_maximum_age() {
        let caller = signed_in(Role::Client);
        let (start, limit) = (session().auth_time, Duration::minutes(15));
        assert_eq!(caller.fresh(start, limit).unwrap().user(), ada().id);
        assert!(caller.fresh(start + limit, limit).is_some());
        assert!(
            caller
                .fresh(start + limit + Duration::microseconds(1), limit)
                .is_none()
        );
    }

    #[test]
    fn holding_requires_the_permission() {
        assert!(signed_in(Role::Client).holding::<UsersRead>().is_none());
        assert!(signed_in(Role::Staff).holding::<UsersRead>().is_none());
        let admin = signed_in(Role::Admin);
        let proof = admin.holding::<UsersRead>().unwrap();
        assert_eq!((proof.role(), proof.session()), (Role::Admin, session().id));
    }
}
