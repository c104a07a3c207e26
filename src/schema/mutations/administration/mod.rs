//! Administration of other accounts; the result types are in [`results`].

pub mod results;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};

use crate::domain::caller::Holding;
use crate::domain::ids::UserId;
use crate::domain::permission::{Permission, PermissionType};
use crate::schema::answer::answer;
use crate::schema::directives::RequiresScopes;
use crate::schema::error::Error;
use crate::schema::problem::{NotFound, StepUpRequired};
use crate::schema::request::ContextExt as _;
use crate::schema::scalars::EmailAddress;
use crate::schema::types::enums::{Role, StaffFunction};
use crate::services::administration::{
    self, NewPerson, ProfileChange, StaffRecord, Target, UserUpdate,
};
use crate::services::audit::Action;
use results::{
    InviteUserResult, RevokeUserSessionsResult, SetStaffFunctionsResult, SetUserRoleResult,
    StaffFunctionsChanged, SuspendUserResult, UnsuspendUserResult, UpdateUserResult, UserInvited,
    UserRoleChanged, UserSessionsRevoked, UserSuspended, UserUnsuspended, UserUpdated,
};

/// The account to create.
#[derive(InputObject)]
pub struct InviteUserInput {
    /// The e-mail address that receives the link.
    email: EmailAddress,
    /// Given name.
    #[graphql(default)]
    first_name: String,
    /// Family name.
    #[graphql(default)]
    last_name: String,
    /// The role. Staff roles need `roles:write`.
    role: Role,
    /// The functions, for staff.
    #[graphql(default)]
    staff_functions: Vec<StaffFunction>,
    /// The reason, for the audit log.
    reason: Option<String>,
}

/// The fields to change; omitted ones stay unchanged.
#[derive(InputObject)]
pub struct UpdateUserInput {
    /// The account to change.
    user_id: ID,
    /// Given name.
    first_name: Option<String>,
    /// Family name.
    last_name: Option<String>,
    /// A short biography.
    bio: Option<String>,
    /// Country.
    country: Option<String>,
    /// State or region.
    state: Option<String>,
    /// City.
    city: Option<String>,
    /// Street address.
    address: Option<String>,
    /// Preferred language, a BCP 47 tag; `null` removes it.
    locale: MaybeUndefined<String>,
    /// The ID of the user's vendor record; `null` removes it.
    vendor_id: MaybeUndefined<String>,
    /// A note about the user, who cannot read it.
    staff_note: Option<String>,
    /// The reason, for the audit log.
    reason: Option<String>,
}

/// The account and its new role.
#[derive(InputObject)]
pub struct SetUserRoleInput {
    /// The account to change.
    user_id: ID,
    /// The new role.
    role: Role,
    /// The reason, for the audit log.
    reason: Option<String>,
}

/// The account and its new functions.
#[derive(InputObject)]
pub struct SetStaffFunctionsInput {
    /// The account to change.
    user_id: ID,
    /// The complete list of functions.
    staff_functions: Vec<StaffFunction>,
    /// The reason, for the audit log.
    reason: Option<String>,
}

/// The account to suspend.
#[derive(InputObject)]
pub struct SuspendUserInput {
    /// The account to suspend.
    user_id: ID,
    /// The reason, for the audit log.
    reason: Option<String>,
}

/// The account to reinstate.
#[derive(InputObject)]
pub struct UnsuspendUserInput {
    /// The account to reinstate.
    user_id: ID,
    /// The reason, for the audit log.
    reason: Option<String>,
}

/// The account whose sessions to end.
#[derive(InputObject)]
pub struct RevokeUserSessionsInput {
    /// The account.
    user_id: ID,
    /// The reason, for the audit log.
    reason: Option<String>,
}

/// `None` for a malformed id, which no account has.
pub(super) fn target(id: &ID, reason: Option<String>) -> Option<Target> {
    let user = id.parse::<UserId>().ok()?;
    Some(Target { user, reason })
}

fn update(input: UpdateUserInput) -> (Option<Target>, UserUpdate) {
    let profile = ProfileChange {
        first_name: input.first_name,
        last_name: input.last_name,
        bio: input.bio,
        country: input.country,
        state: input.state,
        city: input.city,
        address: input.address,
        locale: input.locale.into(),
    };
    let record = StaffRecord {
        vendor_id: input.vendor_id.into(),
        staff_note: input.staff_note,
    };
    let update = UserUpdate { profile, record };
    (target(&input.user_id, input.reason), update)
}

/// The caller, if they have the permission. A refusal of a staff member is recorded.
pub(super) async fn holding<'a, P: PermissionType>(
    context: &'a Context<'_>,
    action: Action,
) -> Result<Holding<'a, P>, Error> {
    let held = context.holding();
    if held.is_err()
        && let Some(person) = context.caller().signed_in()
    {
        let (app, caller) = (context.app(), context.caller());
        administration::forbidden(app, caller, person, action).await?;
    }
    held
}

#[derive(Clone, Copy, Debug, Default)]
pub struct AdministrationMutations;

#[Object]
impl AdministrationMutations {
    /// Creates an account without a password and sends a link to set one; redeem its token with
    /// `confirmPasswordReset`. Needs `users:write` and a recent sign-in.
    #[graphql(directive = RequiresScopes::apply(&[&[Permission::UsersWrite]]))]
    async fn invite_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account to create.")] input: InviteUserInput,
    ) -> Result<InviteUserResult, Error> {
        let person = holding(context, Action::UserInvited).await?;
        let Some(fresh) = context.fresh()? else {
            return Ok(StepUpRequired.into());
        };
        let new = NewPerson {
            email: input.email.0,
            first_name: input.first_name,
            last_name: input.last_name,
            role: input.role.into(),
            functions: input.staff_functions.into_iter().map(Into::into).collect(),
            reason: input.reason,
        };
        let (app, caller) = (context.app(), context.caller());
        let outcome = administration::invite_user(app, caller, (person, fresh), new).await;
        answer(outcome, |user| Box::new(UserInvited::from(user)))
    }

    /// Changes the profile of an account. Only its owner can change addresses. Needs `users:write`.
    #[graphql(directive = RequiresScopes::apply(&[&[Permission::UsersWrite]]))]
    async fn update_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account and the fields to change.")] input: UpdateUserInput,
    ) -> Result<UpdateUserResult, Error> {
        let person = holding(context, Action::UserUpdated).await?;
        let (Some(target), update) = update(input) else {
            return Ok(NotFound.into());
        };
        let (app, caller) = (context.app(), context.caller());
        let outcome = administration::update_user(app, caller, person, target, update).await;
        answer(outcome, |user| Box::new(UserUpdated::from(user)))
    }

    /// Changes the role of an account, which invalidates its access tokens and removes the staff
    /// functions of the old role. Staff roles require a verified e-mail address. You cannot change
    /// your own role. Needs `roles:write` and a recent sign-in.
    #[graphql(directive = RequiresScopes::apply(&[&[Permission::RolesWrite]]))]
    async fn set_user_role(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account and its new role.")] input: SetUserRoleInput,
    ) -> Result<SetUserRoleResult, Error> {
        let person = holding(context, Action::RoleChanged).await?;
        let Some(fresh) = context.fresh()? else {
            return Ok(StepUpRequired.into());
        };
        let Some(target) = target(&input.user_id, input.reason) else {
            return Ok(NotFound.into());
        };
        let (app, caller, role) = (context.app(), context.caller(), input.role.into());
        let by = (person, fresh);
        let outcome = administration::set_user_role(app, caller, by, target, role).await;
        answer(outcome, |user| Box::new(UserRoleChanged::from(user)))
    }

    /// Replaces the functions of a staff member. New functions require a verified e-mail address.
    /// You cannot change your own. Needs `roles:write` and a recent sign-in.
    #[graphql(directive = RequiresScopes::apply(&[&[Permission::RolesWrite]]))]
    async fn set_staff_functions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account and its new functions.")] input: SetStaffFunctionsInput,
    ) -> Result<SetStaffFunctionsResult, Error> {
        let person = holding(context, Action::StaffFunctionsChanged).await?;
        let Some(fresh) = context.fresh()? else {
            return Ok(StepUpRequired.into());
        };
        let Some(target) = target(&input.user_id, input.reason) else {
            return Ok(NotFound.into());
        };
        let functions = input.staff_functions.into_iter().map(Into::into).collect();
        let (app, caller, by) = (context.app(), context.caller(), (person, fresh));
        let outcome = administration::set_staff_functions(app, caller, by, target, functions).await;
        answer(outcome, |user| Box::new(StaffFunctionsChanged::from(user)))
    }

    /// Suspends an account and ends its sessions with immediate effect. Needs `users:write` and a
    /// recent sign-in.
    #[graphql(directive = RequiresScopes::apply(&[&[Permission::UsersWrite]]))]
    async fn suspend_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account to suspend.")] input: SuspendUserInput,
    ) -> Result<SuspendUserResult, Error> {
        let person = holding(context, Action::UserSuspended).await?;
        let Some(fresh) = context.fresh()? else {
            return Ok(StepUpRequired.into());
        };
        let Some(target) = target(&input.user_id, input.reason) else {
            return Ok(NotFound.into());
        };
        let (app, caller) = (context.app(), context.caller());
        let outcome = administration::suspend_user(app, caller, (person, fresh), target).await;
        answer(outcome, |user| Box::new(UserSuspended::from(user)))
    }

    /// Reinstates a suspended account; its sessions stay ended. Needs `users:write` and a recent
    /// sign-in.
    #[graphql(directive = RequiresScopes::apply(&[&[Permission::UsersWrite]]))]
    async fn unsuspend_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account to reinstate.")] input: UnsuspendUserInput,
    ) -> Result<UnsuspendUserResult, Error> {
        let person = holding(context, Action::UserUnsuspended).await?;
        let Some(fresh) = context.fresh()? else {
            return Ok(StepUpRequired.into());
        };
        let Some(target) = target(&input.user_id, input.reason) else {
            return Ok(NotFound.into());
        };
        let (app, caller) = (context.app(), context.caller());
        let outcome = administration::unsuspend_user(app, caller, (person, fresh), target).await;
        answer(outcome, |user| Box::new(UserUnsuspended::from(user)))
    }

    /// Ends every session of a user, who can sign in again. Needs `sessions:write`.
    #[graphql(directive = RequiresScopes::apply(&[&[Permission::SessionsWrite]]))]
    async fn revoke_user_sessions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account.")] input: RevokeUserSessionsInput,
    ) -> Result<RevokeUserSessionsResult, Error> {
        let person = holding(context, Action::UserSessionsRevoked).await?;
        let Some(target) = target(&input.user_id, input.reason) else {
            return Ok(NotFound.into());
        };
        let (app, caller) = (context.app(), context.caller());
        let outcome = administration::revoke_user_sessions(app, caller, person, target).await;
        answer(outcome, UserSessionsRevoked::of)
    }
}
