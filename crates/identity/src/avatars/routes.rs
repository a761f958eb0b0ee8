//! The operations on pictures.

use gateway::{
    Caller, Download, Envelope, IfMatch, IfNoneMatch, Params, Part, Path, Reply, Result, State, Text,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{Avatars, service::Shown};
use crate::users::{Person, UserRef};

/// A picture.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary, example = "RIFF…WEBP…")]
#[allow(dead_code, reason = "its bytes are sent as they are")]
pub(super) struct Picture(Vec<u8>);

/// Which version of it.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Version {
    /// As `avatar_url` names it. An answer to it may be kept for ever while it is the present one.
    #[param(example = "9f86d081884c7d65")]
    v: Option<String>,
}

/// The picture of a user.
///
/// What they sent, as WebP of 512 × 512 pixels, or else one that is drawn of their name, as SVG.
#[utoipa::path(get, path = "/users/{user_id}/avatar",
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me"), Version, IfNoneMatch),
    responses(
        (status = 200, content((Picture = "image/webp"), (Picture = "image/svg+xml"))),
        (status = 206, description = "The part that was asked for.", body = Picture, content_type = "image/webp"),
    ))]
pub(super) async fn get(
    State(avatars): State<Avatars>,
    Caller(who): Caller,
    Path(user): Path<UserRef>,
    Params(version): Params<Version>,
    part: Part,
) -> Result<Download> {
    let (shown, is_named) = avatars.open(&who, user.of(who.user), version.v, &part).await?;
    let file = match shown {
        Shown::Sent(file) => file.download("avatar.webp", "image/webp"),
        Shown::Drawn(svg, revision) => {
            let svg = futures_util::stream::iter([Ok(svg.into())]);
            Download::new("avatar.svg", "image/svg+xml", revision, svg)
        }
    };
    Ok(if is_named { file.kept_for_ever() } else { file.kept_while_the_same() })
}

/// Send a picture.
///
/// A PNG, JPEG, WebP or GIF file of at most 5 MiB; which of them is told by its content. Its middle is kept as a square
/// of 512 × 512 pixels, upright and without whatever else the file held; of one that moves, the first moment. An address
/// that was set as `avatar_url` is forgotten.
#[utoipa::path(put, path = "/users/{user_id}/avatar",
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me"), IfMatch),
    request_body(content(
        (Picture = "image/png"), (Picture = "image/jpeg"), (Picture = "image/webp"), (Picture = "image/gif"),
    )),
    responses(
        (status = 200, body = Envelope<Person>),
        (status = 403, description = "`level_too_high`, `not_home_organization`, or a permission is missing"),
        (status = 415, description = "`not_a_picture`: it is no PNG, JPEG, WebP or GIF file."),
        (status = 422, description = "`picture_damaged`, `picture_too_large`"),
    ))]
pub(super) async fn put(
    State(avatars): State<Avatars>,
    Caller(who): Caller,
    Path(user): Path<UserRef>,
    IfMatch(expected): IfMatch,
    Text(file): Text,
) -> Result<Reply<Person>> {
    Ok(Reply::ok(avatars.put(&who, user.of(who.user), expected, file).await?.value))
}

/// Remove a picture.
///
/// The one that is drawn is shown again; an address that was set as `avatar_url` is forgotten, too.
#[utoipa::path(delete, path = "/users/{user_id}/avatar",
    params(("user_id" = String, Path, description = "The user's id, or `me`", example = "me"), IfMatch),
    responses(
        (status = 204),
        (status = 403, description = "`level_too_high`, `not_home_organization`, or a permission is missing"),
    ))]
pub(super) async fn remove(
    State(avatars): State<Avatars>,
    Caller(who): Caller,
    Path(user): Path<UserRef>,
    IfMatch(expected): IfMatch,
) -> Result<Reply<()>> {
    avatars.remove(&who, user.of(who.user), expected).await?;
    Ok(Reply::no_content())
}
