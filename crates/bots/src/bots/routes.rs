//! Bots over HTTP.

use gateway::{
    AcceptedJob, Body, Caller, Envelope, IfMatch, IfNoneMatch, ListQuery, Params, Path, Reply, Result, State,
};
use kernel::list::Page;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Bot, BotPatch, BotService, service::BotList};

/// Bots that the caller may use.
///
/// With `admin:bots` all of the organization.
#[utoipa::path(
    get,
    path = "/bots",
    params(ListQuery<BotList>),
    responses((status = 200, body = Envelope<Page<Bot>>)),
)]
pub(super) async fn list(
    State(bots): State<BotService>,
    Caller(who): Caller,
    query: ListQuery<BotList>,
) -> Result<Reply<Page<Bot>>> {
    Ok(Reply::ok(bots.list(who, query.0).await?))
}

/// One bot.
///
/// Named by its id or its slug.
#[utoipa::path(
    get,
    path = "/bots/{bot_id}",
    params(("bot_id" = String, Path, description = "Id or slug", example = "table-booking"), IfNoneMatch),
    responses((status = 200, body = Envelope<Bot>)),
)]
pub(super) async fn get(
    State(bots): State<BotService>,
    Caller(who): Caller,
    Path(bot): Path<String>,
) -> Result<Reply<Bot>> {
    Ok(Reply::versioned(bots.get(who, bot).await?))
}

/// Change a bot.
///
/// Absent fields stay, null clears. A bot that is not `active` starts no conversations. One whose start script never
/// compiled does not become `active` but `error`.
#[utoipa::path(
    patch,
    path = "/bots/{bot_id}",
    params(("bot_id" = String, Path, description = "Id or slug", example = "table-booking"), IfMatch),
    request_body(content = BotPatch, example = json!({ "visibility": "private" })),
    responses(
        (status = 200, body = Envelope<Bot>),
        (status = 409, description = "`default_bot`: it stays the default until another bot becomes it"),
    ),
)]
pub(super) async fn patch(
    State(bots): State<BotService>,
    Caller(who): Caller,
    Path(bot): Path<String>,
    IfMatch(expected): IfMatch,
    Body(patch): Body<BotPatch>,
) -> Result<Reply<Bot>> {
    Ok(Reply::versioned(bots.patch(who, bot, expected, patch).await?))
}

/// What is to be done before a bot is removed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Leaving {
    /// Take its conversations along, which needs `conversations:read`, too. The job's `result` then has an `export` with
    /// a `download_url`, which gives whoever deletes the bot a zip for 24 hours; or `given_up`, where it could not be made
    /// in half a day of attempts and the bot was removed without.
    #[param(required = false, example = false)]
    export: bool,
}

/// Delete a bot.
///
/// It is gone at once, and its slug is free; its package and conversations are removed by the job that the answer
/// names. The default bot goes last.
#[utoipa::path(
    delete,
    path = "/bots/{bot_id}",
    params(("bot_id" = String, Path, description = "Id or slug", example = "table-booking"), Leaving, IfMatch),
    responses(
        (status = 202, body = Envelope<AcceptedJob>),
        (status = 403, description = "A permission is missing, this one's or, to take along what was said, \
            `conversations:read`."),
        (status = 409, description = "`default_bot`: make another one the default first"),
    ),
)]
pub(super) async fn delete(
    State(bots): State<BotService>,
    Caller(who): Caller,
    Path(bot): Path<String>,
    IfMatch(expected): IfMatch,
    Params(leaving): Params<Leaving>,
) -> Result<Reply<AcceptedJob>> {
    Ok(Reply::job(bots.delete(who, bot, expected, leaving.export).await?))
}
