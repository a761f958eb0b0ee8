//! Messages over HTTP.

use axum::response::{
    IntoResponse, Response,
    sse::{KeepAlive, Sse},
};
use gateway::{Body, Caller, Envelope, ListQuery, Params, Path, Reply, Result, State};
use http::HeaderMap;
use kernel::{
    Actor, Error,
    id::{ConversationId, MessageId},
    list::{DEFAULT_LIMIT, MAX_LIMIT, Page},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::conversations::{
    ConversationError, Conversations, Message, NewFeedback, NewMessage, Sent,
    message::{History, Wait},
    service::MessageList,
    stream::StreamedEvent,
};

/// The messages of a conversation.
///
/// As a list, the last first. `GET …/history` gives them by time.
#[utoipa::path(
    get,
    path = "/conversations/{conversation_id}/messages",
    params(
        ("conversation_id" = ConversationId, Path),
        ListQuery<MessageList>,
    ),
    responses((status = 200, body = Envelope<Page<Message>>)),
)]
pub(crate) async fn messages(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path(id): Path<ConversationId>,
    query: ListQuery<MessageList>,
) -> Result<Reply<Page<Message>>> {
    Ok(Reply::ok(conversations.messages(who, id, query.0).await?))
}

/// Say something.
///
/// One message is one turn; turns of a conversation run one after another. A message with a `client_message_id` that
/// was taken before is answered as it was then. A script that fails leaves the dialog where it was. Somebody of the
/// staff (`conversations:write`) who says something takes over: the bot is silent until `staff_active` is false again.
#[utoipa::path(
    post,
    path = "/conversations/{conversation_id}/messages",
    params(("conversation_id" = ConversationId, Path)),
    request_body(content = NewMessage, examples(
        ("answer" = (summary = "Waits for the answer", value = json!({ "content": "A table for four, please." }))),
        ("stream" = (summary = "Gets it as it comes", value = json!({ "content": "On Friday.", "wait": "stream" }))),
    )),
    responses(
        (status = 200, description = "With `wait` stream: frames as on the WebSocket, the turn's answer once it is kept", content_type = "text/event-stream", body = StreamedEvent),
        (status = 201, body = Envelope<Sent>),
        (status = 202, body = Envelope<Sent>, description = "Taken, with `wait` none, or where the answer takes longer than 30 seconds"),
        (status = 409, description = "`conversation_ended`, `turn_in_progress`, `bot_inactive`, or `stream_not_repeatable`: it has ended, too many messages wait already, the bot is off, or a stream is asked for with an `Idempotency-Key`"),
        (status = 422, description = "`invalid_message`, `message_too_long`, or `attachment_not_found`: the content is empty or too long, or a file was not uploaded here or was sent before"),
    ),
)]
pub(crate) async fn send(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path(id): Path<ConversationId>,
    headers: HeaderMap,
    Body(message): Body<NewMessage>,
) -> Result<Response> {
    say(conversations, who, id, message, &headers).await
}

/// The answer as the sender wants it.
pub(super) async fn say(
    conversations: Conversations,
    who: Actor,
    id: ConversationId,
    message: NewMessage,
    headers: &HeaderMap,
) -> Result<Response> {
    if message.wait != Wait::Stream {
        return Ok(taken(conversations.send_and_wait(who, id, message).await?).into_response());
    }
    // The answer to a request with a key is kept whole before it is given.
    if headers.contains_key("idempotency-key") {
        return Err(ConversationError::NotRepeatable.into());
    }
    let events = conversations.send_and_stream(who, id, message).await?;
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

/// 201 with the answer; 202 where none is waited for, or not long enough.
pub(super) fn taken(sent: Sent) -> Reply<Sent> {
    match sent.message_id {
        Some(message) if sent.status == "delivered" => {
            Reply::created(format!("/conversations/{}/messages/{message}", sent.conversation_id), sent)
        }
        _ => Reply::accepted(sent),
    }
}

/// One message.
///
/// With what the person thinks of it.
#[utoipa::path(
    get,
    path = "/conversations/{conversation_id}/messages/{message_id}",
    params(("conversation_id" = ConversationId, Path), ("message_id" = MessageId, Path)),
    responses((status = 200, body = Envelope<Message>)),
)]
pub(crate) async fn message(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path((id, message)): Path<(ConversationId, MessageId)>,
) -> Result<Reply<Message>> {
    Ok(Reply::ok(conversations.message(&who, id, message).await?))
}

/// Judge a message.
///
/// Of the bot or of the staff, by the person whose conversation it is; a second judgement takes the place of the first.
#[utoipa::path(
    post,
    path = "/conversations/{conversation_id}/messages/{message_id}/feedback",
    params(("conversation_id" = ConversationId, Path), ("message_id" = MessageId, Path)),
    request_body(content = NewFeedback, example = json!({ "value": "negative", "comment": "The opening hours are wrong." })),
    responses(
        (status = 200, body = Envelope<Message>),
        (status = 403, description = "`person_only`: it is somebody else's conversation"),
        (status = 409, description = "`own_message`: it is what the person said"),
    ),
)]
pub(crate) async fn judge(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path((id, message)): Path<(ConversationId, MessageId)>,
    Body(feedback): Body<NewFeedback>,
) -> Result<Reply<Message>> {
    Ok(Reply::ok(conversations.judge(who, id, message, feedback).await?))
}

/// An answer that is to be stopped.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Stopping {
    /// The conversation.
    conversation_id: ConversationId,
    /// `stopping`.
    #[schema(pattern = "^stopping$", example = "stopping")]
    status: &'static str,
}

/// Stop the answer that is being written.
///
/// On whatever node. What the bot has said stays, marked `stopped`, and the dialog stays where it was before the
/// message. Where nothing is being written nothing happens.
#[utoipa::path(
    post,
    path = "/conversations/{conversation_id}/stop",
    params(("conversation_id" = ConversationId, Path)),
    responses((status = 202, body = Envelope<Stopping>)),
)]
pub(crate) async fn stop(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path(conversation_id): Path<ConversationId>,
) -> Result<Reply<Stopping>> {
    conversations.stop(who, conversation_id).await?;
    Ok(Reply::accepted(Stopping { conversation_id, status: "stopping" }))
}

/// Which part of the history.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Part {
    /// Messages at the most.
    #[param(minimum = 1, maximum = 100, default = 20, example = 20)]
    pub(super) limit: Option<u32>,
    /// Messages before this one. Not together with `after`.
    #[param(value_type = Option<MessageId>, inline, example = "msg_01jxk6qv9ve7m8g3t5s0c4d2ba")]
    pub(super) before: Option<MessageId>,
    /// Messages after this one. Not together with `before`.
    #[param(value_type = Option<MessageId>, inline, example = "msg_01jxk6qv9ve7m8g3t5s0c4d2ba")]
    pub(super) after: Option<MessageId>,
}

/// Messages by time, oldest first.
///
/// The last ones, or those before or after one of them. Whose conversation it is has read them with that.
#[utoipa::path(
    get,
    path = "/conversations/{conversation_id}/history",
    params(("conversation_id" = ConversationId, Path), Part),
    responses((status = 200, body = Envelope<History>)),
)]
pub(crate) async fn history(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path(id): Path<ConversationId>,
    Params(part): Params<Part>,
) -> Result<Reply<History>> {
    let (limit, before, after) = checked(part)?;
    Ok(Reply::ok(conversations.history(who, id, limit, before, after).await?))
}

/// Limit, before and after, if they can be.
pub(super) fn checked(part: Part) -> Result<(u32, Option<MessageId>, Option<MessageId>)> {
    let limit = part.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Error::invalid("limit", "must be a whole number from 1 to 100").into());
    }
    if part.before.is_some() && part.after.is_some() {
        return Err(Error::invalid("after", "can't be combined with before").into());
    }
    Ok((limit, part.before, part.after))
}
