//! Facts that other rooms may want to know.

use serde::Serialize;

/// Something that happened to a resource, told to whoever subscribed: `bot.created`, `message.sent`.
///
/// The name is stable and part of the API (webhooks subscribe to it). The value is the `data` of the event.
pub trait Event: Serialize {
    /// `resource.what_happened`, in the past tense.
    const NAME: &'static str;

    /// The id of the resource it happened to. Events of one resource keep their order.
    fn subject(&self) -> String;
}
