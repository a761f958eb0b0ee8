//! Groups over HTTP.

pub(super) mod members;
pub(super) mod requests;

use gateway::{Body, Caller, Envelope, IfMatch, IfNoneMatch, ListQuery, Params, Path, Reply, Result, State};
use kernel::list::Page;

use super::{
    Groups,
    model::{
        Cascade, Group, GroupList, GroupPatch, GroupPermission, GroupPermissionChange, NewGroup, SubgroupList,
    },
    of_user::{HeldGroup, HeldGroupList},
    service::GroupPermissionList,
};
use crate::{ids::GroupId, users::UserRef};

/// Groups that the caller may know of.
///
/// Public ones and their own; with `admin:groups` all of the organization.
#[utoipa::path(get, path = "/groups", params(ListQuery<GroupList>),
    responses((status = 200, body = Envelope<Page<Group>>)))]
pub(super) async fn list(
    State(groups): State<Groups>,
    Caller(who): Caller,
    query: ListQuery<GroupList>,
) -> Result<Reply<Page<Group>>> {
    Ok(Reply::ok(groups.list(&who, query.0).await?))
}

/// Create a group.
///
/// The caller becomes its owner. One with `permissions` needs `admin:groups`, and nobody makes one that allows what they
/// may not. One with a `parent_id` needs the administration of that group.
#[utoipa::path(post, path = "/groups", request_body = NewGroup, responses(
    (status = 201, body = Envelope<Group>, headers(("ETag" = String, description = "The revision"))),
    (status = 403, description = "`level_too_high`, `group_admins_only`, or a permission is missing"),
    (status = 409, description = "`group_name_taken`, `depth_exceeded`, `default_group`"),
    (status = 422, description = "`unknown_permission`, or other values that are not allowed"),
))]
pub(super) async fn create(
    State(groups): State<Groups>,
    Caller(who): Caller,
    Body(new): Body<NewGroup>,
) -> Result<Reply<Group>> {
    let made = groups.create(&who, new).await?;
    let path = format!("/groups/{}", made.value.group_id);
    Ok(Reply::created(path, made.value).at(made.revision))
}

/// One group.
///
/// A private group is none for those outside.
#[utoipa::path(get, path = "/groups/{group_id}", params(("group_id" = GroupId, Path), IfNoneMatch),
    responses((status = 200, body = Envelope<Group>)))]
pub(super) async fn get(
    State(groups): State<Groups>,
    Caller(who): Caller,
    Path(id): Path<GroupId>,
) -> Result<Reply<Group>> {
    Ok(Reply::versioned(groups.get(&who, id).await?))
}

/// Change a group.
///
/// Absent keeps, null clears. What it allows is changed at its permissions.
#[utoipa::path(patch, path = "/groups/{group_id}", request_body = GroupPatch,
    params(("group_id" = GroupId, Path), IfMatch),
    responses(
        (status = 200, body = Envelope<Group>),
        (status = 403, description = "`group_admins_only`, `level_too_high`, or a permission is missing"),
        (status = 409, description = "`group_name_taken`, `group_cycle`, `depth_exceeded`, `default_group`"),
    ))]
pub(super) async fn change(
    State(groups): State<Groups>,
    Caller(who): Caller,
    Path(id): Path<GroupId>,
    IfMatch(expected): IfMatch,
    Body(patch): Body<GroupPatch>,
) -> Result<Reply<Group>> {
    Ok(Reply::versioned(groups.change(&who, id, expected, patch).await?))
}

/// Delete a group.
///
/// One with others below it only with `cascade`, and with all of these. What it allowed is worth nothing from the next
/// request on.
#[utoipa::path(delete, path = "/groups/{group_id}", params(("group_id" = GroupId, Path), Cascade, IfMatch),
    responses(
        (status = 204),
        (status = 403, description = "`group_owners_only`, `level_too_high`, or a permission is missing"),
        (status = 409, description = "`has_subgroups`, `default_group`"),
    ))]
pub(super) async fn delete(
    State(groups): State<Groups>,
    Caller(who): Caller,
    Path(id): Path<GroupId>,
    IfMatch(expected): IfMatch,
    Params(what): Params<Cascade>,
) -> Result<Reply<()>> {
    groups.delete(&who, id, expected, what.cascade).await?;
    Ok(Reply::no_content())
}

/// What a group allows.
///
/// Its own permissions, wildcards resolved, and those that it inherits, each with the group that it comes from.
#[utoipa::path(get, path = "/groups/{group_id}/permissions",
    params(("group_id" = GroupId, Path), ListQuery<GroupPermissionList>),
    responses(
        (status = 200, body = Envelope<Page<GroupPermission>>),
        (status = 403, description = "`members_only`, or a permission is missing"),
    ))]
pub(super) async fn permissions(
    State(groups): State<Groups>,
    Caller(who): Caller,
    Path(id): Path<GroupId>,
    query: ListQuery<GroupPermissionList>,
) -> Result<Reply<Page<GroupPermission>>> {
    Ok(Reply::ok(groups.permissions(&who, id, query.0).await?))
}

/// Change what a group allows.
///
/// It holds for its members from the next request on, within a second on every node. Nobody gives, or takes, what they
/// may not do themselves.
#[utoipa::path(patch, path = "/groups/{group_id}/permissions", request_body = GroupPermissionChange,
    params(("group_id" = GroupId, Path)),
    responses(
        (status = 200, body = Envelope<Page<GroupPermission>>),
        (status = 403, description = "`level_too_high`, or a permission is missing"),
        (status = 422, description = "`unknown_permission`, or other values that are not allowed"),
    ))]
pub(super) async fn change_permissions(
    State(groups): State<Groups>,
    Caller(who): Caller,
    Path(id): Path<GroupId>,
    Body(change): Body<GroupPermissionChange>,
) -> Result<Reply<Page<GroupPermission>>> {
    Ok(Reply::ok(groups.change_permissions(&who, id, change).await?))
}

/// The groups right below one.
///
/// Those that the caller may know of.
#[utoipa::path(get, path = "/groups/{group_id}/subgroups",
    params(("group_id" = GroupId, Path), ListQuery<SubgroupList>),
    responses((status = 200, body = Envelope<Page<Group>>)))]
pub(super) async fn list_subgroups(
    State(groups): State<Groups>,
    Caller(who): Caller,
    Path(id): Path<GroupId>,
    query: ListQuery<SubgroupList>,
) -> Result<Reply<Page<Group>>> {
    Ok(Reply::ok(groups.subgroups(&who, id, query.0).await?))
}

/// Create a group below one.
///
/// As creating a group with that `parent_id`, which may be left out here.
#[utoipa::path(post, path = "/groups/{group_id}/subgroups", request_body = NewGroup,
    params(("group_id" = GroupId, Path)),
    responses(
        (status = 201, body = Envelope<Group>, headers(("ETag" = String, description = "The revision"))),
        (status = 403, description = "`group_admins_only`, `level_too_high`, or a permission is missing"),
        (status = 409, description = "`group_name_taken`, `depth_exceeded`, `default_group`"),
        (status = 422, description = "`unknown_permission`, or other values that are not allowed"),
    ))]
pub(super) async fn create_subgroup(
    State(groups): State<Groups>,
    Caller(who): Caller,
    Path(id): Path<GroupId>,
    Body(new): Body<NewGroup>,
) -> Result<Reply<Group>> {
    let made = groups.create_below(&who, id, new).await?;
    let path = format!("/groups/{}", made.value.group_id);
    Ok(Reply::created(path, made.value).at(made.revision))
}

/// The groups of one user.
///
/// Those that they are in by themselves and through groups above. One's own, or with `admin:users` anybody's.
#[utoipa::path(get, path = "/users/{user_id}/groups",
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me"), ListQuery<HeldGroupList>),
    responses((status = 200, body = Envelope<Page<HeldGroup>>)))]
pub(super) async fn list_of_user(
    State(groups): State<Groups>,
    Caller(who): Caller,
    Path(user): Path<UserRef>,
    query: ListQuery<HeldGroupList>,
) -> Result<Reply<Page<HeldGroup>>> {
    Ok(Reply::ok(groups.of_user(&who, user.of(who.user), query.0).await?))
}
