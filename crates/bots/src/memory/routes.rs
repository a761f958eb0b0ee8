//! The memory of a bot over HTTP.

use gateway::{Body, Caller, Envelope, IfMatch, ListQuery, Path, Reply, Result, State};
use kernel::list::Page;

use super::{Memories, Memory, NewMemory, service::MemoryList};

/// What a bot remembers for all who use it, by key.
///
/// What it remembers of single people and conversations is not among it.
#[utoipa::path(
    get,
    path = "/bots/{bot_id}/memory",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ListQuery<MemoryList>,
    ),
    responses((status = 200, body = Envelope<Page<Memory>>)),
)]
pub(super) async fn list(
    State(memories): State<Memories>,
    Caller(who): Caller,
    Path(bot): Path<String>,
    query: ListQuery<MemoryList>,
) -> Result<Reply<Page<Memory>>> {
    Ok(Reply::ok(memories.list(who, bot, query.0).await?))
}

/// Set a value of a bot's memory.
///
/// Scripts read it with GET BOT MEMORY from their next turn on.
#[utoipa::path(
    put,
    path = "/bots/{bot_id}/memory/{key}",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ("key" = String, Path, description = "1 to 200 characters", example = "greeting"), IfMatch),
    request_body = NewMemory,
    responses(
        (status = 200, body = Envelope<Memory>),
        (status = 409, description = "`memory_limit`: the bot remembers as much as it may"),
    ),
)]
pub(super) async fn set(
    State(memories): State<Memories>,
    Caller(who): Caller,
    Path((bot, key)): Path<(String, String)>,
    IfMatch(expected): IfMatch,
    Body(new): Body<NewMemory>,
) -> Result<Reply<Memory>> {
    Ok(Reply::versioned(memories.set(who, bot, key, expected, new.value).await?))
}

/// Forget a value of a bot's memory.
///
/// Scripts read null from their next turn on.
#[utoipa::path(
    delete,
    path = "/bots/{bot_id}/memory/{key}",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ("key" = String, Path, description = "1 to 200 characters", example = "greeting"), IfMatch),
    responses((status = 204)),
)]
pub(super) async fn delete(
    State(memories): State<Memories>,
    Caller(who): Caller,
    Path((bot, key)): Path<(String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<Reply<()>> {
    memories.delete(who, bot, key, expected).await?;
    Ok(Reply::no_content())
}
