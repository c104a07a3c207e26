//! User accounts.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use chrono::{DateTime, Utc};

use super::audit_event::{self, AuditEventConnection};
use super::enums::{AuthProvider, Role, StaffFunction};
use super::identity::Identity;
use super::session::{self, SessionConnection};
use crate::app::App;
use crate::domain::ids::UserId;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::user::{self, PublicProfile};
use crate::fault::Fault;
use crate::schema::connection::PageArguments;
use crate::schema::directives::{AtMost, Key, Paged};
use crate::schema::error::{Error, Nullable};
use crate::schema::guard::{AccessContext, Guard, Holds, IsNotOwner, IsOwner, IsStaff, IsVendor};
use crate::schema::request::ContextExt as _;
use crate::schema::scalars::{EmailAddress, PhoneNumber};

/// Maximum number of identities per user, for the cost of a query.
const MAX_IDENTITIES: usize = 20;

#[derive(Clone, Debug)]
pub struct User {
    account: Account,
    /// Whether this operation authenticated the user, who may then read their private fields.
    signed_in_now: bool,
}

/// What was read of an account.
#[derive(Clone, Debug)]
enum Account {
    Whole(Arc<user::User>),
    /// For a [`PublicSelection`](super::public_user::PublicSelection).
    Public(Arc<PublicProfile>),
}

impl From<Arc<user::User>> for User {
    fn from(row: Arc<user::User>) -> Self {
        Self {
            account: Account::Whole(row),
            signed_in_now: false,
        }
    }
}

impl From<Arc<PublicProfile>> for User {
    /// A user of whom no more is selected than a `PublicSelection` has.
    fn from(profile: Arc<PublicProfile>) -> Self {
        Self {
            account: Account::Public(profile),
            signed_in_now: false,
        }
    }
}

impl From<user::User> for User {
    fn from(row: user::User) -> Self {
        Arc::new(row).into()
    }
}

impl User {
    /// The user whom this operation signed in; the request had no token yet.
    pub(in crate::schema) fn signed_in_now(row: user::User) -> Self {
        Self {
            account: Account::Whole(Arc::new(row)),
            signed_in_now: true,
        }
    }

    /// A value for the owner and holders of `users:read`.
    fn private<T>(
        &self,
        context: &Context<'_>,
        value: impl FnOnce(&user::User) -> Option<T>,
    ) -> Nullable<T> {
        let guard = IsOwner.or(Holds(Permission::UsersRead));
        self.guarded(context, guard, value)
    }

    /// A value for callers whom the guard allows.
    fn guarded<T>(
        &self,
        context: &Context<'_>,
        guard: impl Guard,
        value: impl FnOnce(&user::User) -> Option<T>,
    ) -> Nullable<T> {
        if !guard.allows(self.access(context)) {
            return Some(Err(Error::forbidden()));
        }
        match self.whole() {
            Ok(user) => value(user).map(Ok),
            Err(failure) => Some(Err(failure)),
        }
    }

    /// The account, for fields that a [`PublicSelection`](super::public_user::PublicSelection) has not.
    fn whole(&self) -> Result<&Arc<user::User>, Error> {
        match &self.account {
            Account::Whole(user) => Ok(user),
            Account::Public(_) => {
                let fault = Fault::new("a field was selected that its row was not read for");
                Err(Error::hiding(&fault))
            }
        }
    }

    pub(super) fn user_id(&self) -> UserId {
        match &self.account {
            Account::Whole(user) => user.id,
            Account::Public(profile) => profile.id,
        }
    }

    pub(super) fn public_id(&self) -> &str {
        match &self.account {
            Account::Whole(user) => &user.pid,
            Account::Public(profile) => &profile.pid,
        }
    }

    pub(super) fn given_name(&self) -> &str {
        match &self.account {
            Account::Whole(user) => &user.first_name,
            Account::Public(profile) => &profile.first_name,
        }
    }

    pub(super) fn picture(&self, app: &App) -> Option<String> {
        let own = match &self.account {
            Account::Whole(user) => &user.avatar,
            Account::Public(profile) => &profile.avatar,
        };
        app.avatar_url(own.as_deref())
    }

    pub(super) fn rank(&self) -> Role {
        match &self.account {
            Account::Whole(user) => user.role.into(),
            Account::Public(profile) => profile.role.into(),
        }
    }

    fn access<'a>(&self, context: &'a Context<'_>) -> AccessContext<'a> {
        AccessContext {
            person: context.caller().signed_in(),
            is_own: self.is_own(context),
        }
    }

    fn is_own(&self, context: &Context<'_>) -> bool {
        let caller = context.caller().signed_in();
        self.signed_in_now || caller.is_some_and(|person| person.user() == self.user_id())
    }
}

/// A user account. `id`, `pid`, `firstName`, `avatarUrl` and `role` are public; the other fields
/// are for the user and for holders of `users:read`, and `null` with a `FORBIDDEN` error for
/// others.
#[Object(directive = Key::apply("id"), directive = Key::apply("email"))]
impl User {
    /// The ID; the `sub` claim of access tokens.
    pub(in crate::schema) async fn id(&self) -> ID {
        self.user_id().to_string().into()
    }

    /// A short public identifier that users can read and quote.
    fn pid(&self) -> &str {
        self.public_id()
    }

    /// The e-mail address, as entered by its owner.
    fn email(&self, context: &Context<'_>) -> Nullable<EmailAddress> {
        self.private(context, |user| user.email.clone().map(EmailAddress))
    }

    /// The phone number.
    fn phone(&self, context: &Context<'_>) -> Nullable<PhoneNumber> {
        self.private(context, |user| user.phone.clone().map(PhoneNumber))
    }

    /// Given name.
    fn first_name(&self) -> &str {
        self.given_name()
    }

    /// Family name.
    fn last_name(&self, context: &Context<'_>) -> Nullable<String> {
        self.private(context, |user| Some(user.last_name.clone()))
    }

    /// The picture, or the configured default.
    fn avatar_url(&self, context: &Context<'_>) -> Option<String> {
        self.picture(context.app())
    }

    /// A short biography.
    fn bio(&self, context: &Context<'_>) -> Nullable<String> {
        self.private(context, |user| Some(user.bio.clone()))
    }

    /// Country.
    fn country(&self, context: &Context<'_>) -> Nullable<String> {
        self.private(context, |user| Some(user.country.clone()))
    }

    /// State or region.
    fn state(&self, context: &Context<'_>) -> Nullable<String> {
        self.private(context, |user| Some(user.state.clone()))
    }

    /// City.
    fn city(&self, context: &Context<'_>) -> Nullable<String> {
        self.private(context, |user| Some(user.city.clone()))
    }

    /// Street address.
    fn address(&self, context: &Context<'_>) -> Nullable<String> {
        self.private(context, |user| Some(user.address.clone()))
    }

    /// Preferred language, a BCP 47 tag.
    fn locale(&self, context: &Context<'_>) -> Nullable<String> {
        self.private(context, |user| user.locale.clone())
    }

    /// The role.
    fn role(&self) -> Role {
        self.rank()
    }

    /// The functions of a staff member.
    #[graphql(directive = AtMost::apply(8))]
    fn staff_functions(&self, context: &Context<'_>) -> Nullable<Vec<StaffFunction>> {
        self.private(context, |user| {
            Some(user.staff_functions.iter().map(Into::into).collect())
        })
    }

    /// How the account was created.
    fn auth_provider(&self, context: &Context<'_>) -> Nullable<AuthProvider> {
        self.private(context, |user| Some(user.auth_provider.into()))
    }

    /// Whether an e-mail address or phone number of the account is verified.
    fn is_verified(&self, context: &Context<'_>) -> Nullable<bool> {
        self.private(context, |user| Some(user.is_verified))
    }

    /// Whether the e-mail address is verified.
    fn email_verified(&self, context: &Context<'_>) -> Nullable<bool> {
        self.private(context, |user| Some(user.email_verified))
    }

    /// Whether the phone number is verified.
    fn phone_verified(&self, context: &Context<'_>) -> Nullable<bool> {
        self.private(context, |user| Some(user.phone_verified))
    }

    /// Whether the account is suspended.
    fn is_suspended(&self, context: &Context<'_>) -> Nullable<bool> {
        self.private(context, |user| Some(user.is_suspended()))
    }

    /// Whether the account is deleted and waits for its erasure.
    fn is_deleted(&self, context: &Context<'_>) -> Nullable<bool> {
        self.private(context, |user| Some(user.is_deleted()))
    }

    /// When the account was deleted.
    fn deleted_at(&self, context: &Context<'_>) -> Nullable<DateTime<Utc>> {
        self.private(context, |user| user.deleted_at)
    }

    /// When the user last signed in.
    fn last_login_at(&self, context: &Context<'_>) -> Nullable<DateTime<Utc>> {
        self.private(context, |user| user.last_login_at)
    }

    /// When the account was created.
    fn created_at(&self, context: &Context<'_>) -> Nullable<DateTime<Utc>> {
        self.private(context, |user| Some(user.created_at))
    }

    /// When the account was last changed.
    fn updated_at(&self, context: &Context<'_>) -> Nullable<DateTime<Utc>> {
        self.private(context, |user| Some(user.updated_at))
    }

    /// The live sessions, newest first.
    #[graphql(directive = Paged::apply())]
    async fn sessions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Page size, from the start; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Return entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size, from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Return entries before this cursor.")] before: Option<String>,
    ) -> Nullable<SessionConnection> {
        let user = match self.private(context, |user| Some(user.id))? {
            Ok(user) => user,
            Err(refusal) => return Some(Err(refusal)),
        };
        Some(match PageArguments::check(first, after, last, before) {
            // Boxed, like the other lists: every field of a user would be as large.
            Ok(arguments) => Box::pin(session::load_page(context, user, arguments)).await,
            Err(refusal) => Err(refusal),
        })
    }

    /// The linked identities, oldest first; at most 20.
    #[graphql(directive = AtMost::apply(MAX_IDENTITIES))]
    async fn identities(&self, context: &Context<'_>) -> Nullable<Vec<Identity>> {
        let user = match self.private(context, |user| Some(user.id))? {
            Ok(user) => user,
            Err(refusal) => return Some(Err(refusal)),
        };
        let found = Box::pin(context.loaders().identities(user));
        Some(match found.await {
            Ok(found) => Ok(found
                .into_iter()
                .take(MAX_IDENTITIES)
                .map(Identity)
                .collect()),
            Err(failure) => Err(failure.into()),
        })
    }

    /// Audit events about this user, newest first; for the user and for holders of `audit:read`.
    #[graphql(directive = Paged::apply())]
    async fn audit_events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Page size, from the start; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Return entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size, from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Return entries before this cursor.")] before: Option<String>,
    ) -> Nullable<AuditEventConnection> {
        let (access, auditor) = (self.access(context), Holds(Permission::AuditRead));
        if !auditor.or(IsOwner).allows(access) {
            return Some(Err(Error::forbidden()));
        }
        let is_auditor = auditor.allows(access);
        let user = match self.whole() {
            Ok(user) => user,
            Err(failure) => return Some(Err(failure)),
        };
        Some(match PageArguments::check(first, after, last, before) {
            Ok(page) => Box::pin(audit_event::load_about(context, user, is_auditor, page)).await,
            Err(refusal) => Err(refusal),
        })
    }

    /// The permissions of the user, as in `users:read`.
    #[graphql(directive = AtMost::apply(32))]
    fn permissions(&self, context: &Context<'_>) -> Nullable<Vec<String>> {
        self.private(context, |user| {
            let permissions = PermissionSet::of(user.role, user.staff_functions);
            Some(
                permissions
                    .iter()
                    .map(|permission| permission.as_str().to_owned())
                    .collect(),
            )
        })
    }

    /// The ID of the user's vendor record in the vendor module.
    fn vendor_id(&self, context: &Context<'_>) -> Nullable<String> {
        let own = IsOwner.and(IsVendor);
        let guard = own.or(Holds(Permission::UsersRead));
        self.guarded(context, guard, |user| user.vendor_id.clone())
    }

    /// A note by the staff about the user, who cannot read it, whatever their permissions.
    #[graphql(tag = "staff")]
    fn staff_note(&self, context: &Context<'_>) -> Nullable<String> {
        let guard = IsStaff.and(IsNotOwner);
        self.guarded(context, guard, |user| Some(user.staff_note.clone()))
    }
}
