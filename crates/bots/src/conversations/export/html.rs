//! A page that needs nothing else and runs nothing.

use super::name_of;
use crate::conversations::{Conversation, Message};

pub(super) const END: &str = "</body>\n</html>\n";

const TIME: &str = "%Y-%m-%d %H:%M:%S";
const STYLE: &str = "body{font-family:sans-serif;max-width:48em;margin:2em auto;padding:0 1em}\
    article{margin:1em 0}header{color:#555;font-size:.85em}p{white-space:pre-wrap;margin:.2em 0}";

pub(super) fn begin(of: &Conversation) -> String {
    let (title, bot) = (escaped(&of.title), escaped(&of.bot_name));
    format!(
        "<!doctype html>\n<html>\n<head><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style></head>\n\
         <body>\n<h1>{title}</h1>\n<p>{bot}, {} UTC</p>\n",
        of.created_at.format(TIME)
    )
}

pub(super) fn message(message: &Message) -> String {
    let content = escaped(&message.content);
    let (sender, at) = (name_of(message.sender), message.timestamp.format(TIME));
    format!("<article><header>{sender}, {at}</header><p>{content}</p></article>\n")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
