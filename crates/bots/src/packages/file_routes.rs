//! Single files of a package over HTTP.

use gateway::{
    Caller, Download, Envelope, IfMatch, IfNoneMatch, ListQuery, Part, Path, Reply, Result, State, Upload,
};
use kernel::list::Page;
use utoipa::ToSchema;

use super::{FileEntry, Packages, SavedFile, files::FileList};

/// The bytes of a file.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary, example = "TALK \"Hello\"")]
#[allow(dead_code, reason = "it is sent and read as it comes")]
pub(crate) struct FileBytes(Vec<u8>);

/// The type of all files, so that no browser takes one for a page of ours.
const BYTES: &str = "application/octet-stream";

/// The files of a package.
///
/// Of its present state, each with its size and checksum, in the order of their paths.
#[utoipa::path(
    get,
    path = "/bots/{bot_id}/package/files",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ListQuery<FileList>,
        IfNoneMatch,
    ),
    responses((status = 200, body = Envelope<Page<FileEntry>>)),
)]
pub(super) async fn list_files(
    State(packages): State<Packages>,
    Caller(who): Caller,
    Path(bot): Path<String>,
    query: ListQuery<FileList>,
) -> Result<Reply<Page<FileEntry>>> {
    let (bot, state) = packages.bot_and_state(&who, &bot).await?;
    Ok(Reply::ok(state.page_of_files(&query.0)).at(bot.version.into()))
}

/// One file of a package.
///
/// Its bytes, all of them or the part that `Range` asks for.
#[utoipa::path(
    get,
    path = "/bots/{bot_id}/package/files/{*path}",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ("path" = String, Path, description = "Where it is in the package", example = "booking.gbdialog/start.bas"),
        IfNoneMatch,
    ),
    responses(
        (status = 200, body = FileBytes, content_type = "application/octet-stream"),
        (status = 206, description = "The part that was asked for.", body = FileBytes,
            content_type = "application/octet-stream"),
        (status = 404, description = "There is no such file, or no such bot for the caller."),
    ),
)]
pub(super) async fn get_file(
    State(packages): State<Packages>,
    Caller(who): Caller,
    Path((bot, path)): Path<(String, String)>,
    part: Part,
) -> Result<Download> {
    let open = packages.open_file(&who, &bot, &path, &part).await?;
    let (size, revision) = (open.file.size, open.file.revision()?);
    let name = path.rsplit('/').next().unwrap_or_default();
    Ok(Download::new(name, BYTES, revision, open.content.stream()).sized(size, open.part))
}

/// Save a file of a package.
///
/// The body is its content, of any type. A script is compiled: one with errors is kept with them, and the last good one
/// goes on running. Dialogs that are under way end on the version they began with.
#[utoipa::path(
    put,
    path = "/bots/{bot_id}/package/files/{*path}",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ("path" = String, Path, description = "Where it is in the package", example = "booking.gbdialog/start.bas"),
        IfMatch,
    ),
    request_body(content = FileBytes, content_type = "application/octet-stream"),
    responses(
        (status = 200, body = Envelope<SavedFile>),
        (status = 201, body = Envelope<SavedFile>, headers(("ETag" = String, description = "The revision"))),
        (status = 409, description = "`package_changed`: somebody else changed the package meanwhile"),
        (status = 413, description = "`package_too_large`"),
        (status = 422, description = "`package_invalid`, `unsafe_path`, or `tool_limit` with `limit`"),
    ),
)]
pub(super) async fn put_file(
    State(packages): State<Packages>,
    Caller(who): Caller,
    Path((bot, path)): Path<(String, String)>,
    IfMatch(expected): IfMatch,
    upload: Upload,
) -> Result<Reply<SavedFile>> {
    let (saved, is_new) = packages.put_file(who, &bot, &path, &expected, upload).await?;
    let revision = saved.file.revision()?;
    let reply = if is_new {
        Reply::created(format!("/bots/{bot}/package/files/{}", gateway::in_path(&path)), saved)
    } else {
        Reply::ok(saved)
    };
    Ok(reply.at(revision))
}

/// Delete a file of a package.
///
/// Dialogs that are under way in a script end on the version they began with.
#[utoipa::path(
    delete,
    path = "/bots/{bot_id}/package/files/{*path}",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ("path" = String, Path, description = "Where it is in the package", example = "booking.gbdialog/start.bas"),
        IfMatch,
    ),
    responses(
        (status = 204),
        (status = 404, description = "There is no such file, or no such bot for the caller."),
        (status = 409, description = "`package_changed`: somebody else changed the package meanwhile"),
    ),
)]
pub(super) async fn delete_file(
    State(packages): State<Packages>,
    Caller(who): Caller,
    Path((bot, path)): Path<(String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<Reply<()>> {
    packages.delete_file(who, &bot, &path, &expected).await?;
    Ok(Reply::no_content())
}
