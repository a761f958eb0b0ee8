//! The conversation that the caller is holding already, over HTTP.

use axum::response::Response;
use gateway::{Body, Caller, Envelope, Params, Reply, Result, State};
use http::HeaderMap;
use kernel::id::MessageId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::messages::{Part, checked, say};
use crate::conversations::{
    Conversations, NewMessage, Sent,
    current::{ChatMessage, Chatted},
    message::History,
    stream::StreamedEvent,
};

/// With which bot.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct WithBot {
    /// Id or slug of the bot; any, if absent.
    #[param(example = "table-booking")]
    bot_id: Option<String>,
}

/// Which part of which history.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct PartOfCurrent {
    /// Id or slug of the bot; any, if absent.
    #[param(example = "table-booking")]
    bot_id: Option<String>,
    /// Messages at the most.
    #[param(minimum = 1, maximum = 100, default = 20, example = 20)]
    limit: Option<u32>,
    /// Messages before this one. Not together with `after`.
    #[param(value_type = Option<MessageId>, inline, example = "msg_01jxk6qv9ve7m8g3t5s0c4d2ba")]
    before: Option<MessageId>,
    /// Messages after this one. Not together with `before`.
    #[param(value_type = Option<MessageId>, inline, example = "msg_01jxk6qv9ve7m8g3t5s0c4d2ba")]
    after: Option<MessageId>,
}

/// Say something, wherever that is.
///
/// In the conversation that is named, else in the caller's latest one that goes on (with the bot, if one is named),
/// else in a new one.
#[utoipa::path(
    post,
    path = "/chat",
    request_body(content = ChatMessage, example = json!({ "message": "A table for four, please." })),
    responses(
        (status = 200, body = Envelope<Chatted>),
        (status = 404, description = "There is no such conversation or bot for the caller"),
        (status = 409, description = "`conversation_ended`, `turn_in_progress`, or `bot_inactive`: it has ended, too many messages wait already, or the bot is off"),
        (status = 422, description = "`invalid_message`, or `message_too_long`: the message is empty or too long"),
    ),
)]
pub(crate) async fn chat(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Body(message): Body<ChatMessage>,
) -> Result<Reply<Chatted>> {
    Ok(Reply::ok(conversations.chat(who, message).await?))
}

/// What was said in the present conversation.
///
/// The caller's latest one that goes on; oldest first.
#[utoipa::path(
    get,
    path = "/conversations/current/history",
    params(PartOfCurrent),
    responses(
        (status = 200, body = Envelope<History>),
        (status = 404, description = "No conversation of the caller goes on, or there is no such bot for them"),
    ),
)]
pub(crate) async fn current_history(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Params(query): Params<PartOfCurrent>,
) -> Result<Reply<History>> {
    let part = checked(Part { limit: query.limit, before: query.before, after: query.after })?;
    let id = conversations.present(&who, query.bot_id).await?;
    Ok(Reply::ok(conversations.history(who, id, part.0, part.1, part.2).await?))
}

/// Say something in the present conversation.
///
/// The caller's latest one that goes on.
#[utoipa::path(
    post,
    path = "/conversations/current/messages",
    params(WithBot),
    request_body(content = NewMessage, examples(
        ("answer" = (summary = "Waits for the answer", value = json!({ "content": "A table for four, please." }))),
        ("stream" = (summary = "Gets it as it comes", value = json!({ "content": "On Friday.", "wait": "stream" }))),
    )),
    responses(
        (status = 200, description = "With `wait` stream: frames as on the WebSocket, the turn's answer once it is kept", content_type = "text/event-stream", body = StreamedEvent),
        (status = 201, body = Envelope<Sent>),
        (status = 202, body = Envelope<Sent>, description = "Taken, with `wait` none, or where the answer takes longer than 30 seconds"),
        (status = 404, description = "No conversation of the caller goes on, or there is no such bot for them"),
        (status = 409, description = "`turn_in_progress`, `bot_inactive`, or `stream_not_repeatable`: too many messages wait already, the bot is off, or a stream is asked for with an `Idempotency-Key`"),
        (status = 422, description = "`invalid_message`, `message_too_long`, or `attachment_not_found`: the content is empty or too long, or a file was not uploaded here or was sent before"),
    ),
)]
pub(crate) async fn send_to_current(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Params(with): Params<WithBot>,
    headers: HeaderMap,
    Body(message): Body<NewMessage>,
) -> Result<Response> {
    let id = conversations.present(&who, with.bot_id).await?;
    say(conversations, who, id, message, &headers).await
}
