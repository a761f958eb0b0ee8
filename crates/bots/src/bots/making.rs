//! Making bots over HTTP: empty, from a template, with a package that is sent, as a copy.

use gateway::{Body, Caller, Envelope, ListQuery, Path, Reply, Result, State, Upload};
use kernel::{Versioned, list::Page};
use utoipa::ToSchema;

use super::{Bot, NewBot, Visibility};
use crate::packages::{
    Packages,
    create::NewClone,
    templates::{self, Template, TemplateList},
};

/// A bot to be made of a package.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it is read as it arrives")]
struct NewBotForm {
    /// The package: a zip.
    #[schema(value_type = String, format = Binary, example = "PK…")]
    file: Vec<u8>,
    /// What the bot is called; as the package is if absent.
    #[schema(min_length = 1, max_length = 80, example = "Table Booking")]
    name: Option<String>,
    /// Its name in addresses; made of the name if absent.
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = "^[a-z0-9]+(-[a-z0-9]+)*$",
        example = "table-booking"
    )]
    slug: Option<String>,
    /// The name to show, if it is another.
    #[schema(max_length = 80, example = "Tables at Ada's")]
    display_name: Option<String>,
    /// What it is for.
    #[schema(max_length = 2000, example = "Books tables.")]
    description: Option<String>,
    /// Who may use it; the organization if absent.
    visibility: Option<Visibility>,
}

fn made(bot: Versioned<Bot>) -> Reply<Bot> {
    Reply::created(format!("/bots/{}", bot.value.bot_id), bot.value).at(bot.revision)
}

/// Make a bot.
///
/// Empty, from a template, or with a package that is sent as the part `file` of a form; then an `Idempotency-Key` is
/// ignored. The organization's first bot becomes its default.
#[utoipa::path(
    post,
    path = "/bots",
    request_body(content(
        (NewBot = "application/json", example = json!({ "name": "Table Booking", "description": "Books tables." })),
        (NewBotForm = "multipart/form-data"),
    )),
    responses(
        (status = 201, body = Envelope<Bot>, headers(("ETag" = String, description = "The revision"))),
        (status = 409, description = "`slug_taken`, or `bot_limit` with `limit`"),
        (status = 413, description = "`package_too_large`"),
        (status = 422, description = "`package_invalid`, `unsafe_path`, or `compile_failed` with `diagnostics`"),
    ),
)]
pub(super) async fn create(
    State(packages): State<Packages>,
    Caller(who): Caller,
    upload: Upload,
) -> Result<Reply<Bot>> {
    let bot = if upload.boundary().is_some() {
        packages.create_from(who, upload).await?
    } else {
        packages.create(who, upload.json().await?).await?
    };
    Ok(made(bot))
}

/// Templates of bots.
///
/// Packages that the server brings along. `POST /bots` with `template` makes a bot of one.
#[utoipa::path(
    get,
    path = "/bots/templates",
    params(ListQuery<TemplateList>),
    responses((status = 200, body = Envelope<Page<Template>>)),
)]
pub(super) async fn templates(
    State(_): State<Packages>,
    Caller(_): Caller,
    query: ListQuery<TemplateList>,
) -> Result<Reply<Page<Template>>> {
    Ok(Reply::ok(templates::page(&query.0)))
}

/// Copy a bot.
///
/// The new one has the package as it stands now, with its settings and secrets, is for the same people, and has nothing
/// of the conversations and of what the bot remembers.
#[utoipa::path(
    post,
    path = "/bots/{bot_id}/clone",
    params(("bot_id" = String, Path, description = "Id or slug", example = "table-booking")),
    request_body = NewClone,
    responses(
        (status = 201, body = Envelope<Bot>, headers(("ETag" = String, description = "The revision"))),
        (status = 409, description = "`slug_taken`, or `bot_limit` with `limit`"),
    ),
)]
pub(super) async fn clone(
    State(packages): State<Packages>,
    Caller(who): Caller,
    Path(bot): Path<String>,
    Body(copy): Body<NewClone>,
) -> Result<Reply<Bot>> {
    Ok(made(packages.clone_bot(who, &bot, copy).await?))
}
