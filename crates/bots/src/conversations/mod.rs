//! Conversations: what people and bots say to each other, turn by turn.
//!
//! One message is one turn. A turn reads the conversation and the machine's state, runs the machine until it hears
//! again, and writes messages, state and counters in one unit of work that checks the conversation's fence number.

mod access;
pub(crate) mod attachments;
mod behalf;
mod calls;
mod commit;
mod current;
mod dialog;
mod error;
mod events;
mod export;
mod follow;
mod hub;
mod indexing;
mod keywords;
mod letters;
mod lifecycle;
mod message;
mod migrations;
mod model;
mod nodes;
pub(crate) mod once;
mod removal;
mod routes;
mod search;
mod send;
mod service;
mod side_by_side;
mod socket;
mod stage;
mod start;
mod stopping;
mod store;
mod stream;
mod turn;
mod typing;
mod variables;
mod visits;
mod waiting;
mod wake;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use gateway::{Access, By, Limit, Module, Repeats, routes as documented};
use kernel::{Permission, Standing};

pub use attachments::Attachment;
pub(crate) use calls::{OF_DIALOGS, PROVIDED, script_name};
pub use error::ConversationError;
pub(crate) use export::OfBot as ConversationsOfBot;
pub(crate) use letters::Messenger;
pub use message::{Feedback, History, Message, NewFeedback, NewMessage, Sent};
pub(crate) use migrations::{ATTACHMENTS, LIFECYCLE, SAID, SEARCH, SEARCH_LATER, VISITORS};
pub use model::{Conversation, ConversationPatch, NewConversation, Rating, Started};
pub use service::Conversations;
pub(crate) use store::{
    AttachmentRow, attachment, delete as delete_conversation, delete_some as delete_some_of_conversation,
    overtake,
};
pub use variables::DialogState;

/// Where a conversation is held that doesn't say: on this server.
const WEB: &str = "web";

/// The operations on conversations, over REST and WebSocket.
pub(crate) fn module(conversations: &Conversations) -> Module {
    let module = keywords::with_commands(Module::new("conversations"), conversations);
    let module = attachments::with_jobs(module, conversations);
    let module = removal::with_jobs(wake::with_jobs(events::declare(module), conversations));
    let module = letters::with_jobs(visits::with_jobs(module, conversations), conversations);
    let messenger = Messenger::new(conversations.db.clone(), conversations.settings.clone());
    let module = behalf::with_commands(letters::with_commands(module, messenger), &conversations.db);
    with_routes(module, conversations)
        .frame::<socket::Message>(
            "message",
            "Says something, in a conversation or to begin one, which is followed from then on. Answered with `ack`.",
            Arc::new(socket::Messages::new(conversations.clone())),
        )
        .frame::<socket::Read>(
            "read",
            "The person has read up to there. Answered with `ack`.",
            Arc::new(socket::Reads(conversations.clone())),
        )
        .frame::<socket::Types>(
            "typing",
            "The sender types, or no more: told to the others who follow the conversation. To be sent again every few \
             seconds; it ends by itself ten seconds after the last time, with a `message`, and with the connection. \
             Answered with `ack` if it has an `id`. Counted against `http.socket_hints_per_minute`, and not as a frame.",
            Arc::new(socket::TypesOn(conversations.clone())),
        )
        .frame::<socket::Stop>(
            "stop",
            "Ends the answer that is being written; what was said stays, marked `stopped`. Answered with `ack`, at once: \
             also before a `message` that was sent before it is.",
            Arc::new(socket::StopsAnswers(conversations.clone())),
        )
        .frame::<socket::Resume>(
            "resume",
            "What was said in a conversation after that place comes again, and then what is said. Answered with \
             `resumed`. Where the connection follows it from later on, because it said something first, only what it \
             missed comes, after what it heard.",
            Arc::new(socket::Resumes(conversations.clone())),
        )
        .topic(
            "conversation",
            "What is said in the conversation: `message`, `suggestion`, `typing`.",
            Arc::new(socket::Topics(conversations.clone())),
        )
        .tells::<socket::Resumed>("resumed", "A conversation is followed again: the messages that follow were missed.")
        .tells::<typing::Typing>(
            "typing",
            "Somebody else types in a conversation that is followed, or no more; a bot does while its answer takes time. \
             A `message` of the same sender ends it, too.",
        )
        .tells::<hub::Said>("message", "Something was said in a conversation that is followed, by whomever.")
        .tells::<hub::Offered>("suggestion", "Quick replies to the message before it.")
}

fn with_routes(module: Module, conversations: &Conversations) -> Module {
    let part = Standing::Participant;
    let read = || Access::permission(Permission::CHAT_READ).standing(part);
    let write = || Access::permission(Permission::CHAT_WRITE).standing(part);
    // Visitors talk. They have no list, and don't search, rate, export or keep anything.
    let sends = || write().visitors().limit(Limit::per_minute(60, By::Caller));
    let reads_on = read().visitors().limit(Limit::per_minute(100, By::Caller));
    let list = Access::permission(Permission::CHAT_READ).limit(Limit::per_minute(30, By::Caller));
    let start = Access::permission(Permission::CHAT_WRITE).standing(Standing::MayUseBot).visitors();
    let upload = write().body_limit(usize::MAX).timeout(Duration::from_mins(10)).repeats(Repeats::Ignored);
    let upload = upload.visitors().limit(Limit::per_minute(30, By::Caller));
    let own = Access::permission(Permission::CHAT_READ).visitors().limit(Limit::per_minute(100, By::Caller));
    let says =
        || Access::permission(Permission::CHAT_WRITE).visitors().limit(Limit::per_minute(60, By::Caller));
    let searches = Access::permission(Permission::CHAT_READ).limit(Limit::per_minute(30, By::Caller));
    let staff = Access::permission(Permission::CONVERSATIONS_READ);
    module
        .route(conversations, documented!(routes::list), list)
        .route(conversations, documented!(routes::start), start)
        .route(conversations, documented!(routes::get), read().visitors())
        .route(conversations, documented!(routes::patch), write())
        .route(conversations, documented!(routes::delete), write())
        .route(conversations, documented!(routes::archive), write())
        .route(conversations, documented!(routes::unarchive), write())
        .route(conversations, documented!(routes::end), write().visitors())
        .route(conversations, documented!(routes::reset), write().visitors())
        .route(conversations, documented!(routes::rate), write())
        .route(conversations, documented!(routes::variables), staff)
        .route(conversations, documented!(routes::messages), read().visitors())
        .route(conversations, documented!(routes::send), sends())
        .route(conversations, documented!(routes::message), read().visitors())
        .route(conversations, documented!(routes::judge), write().visitors())
        .route(conversations, documented!(routes::history), reads_on)
        .route(conversations, documented!(routes::stop), write().visitors())
        .route(conversations, documented!(routes::upload), upload)
        .route(conversations, documented!(routes::attachment), read().visitors())
        .route(conversations, documented!(routes::search), searches)
        .route(conversations, documented!(routes::export), read())
        .route(conversations, documented!(routes::chat), says())
        .route(conversations, documented!(routes::current_history), own)
        .route(conversations, documented!(routes::send_to_current), says())
}
