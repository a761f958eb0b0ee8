//! Packages over HTTP.

use gateway::{Caller, Download, Envelope, IfMatch, IfNoneMatch, Params, Path, Reply, Result, State, Upload};
use serde::Deserialize;
use utoipa::{
    IntoParams, ToSchema,
    openapi::{Object, ObjectBuilder, Type},
};

use super::{Installation, Packages, service::Manner};

/// How a package is installed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Options {
    /// `replace` removes files that the package doesn't have; `merge` keeps them.
    #[param(schema_with = modes, required = false)]
    mode: Mode,
    /// Only tell what would happen.
    #[param(default = false, example = true)]
    dry_run: bool,
    /// False installs scripts with errors, too; the last good one of each keeps running.
    #[param(default = true, example = false)]
    strict: Option<bool>,
}

/// What happens to files that the package doesn't have.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    /// They are removed.
    #[default]
    Replace,
    /// They stay.
    Merge,
}

fn modes() -> Object {
    let about =
        "What happens to files that the package doesn't have: `replace` removes them, `merge` keeps them.";
    let modes = ObjectBuilder::new()
        .description(Some(about))
        .schema_type(Type::String)
        .enum_values(Some(["replace", "merge"]));
    modes.default(Some("replace".into())).build()
}

/// A zip.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary, example = "PK…")]
#[allow(dead_code, reason = "it is read as it arrives")]
struct Zip(Vec<u8>);

/// A form with a zip.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it is read as it arrives")]
struct Form {
    /// The zip.
    file: Zip,
}

/// The whole package.
///
/// A zip with everything in it, scripts, settings and files. Installed again it gives the same package.
#[utoipa::path(
    get,
    path = "/bots/{bot_id}/package",
    params(("bot_id" = String, Path, description = "Id or slug", example = "table-booking"), IfNoneMatch),
    responses((status = 200, body = Zip, content_type = "application/zip")),
)]
pub(super) async fn export(
    State(packages): State<Packages>,
    Caller(who): Caller,
    Path(bot): Path<String>,
) -> Result<Download> {
    let package = packages.export(&who, &bot).await?;
    let (slug, zip) = package.value;
    Ok(Download::new(format!("{slug}.gbai.zip"), "application/zip", package.revision, zip))
}

/// Install a package.
///
/// A zip as the body (`application/zip`), or as the part `file` of a form. It installs as a whole or not at all.
/// Dialogs that are under way end on the version they began with.
#[utoipa::path(
    put,
    path = "/bots/{bot_id}/package",
    params(("bot_id" = String, Path, description = "Id or slug", example = "table-booking"), Options, IfMatch),
    request_body(content((Zip = "application/zip"), (Form = "multipart/form-data"))),
    responses(
        (status = 200, body = Envelope<Installation>),
        (status = 409, description = "`package_changed`: somebody else installed something meanwhile"),
        (status = 413, description = "`package_too_large`"),
        (status = 422, description = "`package_invalid`, `unsafe_path`, or `compile_failed` with `diagnostics`"),
    ),
)]
pub(super) async fn install(
    State(packages): State<Packages>,
    Caller(who): Caller,
    Path(bot): Path<String>,
    Params(options): Params<Options>,
    IfMatch(expected): IfMatch,
    upload: Upload,
) -> Result<Reply<Installation>> {
    let manner = Manner {
        merge: options.mode == Mode::Merge,
        dry_run: options.dry_run,
        strict: options.strict.unwrap_or(true),
    };
    Ok(Reply::ok(packages.install(who, bot, expected, upload, manner).await?))
}
