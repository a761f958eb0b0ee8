//! Members and roles of groups over HTTP.

use gateway::{Body, Caller, Envelope, IfMatch, IfNoneMatch, ListQuery, Path, Reply, Result, State};
use kernel::list::Page;

use crate::{
    groups::{
        Groups,
        group_roles::{GroupRole, GroupRoleList, GroupRolePatch, NewGroupRole},
        members::{AddedMembers, GroupMember, MemberList, MemberPatch, NewMember, NewMembers},
    },
    ids::{GroupId, RoleId},
    users::UserRef,
};

/// The members of a group.
///
/// Those that it has through the group above are shown as `inherited`.
#[utoipa::path(get, path = "/groups/{group_id}/members",
    params(("group_id" = GroupId, Path), ListQuery<MemberList>),
    responses(
        (status = 200, body = Envelope<Page<GroupMember>>),
        (status = 403, description = "`members_only`, or a permission is missing"),
    ))]
pub(in crate::groups) async fn list_members(
    State(groups): State<Groups>,
    Caller(who): Caller,
    Path(id): Path<GroupId>,
    query: ListQuery<MemberList>,
) -> Result<Reply<Page<GroupMember>>> {
    Ok(Reply::ok(groups.members(&who, id, query.0).await?))
}

/// Add a member.
///
/// Whoever lets somebody in gives them what the group allows: nobody does that who may not do it, or doesn't outrank it.
/// Owners are made by owners.
#[utoipa::path(post, path = "/groups/{group_id}/members",
    request_body(content = NewMember, example = json!({ "user_id": "usr_01jxk6qv9ve7m8g3t5s0c4d2ba", "role": "member" })),
    params(("group_id" = GroupId, Path)),
    responses(
        (status = 201, body = Envelope<GroupMember>),
        (status = 403, description = "`group_admins_only`, `group_owners_only`, `level_too_high`, or a permission is missing"),
        (status = 409, description = "`member_exists`, `default_group`"),
        (status = 422, description = "`group_full` with `max_members` and `current_members`, or values that are not allowed"),
    ))]
pub(in crate::groups) async fn add_member(
    State(groups): State<Groups>,
    Caller(who): Caller,
    Path(id): Path<GroupId>,
    Body(new): Body<NewMember>,
) -> Result<Reply<GroupMember>> {
    let user = new.user_id;
    let added = groups.add_member(&who, id, new).await?;
    Ok(Reply::created(format!("/groups/{id}/members/{user}"), added))
}

/// Add several members.
///
/// Up to 500; the answer says of each what became of it.
#[utoipa::path(post, path = "/groups/{group_id}/members/bulk",
    request_body(content = NewMembers, example = json!({ "members": [{ "user_id": "usr_01jxk6qv9ve7m8g3t5s0c4d2ba" }] })),
    params(("group_id" = GroupId, Path)),
    responses(
        (status = 200, body = Envelope<AddedMembers>),
        (status = 403, description = "`group_admins_only`, `level_too_high`, or a permission is missing"),
        (status = 409, description = "`default_group`"),
    ))]
pub(in crate::groups) async fn add_members(
    State(groups): State<Groups>,
    Caller(who): Caller,
    Path(id): Path<GroupId>,
    Body(new): Body<NewMembers>,
) -> Result<Reply<AddedMembers>> {
    Ok(Reply::ok(groups.add_members(&who, id, new).await?))
}

/// One membership.
///
/// Also one through the group above.
#[utoipa::path(get, path = "/groups/{group_id}/members/{user_id}",
    params(
        ("group_id" = GroupId, Path),
        ("user_id" = String, Path, description = "The user's id, or `me`", example = "me"),
        IfNoneMatch,
    ),
    responses(
        (status = 200, body = Envelope<GroupMember>),
        (status = 403, description = "`members_only`, or a permission is missing"),
        (status = 404, description = "`member_not_found`, or there is no such group"),
    ))]
pub(in crate::groups) async fn member(
    State(groups): State<Groups>,
    Caller(who): Caller,
    Path((id, user)): Path<(GroupId, UserRef)>,
) -> Result<Reply<GroupMember>> {
    Ok(Reply::versioned(groups.member(&who, id, user.of(who.user)).await?))
}

/// Change a membership.
///
/// Its role, powers and status. A suspended one doesn't count from the next request on.
#[utoipa::path(patch, path = "/groups/{group_id}/members/{user_id}", request_body = MemberPatch,
    params(
        ("group_id" = GroupId, Path),
        ("user_id" = String, Path, description = "The user's id, or `me`", example = "me"),
        IfMatch,
    ),
    responses(
        (status = 200, body = Envelope<GroupMember>),
        (status = 403, description = "`group_admins_only`, `group_owners_only`, `level_too_high`, or a permission is missing"),
        (status = 404, description = "`member_not_found`, or there is no such group"),
        (status = 409, description = "`last_owner`, `inherited_member`"),
        (status = 422, description = "`group_full` with `max_members` and `current_members`, or values that are not allowed"),
    ))]
pub(in crate::groups) async fn change_member(
    State(groups): State<Groups>,
    Caller(who): Caller,
    Path((id, user)): Path<(GroupId, UserRef)>,
    IfMatch(expected): IfMatch,
    Body(patch): Body<MemberPatch>,
) -> Result<Reply<GroupMember>> {
    Ok(Reply::versioned(groups.change_member(&who, id, user.of(who.user), expected, patch).await?))
}

/// Remove a member, or leave.
///
/// Every member leaves by `me` or their own id. What the group allowed them is worth nothing from the next request on.
#[utoipa::path(delete, path = "/groups/{group_id}/members/{user_id}",
    params(
        ("group_id" = GroupId, Path),
        ("user_id" = String, Path, description = "The user's id, or `me`", example = "me"),
    ),
    responses(
        (status = 204),
        (status = 403, description = "`group_admins_only`, `group_owners_only`, `level_too_high`, or a permission is missing"),
        (status = 404, description = "`member_not_found`, or there is no such group"),
        (status = 409, description = "`last_owner`, `inherited_member`"),
    ))]
pub(in crate::groups) async fn remove_member(
    State(groups): State<Groups>,
    Caller(who): Caller,
    Path((id, user)): Path<(GroupId, UserRef)>,
) -> Result<Reply<()>> {
    groups.remove_member(&who, id, user.of(who.user)).await?;
    Ok(Reply::no_content())
}

/// The roles of a group.
///
/// Those that every group has and those that it has made, each with how many members have it.
#[utoipa::path(get, path = "/groups/{group_id}/roles",
    params(("group_id" = GroupId, Path), ListQuery<GroupRoleList>),
    responses(
        (status = 200, body = Envelope<Page<GroupRole>>),
        (status = 403, description = "`members_only`, or a permission is missing"),
    ))]
pub(in crate::groups) async fn list_roles(
    State(groups): State<Groups>,
    Caller(who): Caller,
    Path(id): Path<GroupId>,
    query: ListQuery<GroupRoleList>,
) -> Result<Reply<Page<GroupRole>>> {
    Ok(Reply::ok(groups.roles(&who, id, query.0).await?))
}

/// Make a role within a group.
///
/// It says what members may do in the group, and nothing of anything outside.
#[utoipa::path(post, path = "/groups/{group_id}/roles", request_body = NewGroupRole,
    params(("group_id" = GroupId, Path)),
    responses(
        (status = 201, body = Envelope<GroupRole>, headers(("ETag" = String, description = "The revision"))),
        (status = 403, description = "`group_admins_only`, `level_too_high`, or a permission is missing"),
        (status = 409, description = "`role_name_taken`, `role_limit`"),
    ))]
pub(in crate::groups) async fn create_role(
    State(groups): State<Groups>,
    Caller(who): Caller,
    Path(id): Path<GroupId>,
    Body(new): Body<NewGroupRole>,
) -> Result<Reply<GroupRole>> {
    let made = groups.create_role(&who, id, new).await?;
    Ok(Reply::created(format!("/groups/{id}/roles"), made.value).at(made.revision))
}

/// Change a role within a group.
///
/// Absent keeps, null clears. Members who have it keep it under another name.
#[utoipa::path(patch, path = "/groups/{group_id}/roles/{role_id}", request_body = GroupRolePatch,
    params(("group_id" = GroupId, Path), ("role_id" = RoleId, Path), IfMatch),
    responses(
        (status = 200, body = Envelope<GroupRole>),
        (status = 403, description = "`group_admins_only`, `level_too_high`, or a permission is missing"),
        (status = 409, description = "`role_name_taken`"),
    ))]
pub(in crate::groups) async fn change_role(
    State(groups): State<Groups>,
    Caller(who): Caller,
    Path(role): Path<(GroupId, RoleId)>,
    IfMatch(expected): IfMatch,
    Body(patch): Body<GroupRolePatch>,
) -> Result<Reply<GroupRole>> {
    Ok(Reply::versioned(groups.change_role(&who, role, expected, patch).await?))
}

/// Delete a role within a group.
///
/// Those who have it become plain members.
#[utoipa::path(delete, path = "/groups/{group_id}/roles/{role_id}",
    params(("group_id" = GroupId, Path), ("role_id" = RoleId, Path), IfMatch),
    responses(
        (status = 204),
        (status = 403, description = "`group_admins_only`, `level_too_high`, or a permission is missing"),
    ))]
pub(in crate::groups) async fn delete_role(
    State(groups): State<Groups>,
    Caller(who): Caller,
    Path(role): Path<(GroupId, RoleId)>,
    IfMatch(expected): IfMatch,
) -> Result<Reply<()>> {
    groups.delete_role(&who, role, expected).await?;
    Ok(Reply::no_content())
}
