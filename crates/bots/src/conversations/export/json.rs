//! `{"conversation": …, "messages": […]}`.

use crate::conversations::{Conversation, Message};

pub(super) const END: &str = "]}\n";

pub(super) fn begin(of: &Conversation) -> String {
    let conversation = serde_json::to_string(of).unwrap_or_default();
    format!("{{\"conversation\":{conversation},\"messages\":[")
}

pub(super) fn message(message: &Message, is_first: bool) -> String {
    let written = serde_json::to_string(message).unwrap_or_default();
    if is_first { written } else { format!(",{written}") }
}
