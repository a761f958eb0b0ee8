//! A table after RFC 4180.

use super::name_of;
use crate::conversations::Message;

pub(super) const HEAD: &str = "seq,timestamp,sender,message_id,content\r\n";

pub(super) fn row(message: &Message) -> String {
    let content = cell(&message.content);
    let (seq, at) = (message.seq, message.timestamp.to_rfc3339());
    format!("{seq},{at},{},{},{content}\r\n", name_of(message.sender), message.message_id)
}

/// A text that no spreadsheet takes for a formula.
fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['\t', '\r']) || text.trim_start().starts_with(['=', '+', '-', '@']);
    let guard = if is_formula { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}
