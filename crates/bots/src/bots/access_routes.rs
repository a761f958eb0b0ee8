//! Who may use a bot, and beginning anew, over HTTP.

use gateway::{Body, Caller, Envelope, IfMatch, IfNoneMatch, Path, Reply, Result, State};

use super::{
    Bot, BotService,
    access::{Access, NewAccess},
};
use crate::packages::Packages;

/// Who may use a bot.
///
/// `public` is for any user, and for visitors where they are allowed; `organization` for its members; `private` for
/// whoever made it and for the people, roles and groups that are listed; `admin` for administrators of bots. For anybody
/// else, and for those who are denied, there is no such bot.
#[utoipa::path(
    get,
    path = "/bots/{bot_id}/access",
    params(("bot_id" = String, Path, description = "Id or slug", example = "table-booking"), IfNoneMatch),
    responses((status = 200, body = Envelope<Access>)),
)]
pub(super) async fn get_access(
    State(bots): State<BotService>,
    Caller(who): Caller,
    Path(bot): Path<String>,
) -> Result<Reply<Access>> {
    Ok(Reply::versioned(bots.access(who, bot).await?))
}

/// Say who may use a bot.
///
/// All of it at once: what is absent is as it is for a new bot; only the visibility stays.
#[utoipa::path(
    put,
    path = "/bots/{bot_id}/access",
    params(("bot_id" = String, Path, description = "Id or slug", example = "table-booking"), IfMatch),
    request_body(content = NewAccess, example = json!({ "visibility": "private", "allowed_roles": ["manager"] })),
    responses((status = 200, body = Envelope<Access>)),
)]
pub(super) async fn put_access(
    State(bots): State<BotService>,
    Caller(who): Caller,
    Path(bot): Path<String>,
    IfMatch(expected): IfMatch,
    Body(new): Body<NewAccess>,
) -> Result<Reply<Access>> {
    Ok(Reply::versioned(bots.set_access(who, bot, expected, new).await?))
}

/// Reload a bot.
///
/// Its package is read and compiled anew, as a version of its own. Nothing runs again: conversations that wait for an
/// answer go on where they were.
#[utoipa::path(
    post,
    path = "/bots/{bot_id}/restart",
    params(("bot_id" = String, Path, description = "Id or slug", example = "table-booking")),
    responses(
        (status = 200, body = Envelope<Bot>, headers(("ETag" = String, description = "The revision"))),
        (status = 409, description = "`package_changed`: somebody else changed the package meanwhile"),
    ),
)]
pub(super) async fn restart(
    State(packages): State<Packages>,
    Caller(who): Caller,
    Path(bot): Path<String>,
) -> Result<Reply<Bot>> {
    Ok(Reply::versioned(packages.restart(&who, &bot).await?))
}
