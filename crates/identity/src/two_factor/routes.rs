//! The operations on the second factor.

use gateway::{Body, Caller, Envelope, Path, Reply, Result, State};

use super::{
    TwoFactor,
    model::{BackupCodes, Confirmation, Proof, Setup, SetupRequest, TwoFactorStatus},
};
use crate::{auth::extract::Optional, users::UserRef};

/// How it stands with the second factor of a user.
///
/// Is it in force, how many backup codes are left, and does a policy ask for it?
#[utoipa::path(get, path = "/users/{user_id}/2fa",
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me")),
    responses((status = 200, body = Envelope<TwoFactorStatus>)))]
pub(super) async fn status(
    State(two_factor): State<TwoFactor>,
    Caller(who): Caller,
    Path(user): Path<UserRef>,
) -> Result<Reply<TwoFactorStatus>> {
    Ok(Reply::ok(two_factor.status(&who, user.of(who.user)).await?))
}

/// Begin to set up a second factor.
///
/// The answer carries what an authenticator needs and ten backup codes, shown once. It is not in force until
/// `/users/{user_id}/2fa/verify` is told a code within ten minutes; beginning again replaces it.
#[utoipa::path(post, path = "/users/{user_id}/2fa/enable", request_body = SetupRequest,
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me")),
    responses(
        (status = 200, body = Envelope<Setup>),
        (status = 409, description = "`already_enabled`, `not_offered`"),
        (status = 422, description = "`wrong_password`, or `fields` says what is wrong"),
        (status = 429, description = "`too_many_attempts`, or too many requests"),
        (status = 503, description = "`sms` is not configured, or the server can't just now"),
    ))]
pub(super) async fn enable(
    State(two_factor): State<TwoFactor>,
    Caller(who): Caller,
    Body(request): Body<SetupRequest>,
) -> Result<Reply<Setup>> {
    Ok(Reply::ok(two_factor.enable(&who, request).await?))
}

/// Confirm the setup with a code.
///
/// The second factor is in force from now on. A session that was good for the setup only is good for everything.
#[utoipa::path(post, path = "/users/{user_id}/2fa/verify", request_body = Confirmation,
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me")),
    responses(
        (status = 200, body = Envelope<TwoFactorStatus>),
        (status = 409, description = "`not_pending`, `already_enabled`"),
        (status = 422, description = "`invalid_code`, or `fields` says what is wrong"),
        (status = 429, description = "`too_many_attempts`, or too many requests"),
    ))]
pub(super) async fn confirm(
    State(two_factor): State<TwoFactor>,
    Caller(who): Caller,
    Body(confirmation): Body<Confirmation>,
) -> Result<Reply<TwoFactorStatus>> {
    Ok(Reply::ok(two_factor.confirm(&who, confirmation.code).await?))
}

/// Turn a second factor off.
///
/// One's own with the password or a code. An administrator resets that of somebody of no higher rank without either;
/// if a policy asks for one, the user has to set it up anew at the next sign-in. The body may be left out.
#[utoipa::path(post, path = "/users/{user_id}/2fa/disable", request_body = Option<Proof>,
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me")),
    responses(
        (status = 200, body = Envelope<TwoFactorStatus>),
        (status = 403, description = "`level_too_high`, `not_home_organization`, or a permission is missing"),
        (status = 409, description = "`not_enabled`, `required_by_policy`"),
        (status = 422, description = "`invalid_code`, `wrong_password`, or `fields` says what is wrong"),
        (status = 429, description = "`too_many_attempts`, or too many requests"),
    ))]
pub(super) async fn disable(
    State(two_factor): State<TwoFactor>,
    Caller(who): Caller,
    Path(user): Path<UserRef>,
    Optional(proof): Optional<Proof>,
) -> Result<Reply<TwoFactorStatus>> {
    Ok(Reply::ok(two_factor.disable(&who, user.of(who.user), proof).await?))
}

/// Make ten new backup codes.
///
/// With the password or a code, so that a session alone doesn't do. The codes before them stop working.
#[utoipa::path(post, path = "/users/{user_id}/2fa/backup-codes", request_body = Proof,
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me")),
    responses(
        (status = 200, body = Envelope<BackupCodes>),
        (status = 409, description = "`not_enabled`"),
        (status = 422, description = "`invalid_code`, `wrong_password`, or `fields` says what is wrong"),
        (status = 429, description = "`too_many_attempts`, or too many requests"),
    ))]
pub(super) async fn backup_codes(
    State(two_factor): State<TwoFactor>,
    Caller(who): Caller,
    Body(proof): Body<Proof>,
) -> Result<Reply<BackupCodes>> {
    Ok(Reply::ok(two_factor.new_backup_codes(&who, proof).await?))
}
