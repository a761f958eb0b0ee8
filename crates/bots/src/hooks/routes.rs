//! Hooks over HTTP.

use gateway::{Path, Peer, Result, State, Text, Verbatim};
use http::{HeaderMap, Method, Uri};

use super::{Hooks, service::Call};

/// Call a script.
///
/// One that declares `WEBHOOK "name"`. It finds the query in `params`, the body in `body` (JSON and forms as objects,
/// else text), the headers in `headers`, and `method` and `path`. What it gives back is the answer, without our
/// envelope: an object as JSON, a text as text; if it gives nothing back, the variables that begin with `result_` are,
/// `result_status` being the status. The hook's secret is shown as a bearer token, or signs the body
/// (`webhook-signature` after Standard Webhooks, or `X-Hub-Signature-256`), unless the setting `webhook-auth` is `none`.
#[utoipa::path(
    post,
    path = "/bots/{bot_id}/hooks/{name}",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ("name" = String, Path, description = "The hook's name", example = "orders"),
    ),
    request_body(
        content = HashMap<String, serde_json::Value>,
        description = "Whatever the script reads: forms, texts and other JSON are taken, too",
        example = json!({ "paid": true }),
    ),
    responses(
        (status = 200, description = "What the script gave back", body = serde_json::Value, example = json!({ "ok": true })),
        (status = 204, description = "The script gave nothing back."),
        (status = 401, description = "`credentials_invalid`: neither the token nor a signature is good"),
        (status = 404, description = "There is no such hook."),
        (status = 409, description = "`bot_inactive`"),
        (status = 422, description = "`script_timeout`, or `script_failed`: its author finds why in the bot's log"),
    ),
)]
pub(super) async fn post(
    State(hooks): State<Hooks>,
    Path((bot, name)): Path<(String, String)>,
    Peer(origin): Peer,
    uri: Uri,
    headers: HeaderMap,
    Text(body): Text,
) -> Result<Verbatim> {
    let call = Call { bot, name, method: Method::POST, uri, headers, body, address: origin.address };
    Ok(hooks.call(call).await?)
}

/// Call a script with GET.
///
/// One that declares `WEBHOOK "GET name"`; else as with POST.
#[utoipa::path(
    get,
    path = "/bots/{bot_id}/hooks/{name}",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ("name" = String, Path, description = "The hook's name", example = "orders"),
    ),
    responses(
        (status = 200, description = "What the script gave back", body = serde_json::Value, example = json!({ "ok": true })),
        (status = 204, description = "The script gave nothing back."),
        (status = 401, description = "`credentials_invalid`: neither the token nor a signature is good"),
        (status = 404, description = "There is no such hook, or it takes no GET."),
        (status = 409, description = "`bot_inactive`"),
        (status = 422, description = "`script_timeout`, or `script_failed`: its author finds why in the bot's log"),
    ),
)]
pub(super) async fn get(
    State(hooks): State<Hooks>,
    Path((bot, name)): Path<(String, String)>,
    Peer(origin): Peer,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Verbatim> {
    let body = bytes::Bytes::new();
    let call = Call { bot, name, method: Method::GET, uri, headers, body, address: origin.address };
    Ok(hooks.call(call).await?)
}
