//! Finding messages, and taking conversations along, over HTTP.

use axum::response::{IntoResponse, Response};
use gateway::{Caller, Envelope, ListQuery, Params, Path, Reply, Result, State};
use http::{HeaderValue, header};
use kernel::{
    id::ConversationId,
    list::{ListRequest, Page},
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::conversations::{
    Conversations,
    export::Format,
    search::{FoundList, FoundMessage},
};

/// What is looked for. The list knows all other parameters.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Sought {
    /// A text that the messages hold, whatever the case, with three characters in a row that are no blanks.
    #[param(
        min_length = 3,
        max_length = 200,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f]{3}[^\\u0000-\\u001f\\u007f-\\u009f]*$",
        example = "table"
    )]
    query: String,
}

/// Find messages.
///
/// Full text over the caller's conversations, the last message first; with `conversations:read` over all of the
/// organization's.
#[utoipa::path(
    get,
    path = "/conversations/search",
    params(Sought, ListQuery<FoundList>),
    responses((status = 200, body = Envelope<Page<FoundMessage>>)),
)]
pub(crate) async fn search(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    query: ListQuery<FoundList>,
    Params(sought): Params<Sought>,
) -> Result<Reply<Page<FoundMessage>>> {
    let text = sought.query.trim().to_owned();
    let has_three = text.split_whitespace().any(|word| word.chars().count() >= 3);
    if !has_three || sought.query.chars().count() > 200 || text.chars().any(char::is_control) {
        let problem =
            "must have at most 200 characters, none of them a control, and three in a row that are no blanks";
        return Err(kernel::Error::invalid("query", problem).into());
    }
    let request = ListRequest { search: Some(text), ..query.0 };
    Ok(Reply::ok(conversations.search(who, request).await?))
}

/// As what it is written.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Written {
    /// `json` for programs, `txt`, `md`, `html` or `csv`.
    #[param(inline, required = false, example = "md")]
    format: Format,
}

/// Take a conversation along.
///
/// All that was said in it up to now, as a file.
#[utoipa::path(
    get,
    path = "/conversations/{conversation_id}/export",
    params(("conversation_id" = ConversationId, Path), Written),
    responses((status = 200, content(
        (serde_json::Value = "application/json", example = json!({ "conversation": {}, "messages": [] })),
        (String = "text/plain", example = json!("[2026-01-31 12:00:00] Bot: For how many people?")),
        (String = "text/markdown", example = json!("> For how many people?")),
        (String = "text/html", example = json!("<!doctype html>…")),
        (String = "text/csv", example = json!("seq,timestamp,sender,message_id,content")),
    ))),
)]
pub(crate) async fn export(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path(id): Path<ConversationId>,
    Params(written): Params<Written>,
) -> Result<Response> {
    let export = conversations.export(who, id, written.format).await?;
    // The name is a slug: nothing in it needs to be quoted.
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{}\"", export.name));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(written.format.media_type())),
        (header::CONTENT_DISPOSITION, disposition.unwrap_or(HeaderValue::from_static("attachment"))),
    ];
    Ok((headers, export.body).into_response())
}
