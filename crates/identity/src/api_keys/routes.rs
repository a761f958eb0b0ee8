//! The operations on API keys.

use gateway::{Body, Caller, Envelope, IfMatch, IfNoneMatch, ListQuery, Path, Reply, Result, State};
use kernel::{id::ApiKeyId, list::Page};

use super::{
    ApiKeys,
    model::{ApiKey, CreatedKey, KeyList, KeyPatch, NewKey, Rotation},
};
use crate::{auth::extract::Optional, users::UserRef};

/// API keys.
///
/// One's own, or with `admin:keys` all of the organization's. Ended keys stay on the list for a while.
#[utoipa::path(get, path = "/api-keys", params(ListQuery<KeyList>),
    responses((status = 200, body = Envelope<Page<ApiKey>>)))]
pub(super) async fn list(
    State(keys): State<ApiKeys>,
    Caller(who): Caller,
    query: ListQuery<KeyList>,
) -> Result<Reply<Page<ApiKey>>> {
    Ok(Reply::ok(keys.list(&who, query.0).await?))
}

/// Create an API key.
///
/// The answer carries the key's secret (`api_key`), which is kept nowhere and shown once. Its scopes are permissions
/// that the caller has; at each use they are narrowed by what the caller may do then. A user can have 50 keys that
/// work, and makes 10 a day at the most.
#[utoipa::path(post, path = "/api-keys", request_body = NewKey, responses(
    (status = 201, body = Envelope<CreatedKey>),
    (status = 409, description = "`key_limit`"),
    (status = 422, description = "`scope_exceeds_owner`, or `fields` says what is wrong"),
))]
pub(super) async fn create(
    State(keys): State<ApiKeys>,
    Caller(who): Caller,
    Body(new): Body<NewKey>,
) -> Result<Reply<CreatedKey>> {
    Ok(created(keys.create(&who, who.user, new).await?))
}

fn created(made: CreatedKey) -> Reply<CreatedKey> {
    Reply::created(format!("/api-keys/{}", made.key.key_id), made)
}

/// One API key.
///
/// One's own, or with `admin:keys` that of another user of the organization.
#[utoipa::path(get, path = "/api-keys/{key_id}", params(("key_id" = ApiKeyId, Path), IfNoneMatch),
    responses((status = 200, body = Envelope<ApiKey>)))]
pub(super) async fn get(
    State(keys): State<ApiKeys>,
    Caller(who): Caller,
    Path(id): Path<ApiKeyId>,
) -> Result<Reply<ApiKey>> {
    Ok(Reply::versioned(keys.get(&who, id).await?))
}

/// Change an API key.
///
/// Absent keeps. What changes is in force within a second; WebSockets that were opened with the key close with 4401
/// and may be opened again.
#[utoipa::path(patch, path = "/api-keys/{key_id}", params(("key_id" = ApiKeyId, Path), IfMatch),
    request_body = KeyPatch, responses(
        (status = 200, body = Envelope<ApiKey>),
        (status = 403, description = "`level_too_high`, `not_home_organization`, or a permission is missing"),
        (status = 409, description = "`key_revoked`, `key_limit`, `account_inactive`"),
        (status = 422, description = "`scope_exceeds_owner`, or `fields` says what is wrong"),
    ))]
pub(super) async fn change(
    State(keys): State<ApiKeys>,
    Caller(who): Caller,
    Path(id): Path<ApiKeyId>,
    IfMatch(expected): IfMatch,
    Body(patch): Body<KeyPatch>,
) -> Result<Reply<ApiKey>> {
    Ok(Reply::versioned(keys.change(&who, id, expected, patch).await?))
}

/// Revoke an API key.
///
/// It is worth nothing within a second, for good, and WebSockets that were opened with it close with 4401. Revoking it
/// again changes nothing.
#[utoipa::path(delete, path = "/api-keys/{key_id}", params(("key_id" = ApiKeyId, Path), IfMatch),
    responses((status = 204)))]
pub(super) async fn revoke(
    State(keys): State<ApiKeys>,
    Caller(who): Caller,
    Path(id): Path<ApiKeyId>,
    IfMatch(expected): IfMatch,
) -> Result<Reply<()>> {
    keys.revoke(&who, id, expected).await?;
    Ok(Reply::no_content())
}

/// Replace the secret of an API key.
///
/// The answer carries the new one, shown once. The one before it goes on working for `grace_seconds`, so that programs
/// can be changed one after the other; without them it ends at once. The body may be left out.
#[utoipa::path(post, path = "/api-keys/{key_id}/rotate", params(("key_id" = ApiKeyId, Path)),
    request_body = Option<Rotation>, responses(
        (status = 201, body = Envelope<CreatedKey>),
        (status = 403, description = "`level_too_high`, `not_home_organization`, or a permission is missing"),
        (status = 409, description = "`key_revoked`, `key_expired`, `account_inactive`"),
        (status = 422, description = "`scope_exceeds_owner`, or `fields` says what is wrong"),
    ))]
pub(super) async fn rotate(
    State(keys): State<ApiKeys>,
    Caller(who): Caller,
    Path(id): Path<ApiKeyId>,
    Optional(rotation): Optional<Rotation>,
) -> Result<Reply<CreatedKey>> {
    Ok(created(keys.rotate(&who, id, rotation).await?))
}

/// The API keys of one user.
///
/// One's own, or with `admin:keys` those of another user of the organization.
#[utoipa::path(get, path = "/users/{user_id}/api-keys",
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me"), ListQuery<KeyList>),
    responses((status = 200, body = Envelope<Page<ApiKey>>)))]
pub(super) async fn list_of_user(
    State(keys): State<ApiKeys>,
    Caller(who): Caller,
    Path(user): Path<UserRef>,
    query: ListQuery<KeyList>,
) -> Result<Reply<Page<ApiKey>>> {
    Ok(Reply::ok(keys.list_of(&who, user.of(who.user), query.0).await?))
}

/// Create an API key for a user.
///
/// What `POST /api-keys` does, for oneself or, with `admin:keys`, for somebody of no higher rank whose home this
/// organization is. The key may do what both its owner and the caller may, at the most.
#[utoipa::path(post, path = "/users/{user_id}/api-keys", request_body = NewKey,
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me")),
    responses(
        (status = 201, body = Envelope<CreatedKey>),
        (status = 403, description = "`level_too_high`, `not_home_organization`, or a permission is missing"),
        (status = 409, description = "`key_limit`, `account_inactive`"),
        (status = 422, description = "`scope_exceeds_owner`, or `fields` says what is wrong"),
    ))]
pub(super) async fn create_for_user(
    State(keys): State<ApiKeys>,
    Caller(who): Caller,
    Path(user): Path<UserRef>,
    Body(new): Body<NewKey>,
) -> Result<Reply<CreatedKey>> {
    Ok(created(keys.create(&who, user.of(who.user), new).await?))
}
