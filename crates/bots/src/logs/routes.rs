//! The logs of bots over HTTP.

use gateway::{Caller, Envelope, ListQuery, Path, Reply, Result, State};
use kernel::list::Page;

use super::{
    Logs,
    service::{LogLine, LogList},
};

/// What scripts printed, and why they failed.
///
/// The newest first; kept for a while, and the last ones of each bot only.
#[utoipa::path(
    get,
    path = "/bots/{bot_id}/logs",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ListQuery<LogList>,
    ),
    responses((status = 200, body = Envelope<Page<LogLine>>)),
)]
pub(super) async fn list(
    State(logs): State<Logs>,
    Caller(who): Caller,
    Path(bot): Path<String>,
    query: ListQuery<LogList>,
) -> Result<Reply<Page<LogLine>>> {
    Ok(Reply::ok(logs.list(who, bot, query.0).await?))
}
