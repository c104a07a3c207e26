//! Who asks: from where, with which standing, and what that standing lets them do.
//!
//! [`Fresh`] and [`Holding`] are proofs: a service that takes one cannot be called without the
//! check, because only a [`Caller`] makes them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Deref;
use std::sync::OnceLock;

use chrono::{DateTime, Duration, Utc};

use super::ids::{SessionId, UserId};
use super::permission::{Permission, PermissionSet};
use super::role::{Role, StaffFunctions};
use super::session::Session;
use super::user::User;
use super::user_agent::UserAgent;

/// Where a request comes from.
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    /// The network address, as far as the proxies before us can be trusted.
    pub address: IpAddr,
    user_agent: Option<String>,
    agent: OnceLock<UserAgent>,
    /// Names the request in answers, logs and the audit log.
    pub request_id: String,
    /// The operation it runs, if it says so.
    pub operation_name: Option<String>,
    /// The trusted document it runs, if it is one.
    pub document_id: Option<String>,
}

impl Client {
    /// A client at this address that calls itself this.
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

    /// The command line on the machine itself.
    #[must_use]
    pub fn command_line(request_id: String) -> Self {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self::new(address, Some("idgate".to_owned()), request_id)
    }

    /// The program that asks; read when it is first needed, which most requests never do.
    #[must_use]
    pub fn agent(&self) -> &UserAgent {
        self.agent
            .get_or_init(|| UserAgent::parse(self.user_agent.as_deref()))
    }
}

impl fmt::Debug for Client {
    /// Shows what is asked and nothing about where from.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("request_id", &self.request_id)
            .field("operation_name", &self.operation_name)
            .field("document_id", &self.document_id)
            .finish_non_exhaustive()
    }
}

/// Who asks, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// From where.
    pub client: Client,
    standing: Standing,
}

/// What is known about who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They sent no token.
    Anonymous,
    /// They sent a token that no longer holds, or never did.
    Rejected,
    /// They are somebody.
    SignedIn(SignedIn),
}

impl Caller {
    /// A caller without a token.
    #[must_use]
    pub fn anonymous(client: Client) -> Self {
        Self {
            client,
            standing: Standing::Anonymous,
        }
    }

    /// A caller whose token does not hold.
    #[must_use]
    pub fn rejected(client: Client) -> Self {
        Self {
            client,
            standing: Standing::Rejected,
        }
    }

    /// A caller whose token, session and account were checked for this request.
    #[must_use]
    pub fn signed_in_as(client: Client, signed_in: SignedIn) -> Self {
        Self {
            client,
            standing: Standing::SignedIn(signed_in),
        }
    }

    /// What is known about them.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Who they are, if they are signed in.
    #[must_use]
    pub fn signed_in(&self) -> Option<&SignedIn> {
        match &self.standing {
            Standing::SignedIn(signed_in) => Some(signed_in),
            Standing::Anonymous | Standing::Rejected => None,
        }
    }

    /// Who they are, if they authenticated at most `max_age` ago.
    #[must_use]
    pub fn fresh(&self, now: DateTime<Utc>, max_age: Duration) -> Option<Fresh<'_>> {
        // OpenID Connect Core §3.1.2.1: more than `max_age` since `auth_time` asks for another
        // authentication, exactly `max_age` does not.
        self.signed_in()
            .filter(|signed_in| now.signed_duration_since(signed_in.auth_time) <= max_age)
            .map(Fresh)
    }

    /// Who they are, if they hold this permission.
    #[must_use]
    pub fn holding(&self, permission: Permission) -> Option<Holding<'_>> {
        self.signed_in()
            .filter(|signed_in| signed_in.permissions.holds(permission))
            .map(Holding)
    }
}

/// Somebody whose token, session and account hold.
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
    /// Says that this person asks in this session. Only whoever has just checked both says so.
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

    /// Their account.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.user
    }

    /// The session they ask in.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// What they are.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// What they do, if they are staff.
    #[must_use]
    pub fn functions(&self) -> StaffFunctions {
        self.functions
    }

    /// What they may do beyond their own.
    #[must_use]
    pub fn permissions(&self) -> PermissionSet {
        self.permissions
    }

    /// When they last authenticated in this session.
    #[must_use]
    pub fn auth_time(&self) -> DateTime<Utc> {
        self.auth_time
    }

    /// RFC 8176: how they did.
    #[must_use]
    pub fn amr(&self) -> &[String] {
        &self.amr
    }
}

/// Somebody who authenticated recently enough for what cannot be undone.
#[derive(Clone, Copy, Debug)]
pub struct Fresh<'a>(&'a SignedIn);

impl Deref for Fresh<'_> {
    type Target = SignedIn;

    fn deref(&self) -> &SignedIn {
        self.0
    }
}

/// Somebody who holds the permission that was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Holding<'a>(&'a SignedIn);

impl Deref for Holding<'_> {
    type Target = SignedIn;

    fn deref(&self) -> &SignedIn {
        self.0
    }
}

#[cfg(test)]
mod tests {
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
    fn nobody_is_signed_in_without_a_token_that_holds() {
        for caller in [Caller::anonymous(client()), Caller::rejected(client())] {
            assert!(caller.signed_in().is_none());
            assert!(caller.fresh(DateTime::UNIX_EPOCH, Duration::MAX).is_none());
            assert!(caller.holding(Permission::StatsRead).is_none());
        }
        assert_ne!(
            Caller::anonymous(client()).standing(),
            Caller::rejected(client()).standing(),
            "a token that fails is not the same as none"
        );
    }

    #[test]
    fn where_a_request_comes_from_does_not_print() {
        let printed = format!("{:?}", Caller::anonymous(client()));
        assert!(
            printed.contains("request_id") && !printed.contains("127.0.0.1"),
            "{printed}"
        );
    }

    #[test]
    fn somebody_stays_fresh_for_the_given_time() {
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
    fn a_permission_is_proven_only_to_those_who_hold_it() {
        assert!(
            signed_in(Role::Client)
                .holding(Permission::UsersRead)
                .is_none()
        );
        assert!(
            signed_in(Role::Staff)
                .holding(Permission::UsersRead)
                .is_none()
        );
        let admin = signed_in(Role::Admin);
        let proof = admin.holding(Permission::UsersRead).unwrap();
        assert_eq!((proof.role(), proof.session()), (Role::Admin, session().id));
    }
}
