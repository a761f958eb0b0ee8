//! Roles and permissions over HTTP.

use gateway::{Body, Caller, Envelope, IfMatch, IfNoneMatch, ListQuery, Params, Path, Reply, Result, State};
use kernel::list::Page;

use super::{
    Roles,
    model::{NewRole, PermissionChanges, Reassignment, RoleList, RolePatch, ShownRole},
    permissions::{self, PermissionInfo, PermissionList},
};

/// System and custom roles.
///
/// The server's own, which are the same everywhere, and those that the organization has made.
#[utoipa::path(get, path = "/roles", params(ListQuery<RoleList>),
    responses((status = 200, body = Envelope<Page<ShownRole>>)))]
pub(super) async fn list(
    State(roles): State<Roles>,
    Caller(who): Caller,
    query: ListQuery<RoleList>,
) -> Result<Reply<Page<ShownRole>>> {
    Ok(Reply::ok(roles.list(&who, query.0).await?))
}

/// Create a custom role.
///
/// Nobody makes one at or above their own rank, except owners, and none that allows what they themselves may not. A
/// role contains what its parents allow.
#[utoipa::path(post, path = "/roles", request_body = NewRole, responses(
    (status = 201, body = Envelope<ShownRole>, headers(("ETag" = String, description = "The revision"))),
    (status = 403, description = "`level_too_high`, or a permission is missing"),
    (status = 409, description = "`role_name_taken`, or `role_limit` with `limit`"),
    (status = 422, description = "`unknown_permission`, or other values that are not allowed"),
))]
pub(super) async fn create(
    State(roles): State<Roles>,
    Caller(who): Caller,
    Body(new): Body<NewRole>,
) -> Result<Reply<ShownRole>> {
    let made = roles.create(&who, new).await?;
    let path = format!("/roles/{}", made.value.role_id);
    Ok(Reply::created(path, made.value).at(made.revision))
}

/// One role.
///
/// With all that it allows, wildcards and parents resolved.
#[utoipa::path(get, path = "/roles/{role_id}",
    params(("role_id" = String, Path, description = "The role's id or name", example = "member"), IfNoneMatch),
    responses((status = 200, body = Envelope<ShownRole>)))]
pub(super) async fn get(
    State(roles): State<Roles>,
    Caller(who): Caller,
    Path(role): Path<String>,
) -> Result<Reply<ShownRole>> {
    Ok(Reply::versioned(roles.get(&who, role).await?))
}

/// Change a custom role.
///
/// Absent keeps, null clears. It holds for whoever has the role from the next request on, within a second on every
/// node.
#[utoipa::path(patch, path = "/roles/{role_id}", request_body = RolePatch,
    params(("role_id" = String, Path, description = "The role's id or name", example = "member"), IfMatch),
    responses(
        (status = 200, body = Envelope<ShownRole>),
        (status = 403, description = "`level_too_high`, or a permission is missing"),
        (status = 409, description = "`role_name_taken`, `system_role`, `role_cycle`"),
        (status = 422, description = "`unknown_permission`, or other values that are not allowed"),
    ))]
pub(super) async fn change(
    State(roles): State<Roles>,
    Caller(who): Caller,
    Path(role): Path<String>,
    IfMatch(expected): IfMatch,
    Body(patch): Body<RolePatch>,
) -> Result<Reply<ShownRole>> {
    Ok(Reply::versioned(roles.change(&who, role, expected, patch).await?))
}

/// Delete a custom role.
///
/// One that somebody has, or that another role contains, only with `reassign_to`: the role that takes its place.
#[utoipa::path(delete, path = "/roles/{role_id}",
    params(
        ("role_id" = String, Path, description = "The role's id or name", example = "member"),
        Reassignment,
        IfMatch,
    ),
    responses(
        (status = 204),
        (status = 403, description = "`level_too_high`, or a permission is missing"),
        (status = 409, description = "`system_role`, `role_cycle`, or `role_in_use` with `members` and `roles`"),
    ))]
pub(super) async fn delete(
    State(roles): State<Roles>,
    Caller(who): Caller,
    Path(role): Path<String>,
    IfMatch(expected): IfMatch,
    Params(what): Params<Reassignment>,
) -> Result<Reply<()>> {
    roles.delete(&who, role, expected, what.reassign_to).await?;
    Ok(Reply::no_content())
}

/// Every permission the server knows.
///
/// Each with what it allows and what it contains besides itself.
#[utoipa::path(get, path = "/permissions", params(ListQuery<PermissionList>),
    responses((status = 200, body = Envelope<Page<PermissionInfo>>)))]
pub(super) async fn list_permissions(
    State(_): State<Roles>,
    Caller(_): Caller,
    query: ListQuery<PermissionList>,
) -> Result<Reply<Page<PermissionInfo>>> {
    Ok(Reply::ok(permissions::page(&query.0)))
}

/// Grant and revoke for several roles at once.
///
/// All of it or nothing. What a role allows by a wildcard, or by a family, is taken with that.
#[utoipa::path(patch, path = "/permissions", request_body = PermissionChanges, responses(
    (status = 200, body = Envelope<Page<ShownRole>>),
    (status = 403, description = "`level_too_high`, or a permission is missing"),
    (status = 409, description = "`system_role`"),
    (status = 422, description = "`unknown_permission`, or other values that are not allowed"),
))]
pub(super) async fn change_permissions(
    State(roles): State<Roles>,
    Caller(who): Caller,
    Body(changes): Body<PermissionChanges>,
) -> Result<Reply<Page<ShownRole>>> {
    Ok(Reply::ok(roles.change_permissions(&who, changes).await?))
}
