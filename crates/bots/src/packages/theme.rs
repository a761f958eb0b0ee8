//! The looks of a bot: its settings about them, and the files of its theme folder, for pages that people talk to it on.
//!
//! Everybody may see those of a bot that is open to visitors; those of others whoever may use the bot.

use gateway::{Download, Envelope, IfNoneMatch, MaybeCaller, Part, Path, Reply, Result, State};
use kernel::{
    Actor, Id,
    id::{BotId, kind::Organization},
};
use platform::db::DbError;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    PackageError, Packages, file_routes::FileBytes, files::OpenFile, layout, state::State as PackageState,
};
use crate::bots::{
    BotError, service,
    store::{self, BotRow},
};

/// The style that is meant without being named.
const STYLE: &str = "default.css";
/// The same where colours are dark.
const DARK: &str = "dark.css";

/// How a bot wants to look. Pages see to it that texts stay readable.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Theme {
    /// The bot.
    bot_id: BotId,
    /// What the page is called (`theme-title`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Table Booking")]
    title: Option<String>,
    /// The colour of what matters most (`theme-color1`, or else `theme-color`), as it is written there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "#0d2b55")]
    color1: Option<String>,
    /// The colour of what the bot says (`theme-color2`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "#fff9c2")]
    color2: Option<String>,
    /// A picture in the theme folder (`theme-logo`). An address of another server is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "logo.png")]
    logo: Option<String>,
    /// The style in the theme folder: `default.css`, or else the first one by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "default.css")]
    style: Option<String>,
    /// The style where colours are dark: `dark.css`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "dark.css")]
    dark_style: Option<String>,
}

impl Theme {
    fn of(bot: &BotRow, state: &PackageState) -> Self {
        let paths = || state.files.keys().map(String::as_str);
        let there = |name: &str| layout::theme_file(paths(), name).map(|_| name.to_owned());
        let style = there(STYLE).or_else(|| {
            let styles = layout::theme_files(paths()).map(|(_, name)| name);
            let is_css = |name: &str| name.rsplit_once('.').is_some_and(|(_, end)| end == "css");
            let styles = styles.filter(|name| !name.contains('/') && is_css(name) && *name != DARK);
            styles.min().map(str::to_owned)
        });
        Self {
            bot_id: bot.id,
            title: bot.setting("theme-title"),
            color1: bot.setting("theme-color1").or_else(|| bot.setting("theme-color")),
            color2: bot.setting("theme-color2"),
            logo: bot.setting("theme-logo").and_then(|name| there(&name)),
            style,
            dark_style: there(DARK),
        }
    }
}

/// How a bot wants to look.
///
/// What its settings say of its looks, and which files of its theme do, for the page on which people talk to it. Of bots
/// that are open to visitors, and for those who may use it of any other. `default` is the default bot.
#[utoipa::path(
    get,
    path = "/bots/{bot_id}/theme",
    params(("bot_id" = String, Path, description = "Id or slug", example = "table-booking")),
    responses(
        (status = 200, body = Envelope<Theme>),
        (status = 404, description = "There is no such bot that is open to visitors, or that the caller may use."),
    ),
)]
pub(super) async fn looks(
    State(packages): State<Packages>,
    MaybeCaller(who): MaybeCaller,
    Path(bot): Path<String>,
) -> Result<Reply<Theme>> {
    Ok(Reply::ok(packages.theme(who, bot).await?))
}

/// One file of a bot's theme.
///
/// Its bytes, all of them or the part that `Range` asks for. Of bots that are open to visitors, and for those who may use
/// it of any other; the path is that below the theme folder of the package.
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
        (status = 404, description = "There is no such file, or no such bot that is open to visitors or that the caller may \
                                   use."),
    ),
)]
pub(super) async fn theme(
    State(packages): State<Packages>,
    MaybeCaller(who): MaybeCaller,
    Path((bot, path)): Path<(String, String)>,
    part: Part,
) -> Result<Download> {
    let open = packages.open_theme_file(who, bot, &path, &part).await?;
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
    /// The bot, if the caller may use it or everybody may talk to it, with its package.
    async fn seen(
        &self,
        who: Option<Actor>,
        named: String,
    ) -> std::result::Result<(BotRow, std::sync::Arc<PackageState>), PackageError> {
        if let Some(who) = who.filter(|who| !who.is_visitor()) {
            match self.bot_and_state(&who, &named).await {
                Err(PackageError::Bot(BotError::NotFound)) => {}
                other => return other,
            }
        }
        let wanted = (named != "default").then_some(named);
        let open = self.db.read_server(move |tx| service::open_to_visitors(tx, wanted.as_deref()));
        let open = open.await.map_err(|error: DbError| error)?.ok_or(BotError::NotFound)?;
        self.open_state(open.org, open.bot).await
    }

    async fn open_state(
        &self,
        org: Id<Organization>,
        bot: BotId,
    ) -> std::result::Result<(BotRow, std::sync::Arc<PackageState>), PackageError> {
        let states = self.states.clone();
        let read = self.db.read(org, move |tx| {
            let bot = store::by_id(tx, bot)?.ok_or(BotError::NotFound)?;
            let state = states.of(tx, bot.id, bot.version)?;
            Ok::<_, PackageError>((bot, state))
        });
        read.await
    }

    async fn theme(&self, who: Option<Actor>, named: String) -> std::result::Result<Theme, PackageError> {
        let (bot, state) = self.seen(who, named).await?;
        Ok(Theme::of(&bot, &state))
    }

    async fn open_theme_file(
        &self,
        who: Option<Actor>,
        named: String,
        path: &str,
        part: &Part,
    ) -> std::result::Result<OpenFile, PackageError> {
        let (_, state) = self.seen(who, named).await?;
        let path = layout::theme_file(state.files.keys().map(String::as_str), path);
        let file = state.file(path.ok_or(PackageError::FileNotFound)?)?;
        self.open_part(file, part).await
    }
}
