//! The operations on preferences.

use gateway::{Body, Caller, Envelope, IfMatch, IfNoneMatch, Path, Reply, Result, State};

use super::{
    Preferences,
    model::{UserSettings, UserSettingsPatch},
};
use crate::users::UserRef;

/// What a user prefers.
///
/// One's own or, with `admin:users`, that of the organization's people. What nobody has decided has its default. The
/// bot is the one of the organization that the caller acts in.
#[utoipa::path(get, path = "/users/{user_id}/settings",
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me"), IfNoneMatch),
    responses((status = 200, body = Envelope<UserSettings>)))]
pub(super) async fn get(
    State(preferences): State<Preferences>,
    Caller(who): Caller,
    Path(user): Path<UserRef>,
) -> Result<Reply<UserSettings>> {
    Ok(Reply::versioned(preferences.get(&who, user.of(who.user)).await?))
}

/// Change what a user prefers.
///
/// Merged field by field: absent keeps, null goes back to the default.
#[utoipa::path(patch, path = "/users/{user_id}/settings", request_body = UserSettingsPatch,
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me"), IfMatch),
    responses(
        (status = 200, body = Envelope<UserSettings>),
        (status = 403, description = "`level_too_high`, or a permission is missing"),
    ))]
pub(super) async fn change(
    State(preferences): State<Preferences>,
    Caller(who): Caller,
    Path(user): Path<UserRef>,
    IfMatch(expected): IfMatch,
    Body(patch): Body<UserSettingsPatch>,
) -> Result<Reply<UserSettings>> {
    Ok(Reply::versioned(preferences.change(&who, user.of(who.user), expected, patch).await?))
}
