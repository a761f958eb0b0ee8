//! What scripts ask of servers outside: GET, POST and their like, with headers that last as long as the run.
//!
//! A request goes out when the script comes to it, and not with the turn: it can happen twice where a turn runs again
//! because it was overtaken, or broken off. What may not be done twice names itself by the header `Idempotency-Key`,
//! which is the same for both.

mod answer;
mod headers;
mod keywords;
mod message;
mod service;
mod soap;
mod xml;

use gateway::Module;

pub(crate) use service::Requests;

/// What the domain hands to the server.
pub(crate) fn module(requests: &Requests) -> Module {
    keywords::with_commands(Module::new("requests"), requests)
}
