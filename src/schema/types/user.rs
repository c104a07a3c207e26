//! User accounts.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use chrono::{DateTime, Utc};

use super::audit_event::{self, AuditEventConnection};
use super::enums::{AuthProvider, Role, StaffFunction};
use super::identity::Identity;
use super::session::{self, SessionConnection};
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::user;
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
    row: Arc<user::User>,
    /// Whether this operation authenticated the user, who may then read their private fields.
    signed_in_now: bool,
}

impl From<Arc<user::User>> for User {
    fn from(row: Arc<user::User>) -> Self {
        Self {
            row,
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
            row: Arc::new(row),
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
        guard.field(self.access(context), || value(&self.row))
    }

    fn access<'a>(&self, context: &'a Context<'_>) -> AccessContext<'a> {
        AccessContext {
            person: context.caller().signed_in(),
            is_own: self.is_own(context),
        }
    }

    fn is_own(&self, context: &Context<'_>) -> bool {
        let caller = context.caller().signed_in();
        self.signed_in_now || caller.is_some_and(|person| person.user() == self.row.id)
    }
}

/// A user account. `id`, `pid`, `firstName`, `avatarUrl` and `role` are public; the other fields
/// are for the user and for holders of `users:read`, and `null` with a `FORBIDDEN` error for
/// others.
#[Object(directive = Key::apply("id"), directive = Key::apply("email"))]
impl User {
    /// The ID; the `sub` claim of access tokens.
    pub(in crate::schema) async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// A short public identifier that users can read and quote.
    async fn pid(&self) -> &str {
        &self.row.pid
    }

    /// The e-mail address, as entered by its owner.
    async fn email(&self, context: &Context<'_>) -> Nullable<EmailAddress> {
        self.private(context, |user| user.email.clone().map(EmailAddress))
    }

    /// The phone number.
    async fn phone(&self, context: &Context<'_>) -> Nullable<PhoneNumber> {
        self.private(context, |user| user.phone.clone().map(PhoneNumber))
    }

    /// Given name.
    async fn first_name(&self) -> &str {
        &self.row.first_name
    }

    /// Family name.
    async fn last_name(&self, context: &Context<'_>) -> Nullable<String> {
        self.private(context, |user| Some(user.last_name.clone()))
    }

    /// The picture, or the configured default.
    async fn avatar_url(&self, context: &Context<'_>) -> Option<String> {
        let default = || context.app().config.profile.default_avatar_url.as_ref();
        self.row
            .avatar
            .clone()
            .or_else(|| default().map(ToString::to_string))
    }

    /// A short biography.
    async fn bio(&self, context: &Context<'_>) -> Nullable<String> {
        self.private(context, |user| Some(user.bio.clone()))
    }

    /// Country.
    async fn country(&self, context: &Context<'_>) -> Nullable<String> {
        self.private(context, |user| Some(user.country.clone()))
    }

    /// State or region.
    async fn state(&self, context: &Context<'_>) -> Nullable<String> {
        self.private(context, |user| Some(user.state.clone()))
    }

    /// City.
    async fn city(&self, context: &Context<'_>) -> Nullable<String> {
        self.private(context, |user| Some(user.city.clone()))
    }

    /// Street address.
    async fn address(&self, context: &Context<'_>) -> Nullable<String> {
        self.private(context, |user| Some(user.address.clone()))
    }

    /// Preferred language, a BCP 47 tag.
    async fn locale(&self, context: &Context<'_>) -> Nullable<String> {
        self.private(context, |user| user.locale.clone())
    }

    /// The role.
    async fn role(&self) -> Role {
        self.row.role.into()
    }

    /// The functions of a staff member.
    #[graphql(directive = AtMost::apply(8))]
    async fn staff_functions(&self, context: &Context<'_>) -> Nullable<Vec<StaffFunction>> {
        self.private(context, |user| {
            Some(user.staff_functions.iter().map(Into::into).collect())
        })
    }

    /// How the account was created.
    async fn auth_provider(&self, context: &Context<'_>) -> Nullable<AuthProvider> {
        self.private(context, |user| Some(user.auth_provider.into()))
    }

    /// Whether an e-mail address or phone number of the account is verified.
    async fn is_verified(&self, context: &Context<'_>) -> Nullable<bool> {
        self.private(context, |user| Some(user.is_verified))
    }

    /// Whether the e-mail address is verified.
    async fn email_verified(&self, context: &Context<'_>) -> Nullable<bool> {
        self.private(context, |user| Some(user.email_verified))
    }

    /// Whether the phone number is verified.
    async fn phone_verified(&self, context: &Context<'_>) -> Nullable<bool> {
        self.private(context, |user| Some(user.phone_verified))
    }

    /// Whether the account is suspended.
    async fn is_suspended(&self, context: &Context<'_>) -> Nullable<bool> {
        self.private(context, |user| Some(user.is_suspended()))
    }

    /// Whether the account is deleted and waits for its erasure.
    async fn is_deleted(&self, context: &Context<'_>) -> Nullable<bool> {
        self.private(context, |user| Some(user.is_deleted()))
    }

    /// When the account was deleted.
    async fn deleted_at(&self, context: &Context<'_>) -> Nullable<DateTime<Utc>> {
        self.private(context, |user| user.deleted_at)
    }

    /// When the user last signed in.
    async fn last_login_at(&self, context: &Context<'_>) -> Nullable<DateTime<Utc>> {
        self.private(context, |user| user.last_login_at)
    }

    /// When the account was created.
    async fn created_at(&self, context: &Context<'_>) -> Nullable<DateTime<Utc>> {
        self.private(context, |user| Some(user.created_at))
    }

    /// When the account was last changed.
    async fn updated_at(&self, context: &Context<'_>) -> Nullable<DateTime<Utc>> {
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
            Ok(arguments) => session::load_page(context, user, arguments).await,
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
        let found = context.loaders().identities(user).await;
        Some(match found {
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
        let (user, is_auditor) = (&self.row, auditor.allows(access));
        Some(match PageArguments::check(first, after, last, before) {
            Ok(page) => audit_event::load_about(context, user, is_auditor, page).await,
            Err(refusal) => Err(refusal),
        })
    }

    /// The permissions of the user, as in `users:read`.
    #[graphql(directive = AtMost::apply(32))]
    async fn permissions(&self, context: &Context<'_>) -> Nullable<Vec<String>> {
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
    async fn vendor_id(&self, context: &Context<'_>) -> Nullable<String> {
        let own = IsOwner.and(IsVendor);
        let guard = own.or(Holds(Permission::UsersRead));
        self.guarded(context, guard, |user| user.vendor_id.clone())
    }

    /// A note by the staff about the user, who cannot read it, whatever their permissions.
    #[graphql(tag = "staff")]
    async fn staff_note(&self, context: &Context<'_>) -> Nullable<String> {
        let guard = IsStaff.and(IsNotOwner);
        self.guarded(context, guard, |user| Some(user.staff_note.clone()))
    }
}
