//! What those with the right do to accounts of others: `results` says what comes of it.

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

/// Whom to invite.
#[derive(InputObject)]
pub struct InviteUserInput {
    /// The e-mail address that gets the link.
    email: EmailAddress,
    /// Given name.
    #[graphql(default)]
    first_name: String,
    /// Family name.
    #[graphql(default)]
    last_name: String,
    /// What the person will be. Making staff takes `roles:write`.
    role: Role,
    /// What the person will do, if they will be staff.
    #[graphql(default)]
    staff_functions: Vec<StaffFunction>,
    /// Why. It is recorded.
    reason: Option<String>,
}

/// What to change of an account. What is left out stays as it is.
#[derive(InputObject)]
pub struct UpdateUserInput {
    /// Whose account.
    user_id: ID,
    /// Given name.
    first_name: Option<String>,
    /// Family name.
    last_name: Option<String>,
    /// A few words about the person.
    bio: Option<String>,
    /// Country.
    country: Option<String>,
    /// State or region.
    state: Option<String>,
    /// City.
    city: Option<String>,
    /// Street address.
    address: Option<String>,
    /// Preferred language, a BCP 47 tag; `null` forgets it.
    locale: MaybeUndefined<String>,
    /// The vendor record that belongs to the person; `null` forgets it.
    vendor_id: MaybeUndefined<String>,
    /// What the staff noted about the person, who cannot read it.
    staff_note: Option<String>,
    /// Why. It is recorded.
    reason: Option<String>,
}

/// What to make of whom.
#[derive(InputObject)]
pub struct SetUserRoleInput {
    /// Who.
    user_id: ID,
    /// What they are from now on.
    role: Role,
    /// Why. It is recorded.
    reason: Option<String>,
}

/// Which functions a member of staff has.
#[derive(InputObject)]
pub struct SetStaffFunctionsInput {
    /// Who.
    user_id: ID,
    /// All that they do from now on.
    staff_functions: Vec<StaffFunction>,
    /// Why. It is recorded.
    reason: Option<String>,
}

/// Whom to keep out.
#[derive(InputObject)]
pub struct SuspendUserInput {
    /// Who.
    user_id: ID,
    /// Why. It is recorded.
    reason: Option<String>,
}

/// Whom to let in again.
#[derive(InputObject)]
pub struct UnsuspendUserInput {
    /// Who.
    user_id: ID,
    /// Why. It is recorded.
    reason: Option<String>,
}

/// Whose sessions to end.
#[derive(InputObject)]
pub struct RevokeUserSessionsInput {
    /// Whose.
    user_id: ID,
    /// Why. It is recorded.
    reason: Option<String>,
}

/// What no account has for an id is the id of none.
fn target(id: &ID, reason: Option<String>) -> Option<Target> {
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

/// The caller, if they hold the permission. That somebody on the staff does not is recorded.
async fn holding<'a, P: PermissionType>(
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

/// What those with the right do to accounts of others.
#[derive(Clone, Copy, Debug, Default)]
pub struct AdministrationMutations;

#[Object]
impl AdministrationMutations {
    /// Makes an account without a password and sends the link that sets one; redeem its token by
    /// `confirmPasswordReset`. Needs `users:write` and a recent sign-in.
    #[graphql(directive = RequiresScopes::apply(&[&[Permission::UsersWrite]]))]
    async fn invite_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who, and as what.")] input: InviteUserInput,
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

    /// Changes what an account says about its person. Addresses are for their owner alone to
    /// change. Needs `users:write`.
    #[graphql(directive = RequiresScopes::apply(&[&[Permission::UsersWrite]]))]
    async fn update_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whose account, and what to change.")] input: UpdateUserInput,
    ) -> Result<UpdateUserResult, Error> {
        let person = holding(context, Action::UserUpdated).await?;
        let (Some(target), update) = update(input) else {
            return Ok(NotFound.into());
        };
        let (app, caller) = (context.app(), context.caller());
        let outcome = administration::update_user(app, caller, person, target, update).await;
        answer(outcome, |user| Box::new(UserUpdated::from(user)))
    }

    /// Makes a person something else, which ends their access tokens; staff functions go with the
    /// old role. Nobody changes their own, and a role of the staff is for those with a verified
    /// e-mail address. Needs `roles:write` and a recent sign-in.
    #[graphql(directive = RequiresScopes::apply(&[&[Permission::RolesWrite]]))]
    async fn set_user_role(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who, and what they become.")] input: SetUserRoleInput,
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

    /// Replaces the functions of a member of staff, whose e-mail address has to be verified to get
    /// more of them. Nobody changes their own. Needs `roles:write` and a recent sign-in.
    #[graphql(directive = RequiresScopes::apply(&[&[Permission::RolesWrite]]))]
    async fn set_staff_functions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who, and all that they do.")] input: SetStaffFunctionsInput,
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

    /// Suspends an account and ends its sessions, from the next request on. Needs `users:write`
    /// and a recent sign-in.
    #[graphql(directive = RequiresScopes::apply(&[&[Permission::UsersWrite]]))]
    async fn suspend_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who.")] input: SuspendUserInput,
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

    /// Lets a suspended person sign in again; their sessions stay ended. Needs `users:write` and
    /// a recent sign-in.
    #[graphql(directive = RequiresScopes::apply(&[&[Permission::UsersWrite]]))]
    async fn unsuspend_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who.")] input: UnsuspendUserInput,
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

    /// Ends every session of a person, who can sign in again. Needs `sessions:write`.
    #[graphql(directive = RequiresScopes::apply(&[&[Permission::SessionsWrite]]))]
    async fn revoke_user_sessions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whose.")] input: RevokeUserSessionsInput,
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
