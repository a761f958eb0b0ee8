//! The operations on users.

use gateway::{Body, Caller, Envelope, ListQuery, Path, Reply, Result, State};
use kernel::list::Page;

use super::{
    Users,
    change::LIST,
    model::{CreatedUser, NewUser, Person, User, UserListParams, UserPatch, UserRef},
};

/// People of the organization.
///
/// In full for who has `admin:users`, else as cards (`user_id`, `username`, `display_name`, `avatar_url`, `status`).
/// Sorts: `created_at` (default, newest first), `username`, `email`, `display_name`, `last_login`. Filters: `status`
/// (`pending` means both pending ones), `role`, `email_verified`. `search` looks in username, e-mail and names; for
/// those who see cards only in what cards show, and they can't sort or filter by what cards hide.
#[utoipa::path(get, path = "/users", params(UserListParams),
    responses((status = 200, body = Envelope<Page<Person>>)))]
pub(super) async fn list(
    State(users): State<Users>,
    Caller(who): Caller,
    query: ListQuery,
) -> Result<Reply<Page<Person>>> {
    Ok(Reply::ok(users.list(&who, query.read(&LIST)?).await?))
}

/// Create a user.
///
/// Without a password the answer carries a one-time link that sets it (`password_link`, good for 24 hours, shown
/// once); hand it to the user. What stands behind `#token=` in it is the token that `/auth/password/reset` takes. Roles other than `member` need `admin:roles`, and nobody gives one at or above their
/// own rank, except owners.
#[utoipa::path(post, path = "/users", request_body = NewUser, responses(
    (status = 201, body = Envelope<CreatedUser>),
    (status = 403, description = "`level_too_high`, or a permission is missing"),
    (status = 409, description = "`username_taken`, `email_taken`"),
))]
pub(super) async fn create(
    State(users): State<Users>,
    Caller(who): Caller,
    Body(new): Body<NewUser>,
) -> Result<Reply<CreatedUser>> {
    let created = users.create(&who, new).await?;
    Ok(Reply::created(format!("/users/{}", created.user.user_id), created))
}

/// The caller, in full, with their roles.
#[utoipa::path(get, path = "/users/me", responses((status = 200, body = Envelope<User>)))]
pub(super) async fn me(State(users): State<Users>, Caller(who): Caller) -> Result<Reply<User>> {
    Ok(Reply::ok(users.me(&who).await?))
}

/// Change one's own account: what `PATCH /users/{user_id}` does.
#[utoipa::path(patch, path = "/users/me", request_body = UserPatch, responses(
    (status = 200, body = Envelope<Person>),
    (status = 403, description = "`level_too_high`, or a permission is missing"),
    (status = 409, description = "`username_taken`, `email_taken`, `last_owner`, `self_demotion`, `self_suspend`"),
))]
pub(super) async fn change_me(
    State(users): State<Users>,
    Caller(who): Caller,
    Body(patch): Body<UserPatch>,
) -> Result<Reply<Person>> {
    Ok(Reply::ok(users.change(&who, who.user, patch).await?))
}

/// One person: oneself or, with `admin:users`, anybody in full; else a card.
#[utoipa::path(get, path = "/users/{user_id}",
    params(("user_id" = String, Path, description = "The user's id, or `me`")),
    responses((status = 200, body = Envelope<Person>)))]
pub(super) async fn get(
    State(users): State<Users>,
    Caller(who): Caller,
    Path(user): Path<UserRef>,
) -> Result<Reply<Person>> {
    Ok(Reply::ok(users.get(&who, user.of(who.user)).await?))
}

/// Change a user: absent keeps, null clears.
///
/// Everybody changes the names and the picture of their own account. The rest needs `admin:users`, one's own e-mail
/// address included, and `roles` needs `admin:roles` besides. Suspending or deactivating ends all sessions at once.
#[utoipa::path(patch, path = "/users/{user_id}", request_body = UserPatch,
    params(("user_id" = String, Path, description = "The user's id, or `me`")),
    responses(
        (status = 200, body = Envelope<Person>),
        (status = 403, description = "`level_too_high`, `not_home_organization`, or a permission is missing"),
        (status = 409, description = "`username_taken`, `email_taken`, `last_owner`, `self_demotion`, `self_suspend`"),
    ))]
pub(super) async fn change(
    State(users): State<Users>,
    Caller(who): Caller,
    Path(user): Path<UserRef>,
    Body(patch): Body<UserPatch>,
) -> Result<Reply<Person>> {
    Ok(Reply::ok(users.change(&who, user.of(who.user), patch).await?))
}
