//! Somebody's roles, permissions and organizations over HTTP.

use gateway::{Body, Caller, Envelope, ListQuery, Path, Reply, Result, State};
use kernel::list::Page;

use super::{
    model::{AllRoles, EffectivePermissions, HeldRole, HeldRoleList, NewHeldRole, PermissionAnswer},
    organizations::{Membership, MembershipList},
};
use crate::users::{Users, model::UserRef};

/// The roles of one user.
///
/// Each with where it comes from and until when it counts. One's own, or with `admin:roles` anybody's.
#[utoipa::path(get, path = "/users/{user_id}/roles",
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me"), ListQuery<HeldRoleList>),
    responses((status = 200, body = Envelope<Page<HeldRole>>)))]
pub(crate) async fn list_roles(
    State(users): State<Users>,
    Caller(who): Caller,
    Path(user): Path<UserRef>,
    query: ListQuery<HeldRoleList>,
) -> Result<Reply<Page<HeldRole>>> {
    Ok(Reply::ok(users.roles_of(&who, user.of(who.user), query.0).await?))
}

/// Give a role.
///
/// With `expires_at` it doesn't count any more from then on. A role that the user has is given another end. Nobody gives
/// one at or above their own rank, except owners.
#[utoipa::path(post, path = "/users/{user_id}/roles", request_body = NewHeldRole,
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me")),
    responses(
        (status = 201, body = Envelope<HeldRole>),
        (status = 403, description = "`level_too_high`, or a permission is missing"),
        (status = 409, description = "`last_owner`, `self_demotion`"),
    ))]
pub(crate) async fn give_role(
    State(users): State<Users>,
    Caller(who): Caller,
    Path(user): Path<UserRef>,
    Body(new): Body<NewHeldRole>,
) -> Result<Reply<HeldRole>> {
    let user = user.of(who.user);
    let given = users.give_role(&who, user, new).await?;
    Ok(Reply::created(format!("/users/{user}/roles"), given))
}

/// Replace the roles that a user was given.
///
/// Those that stay keep their end. What their groups carry is not touched.
#[utoipa::path(put, path = "/users/{user_id}/roles", request_body = AllRoles,
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me")),
    responses(
        (status = 200, body = Envelope<Page<HeldRole>>),
        (status = 403, description = "`level_too_high`, or a permission is missing"),
        (status = 409, description = "`last_owner`, `self_demotion`"),
    ))]
pub(crate) async fn set_roles(
    State(users): State<Users>,
    Caller(who): Caller,
    Path(user): Path<UserRef>,
    Body(all): Body<AllRoles>,
) -> Result<Reply<Page<HeldRole>>> {
    Ok(Reply::ok(users.set_roles(&who, user.of(who.user), all).await?))
}

/// Take a role away.
///
/// It is worth nothing from the next request on, within a second on every node.
#[utoipa::path(delete, path = "/users/{user_id}/roles/{role_id}",
    params(
        ("user_id" = String, Path, description = "The user's id, or `me`", example = "me"),
        ("role_id" = String, Path, description = "The role's id or name", example = "auditor"),
    ),
    responses(
        (status = 204),
        (status = 403, description = "`level_too_high`, or a permission is missing"),
        (status = 409, description = "`last_owner`, `self_demotion`"),
    ))]
pub(crate) async fn take_role(
    State(users): State<Users>,
    Caller(who): Caller,
    Path((user, role)): Path<(UserRef, String)>,
) -> Result<Reply<()>> {
    users.take_role(&who, user.of(who.user), role).await?;
    Ok(Reply::no_content())
}

/// What a user may do.
///
/// All that their roles and groups add up to, and where each permission comes from. A session or a key may be narrower.
#[utoipa::path(get, path = "/users/{user_id}/permissions",
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me")),
    responses((status = 200, body = Envelope<EffectivePermissions>)))]
pub(crate) async fn permissions(
    State(users): State<Users>,
    Caller(who): Caller,
    Path(user): Path<UserRef>,
) -> Result<Reply<EffectivePermissions>> {
    Ok(Reply::ok(users.permissions(&who, user.of(who.user)).await?))
}

/// May a user do one thing?
///
/// With what the permission comes from. 404 if the server knows no such permission.
#[utoipa::path(get, path = "/users/{user_id}/permissions/{permission}",
    params(
        ("user_id" = String, Path, description = "The user's id, or `me`", example = "me"),
        ("permission" = String, Path, description = "`resource:action`; a dot is read as the colon", example = "bots:use"),
    ),
    responses((status = 200, body = Envelope<PermissionAnswer>)))]
pub(crate) async fn permission(
    State(users): State<Users>,
    Caller(who): Caller,
    Path((user, permission)): Path<(UserRef, String)>,
) -> Result<Reply<PermissionAnswer>> {
    Ok(Reply::ok(users.permission(&who, user.of(who.user), permission).await?))
}

/// The organizations of one user.
///
/// One's own all; of others, the one that the caller acts in.
#[utoipa::path(get, path = "/users/{user_id}/organizations",
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me"), ListQuery<MembershipList>),
    responses((status = 200, body = Envelope<Page<Membership>>)))]
pub(crate) async fn list_organizations(
    State(users): State<Users>,
    Caller(who): Caller,
    Path(user): Path<UserRef>,
    query: ListQuery<MembershipList>,
) -> Result<Reply<Page<Membership>>> {
    Ok(Reply::ok(users.organizations(&who, user.of(who.user), query.0).await?))
}
