//! The operations that go over mail.

use gateway::{Body, Caller, Envelope, Path, Peer, Reply, Result, State};

use super::{
    AddressConfirmation, AddressConfirmed, AskedFor, ForcedReset, Registered, Registration, ResetMailed,
    ResetRequest,
};
use crate::{
    auth::{Auth, extract::Optional},
    users::UserRef,
};

const IF_KNOWN: &str = "If there is such an account, a mail is on its way.";

/// Have a link mailed that sets a new password.
///
/// The answer is the same whether an account has the address or not. The link works once, for one hour; those mailed
/// before work until one of them is used. An account without a password is invited again. Three requests an hour for
/// one address from one place, and ten times as many from everywhere. On a server that sends no mail nothing comes
/// of it.
#[utoipa::path(post, path = "/auth/password/reset-request", request_body = ResetRequest, responses(
    (status = 202, body = Envelope<AskedFor>),
    (status = 429, description = "`too_many_attempts` for one address, or too many requests"),
))]
pub(in crate::auth) async fn request_reset(
    State(auth): State<Auth>,
    Peer(origin): Peer,
    Body(request): Body<ResetRequest>,
) -> Result<Reply<AskedFor>> {
    Ok(Reply::accepted(auth.request_reset(&origin, request).await?).message(IF_KNOWN))
}

/// Have the link mailed again that confirms an address.
///
/// The answer is the same whether an account waits for it or not. Links mailed before work until one of them is used.
/// Three requests an hour for one address from one place, and ten times as many from everywhere.
#[utoipa::path(post, path = "/auth/email/resend", request_body = ResetRequest, responses(
    (status = 202, body = Envelope<AskedFor>),
    (status = 429, description = "`too_many_attempts` for one address, or too many requests"),
))]
pub(in crate::auth) async fn request_confirmation(
    State(auth): State<Auth>,
    Peer(origin): Peer,
    Body(request): Body<ResetRequest>,
) -> Result<Reply<AskedFor>> {
    Ok(Reply::accepted(auth.request_confirmation(&origin, request).await?).message(IF_KNOWN))
}

/// Confirm an address with the mailed token.
///
/// The token works once, for 24 hours. An account that waited for this becomes active; an address that somebody gave
/// themselves takes the place of the one before, which is told.
#[utoipa::path(post, path = "/auth/email/verify", request_body = AddressConfirmation, responses(
    (status = 200, body = Envelope<AddressConfirmed>),
    (status = 401, description = "`token_invalid`: unknown, expired, used or replaced"),
    (status = 409, description = "`email_taken` by somebody else in the meantime"),
    (status = 422, description = "`email_domain_not_allowed` in the meantime"),
))]
pub(in crate::auth) async fn confirm_email(
    State(auth): State<Auth>,
    Peer(origin): Peer,
    Body(confirmation): Body<AddressConfirmation>,
) -> Result<Reply<AddressConfirmed>> {
    Ok(Reply::ok(auth.confirm_email(&origin, confirmation).await?))
}

/// Make an account of one's own.
///
/// Where the server's configuration lets people do so. A link is mailed that confirms the address; until then signing
/// in is refused (`email_unverified`). Five an hour from one address.
#[utoipa::path(post, path = "/auth/register", request_body = Registration, responses(
    (status = 201, body = Envelope<Registered>),
    (status = 403, description = "`registration_disabled`"),
    (status = 409, description = "`username_taken`, `email_taken`, `member_limit`"),
    (status = 422, description = "`email_domain_not_allowed`, or `fields` names everything that is wrong"),
    (status = 503, description = "The server sends no mail (`service`: `mail`)"),
))]
pub(in crate::auth) async fn register(
    State(auth): State<Auth>,
    Peer(origin): Peer,
    Body(wanted): Body<Registration>,
) -> Result<Reply<Registered>> {
    let made = auth.register(&origin, wanted).await?;
    let location = format!("/users/{}", made.user_id);
    Ok(Reply::created(location, made).message("A mail is on its way that confirms the address."))
}

/// Mail a user a link that sets a new password.
///
/// The link works once and replaces those mailed before. With `force` the present password is good for nothing from
/// now on, and all sessions of the user end. The body may be left out.
#[utoipa::path(post, path = "/users/{user_id}/password-reset", request_body = Option<ForcedReset>,
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me")),
    responses(
        (status = 200, body = Envelope<ResetMailed>),
        (status = 403, description = "`level_too_high`, `not_home_organization`, `account_suspended`, \
            `account_inactive`, or a permission is missing"),
        (status = 503, description = "The server sends no mail (`service`: `mail`)"),
    ))]
pub(in crate::auth) async fn order_reset(
    State(auth): State<Auth>,
    Caller(who): Caller,
    Path(user): Path<UserRef>,
    Optional(order): Optional<ForcedReset>,
) -> Result<Reply<ResetMailed>> {
    Ok(Reply::ok(auth.order_reset(&who, user.of(who.user), order).await?))
}
