//! Addresses that earlier clients know, each for an operation that has another one now.

use gateway::{Body, Caller, Envelope, Params, Path, Reply, Result, State};
use utoipa::openapi::{ObjectBuilder, Schema, Type};

use super::{
    current::{PartOfCurrent, WithBot, history_of_current},
    messages::{Part, checked, taken},
};
use crate::conversations::{
    Conversation, Conversations, NewConversation, NewMessage, Sent, Started, current::ChatMessage,
    message::History,
};

/// The id of a conversation, or of a session, whose latest it is.
struct ConversationOrSession;

impl utoipa::PartialSchema for ConversationOrSession {
    fn schema() -> utoipa::openapi::RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^(conv|ses)_[0-7][0-9a-hjkmnp-tv-z]{25}$"))
            .description(Some("Names a conversation, or a session, whose latest it is."))
            .examples([serde_json::Value::from(kernel::id::example("conv"))])
            .into()
    }
}

impl utoipa::ToSchema for ConversationOrSession {}

/// Start a conversation.
///
/// The same as `POST /conversations`.
#[utoipa::path(
    post,
    path = "/conversations/start",
    request_body(content = NewConversation, example = json!({ "bot_id": "table-booking" })),
    responses(
        (status = 201, body = Envelope<Started>),
        (status = 404, description = "There is no such bot for the caller"),
        (status = 409, description = "`bot_inactive`: the bot is off"),
        (status = 422, description = "`invalid_message`, or `message_too_long`: of the initial message"),
    ),
)]
#[deprecated]
pub(crate) async fn start_as_before(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Body(new): Body<NewConversation>,
) -> Result<Reply<Started>> {
    super::start(State(conversations), Caller(who), Body(new)).await
}

/// Start a conversation.
///
/// The same as `POST /conversations`.
#[utoipa::path(
    post,
    path = "/session/create",
    request_body(content = NewConversation, example = json!({ "bot_id": "table-booking" })),
    responses(
        (status = 201, body = Envelope<Started>),
        (status = 404, description = "There is no such bot for the caller"),
        (status = 409, description = "`bot_inactive`: the bot is off"),
        (status = 422, description = "`invalid_message`, or `message_too_long`: of the initial message"),
    ),
)]
#[deprecated]
pub(crate) async fn create_session(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Body(new): Body<NewConversation>,
) -> Result<Reply<Started>> {
    super::start(State(conversations), Caller(who), Body(new)).await
}

/// Messages by time, oldest first.
///
/// The same as `GET /conversations/{conversation_id}/history`.
#[utoipa::path(
    get,
    path = "/sessions/{session_id}/history",
    params(("session_id" = inline(ConversationOrSession), Path), Part),
    responses((status = 200, body = Envelope<History>)),
)]
#[deprecated]
pub(crate) async fn session_history(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path(named): Path<String>,
    Params(part): Params<Part>,
) -> Result<Reply<History>> {
    let (limit, before, after) = checked(part)?;
    let id = conversations.named(&who, &named).await?;
    Ok(Reply::ok(conversations.history(who, id, limit, before, after).await?))
}

/// What was said in the present conversation.
///
/// The same as `GET /conversations/current/history`.
#[utoipa::path(
    get,
    path = "/sessions/current/history",
    params(PartOfCurrent),
    responses(
        (status = 200, body = Envelope<History>),
        (status = 404, description = "No conversation of the caller goes on, or there is no such bot for them"),
    ),
)]
#[deprecated]
pub(crate) async fn current_session_history(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Params(query): Params<PartOfCurrent>,
) -> Result<Reply<History>> {
    history_of_current(conversations, who, query).await
}

/// Say something in the present conversation.
///
/// The same as `POST /conversations/current/messages`, with `message` for `content`.
#[utoipa::path(
    post,
    path = "/sessions/current/message",
    params(WithBot),
    request_body(content = ChatMessage, example = json!({ "message": "A table for four, please." })),
    responses(
        (status = 201, body = Envelope<Sent>),
        (status = 202, body = Envelope<Sent>, description = "Taken, where the answer takes longer than 30 seconds"),
        (status = 404, description = "No conversation of the caller goes on, or there is no such conversation or bot for them"),
        (status = 409, description = "`conversation_ended`, `turn_in_progress`, or `bot_inactive`: it has ended, too many messages wait already, or the bot is off"),
        (status = 422, description = "`invalid_message`, or `message_too_long`: the message is empty or too long"),
    ),
)]
#[deprecated]
pub(crate) async fn current_session_message(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Params(with): Params<WithBot>,
    Body(chat): Body<ChatMessage>,
) -> Result<Reply<Sent>> {
    let id = match &chat.session_id {
        Some(named) => conversations.named(&who, named).await?,
        None => conversations.present(&who, chat.bot_id.or(with.bot_id)).await?,
    };
    let message = NewMessage {
        content: chat.message,
        client_message_id: chat.client_message_id,
        ..NewMessage::default()
    };
    Ok(taken(conversations.send_and_wait(who, id, message).await?))
}

/// Take a conversation out of the archive.
///
/// The same as `POST /conversations/{conversation_id}/unarchive`.
#[utoipa::path(
    post,
    path = "/sessions/{session_id}/start",
    params(("session_id" = inline(ConversationOrSession), Path)),
    responses(
        (status = 200, body = Envelope<Conversation>, headers(("ETag" = String, description = "The revision"))),
        (status = 409, description = "`conversation_ended`: it has ended, and is not archived"),
    ),
)]
#[deprecated]
pub(crate) async fn start_session(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path(named): Path<String>,
) -> Result<Reply<Conversation>> {
    let id = conversations.named(&who, &named).await?;
    Ok(Reply::versioned(conversations.unarchive(who, id).await?))
}

/// End a conversation.
///
/// The same as `POST /conversations/{conversation_id}/end`.
#[utoipa::path(
    post,
    path = "/sessions/{session_id}/end",
    params(("session_id" = inline(ConversationOrSession), Path)),
    responses((status = 200, body = Envelope<Conversation>, headers(("ETag" = String, description = "The revision")))),
)]
#[deprecated]
pub(crate) async fn end_session(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path(named): Path<String>,
) -> Result<Reply<Conversation>> {
    let id = conversations.named(&who, &named).await?;
    Ok(Reply::versioned(conversations.end(who, id).await?))
}
