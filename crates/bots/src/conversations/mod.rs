//! Conversations: what people and bots say to each other, turn by turn.
//!
//! One message is one turn. A turn reads the conversation and the machine's state, runs the machine until it hears
//! again, and writes messages, state and counters in one unit of work that checks the conversation's fence number.

mod calls;
mod commit;
mod dialog;
mod events;
mod follow;
mod hub;
mod keywords;
mod model;
mod nodes;
pub(crate) mod once;
mod routes;
mod send;
mod service;
mod socket;
mod stage;
mod start;
mod store;
mod turn;
mod waiting;
mod wake;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use gateway::{Access, By, Limit, Module, routes as documented};
use kernel::{Permission, Standing};

pub(crate) use calls::PROVIDED;
pub use model::{
    Conversation, ConversationError, History, Message, NewConversation, NewMessage, Sent, Started,
};
pub use service::Conversations;

/// The operations on conversations, over REST and WebSocket.
pub(crate) fn module(conversations: &Conversations) -> Module {
    let read = || Access::permission(Permission::CHAT_READ);
    let write = || Access::permission(Permission::CHAT_WRITE);
    let part = Standing::Participant;
    wake::with_jobs(keywords::with_commands(Module::new("conversations"), conversations), conversations)
        .event::<events::ConversationStarted<'_>>()
        .route(conversations, documented!(routes::list), read().limit(Limit::per_minute(30, By::Caller)))
        .route(conversations, documented!(routes::start), write().standing(Standing::MayUseBot))
        .route(conversations, documented!(routes::get), read().standing(part))
        .route(conversations, documented!(routes::messages), read().standing(part))
        .route(
            conversations,
            documented!(routes::send),
            write().standing(part).limit(Limit::per_minute(60, By::Caller)),
        )
        .route(
            conversations,
            documented!(routes::history),
            read().standing(part).limit(Limit::per_minute(100, By::Caller)),
        )
        .frame("message", Arc::new(socket::Messages::new(conversations.clone())))
}
