//! Settings over HTTP.

use gateway::{Body, Caller, Envelope, IfMatch, IfNoneMatch, Path, Reply, Result, State};

use super::model::{Config, ConfigPatch};
use crate::packages::Packages;

/// The settings of a bot.
///
/// Those of its `config.csv`, and all that are known with their defaults. Secrets are shown as `***`.
#[utoipa::path(
    get,
    path = "/bots/{bot_id}/config",
    params(("bot_id" = String, Path, description = "Id or slug", example = "table-booking"), IfNoneMatch),
    responses((status = 200, body = Envelope<Config>)),
)]
pub(super) async fn get(
    State(packages): State<Packages>,
    Caller(who): Caller,
    Path(bot): Path<String>,
) -> Result<Reply<Config>> {
    Ok(Reply::versioned(packages.config(&who, &bot).await?))
}

/// Change settings of a bot.
///
/// Absent ones stay, null takes one away. It is written into the package's `config.csv` and makes a new version of it.
/// What is sent as `***` stays as it is.
#[utoipa::path(
    patch,
    path = "/bots/{bot_id}/config",
    params(("bot_id" = String, Path, description = "Id or slug", example = "table-booking"), IfMatch),
    request_body = ConfigPatch,
    responses(
        (status = 200, body = Envelope<Config>),
        (status = 409, description = "`package_changed`: somebody else changed the package meanwhile"),
    ),
)]
pub(super) async fn patch(
    State(packages): State<Packages>,
    Caller(who): Caller,
    Path(bot): Path<String>,
    IfMatch(expected): IfMatch,
    Body(patch): Body<ConfigPatch>,
) -> Result<Reply<Config>> {
    Ok(Reply::versioned(packages.change_config(&who, &bot, &expected, patch).await?))
}
