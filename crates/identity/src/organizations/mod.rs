//! Organizations: what everything belongs to, who belongs to them, and what they decide for themselves.
//!
//! A user acts in one organization at a time, the one of their token; all but a look at one's own organizations is done
//! in that one. `settings` is what an organization decides, and where the rest of identity asks for it; `deletion` ends
//! and erases one; `error` has the refusals.

mod deletion;
mod error;
pub(crate) mod invitations;
mod members;
pub(crate) mod model;
mod routes;
mod service;
pub(crate) mod settings;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use gateway::{Access, By, Limit, Module, Repeats, routes as documented};
use kernel::{Id, Permission, Surroundings, id::kind, text};
use platform::{
    db::{DbError, ServerUnit},
    jobs::JobKind,
    schedules::Schedule,
};

pub use error::OrganizationError;
pub use invitations::{
    Answered, Invitation, InvitationKind, InvitationStatus, Invited, InvitedUser, NewInvitations, NotInvited,
};
pub use members::{MemberRoles, OrganizationMember};
pub use model::{
    Confirmed, CreatedOrganization, FirstGroup, NewOrganization, Organization, OrganizationPatch,
};
pub use service::Organizations;
pub use settings::{OrganizationSettings, OrganizationSettingsPatch};

/// Forgets invitations that ended long ago.
const FORGET_INVITATIONS: JobKind<()> = JobKind::new("organizations.forget_invitations");

/// The operations on organizations, and the jobs of their deletion.
pub(crate) fn module(organizations: &Organizations) -> Module {
    const READ: Access = Access::permission(Permission::ORG_READ);
    const WRITE: Access = Access::permission(Permission::ORG_WRITE);
    const MEMBERS: Access = Access::permission(Permission::ORG_MEMBERS);
    let inviting = Limit::per_minute(30, By::Caller);
    let answering = || Access::authenticated().not_for_api_keys().in_person().repeats(Repeats::Ignored);
    // What somebody's script decides over an organization would be its author's doing.
    let making = Access::permission(Permission::ORG_CREATE).limit(Limit::per_hour(20, By::Caller));
    let forgetful = organizations.clone();
    deletion::with_jobs(Module::new("organizations"), organizations)
        .job(&FORGET_INVITATIONS, move |job, ()| forgetful.clone().forget_invitations(job))
        .schedule(Schedule::new(
            "organizations.forget_invitations",
            "41 3 * * *",
            FORGET_INVITATIONS.job(&()),
        ))
        .route(organizations, documented!(routes::list), Access::authenticated())
        .route(organizations, documented!(routes::create), making.in_person())
        .route(organizations, documented!(routes::get), Access::authenticated())
        .route(organizations, documented!(routes::change), WRITE.in_person())
        .route(
            organizations,
            documented!(routes::delete),
            Access::permission(Permission::ORG_DELETE).in_person().not_for_api_keys(),
        )
        .route(organizations, documented!(routes::settings), READ)
        .route(organizations, documented!(routes::change_settings), WRITE.in_person())
        .route(organizations, documented!(routes::members), Access::permission(Permission::USERS_READ))
        .route(organizations, documented!(routes::change_member), MEMBERS.in_person())
        .route(
            organizations,
            documented!(invitations::routes::invite_user),
            MEMBERS.in_person().limit(inviting),
        )
        .route(
            organizations,
            documented!(invitations::routes::invite),
            MEMBERS.in_person().limit(inviting).repeats(Repeats::Secret),
        )
        .route(organizations, documented!(invitations::routes::invitations), MEMBERS)
        .route(organizations, documented!(invitations::routes::revoke_invitation), MEMBERS.in_person())
        .route(organizations, documented!(invitations::routes::own_invitations), Access::authenticated())
        .route(
            organizations,
            documented!(invitations::routes::one_invitation),
            Access::public().limit(Limit::per_minute(60, By::Address)),
        )
        .route(organizations, documented!(invitations::routes::accept), answering())
        .route(organizations, documented!(invitations::routes::decline), answering())
        .root_route(
            organizations,
            documented!(invitations::page::invitation_page),
            Access::public().uncounted(),
        )
        .route(
            organizations,
            documented!(routes::remove_member),
            MEMBERS.own("user_id").in_person().not_for_api_keys(),
        )
}

/// The server's first organization, made if there is none.
///
/// Two nodes that start together can't make two: the second one waits until the first has made it.
pub(crate) fn found(
    unit: &ServerUnit<'_>,
    world: &Surroundings,
    name: &str,
) -> Result<Id<kind::Organization>, DbError> {
    if let Some(id) = store::first(unit)? {
        return Ok(id);
    }
    unit.lock("founding")?;
    if let Some(id) = store::first(unit)? {
        return Ok(id);
    }
    let id = world.id();
    store::insert_first(unit, id, name, &slug(name), world.now())?;
    Ok(id)
}

/// A slug for an organization of that name.
pub(crate) fn slug(name: &str) -> String {
    let slug = text::slug(name);
    if slug.is_empty() { "organization".to_owned() } else { slug }
}
