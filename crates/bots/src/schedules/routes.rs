//! Schedules over HTTP.

use gateway::{AcceptedJob, Caller, Envelope, ListQuery, Path, Reply, Result, State};
use kernel::{id::ScheduleId, list::Page};

use super::{Schedules, model::Schedule, service::ScheduleList};

/// The schedules of a bot.
///
/// What its scripts say of themselves, and what they have planned.
#[utoipa::path(
    get,
    path = "/bots/{bot_id}/schedules",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ListQuery<ScheduleList>,
    ),
    responses((status = 200, body = Envelope<Page<Schedule>>)),
)]
pub(super) async fn list(
    State(schedules): State<Schedules>,
    Caller(who): Caller,
    Path(bot): Path<String>,
    query: ListQuery<ScheduleList>,
) -> Result<Reply<Page<Schedule>>> {
    Ok(Reply::ok(schedules.list(who, bot, query.0).await?))
}

/// Run a scheduled script now.
///
/// Beside its schedule, which stays as it is. What comes of it stands with the schedule and in the bot's log.
#[utoipa::path(
    post,
    path = "/bots/{bot_id}/schedules/{schedule_id}/run",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ("schedule_id" = ScheduleId, Path),
    ),
    responses(
        (status = 202, body = Envelope<AcceptedJob>),
        (status = 404, description = "There is no such schedule, or no such bot for the caller."),
    ),
)]
pub(super) async fn run(
    State(schedules): State<Schedules>,
    Caller(who): Caller,
    Path((bot, id)): Path<(String, ScheduleId)>,
) -> Result<Reply<AcceptedJob>> {
    Ok(Reply::job(schedules.run_now(who, bot, id).await?))
}
