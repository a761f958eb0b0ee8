//! Scripts over HTTP.

use gateway::{Body, Caller, Envelope, Path, Reply, Result, State};
use kernel::list::Page;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Scripts,
    service::{Compiled, Script, ToCompile},
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
#[utoipa::path(
    get,
    path = "/bots/{bot_id}/scripts",
    params(("bot_id" = String, Path, description = "Id or slug", example = "table-booking")),
    responses((status = 200, body = Envelope<Page<Script>>)),
)]
pub(super) async fn list(
    State(scripts): State<Scripts>,
    Caller(who): Caller,
    Path(bot): Path<String>,
) -> Result<Reply<Page<Script>>> {
    let items = scripts.list(who, &bot).await?;
    let total = Some(items.len() as u64);
    let limit = u32::try_from(items.len()).unwrap_or(u32::MAX);
    Ok(Reply::ok(Page { items, total, total_exact: None, limit, offset: Some(0), next_cursor: None }))
}

/// One script with its text.
#[utoipa::path(
    get,
    path = "/bots/{bot_id}/scripts/{name}",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ("name" = String, Path, example = "start"),
    ),
    responses((status = 200, body = Envelope<Script>)),
)]
pub(super) async fn get(
    State(scripts): State<Scripts>,
    Caller(who): Caller,
    Path((bot, name)): Path<(String, String)>,
) -> Result<Reply<Script>> {
    Ok(Reply::ok(scripts.get(who, &bot, &name).await?))
}

/// Save and compile a script.
///
/// A script with errors is kept with them (`status` is `error`), and the last good one goes on running.
#[utoipa::path(
    put,
    path = "/bots/{bot_id}/scripts/{name}",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ("name" = String, Path, example = "start"),
    ),
    request_body = Source,
    responses((status = 200, body = Envelope<Script>)),
)]
pub(super) async fn save(
    State(scripts): State<Scripts>,
    Caller(who): Caller,
    Path((bot, name)): Path<(String, String)>,
    Body(body): Body<Source>,
) -> Result<Reply<Script>> {
    Ok(Reply::ok(scripts.save(who, &bot, &name, body.source).await?))
}

/// Delete a script.
#[utoipa::path(
    delete,
    path = "/bots/{bot_id}/scripts/{name}",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ("name" = String, Path, example = "start"),
    ),
    responses((status = 204)),
)]
pub(super) async fn delete(
    State(scripts): State<Scripts>,
    Caller(who): Caller,
    Path((bot, name)): Path<(String, String)>,
) -> Result<Reply<()>> {
    scripts.delete(who, &bot, &name).await?;
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
