//! Bots over HTTP.

use gateway::{Body, Caller, Envelope, ListQuery, Path, Reply, Result, State};
use kernel::list::Page;

use super::{Bot, BotPatch, BotService, NewBot, service::SPEC};

/// Bots that the caller may use.
///
/// With `admin:bots` all of the organization. Sorts: `created_at`, `name`, `last_activity`. Filters: `status`,
/// `visibility`. `search` looks through names and descriptions.
#[utoipa::path(
    get,
    path = "/bots",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100),
        ("offset" = Option<u64>, Query),
        ("cursor" = Option<String>, Query),
        ("sort" = Option<String>, Query),
        ("order" = Option<String>, Query),
        ("count" = Option<String>, Query),
        ("search" = Option<String>, Query),
        ("filter[status]" = Option<String>, Query),
        ("filter[visibility]" = Option<String>, Query),
    ),
    responses((status = 200, body = Envelope<Page<Bot>>)),
)]
pub(super) async fn list(
    State(bots): State<BotService>,
    Caller(who): Caller,
    query: ListQuery,
) -> Result<Reply<Page<Bot>>> {
    Ok(Reply::ok(bots.list(who, query.read(&SPEC)?).await?))
}

/// Make a bot.
///
/// It has no scripts until a package is installed. The organization's first bot becomes its default.
#[utoipa::path(
    post,
    path = "/bots",
    request_body(content = NewBot, example = json!({ "name": "Table Booking", "description": "Books tables." })),
    responses(
        (status = 201, body = Envelope<Bot>),
        (status = 409, description = "`slug_taken`, or `bot_limit`"),
    ),
)]
pub(super) async fn create(
    State(bots): State<BotService>,
    Caller(who): Caller,
    Body(new): Body<NewBot>,
) -> Result<Reply<Bot>> {
    let bot = bots.create(who, new).await?;
    Ok(Reply::created(format!("/bots/{}", bot.bot_id), bot))
}

/// One bot.
///
/// Named by its id or its slug.
#[utoipa::path(
    get,
    path = "/bots/{bot_id}",
    params(("bot_id" = String, Path, description = "Id or slug", example = "table-booking")),
    responses((status = 200, body = Envelope<Bot>)),
)]
pub(super) async fn get(
    State(bots): State<BotService>,
    Caller(who): Caller,
    Path(bot): Path<String>,
) -> Result<Reply<Bot>> {
    Ok(Reply::ok(bots.get(who, bot).await?))
}

/// Change a bot.
///
/// Absent fields stay, null clears. A bot that is not `active` starts no conversations.
#[utoipa::path(
    patch,
    path = "/bots/{bot_id}",
    params(("bot_id" = String, Path, description = "Id or slug", example = "table-booking")),
    request_body(content = BotPatch, example = json!({ "visibility": "private" })),
    responses((status = 200, body = Envelope<Bot>)),
)]
pub(super) async fn patch(
    State(bots): State<BotService>,
    Caller(who): Caller,
    Path(bot): Path<String>,
    Body(patch): Body<BotPatch>,
) -> Result<Reply<Bot>> {
    Ok(Reply::ok(bots.patch(who, bot, patch).await?))
}

/// Delete a bot.
///
/// With its package and all its conversations. It stops answering at once. The default bot goes last.
#[utoipa::path(
    delete,
    path = "/bots/{bot_id}",
    params(("bot_id" = String, Path, description = "Id or slug", example = "table-booking")),
    responses((status = 204), (status = 409, description = "`default_bot`")),
)]
pub(super) async fn delete(
    State(bots): State<BotService>,
    Caller(who): Caller,
    Path(bot): Path<String>,
) -> Result<Reply<()>> {
    bots.delete(who, bot).await?;
    Ok(Reply::no_content())
}
