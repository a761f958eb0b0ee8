//! Scripts over HTTP.

use gateway::{Body, Caller, Envelope, IfMatch, IfNoneMatch, ListQuery, Path, Reply, Result, State};
use kernel::list::Page;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Scripts,
    service::{Compiled, Script, ScriptList, ToCompile},
};

/// A script to be saved.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// Its text.
    #[schema(example = "HEAR name WITH \"Your name?\"\nTALK \"Hello \" + name")]
    source: String,
}

/// The scripts of a bot.
///
/// Without their texts.
#[utoipa::path(
    get,
    path = "/bots/{bot_id}/scripts",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ListQuery<ScriptList>,
    ),
    responses((status = 200, body = Envelope<Page<Script>>)),
)]
pub(super) async fn list(
    State(scripts): State<Scripts>,
    Caller(who): Caller,
    Path(bot): Path<String>,
    query: ListQuery<ScriptList>,
) -> Result<Reply<Page<Script>>> {
    Ok(Reply::ok(scripts.list(who, &bot, query.0).await?))
}

/// One script.
///
/// With its text.
#[utoipa::path(
    get,
    path = "/bots/{bot_id}/scripts/{name}",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ("name" = String, Path, description = "The file's name without `.bas`", example = "start"), IfNoneMatch),
    responses(
        (status = 200, body = Envelope<Script>),
        (status = 404, description = "`script_not_found`, or there is no such bot for the caller"),
    ),
)]
pub(super) async fn get(
    State(scripts): State<Scripts>,
    Caller(who): Caller,
    Path((bot, name)): Path<(String, String)>,
) -> Result<Reply<Script>> {
    Ok(Reply::versioned(scripts.get(who, &bot, &name).await?))
}

/// Save and compile a script.
///
/// A script with errors is kept with them (`status` is `error`), and the last good one goes on running.
#[utoipa::path(
    put,
    path = "/bots/{bot_id}/scripts/{name}",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ("name" = String, Path, description = "The file's name without `.bas`", example = "start"), IfMatch),
    request_body = Source,
    responses(
        (status = 200, body = Envelope<Script>),
        (status = 409, description = "`package_changed`: somebody else changed the package meanwhile"),
        (status = 422, description = "`unsafe_path`: no file can have that name on every system, or `tool_limit` with `limit`"),
    ),
)]
pub(super) async fn save(
    State(scripts): State<Scripts>,
    Caller(who): Caller,
    Path((bot, name)): Path<(String, String)>,
    IfMatch(expected): IfMatch,
    Body(body): Body<Source>,
) -> Result<Reply<Script>> {
    Ok(Reply::versioned(scripts.save(who, &bot, &name, expected, body.source).await?))
}

/// Delete a script.
///
/// Dialogs that are under way in it end on the version they began with.
#[utoipa::path(
    delete,
    path = "/bots/{bot_id}/scripts/{name}",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ("name" = String, Path, description = "The file's name without `.bas`", example = "start"), IfMatch),
    responses(
        (status = 204),
        (status = 404, description = "`script_not_found`, or there is no such bot for the caller"),
        (status = 409, description = "`package_changed`: somebody else changed the package meanwhile"),
    ),
)]
pub(super) async fn delete(
    State(scripts): State<Scripts>,
    Caller(who): Caller,
    Path((bot, name)): Path<(String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<Reply<()>> {
    scripts.delete(who, &bot, &name, expected).await?;
    Ok(Reply::no_content())
}

/// Check scripts without saving anything.
///
/// One text, or all scripts of the bot as they are.
#[utoipa::path(
    post,
    path = "/bots/{bot_id}/compile",
    params(("bot_id" = String, Path, description = "Id or slug", example = "table-booking")),
    request_body = ToCompile,
    responses((status = 200, body = Envelope<Compiled>)),
)]
pub(super) async fn compile(
    State(scripts): State<Scripts>,
    Caller(who): Caller,
    Path(bot): Path<String>,
    Body(to_compile): Body<ToCompile>,
) -> Result<Reply<Compiled>> {
    Ok(Reply::ok(scripts.compile(who, &bot, to_compile).await?))
}
