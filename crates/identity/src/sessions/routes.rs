//! The operations on sessions.

use gateway::{Caller, Envelope, ListQuery, Params, Path, Reply, Result, State};
use kernel::list::Page;

use super::{
    Sessions,
    model::{EndAll, EndedSessions, Session, SessionList},
};
use crate::{ids::SessionId, users::UserRef};

/// The organization's active sessions.
///
/// Each is a sign-in that has not ended.
#[utoipa::path(get, path = "/sessions", params(ListQuery<SessionList>),
    responses((status = 200, body = Envelope<Page<Session>>)))]
pub(super) async fn list(
    State(sessions): State<Sessions>,
    Caller(who): Caller,
    query: ListQuery<SessionList>,
) -> Result<Reply<Page<Session>>> {
    Ok(Reply::ok(sessions.list(&who, query.0).await?))
}

/// The session of this request.
///
/// When it began, when it ends, and from where it came.
#[utoipa::path(get, path = "/sessions/current", responses((status = 200, body = Envelope<Session>)))]
pub(super) async fn current(State(sessions): State<Sessions>, Caller(who): Caller) -> Result<Reply<Session>> {
    Ok(Reply::ok(sessions.current(&who).await?))
}

/// One session.
///
/// One's own, or with `admin:sessions` that of another user of the organization.
#[utoipa::path(get, path = "/sessions/{session_id}", params(("session_id" = SessionId, Path)),
    responses((status = 200, body = Envelope<Session>)))]
pub(super) async fn get(
    State(sessions): State<Sessions>,
    Caller(who): Caller,
    Path(id): Path<SessionId>,
) -> Result<Reply<Session>> {
    Ok(Reply::ok(sessions.get(&who, id).await?))
}

/// End a session.
///
/// Its tokens are worth nothing from the next request on, and its WebSockets close with 4401. It may be the session
/// of this request.
#[utoipa::path(delete, path = "/sessions/{session_id}", params(("session_id" = SessionId, Path)),
    responses((status = 204)))]
pub(super) async fn end(
    State(sessions): State<Sessions>,
    Caller(who): Caller,
    Path(id): Path<SessionId>,
) -> Result<Reply<()>> {
    sessions.end(&who, id).await?;
    Ok(Reply::no_content())
}

/// The active sessions of one user.
///
/// One's own, or with `admin:sessions` those of another user of the organization.
#[utoipa::path(get, path = "/users/{user_id}/sessions",
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me"), ListQuery<SessionList>),
    responses((status = 200, body = Envelope<Page<Session>>)))]
pub(super) async fn list_of_user(
    State(sessions): State<Sessions>,
    Caller(who): Caller,
    Path(user): Path<UserRef>,
    query: ListQuery<SessionList>,
) -> Result<Reply<Page<Session>>> {
    Ok(Reply::ok(sessions.list_of(&who, user.of(who.user), query.0).await?))
}

/// End all sessions of one user.
///
/// Their tokens are worth nothing from the next request on, and their WebSockets close with 4401.
#[utoipa::path(delete, path = "/users/{user_id}/sessions",
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me"), EndAll),
    responses((status = 200, body = Envelope<EndedSessions>)))]
pub(super) async fn end_of_user(
    State(sessions): State<Sessions>,
    Caller(who): Caller,
    Path(user): Path<UserRef>,
    Params(which): Params<EndAll>,
) -> Result<Reply<EndedSessions>> {
    let ended = sessions.end_of(&who, user.of(who.user), which.keep_current).await?;
    Ok(Reply::ok(ended))
}
