//! The operations on organizations.

use gateway::{
    AcceptedJob, Body, Caller, Envelope, IfMatch, IfNoneMatch, ListQuery, Params, Path, Reply, Result, State,
};
use kernel::list::Page;

use super::{
    Organizations,
    members::{MemberList, MemberRoles, OrganizationMember},
    model::{
        Confirmed, CreatedOrganization, NewOrganization, Organization, OrganizationList, OrganizationPatch,
    },
    settings::{OrganizationSettings, OrganizationSettingsPatch},
};
use crate::{ids::OrganizationId, users::UserRef};

/// One's own organizations.
///
/// All that the caller belongs to, whichever they act in.
#[utoipa::path(get, path = "/organizations", params(ListQuery<OrganizationList>),
    responses((status = 200, body = Envelope<Page<Organization>>)))]
pub(super) async fn list(
    State(organizations): State<Organizations>,
    Caller(who): Caller,
    query: ListQuery<OrganizationList>,
) -> Result<Reply<Page<Organization>>> {
    Ok(Reply::ok(organizations.list(&who, query.0).await?))
}

/// Make an organization.
///
/// The caller becomes its owner and only member; their account stays in the organization that it belongs to. To act in
/// the new one, switch to it.
#[utoipa::path(post, path = "/organizations", request_body = NewOrganization,
    responses(
        (status = 201, body = Envelope<CreatedOrganization>),
        (status = 409, description = "`slug_taken`"),
    ))]
pub(super) async fn create(
    State(organizations): State<Organizations>,
    Caller(who): Caller,
    Body(new): Body<NewOrganization>,
) -> Result<Reply<CreatedOrganization>> {
    let made = organizations.create(&who, new).await?;
    Ok(Reply::created(format!("/organizations/{}", made.organization.id), made))
}

/// One of one's own organizations.
///
/// Any that the caller belongs to, whichever they act in.
#[utoipa::path(get, path = "/organizations/{org_id}", params(("org_id" = OrganizationId, Path), IfNoneMatch),
    responses((status = 200, body = Envelope<Organization>)))]
pub(super) async fn get(
    State(organizations): State<Organizations>,
    Caller(who): Caller,
    Path(org): Path<OrganizationId>,
) -> Result<Reply<Organization>> {
    Ok(Reply::versioned(organizations.get(&who, org).await?))
}

/// Change what an organization is called and how it is described.
///
/// The one that the caller acts in.
#[utoipa::path(patch, path = "/organizations/{org_id}", request_body = OrganizationPatch,
    params(("org_id" = OrganizationId, Path), IfMatch),
    responses(
        (status = 200, body = Envelope<Organization>),
        (status = 409, description = "`slug_taken`"),
    ))]
pub(super) async fn change(
    State(organizations): State<Organizations>,
    Caller(who): Caller,
    Path(org): Path<OrganizationId>,
    IfMatch(expected): IfMatch,
    Body(patch): Body<OrganizationPatch>,
) -> Result<Reply<Organization>> {
    Ok(Reply::versioned(organizations.change(&who, org, expected, patch).await?))
}

/// Delete an organization with everything in it.
///
/// For good. The one that the caller acts in, if `confirmation` is its exact name; never the server's first one. Nobody
/// has access any more when this answers; a job erases the data, and can be followed from the server's first
/// organization. Accounts that belonged to it and to no other are erased, too; others belong to another of their
/// organizations from then on.
#[utoipa::path(delete, path = "/organizations/{org_id}", params(("org_id" = OrganizationId, Path), Confirmed),
    responses(
        (status = 202, body = Envelope<AcceptedJob>),
        (status = 409, description = "`confirmation_mismatch`, `first_organization`"),
    ))]
pub(super) async fn delete(
    State(organizations): State<Organizations>,
    Caller(who): Caller,
    Path(org): Path<OrganizationId>,
    Params(confirmed): Params<Confirmed>,
) -> Result<Reply<AcceptedJob>> {
    Ok(Reply::job(organizations.delete(&who, org, confirmed.confirmation).await?))
}

/// What an organization decides for itself.
///
/// Of the one that the caller acts in. What nobody has decided has its default.
#[utoipa::path(get, path = "/organizations/{org_id}/settings", params(("org_id" = OrganizationId, Path), IfNoneMatch),
    responses((status = 200, body = Envelope<OrganizationSettings>)))]
pub(super) async fn settings(
    State(organizations): State<Organizations>,
    Caller(who): Caller,
    Path(org): Path<OrganizationId>,
) -> Result<Reply<OrganizationSettings>> {
    Ok(Reply::versioned(organizations.settings(&who, org).await?))
}

/// Change what an organization decides for itself.
///
/// Merged field by field: absent keeps, null goes back to the default. `ip_whitelist` is in force from the next request,
/// and must hold the caller's own address.
#[utoipa::path(patch, path = "/organizations/{org_id}/settings", request_body = OrganizationSettingsPatch,
    params(("org_id" = OrganizationId, Path), IfMatch),
    responses(
        (status = 200, body = Envelope<OrganizationSettings>),
        (status = 403, description = "`level_too_high`, or a permission is missing"),
        (status = 409, description = "`ip_not_allowed`: the caller's own address would be shut out"),
    ))]
pub(super) async fn change_settings(
    State(organizations): State<Organizations>,
    Caller(who): Caller,
    Path(org): Path<OrganizationId>,
    IfMatch(expected): IfMatch,
    Body(patch): Body<OrganizationSettingsPatch>,
) -> Result<Reply<OrganizationSettings>> {
    Ok(Reply::versioned(organizations.change_settings(&who, org, expected, patch).await?))
}

/// The members of an organization.
///
/// Of the one that the caller acts in, whether their account belongs to it or not.
#[utoipa::path(get, path = "/organizations/{org_id}/members",
    params(("org_id" = OrganizationId, Path), ListQuery<MemberList>),
    responses((status = 200, body = Envelope<Page<OrganizationMember>>)))]
pub(super) async fn members(
    State(organizations): State<Organizations>,
    Caller(who): Caller,
    Path(org): Path<OrganizationId>,
    query: ListQuery<MemberList>,
) -> Result<Reply<Page<OrganizationMember>>> {
    Ok(Reply::ok(organizations.members(&who, org, query.0).await?))
}

/// Change the roles of a member.
///
/// Nobody gives or takes a role at or above their own rank, except owners. What their groups carry is not touched.
#[utoipa::path(patch, path = "/organizations/{org_id}/members/{user_id}", request_body = MemberRoles,
    params(
        ("org_id" = OrganizationId, Path),
        ("user_id" = String, Path, description = "The user's id, or `me`", example = "me"),
    ),
    responses(
        (status = 200, body = Envelope<OrganizationMember>),
        (status = 403, description = "`level_too_high`, or a permission is missing"),
        (status = 409, description = "`last_owner`, `self_demotion`"),
    ))]
pub(super) async fn change_member(
    State(organizations): State<Organizations>,
    Caller(who): Caller,
    Path((org, user)): Path<(OrganizationId, UserRef)>,
    Body(wanted): Body<MemberRoles>,
) -> Result<Reply<OrganizationMember>> {
    Ok(Reply::ok(organizations.change_member(&who, org, user.of(who.user), wanted).await?))
}

/// Let a member go, or leave.
///
/// `me` leaves, for any member. Their sessions in the organization and their keys of it end at once, and groups that they
/// alone owned go to an owner of the organization. Whose account belongs to the organization is deactivated instead.
#[utoipa::path(delete, path = "/organizations/{org_id}/members/{user_id}",
    params(
        ("org_id" = OrganizationId, Path),
        ("user_id" = String, Path, description = "The user's id, or `me`", example = "me"),
    ),
    responses(
        (status = 204),
        (status = 403, description = "`level_too_high`, or a permission is missing"),
        (status = 409, description = "`last_owner`, `home_organization`"),
    ))]
pub(super) async fn remove_member(
    State(organizations): State<Organizations>,
    Caller(who): Caller,
    Path((org, user)): Path<(OrganizationId, UserRef)>,
) -> Result<Reply<()>> {
    organizations.remove_member(&who, org, user.of(who.user)).await?;
    Ok(Reply::no_content())
}
