//! Conversations over HTTP.

mod attachments;
mod current;
mod messages;
mod search;

use gateway::{Body, Caller, Envelope, IfMatch, IfNoneMatch, ListQuery, Path, Reply, Result, State};
use kernel::{id::ConversationId, list::Page};

use super::{
    Conversation, ConversationPatch, Conversations, DialogState, NewConversation, Rating, Started,
    service::ConversationList,
};
pub(crate) use attachments::*;
pub(crate) use current::*;
pub(crate) use messages::*;
pub(crate) use search::*;

/// Conversations, the latest first.
///
/// The caller's own; with `conversations:read` those of all the organization's bots.
#[utoipa::path(
    get,
    path = "/conversations",
    params(ListQuery<ConversationList>),
    responses((status = 200, body = Envelope<Page<Conversation>>)),
)]
pub(crate) async fn list(
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
pub(crate) async fn start(
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
pub(crate) async fn get(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path(id): Path<ConversationId>,
) -> Result<Reply<Conversation>> {
    Ok(Reply::versioned(conversations.get(who, id).await?))
}

/// Change a conversation.
///
/// Absent fields stay, null clears (RFC 7396). Ending it is for good.
#[utoipa::path(
    patch,
    path = "/conversations/{conversation_id}",
    params(("conversation_id" = ConversationId, Path), IfMatch),
    request_body(content = ConversationPatch, example = json!({ "title": "My table", "tags": ["spring"] })),
    responses(
        (status = 200, body = Envelope<Conversation>),
        (status = 409, description = "`conversation_ended`: it has ended, and does not become active again"),
    ),
)]
pub(crate) async fn patch(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path(id): Path<ConversationId>,
    IfMatch(expected): IfMatch,
    Body(patch): Body<ConversationPatch>,
) -> Result<Reply<Conversation>> {
    Ok(Reply::versioned(conversations.patch(who, id, expected, patch).await?))
}

/// Delete a conversation.
///
/// It is gone at once, with its messages, its attachments and what scripts remember of it.
#[utoipa::path(
    delete,
    path = "/conversations/{conversation_id}",
    params(("conversation_id" = ConversationId, Path), IfMatch),
    responses((status = 204)),
)]
pub(crate) async fn delete(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path(id): Path<ConversationId>,
    IfMatch(expected): IfMatch,
) -> Result<Reply<()>> {
    conversations.delete(who, id, expected).await?;
    Ok(Reply::no_content())
}

/// Archive a conversation.
///
/// The list shows it with `filter[status]=archived` only, until somebody says something in it.
#[utoipa::path(
    post,
    path = "/conversations/{conversation_id}/archive",
    params(("conversation_id" = ConversationId, Path)),
    responses(
        (status = 200, body = Envelope<Conversation>, headers(("ETag" = String, description = "The revision"))),
    ),
)]
pub(crate) async fn archive(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path(id): Path<ConversationId>,
) -> Result<Reply<Conversation>> {
    Ok(Reply::versioned(conversations.archive(who, id).await?))
}

/// Take a conversation out of the archive.
///
/// Its dialog goes on where it was. What has ended does not go on again.
#[utoipa::path(
    post,
    path = "/conversations/{conversation_id}/unarchive",
    params(("conversation_id" = ConversationId, Path)),
    responses(
        (status = 200, body = Envelope<Conversation>, headers(("ETag" = String, description = "The revision"))),
        (status = 409, description = "`conversation_ended`: it has ended, and is not archived"),
    ),
)]
pub(crate) async fn unarchive(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path(id): Path<ConversationId>,
) -> Result<Reply<Conversation>> {
    Ok(Reply::versioned(conversations.unarchive(who, id).await?))
}

/// End a conversation.
///
/// Its dialog and what scripts remember of it are dropped; what was said stays. Nothing more can be said in it.
#[utoipa::path(
    post,
    path = "/conversations/{conversation_id}/end",
    params(("conversation_id" = ConversationId, Path)),
    responses(
        (status = 200, body = Envelope<Conversation>, headers(("ETag" = String, description = "The revision"))),
    ),
)]
pub(crate) async fn end(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path(id): Path<ConversationId>,
) -> Result<Reply<Conversation>> {
    Ok(Reply::versioned(conversations.end(who, id).await?))
}

/// Begin a conversation anew.
///
/// Its variables, attributes and quick replies are cleared. What was said stays; the bot's welcome and its start script
/// come behind it, up to the first question.
#[utoipa::path(
    post,
    path = "/conversations/{conversation_id}/reset",
    params(("conversation_id" = ConversationId, Path)),
    responses(
        (status = 200, body = Envelope<Started>),
        (status = 409, description = "`conversation_ended`, `bot_inactive`, `staff_active`, or `turn_in_progress`: it has ended, its bot is off, the staff has taken over, or too much waits in it"),
    ),
)]
pub(crate) async fn reset(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path(id): Path<ConversationId>,
) -> Result<Reply<Started>> {
    Ok(Reply::ok(conversations.reset(who, id).await?))
}

/// Rate a conversation.
///
/// Only its person can; a second rating takes the place of the first.
#[utoipa::path(
    post,
    path = "/conversations/{conversation_id}/rating",
    params(("conversation_id" = ConversationId, Path)),
    request_body(content = Rating, example = json!({ "score": 5, "comment": "Quick and friendly." })),
    responses(
        (status = 200, body = Envelope<Conversation>, headers(("ETag" = String, description = "The revision"))),
        (status = 403, description = "`person_only`: it is somebody else's conversation"),
    ),
)]
pub(crate) async fn rate(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path(id): Path<ConversationId>,
    Body(rating): Body<Rating>,
) -> Result<Reply<Conversation>> {
    Ok(Reply::versioned(conversations.rate(who, id, rating).await?))
}

/// Where a dialog stands.
///
/// The variables of its scripts and the attributes of the conversation, for whoever makes the bot. Secrets are hidden.
#[utoipa::path(
    get,
    path = "/conversations/{conversation_id}/variables",
    params(("conversation_id" = ConversationId, Path)),
    responses((status = 200, body = Envelope<DialogState>)),
)]
pub(crate) async fn variables(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path(id): Path<ConversationId>,
) -> Result<Reply<DialogState>> {
    Ok(Reply::ok(conversations.variables(who, id).await?))
}
