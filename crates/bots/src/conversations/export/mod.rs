//! A conversation as a file: for people, and for programs.
//!
//! Messages are read some at a time and written as they are read, so that memory does not grow with the conversation.

mod csv;
mod html;
mod json;
mod of_bot;
mod text;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{Stream, stream};
use kernel::{
    Actor, Id,
    id::kind::{Conversation as ConversationKind, Organization},
};
use platform::db::Db;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Conversation, ConversationError, Conversations, Message,
    access::readable,
    message::{Sender, shown},
    store::{self, ConversationRow},
};
pub(crate) use of_bot::OfBot;

/// Messages that are read at once.
const AT_ONCE: i64 = 500;

/// What a conversation is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ExportFormat)]
pub(crate) enum Format {
    /// All of it, for programs.
    #[default]
    Json,
    /// Text.
    Txt,
    /// Markdown.
    Md,
    /// A page.
    Html,
    /// A table, one message a row.
    Csv,
}

impl Format {
    /// Its media type.
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Txt => "text/plain; charset=utf-8",
            Self::Md => "text/markdown; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }

    const fn ending(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Txt => "txt",
            Self::Md => "md",
            Self::Html => "html",
            Self::Csv => "csv",
        }
    }

    fn begin(self, of: &Conversation) -> String {
        match self {
            Self::Json => json::begin(of),
            Self::Txt => text::begin(of),
            Self::Md => text::begin_markdown(of),
            Self::Html => html::begin(of),
            Self::Csv => csv::HEAD.to_owned(),
        }
    }

    fn message(self, message: &Message, is_first: bool) -> String {
        match self {
            Self::Json => json::message(message, is_first),
            Self::Txt => text::message(message),
            Self::Md => text::markdown(message),
            Self::Html => html::message(message),
            Self::Csv => csv::row(message),
        }
    }

    const fn end(self) -> &'static str {
        match self {
            Self::Json => json::END,
            Self::Html => html::END,
            Self::Txt | Self::Md | Self::Csv => "",
        }
    }
}

/// Who said something, for a person.
const fn name_of(sender: Sender) -> &'static str {
    match sender {
        Sender::User => "Person",
        Sender::Bot => "Bot",
        Sender::System => "System",
        Sender::Staff => "Staff",
    }
}

/// A conversation that is being written.
pub(super) struct Export {
    pub(super) name: String,
    pub(super) body: Body,
}

/// How far it has come.
enum Part {
    /// Nothing is written yet.
    Head(Box<Conversation>),
    /// Everything up to this message.
    After(i64),
    Done,
}

impl Conversations {
    /// Everything that was said up to now, as a file.
    pub(super) async fn export(
        &self,
        who: Actor,
        id: Id<ConversationKind>,
        format: Format,
    ) -> Result<Export, ConversationError> {
        let asks = who.clone();
        let row = self.db.read(who.org, move |tx| readable(tx, &asks, id)).await?;
        self.note_reading(&who, &row).await?;
        let slug = kernel::text::slug(&row.title);
        let name = if slug.is_empty() { "conversation" } else { &slug };
        let name = format!("{name}.{}", format.ending());
        let parts = written(self.db.clone(), who.org, row, format);
        Ok(Export { name, body: Body::from_stream(parts) })
    }
}

/// A conversation as it is written, part by part.
fn written(
    db: Db,
    org: Id<Organization>,
    row: ConversationRow,
    format: Format,
) -> impl Stream<Item = Result<Bytes, ConversationError>> + Send + 'static {
    let writing = Writing { db, org, id: row.id, format, until: row.seq };
    stream::try_unfold((writing, Part::Head(Box::new(row.shown()))), |(writing, part)| async move {
        let (bytes, next) = match part {
            Part::Head(conversation) => (writing.format.begin(&conversation), Part::After(0)),
            Part::After(seq) => writing.go_on(seq).await?,
            Part::Done => return Ok(None),
        };
        Ok(Some((Bytes::from(bytes), (writing, next))))
    })
}

struct Writing {
    db: Db,
    org: Id<Organization>,
    id: Id<ConversationKind>,
    format: Format,
    /// What is said meanwhile is left out.
    until: i64,
}

impl Writing {
    async fn go_on(&self, seq: i64) -> Result<(String, Part), ConversationError> {
        let id = self.id;
        let rows = self.db.read(self.org, move |tx| store::after(tx, id, seq, AT_ONCE)).await?;
        let mut written = String::new();
        let mut last = seq;
        for row in rows.into_iter().filter(|row| row.seq <= self.until) {
            let is_first = last == 0;
            last = row.seq;
            written.push_str(&self.format.message(&shown(row, id), is_first));
        }
        if last == seq || last == self.until {
            written.push_str(self.format.end());
            return Ok((written, Part::Done));
        }
        Ok((written, Part::After(last)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(sender: Sender, content: &str) -> Message {
        let row = store::MessageRow {
            seq: 1,
            id: Id::example(),
            sender: sender.as_str().to_owned(),
            sender_id: None,
            content: content.to_owned(),
            suggestions: None,
            in_reply_to: None,
            feedback: None,
            attachments: None,
            metadata: None,
            created_at: chrono::DateTime::UNIX_EPOCH,
        };
        shown(row, Id::example())
    }

    #[test]
    fn no_message_is_markup_of_the_page() {
        let hostile = "<script>alert(1)</script>\" & 'x'\nsecond";
        let written = Format::Html.message(&said(Sender::User, hostile), true);

        assert!(!written.contains("<script>"), "{written}");
        assert!(
            written.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot; &amp; &#39;x&#39;"),
            "{written}"
        );
    }

    #[test]
    fn no_message_is_a_formula_or_another_row_of_the_table() {
        for (content, cell) in [
            ("=1+1", "\"'=1+1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            (" +1", "\"' +1\""),
            ("a\"b\nc,d", "\"a\"\"b\nc,d\""),
            ("plain", "\"plain\""),
        ] {
            let row = Format::Csv.message(&said(Sender::Bot, content), true);
            assert!(row.ends_with(&format!(",{cell}\r\n")), "{row}");
        }
    }

    #[test]
    fn no_message_ends_its_own_quotation() {
        let written = Format::Md.message(&said(Sender::Bot, "# Not a heading\n\n**two**"), true);

        assert!(written.ends_with("> # Not a heading\n>\n> **two**\n\n"), "{written}");
        let written = Format::Md.message(&said(Sender::Bot, "a\r# Not a heading\r\nb"), true);
        assert!(written.ends_with("> a\n> # Not a heading\n> b\n\n"), "{written:?}");
        let text = Format::Txt.message(&said(Sender::User, "one\ntwo"), true);
        assert_eq!(text, "[1970-01-01 00:00:00] Person: one\n    two\n");
    }

    #[test]
    fn what_is_written_for_programs_is_json() {
        let messages = [said(Sender::User, "a"), said(Sender::Bot, "b")];
        let mut whole = "{\"messages\":[".to_owned();
        for (at, message) in messages.iter().enumerate() {
            whole.push_str(&Format::Json.message(message, at == 0));
        }
        whole.push_str(Format::Json.end());

        let read: serde_json::Value = serde_json::from_str(&whole).unwrap();
        assert_eq!(read["messages"][1]["content"], json!("b"));
    }
}
