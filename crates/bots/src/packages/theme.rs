//! The looks of a bot: the files of its theme folder, for pages that visitors see.

use gateway::{Download, IfNoneMatch, Part, Path, Result, State};
use platform::db::DbError;

use super::{PackageError, Packages, file_routes::FileBytes, files::OpenFile, layout};
use crate::bots::{BotError, service, store};

/// One file of a bot's theme.
///
/// Its bytes, all of them or the part that `Range` asks for. Only of bots that are open to visitors; the path is that
/// below the theme folder of the package.
#[utoipa::path(
    get,
    path = "/bots/{bot_id}/theme/{*path}",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ("path" = String, Path, description = "Where it is in the theme folder", example = "theme.css"),
        IfNoneMatch,
    ),
    responses(
        (status = 200, body = FileBytes, content_type = "*/*"),
        (status = 206, description = "The part that was asked for.", body = FileBytes,
            content_type = "*/*"),
        (status = 404, description = "There is no such file, or no such bot that is open to visitors."),
    ),
)]
pub(super) async fn theme(
    State(packages): State<Packages>,
    Path((bot, path)): Path<(String, String)>,
    part: Part,
) -> Result<Download> {
    let open = packages.open_theme_file(bot, &path, &part).await?;
    let (size, revision) = (open.file.size, open.file.revision()?);
    let name = path.rsplit('/').next().unwrap_or_default();
    Ok(Download::new(name, media_type(name), revision, open.content.stream()).sized(size, open.part))
}

/// What browsers take for a style, a picture or a font. Anything else comes as bytes, so that none is taken for a page
/// of ours.
fn media_type(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        Some("ico") => "image/x-icon",
        Some("woff") => "font/woff",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

impl Packages {
    async fn open_theme_file(
        &self,
        named: String,
        path: &str,
        part: &Part,
    ) -> std::result::Result<OpenFile, PackageError> {
        let open = self.db.read_server(move |tx| service::open_to_visitors(tx, Some(&named)));
        let open = open.await.map_err(|error: DbError| error)?.ok_or(BotError::NotFound)?;
        let states = self.states.clone();
        let state = self.db.read(open.org, move |tx| {
            let bot = store::by_id(tx, open.bot)?.ok_or(BotError::NotFound)?;
            states.of(tx, bot.id, bot.version)
        });
        let state = state.await?;
        let path = layout::theme_file(state.files.keys().map(String::as_str), path);
        let file = state.file(path.ok_or(PackageError::FileNotFound)?)?;
        self.open_part(file, part).await
    }
}
