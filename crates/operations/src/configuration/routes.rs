//! Configuration over HTTP.

use gateway::{Body, Caller, Envelope, IfMatch, IfNoneMatch, Path, Reply, Result, State};

use super::{
    Configuration,
    model::{Config, ConfigChange, ConfigChanged, SettingDetails},
};

/// The configuration in force.
///
/// Every key with its value, where that comes from, its type, range and meaning. Secrets are shown as `"***"`. It
/// belongs to the administrators of the server's first organization; for those of another one it is empty.
#[utoipa::path(get, path = "/admin/config", params(IfNoneMatch), responses((status = 200, body = Envelope<Config>)))]
pub(super) async fn list_config(
    State(configuration): State<Configuration>,
    Caller(who): Caller,
) -> Result<Reply<Config>> {
    Ok(Reply::versioned(configuration.all(&who).await?))
}

/// Change what may change while the server runs.
///
/// All of it or nothing. What is changed wins over the file, the environment and the flags, is in force on every node
/// within a second, and takes effect for the next request. A null takes a change back.
#[utoipa::path(
    patch,
    path = "/admin/config",
    params(IfMatch),
    request_body = ConfigChange,
    responses(
        (status = 200, body = Envelope<ConfigChanged>),
        (status = 409, description = "`not_changeable`: the key needs the file and a restart."),
        (status = 422, description = "`unknown_key`, `invalid_value`: the first names the nearest keys."),
    ),
)]
pub(super) async fn change_config(
    State(configuration): State<Configuration>,
    Caller(who): Caller,
    IfMatch(expected): IfMatch,
    Body(change): Body<ConfigChange>,
) -> Result<Reply<ConfigChanged>> {
    Ok(Reply::versioned(configuration.change(&who, expected, change.flat()).await?))
}

/// One key of the configuration.
///
/// With the latest changes that were made of it while the server ran.
#[utoipa::path(
    get,
    path = "/admin/config/{key}",
    params(("key" = String, Path, description = "The key, as `botserver config` names it", example = "rate_limit.anonymous"), IfNoneMatch),
    responses((status = 200, body = Envelope<SettingDetails>)),
)]
pub(super) async fn get_config(
    State(configuration): State<Configuration>,
    Caller(who): Caller,
    Path(key): Path<String>,
) -> Result<Reply<SettingDetails>> {
    Ok(Reply::versioned(configuration.one(&who, &key).await?))
}

/// Take the change of a key back.
///
/// What the file, the environment, a flag or the default says is in force again.
#[utoipa::path(
    delete,
    path = "/admin/config/{key}",
    params(("key" = String, Path, description = "The key, as `botserver config` names it", example = "rate_limit.anonymous"), IfMatch),
    responses(
        (status = 204, description = "The change is taken back, or there was none."),
        (status = 409, description = "`not_changeable`: the key needs the file and a restart."),
    ),
)]
pub(super) async fn reset_config(
    State(configuration): State<Configuration>,
    Caller(who): Caller,
    IfMatch(expected): IfMatch,
    Path(key): Path<String>,
) -> Result<Reply<()>> {
    configuration.reset(&who, expected, &key).await?;
    Ok(Reply::no_content())
}
