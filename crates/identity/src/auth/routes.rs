//! The operations of sign-in.

use gateway::{Body, Caller, Envelope, MaybeCaller, Path, Peer, Reply, Result, State};
use kernel::Error;

use super::{
    Auth, Founding,
    extract::{GrantBody, Optional},
    model::{
        Bootstrap, Bootstrapped, Grant, LoggedOut, Login, LoginAnswer, Logout, PasswordChange, PasswordReset,
        PasswordSet, Refresh, SecondStep, SignedIn, Tokens, Unlocked, Verified,
    },
};
use crate::users::UserRef;

/// Sign in with a name or an e-mail address, and a password.
///
/// Begins a session; more than ten of one user end the least recently used one. A wrong name and a wrong password
/// are the same 401 (`invalid_credentials`). After five failures of one name from one address within 15 minutes that
/// address is locked out of that name for 30 minutes (423 `account_locked`, `locked_until`), whether the name exists
/// or not. Five attempts a minute by address and name. A visitor who shows their token takes what they said along, and
/// their visit ends. Who has a second factor and sends no `two_factor_code` gets a `session_token` for
/// `/auth/2fa/verify` instead of tokens. Tokens that come with a `reason` are good for that one thing until it is
/// done. `Idempotency-Key` is ignored.
#[utoipa::path(post, path = "/auth/login", request_body = Login, responses(
    (status = 200, body = Envelope<LoginAnswer>),
    (status = 401, description = "`invalid_credentials`, `invalid_code`"),
    (status = 403, description = "`account_suspended`, `account_inactive`, `account_pending`, `email_unverified`"),
    (status = 404, description = "The user is in no such organization"),
    (status = 423, description = "`account_locked` with `locked_until`"),
    (status = 429, description = "`too_many_attempts` of one name from one address, or too many requests"),
))]
pub(super) async fn login(
    State(auth): State<Auth>,
    Peer(origin): Peer,
    MaybeCaller(caller): MaybeCaller,
    Body(login): Body<Login>,
) -> Result<Reply<LoginAnswer>> {
    let visitor = caller.map(|caller| caller.principal).filter(|caller| caller.is_visitor());
    Ok(Reply::ok(auth.login_over(&origin, login, visitor).await?))
}

/// The second step of a sign-in: the code.
///
/// With the `session_token` of the first step, within five minutes. A code of the authenticator is good once; a backup
/// code serves in its place. Three codes of one user are looked at in a minute; five wrong ones end the
/// `session_token`, and count as failed sign-ins. `Idempotency-Key` is ignored.
#[utoipa::path(post, path = "/auth/2fa/verify", request_body = SecondStep, responses(
    (status = 200, body = Envelope<SignedIn>),
    (status = 401, description = "`invalid_code`, `token_invalid`, `token_expired`"),
    (status = 403, description = "`account_suspended`, `account_inactive`, `account_pending`, `email_unverified`"),
    (status = 404, description = "The user is in no such organization"),
    (status = 423, description = "`account_locked` with `locked_until`"),
    (status = 429, description = "`too_many_attempts` of one user, or too many requests"),
))]
pub(super) async fn second_step(
    State(auth): State<Auth>,
    Peer(origin): Peer,
    MaybeCaller(caller): MaybeCaller,
    Body(step): Body<SecondStep>,
) -> Result<Reply<SignedIn>> {
    let visitor = caller.map(|caller| caller.principal).filter(|caller| caller.is_visitor());
    Ok(Reply::ok(auth.second_step(&origin, step, visitor).await?))
}

/// New tokens for a refresh token, which is spent.
///
/// The access token before it is worth nothing from then on. A refresh token that is used a second time ends the
/// whole session: somebody has a copy of it. `Idempotency-Key` is ignored.
#[utoipa::path(post, path = "/auth/refresh", request_body = Refresh, responses(
    (status = 200, body = Envelope<Tokens>),
    (status = 401, description = "`token_invalid`, `token_expired`, `token_spent`, `session_ended`"),
))]
pub(super) async fn refresh(
    State(auth): State<Auth>,
    Peer(origin): Peer,
    Body(refresh): Body<Refresh>,
) -> Result<Reply<Tokens>> {
    Ok(Reply::ok(auth.refresh(&origin, &refresh.refresh_token).await?))
}

/// The token endpoint for programs: the grant `refresh_token`, as JSON or as a form.
///
/// Does what `/auth/refresh` does. Unknown parameters of a form are ignored (RFC 6749); of JSON they are refused.
#[utoipa::path(post, path = "/auth/token",
    request_body(content((Grant = "application/json"), (Grant = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, body = Envelope<Tokens>),
        (status = 401, description = "`token_invalid`, `token_expired`, `token_spent`, `session_ended`"),
    ))]
pub(super) async fn token(
    State(auth): State<Auth>,
    Peer(origin): Peer,
    GrantBody(grant): GrantBody,
) -> Result<Reply<Tokens>> {
    if grant.grant_type != "refresh_token" {
        return Err(Error::invalid("grant_type", "must be refresh_token").into());
    }
    Ok(Reply::ok(auth.refresh(&origin, &grant.refresh_token).await?))
}

/// Sign out: end this session and its tokens.
///
/// The body may be left out. WebSockets of what ends are closed with 4401.
#[utoipa::path(post, path = "/auth/logout", request_body = Option<Logout>,
    responses((status = 200, body = Envelope<LoggedOut>)))]
pub(super) async fn logout(
    State(auth): State<Auth>,
    Caller(who): Caller,
    Optional(logout): Optional<Logout>,
) -> Result<Reply<LoggedOut>> {
    Ok(Reply::ok(auth.logout(&who, logout).await?))
}

/// Is this token good, whose is it, until when?
///
/// A bad token is 401, never `valid: false`.
#[utoipa::path(get, path = "/auth/verify", responses((status = 200, body = Envelope<Verified>)))]
pub(super) async fn verify(State(auth): State<Auth>, Caller(who): Caller) -> Result<Reply<Verified>> {
    Ok(Reply::ok(auth.verify(&who)))
}

/// Set a password with a one-time token.
///
/// The token comes from a link that was mailed, or that creating a user answers with. It works once: for one hour, or
/// for 24 where it sets the first password. All sessions of the user end; an account that waited for its first
/// password becomes active, and an address that the link was mailed to is confirmed.
#[utoipa::path(post, path = "/auth/password/reset", request_body = PasswordReset, responses(
    (status = 200, body = Envelope<PasswordSet>),
    (status = 401, description = "`token_invalid`: unknown, expired or used"),
    (status = 422, description = "`password_reused`, or `fields.password` names every rule that the password breaks"),
))]
pub(super) async fn reset_password(
    State(auth): State<Auth>,
    Peer(origin): Peer,
    Body(reset): Body<PasswordReset>,
) -> Result<Reply<PasswordSet>> {
    Ok(Reply::ok(auth.reset_password(&origin, reset).await?))
}

/// Change one's own password.
///
/// Ends all other sessions of the user. A session that was good for nothing else, because the password had expired, is
/// good for everything.
#[utoipa::path(post, path = "/users/{user_id}/password", request_body = PasswordChange,
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me")),
    responses(
        (status = 200, body = Envelope<PasswordSet>),
        (status = 422, description = "`wrong_password`, `password_reused`, or `fields.new_password` names every rule \
            that the password breaks"),
    ))]
pub(super) async fn change_password(
    State(auth): State<Auth>,
    Caller(who): Caller,
    Body(change): Body<PasswordChange>,
) -> Result<Reply<PasswordSet>> {
    Ok(Reply::ok(auth.change_password(&who, change).await?))
}

/// Lift the locks on a user's sign-in.
///
/// Those that failed attempts with their name or their address led to, from wherever.
#[utoipa::path(post, path = "/users/{user_id}/unlock",
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me")),
    responses((status = 200, body = Envelope<Unlocked>)))]
pub(super) async fn unlock(
    State(auth): State<Auth>,
    Caller(who): Caller,
    Path(user): Path<UserRef>,
) -> Result<Reply<Unlocked>> {
    Ok(Reply::ok(auth.unlock(&who, user.of(who.user)).await?))
}

/// Make the first organization and its administrator.
///
/// Only on a server that was started with `bootstrap_secret`, by who knows it, and while there is no administrator.
/// Answers never carry the password, so a repeat is a plain 409.
#[utoipa::path(post, path = "/auth/bootstrap", request_body = Bootstrap, responses(
    (status = 201, body = Envelope<Bootstrapped>),
    (status = 401, description = "`invalid_credentials`: the secret is wrong"),
    (status = 404, description = "The server has no bootstrap secret"),
    (status = 409, description = "`admin_exists`"),
))]
pub(super) async fn bootstrap(
    State(founding): State<Founding>,
    Peer(origin): Peer,
    Body(wanted): Body<Bootstrap>,
) -> Result<Reply<Bootstrapped>> {
    let made = founding.bootstrap(&origin, wanted).await?;
    let location = format!("/users/{}", made.user_id);
    Ok(Reply::created(location, made).message("The administrator can sign in now."))
}
