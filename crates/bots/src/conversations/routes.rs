//! Conversations over HTTP.

use gateway::{Body, Caller, Envelope, IfNoneMatch, ListQuery, Params, Path, Reply, Result, State};
use kernel::{
    Error,
    id::{ConversationId, MessageId},
    list::{DEFAULT_LIMIT, MAX_LIMIT, Page},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    Conversation, Conversations, Message, NewConversation, NewMessage, Sent, Started,
    model::{History, Wait},
    service::{ConversationList, MessageList},
};

/// Conversations, the latest first.
///
/// The caller's own; with `conversations:read` those of all the organization's bots.
#[utoipa::path(
    get,
    path = "/conversations",
    params(ListQuery<ConversationList>),
    responses((status = 200, body = Envelope<Page<Conversation>>)),
)]
pub(super) async fn list(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    query: ListQuery<ConversationList>,
) -> Result<Reply<Page<Conversation>>> {
    Ok(Reply::ok(conversations.list(who, query.0).await?))
}

/// Start a conversation.
///
/// The bot's welcome and its start script come first, up to the first question. Then the initial message is said.
#[utoipa::path(
    post,
    path = "/conversations",
    request_body(content = NewConversation, example = json!({ "bot_id": "table-booking" })),
    responses(
        (status = 201, body = Envelope<Started>),
        (status = 404, description = "There is no such bot for the caller"),
        (status = 409, description = "`bot_inactive`: the bot is off"),
        (status = 422, description = "`invalid_message`, or `message_too_long`: of the initial message"),
    ),
)]
pub(super) async fn start(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Body(new): Body<NewConversation>,
) -> Result<Reply<Started>> {
    let started = conversations.start(who, new).await?;
    Ok(Reply::created(format!("/conversations/{}", started.conversation_id), started))
}

/// One conversation.
///
/// The caller's own, or with `conversations:read` any of the organization's.
#[utoipa::path(
    get,
    path = "/conversations/{conversation_id}",
    params(("conversation_id" = ConversationId, Path), IfNoneMatch),
    responses((status = 200, body = Envelope<Conversation>)),
)]
pub(super) async fn get(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path(id): Path<ConversationId>,
) -> Result<Reply<Conversation>> {
    Ok(Reply::versioned(conversations.get(who, id).await?))
}

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
pub(super) async fn messages(
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
/// was taken before is answered as it was then. A script that fails leaves the dialog where it was.
#[utoipa::path(
    post,
    path = "/conversations/{conversation_id}/messages",
    params(("conversation_id" = ConversationId, Path)),
    request_body(content = NewMessage, example = json!({ "content": "A table for four, please." })),
    responses(
        (status = 201, body = Envelope<Sent>),
        (status = 202, body = Envelope<Sent>, description = "Taken, with `wait` none"),
        (status = 409, description = "`turn_in_progress`, or `bot_inactive`: too many messages wait already, or the bot is off"),
        (status = 422, description = "`invalid_message`, or `message_too_long`: the content is empty or too long"),
    ),
)]
pub(super) async fn send(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path(id): Path<ConversationId>,
    Body(message): Body<NewMessage>,
) -> Result<Reply<Sent>> {
    let waits = message.wait == Wait::Answer;
    let sent = conversations.send(&who, id, message).await?;
    if !waits {
        return Ok(Reply::accepted(sent));
    }
    Ok(Reply::created(format!("/conversations/{id}/messages"), sent))
}

/// Which part of the history.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Part {
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

/// Messages by time, oldest first.
///
/// The last ones, or those before or after one of them.
#[utoipa::path(
    get,
    path = "/conversations/{conversation_id}/history",
    params(("conversation_id" = ConversationId, Path), Part),
    responses((status = 200, body = Envelope<History>)),
)]
pub(super) async fn history(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path(id): Path<ConversationId>,
    Params(part): Params<Part>,
) -> Result<Reply<History>> {
    let limit = part.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Error::invalid("limit", "must be a whole number from 1 to 100").into());
    }
    if part.before.is_some() && part.after.is_some() {
        return Err(Error::invalid("after", "can't be combined with before").into());
    }
    Ok(Reply::ok(conversations.history(who, id, limit, part.before, part.after).await?))
}
