//! Earlier states of a package over HTTP.

use gateway::{Caller, Envelope, ListQuery, Path, Reply, Result, State};
use kernel::list::Page;

use super::{
    Installation, PackageError, Packages,
    versions::{Version, VersionList},
};

/// Earlier states of a package.
///
/// The last ones, newest first, with the present one; those that a dialog under way needs are among them. At most the
/// last hundred.
#[utoipa::path(
    get,
    path = "/bots/{bot_id}/versions",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ListQuery<VersionList>,
    ),
    responses((status = 200, body = Envelope<Page<Version>>)),
)]
pub(super) async fn list_versions(
    State(packages): State<Packages>,
    Caller(who): Caller,
    Path(bot): Path<String>,
    query: ListQuery<VersionList>,
) -> Result<Reply<Page<Version>>> {
    Ok(Reply::ok(packages.versions(&who, &bot, query.0).await?))
}

/// Go back to an earlier state of a package.
///
/// Files, settings and secrets become those of that version; it is a new version itself, so that there is a way back
/// from it, too. Dialogs that are under way end on the version they began with.
#[utoipa::path(
    post,
    path = "/bots/{bot_id}/versions/{version}/restore",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ("version" = u32, Path, description = "The number of the version", minimum = 1, example = 3),
    ),
    responses(
        (status = 200, body = Envelope<Installation>),
        (status = 404, description = "There is no such version, or no such bot for the caller."),
        (status = 409, description = "`package_changed`: somebody else changed the package meanwhile"),
    ),
)]
pub(super) async fn restore_version(
    State(packages): State<Packages>,
    Caller(who): Caller,
    Path((bot, version)): Path<(String, String)>,
) -> Result<Reply<Installation>> {
    // Of what is no number there is no version.
    let version = version.parse::<u32>().map_err(|_| PackageError::VersionNotFound)?;
    Ok(Reply::ok(packages.restore(&who, &bot, version.into()).await?))
}
