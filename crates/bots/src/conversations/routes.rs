//! Conversations over HTTP.

use gateway::{Body, Caller, Envelope, ListQuery, Params, Path, Reply, Result, State};
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
    service::{MESSAGES, SPEC},
};

/// Conversations, the latest first.
///
/// The caller's own; with `conversations:read` those of all the organization's bots. Sorts: `last_activity`,
/// `created_at`, `message_count`. `search` looks through titles.
#[utoipa::path(
    get,
    path = "/conversations",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100),
        ("offset" = Option<u64>, Query),
        ("cursor" = Option<String>, Query),
        ("sort" = Option<String>, Query),
        ("order" = Option<String>, Query),
        ("count" = Option<String>, Query),
        ("search" = Option<String>, Query),
        ("filter[bot_id]" = Option<String>, Query),
        ("filter[status]" = Option<String>, Query),
        ("filter[channel]" = Option<String>, Query),
        ("filter[user_id]" = Option<String>, Query),
        ("filter[started_after]" = Option<String>, Query),
        ("filter[started_before]" = Option<String>, Query),
    ),
    responses((status = 200, body = Envelope<Page<Conversation>>)),
)]
pub(super) async fn list(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    query: ListQuery,
) -> Result<Reply<Page<Conversation>>> {
    Ok(Reply::ok(conversations.list(who, query.read(&SPEC)?).await?))
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
        (status = 409, description = "`bot_inactive`"),
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
#[utoipa::path(
    get,
    path = "/conversations/{conversation_id}",
    params(("conversation_id" = ConversationId, Path)),
    responses((status = 200, body = Envelope<Conversation>)),
)]
pub(super) async fn get(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path(id): Path<ConversationId>,
) -> Result<Reply<Conversation>> {
    Ok(Reply::ok(conversations.get(who, id).await?))
}

/// The messages of a conversation as a list, the last first.
#[utoipa::path(
    get,
    path = "/conversations/{conversation_id}/messages",
    params(
        ("conversation_id" = ConversationId, Path),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100),
        ("offset" = Option<u64>, Query),
        ("cursor" = Option<String>, Query),
        ("order" = Option<String>, Query),
        ("count" = Option<String>, Query),
        ("filter[sender]" = Option<String>, Query),
    ),
    responses((status = 200, body = Envelope<Page<Message>>)),
)]
pub(super) async fn messages(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path(id): Path<ConversationId>,
    query: ListQuery,
) -> Result<Reply<Page<Message>>> {
    Ok(Reply::ok(conversations.messages(who, id, query.read(&MESSAGES)?).await?))
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
        (status = 409, description = "`turn_in_progress`: too many wait already; or `bot_inactive`"),
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
    /// 1 to 100; 20 if absent.
    limit: Option<u32>,
    /// Messages before this one.
    #[param(value_type = Option<String>)]
    before: Option<MessageId>,
    /// Messages after this one.
    #[param(value_type = Option<String>)]
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
