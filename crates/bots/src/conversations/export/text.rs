//! Plain text, and Markdown.

use std::fmt::Write;

use super::name_of;
use crate::conversations::{Conversation, Message};

const TIME: &str = "%Y-%m-%d %H:%M:%S";

pub(super) fn begin(of: &Conversation) -> String {
    format!("{}\n{}, {} UTC\n\n", of.title, of.bot_name, of.created_at.format(TIME))
}

/// The lines of a message after its first are set in.
pub(super) fn message(message: &Message) -> String {
    let content = with_line_feeds(&message.content).replace('\n', "\n    ");
    format!("[{}] {}: {content}\n", message.timestamp.format(TIME), name_of(message.sender))
}

pub(super) fn begin_markdown(of: &Conversation) -> String {
    let (title, bot) = (escaped(&of.title), escaped(&of.bot_name));
    format!("# {title}\n\n{bot}, {} UTC\n\n", of.created_at.format(TIME))
}

/// What was said stands as a quotation: it can have a format of its own and not change what stands around it.
pub(super) fn markdown(message: &Message) -> String {
    let mut written = format!("**{}** ({})\n\n", name_of(message.sender), message.timestamp.format(TIME));
    for line in with_line_feeds(&message.content).lines() {
        let _ = if line.is_empty() { writeln!(written, ">") } else { writeln!(written, "> {line}") };
    }
    written.push('\n');
    written
}

/// A text whose lines all end alike. To `CommonMark` a carriage return ends one by itself (section 2.1).
fn with_line_feeds(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// A text that is no format.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
