//! The operations on users.

use gateway::{Body, Caller, Envelope, IfMatch, IfNoneMatch, ListQuery, Path, Reply, Result, State};
use kernel::list::Page;

use super::{
    Users,
    change::People,
    model::{CreatedUser, NewUser, Person, User, UserPatch, UserRef},
};

/// People of the organization.
///
/// In full for who has `admin:users`, else as cards (`user_id`, `username`, `display_name`, `avatar_url`, `status`).
/// Those who see cards only can't sort or filter by what cards hide.
#[utoipa::path(get, path = "/users", params(ListQuery<People>),
    responses((status = 200, body = Envelope<Page<Person>>)))]
pub(super) async fn list(
    State(users): State<Users>,
    Caller(who): Caller,
    query: ListQuery<People>,
) -> Result<Reply<Page<Person>>> {
    Ok(Reply::ok(users.list(&who, query.0).await?))
}

/// Create a user.
///
/// Without a password a one-time link that sets it, good for 24 hours, is mailed to the user (`invitation_mailed`).
/// Where the server sends no mail the answer carries it (`password_link`, shown once); hand it to the user. What
/// stands behind
/// `#token=` in it is the token that `/auth/password/reset` takes.
/// Roles other than `member` need `admin:roles`, and nobody gives one at or above their own rank, except owners.
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

/// The caller.
///
/// In full, with their roles.
#[utoipa::path(get, path = "/users/me", params(IfNoneMatch), responses((status = 200, body = Envelope<User>)))]
pub(super) async fn me(State(users): State<Users>, Caller(who): Caller) -> Result<Reply<User>> {
    Ok(Reply::versioned(users.me(&who).await?))
}

/// Change one's own account.
///
/// What `PATCH /users/{user_id}` does. Everybody changes their names, their picture and their e-mail address, which
/// waits as
/// `pending_email` until it is confirmed by the mailed link; the rest needs `admin:users`.
#[utoipa::path(patch, path = "/users/me", params(IfMatch), request_body = UserPatch, responses(
    (status = 200, body = Envelope<Person>),
    (status = 403, description = "`level_too_high`, `not_home_organization`, or a permission is missing"),
    (status = 409, description = "`username_taken`, `email_taken`, `last_owner`, `self_demotion`, `self_suspend`"),
    (status = 429, description = "`too_many_attempts` at an address, or too many requests"),
    (status = 503, description = "An address can't be confirmed: the server sends no mail (`service`: `mail`)"),
))]
pub(super) async fn change_me(
    State(users): State<Users>,
    Caller(who): Caller,
    IfMatch(expected): IfMatch,
    Body(patch): Body<UserPatch>,
) -> Result<Reply<Person>> {
    Ok(Reply::versioned(users.change(&who, who.user, expected, patch).await?))
}

/// One person.
///
/// Oneself or, with `admin:users`, anybody in full; else a card.
#[utoipa::path(get, path = "/users/{user_id}",
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me"), IfNoneMatch),
    responses((status = 200, body = Envelope<Person>)))]
pub(super) async fn get(
    State(users): State<Users>,
    Caller(who): Caller,
    Path(user): Path<UserRef>,
) -> Result<Reply<Person>> {
    Ok(Reply::versioned(users.get(&who, user.of(who.user)).await?))
}

/// Change a user.
///
/// Absent keeps, null clears. Everybody changes the names, the picture and the e-mail address of their own account;
/// the address waits as `pending_email` until it is confirmed by the mailed link, which is mailed unless somebody has
/// the address already. The rest needs `admin:users`, and `roles` needs `admin:roles` besides. An address that an
/// administrator gives somebody changes at once; the one before is told.
/// Suspending or deactivating ends all sessions at once.
#[utoipa::path(patch, path = "/users/{user_id}", request_body = UserPatch,
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me"), IfMatch),
    responses(
        (status = 200, body = Envelope<Person>),
        (status = 403, description = "`level_too_high`, `not_home_organization`, or a permission is missing"),
        (status = 409, description = "`username_taken`, `email_taken`, `last_owner`, `self_demotion`, `self_suspend`"),
        (status = 429, description = "`too_many_attempts` at an address, or too many requests"),
        (status = 503, description = "An address can't be confirmed: the server sends no mail (`service`: `mail`)"),
    ))]
pub(super) async fn change(
    State(users): State<Users>,
    Caller(who): Caller,
    Path(user): Path<UserRef>,
    IfMatch(expected): IfMatch,
    Body(patch): Body<UserPatch>,
) -> Result<Reply<Person>> {
    Ok(Reply::versioned(users.change(&who, user.of(who.user), expected, patch).await?))
}
