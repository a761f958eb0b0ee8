//! Conversations as the API shows them, and what may be said about any.

use chrono::{DateTime, Utc};
use kernel::{
    FieldErrors, Patch,
    id::{BotId, ConversationId, SessionId, UserId},
    text,
};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};
use utoipa::{
    ToSchema,
    openapi::{ArrayBuilder, Schema, Type, schema::SchemaType},
};

use super::message::Message;

/// Characters of a title.
pub(super) const TITLE: usize = 200;
/// Bytes of metadata.
const METADATA: usize = 16 << 10;
/// Tags of a conversation, or of feedback.
const TAGS: usize = 20;
/// Characters of a tag.
const TAG: usize = 50;
/// Characters of a comment.
const COMMENT: usize = 2000;

/// How a conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ConversationStatus)]
pub enum Status {
    /// It goes on with the next message.
    Active,
    /// A dialog waits for an answer.
    Waiting,
    /// It is put away, until somebody says something.
    Archived,
    /// It is over.
    Ended,
}

impl Status {
    /// As it is stored and shown.
    pub(super) fn of(status: &str, archived: bool) -> Self {
        match status {
            _ if archived => Self::Archived,
            "waiting" => Self::Waiting,
            "ended" => Self::Ended,
            _ => Self::Active,
        }
    }
}

/// A thread of messages between a person and a bot.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Conversation {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The session that started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// The bot.
    pub bot_id: BotId,
    /// The bot's name.
    #[schema(example = "Table Booking")]
    pub bot_name: String,
    /// The person.
    pub user_id: UserId,
    /// Where it is held.
    #[schema(pattern = "^(web|api)$", example = "web")]
    pub channel: String,
    /// What it is called.
    #[schema(example = "Table Booking")]
    pub title: String,
    /// How it is.
    pub status: Status,
    /// The beginning of the last message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "For how many people?")]
    pub last_message: Option<String>,
    /// When something was said last.
    pub last_activity: DateTime<Utc>,
    /// How many messages there are.
    pub message_count: u64,
    /// How many of them the person has not read: said after the last that they sent, or read in the history or over
    /// the WebSocket.
    pub unread_count: u64,
    /// By which it is found.
    #[schema(example = json!(["spring"]))]
    pub tags: Vec<String>,
    /// How the person rates it, from 1 to 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 5, example = 5)]
    pub rating: Option<i64>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Quick and friendly.")]
    pub rating_comment: Option<String>,
    /// Is the person's matter settled?
    pub resolved: bool,
    /// Has somebody of the staff taken over? Then the bot is silent.
    pub staff_active: bool,
    /// What whoever started it noted.
    #[schema(example = json!({ "campaign": "spring" }))]
    pub metadata: Map<String, Value>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// A conversation to be started.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NewConversation {
    /// Id or slug; the organization's default bot if absent.
    #[schema(example = "table-booking")]
    pub bot_id: Option<String>,
    /// Said at once, after the bot's first words. At most 32 KiB.
    #[schema(min_length = 1, max_length = 32768, pattern = "\\S", example = "A table for four, please.")]
    pub initial_message: Option<String>,
    /// The bot's name if absent.
    #[schema(schema_with = new_title_schema, required = false)]
    pub title: Option<String>,
    /// Where it is held: `web`, if absent, or `api`.
    #[schema(pattern = "^(web|api)$", example = "web")]
    pub channel: Option<String>,
    /// The language that the person speaks, such as `en` or `pt-BR`.
    #[schema(min_length = 2, max_length = 8, pattern = "^[A-Za-z-]+$", example = "en")]
    pub language: Option<String>,
    /// At most 16 KiB of one's own.
    #[schema(example = json!({ "campaign": "spring" }))]
    pub metadata: Map<String, Value>,
}

/// A state that a conversation can be brought into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = NewConversationStatus)]
pub enum NewStatus {
    /// Out of the archive.
    Active,
    /// Into the archive.
    Archived,
    /// For good.
    Ended,
}

/// A change of a conversation; absent keeps, null clears.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConversationPatch {
    /// What it is called; null is the bot's name.
    #[serde(default)]
    #[schema(schema_with = title_schema, required = false)]
    pub title: Patch<String>,
    /// By which it is found, instead of those it has: at most 20, each in one line of 1 to 50 characters without
    /// commas.
    #[serde(default)]
    #[schema(schema_with = tags_or_null_schema, required = false)]
    pub tags: Patch<Vec<String>>,
    /// Archive it, take it out of the archive, or end it.
    #[serde(default)]
    #[schema(value_type = NewStatus, required = false)]
    pub status: Patch<NewStatus>,
    /// Is the person's matter settled?
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    pub resolved: Patch<bool>,
    /// False lets the bot answer again, true silences it. Needs `conversations:write`.
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    pub staff_active: Patch<bool>,
    /// Fields to add or to replace; null removes one, and in place of the object all. At most 16 KiB in the end.
    #[serde(default)]
    #[schema(value_type = Option<Map<String, Value>>, example = json!({ "campaign": null }))]
    pub metadata: Patch<Map<String, Value>>,
}

/// How a person rates a conversation.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rating {
    /// From 1, bad, to 5, good.
    #[serde(deserialize_with = "one_to_five")]
    #[schema(minimum = 1, maximum = 5, example = 5)]
    pub score: i64,
    /// Why. At most 2000 characters.
    #[serde(default)]
    #[schema(max_length = 2000, example = "Quick and friendly.")]
    pub comment: Option<String>,
}

/// A score; to JSON Schema 2.0 is a whole number, too.
fn one_to_five<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let given = f64::deserialize(deserializer)?;
    let score = (1..=5_i32).find(|score| (given - f64::from(*score)).abs() < f64::EPSILON);
    score.map(i64::from).ok_or_else(|| D::Error::custom("must be a whole number from 1 to 5"))
}

fn new_title_schema() -> Schema {
    nullable_line("The bot's name if absent.")
}

fn title_schema() -> Schema {
    nullable_line("What it is called; null is the bot's name.")
}

fn nullable_line(about: &str) -> Schema {
    let line = text::line_schema(about, 1, TITLE, "My table");
    line.schema_type(SchemaType::from_iter([Type::String, Type::Null])).into()
}

/// Tags in a request.
pub(super) fn tags_schema() -> Schema {
    tags_of(SchemaType::Type(Type::Array))
}

fn tags_or_null_schema() -> Schema {
    tags_of(SchemaType::from_iter([Type::Array, Type::Null]))
}

fn tags_of(kind: SchemaType) -> Schema {
    let tag = text::line_schema("A tag.", 1, TAG, "spring").pattern(Some(TAG_PATTERN));
    ArrayBuilder::new()
        .schema_type(kind)
        .description(Some("At most 20 tags, each in one line of 1 to 50 characters without commas."))
        .items(tag)
        .max_items(Some(TAGS))
        .examples([serde_json::json!(["spring"])])
        .into()
}

/// One line with something to see, without commas: filters part their values by them.
const TAG_PATTERN: &str = concat!(
    r"^[^,\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]*",
    r"[^,\s\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]",
    r"[^,\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]*$",
);

/// The title as it is kept, noting what is wrong with it.
pub(super) fn checked_title(title: &str, wrong: &mut FieldErrors) -> String {
    let title = title.trim();
    wrong.check(
        (1..=TITLE).contains(&title.chars().count()) && text::is_one_line(title),
        "title",
        "must have 1 to 200 characters, in one line",
    );
    title.to_owned()
}

/// Tags as they are kept: trimmed, each once.
pub(super) fn checked_tags(tags: Vec<String>, wrong: &mut FieldErrors) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    wrong.check(tags.len() <= TAGS, "tags", format!("must be at most {TAGS}"));
    for tag in tags {
        let tag = tag.trim();
        let fits = (1..=TAG).contains(&tag.chars().count()) && text::is_one_line(tag) && !tag.contains(',');
        if !fits {
            wrong.add("tags", format!("each must have 1 to {TAG} characters, in one line, without commas"));
            break;
        }
        if !kept.iter().any(|known| known == tag) {
            kept.push(tag.to_owned());
        }
    }
    kept
}

pub(super) fn check_metadata(metadata: &Map<String, Value>, wrong: &mut FieldErrors) {
    let size = serde_json::to_string(metadata).map_or(usize::MAX, |text| text.len());
    wrong.check(size <= METADATA, "metadata", "must have at most 16 KiB");
}

/// A comment as it is kept. Blank is none.
pub(super) fn checked_comment(comment: Option<String>, wrong: &mut FieldErrors) -> Option<String> {
    let comment = comment.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let fits = comment.as_ref().is_none_or(|text| text.chars().count() <= COMMENT);
    wrong.check(fits, "comment", format!("must have at most {COMMENT} characters"));
    comment
}

/// The metadata after a merge patch (RFC 7396) of its fields.
pub(super) fn merged(present: Map<String, Value>, patch: Patch<Map<String, Value>>) -> Map<String, Value> {
    match patch {
        Patch::Keep => present,
        Patch::Clear => Map::new(),
        Patch::Set(changes) => merge(present, changes),
    }
}

fn merge(mut present: Map<String, Value>, changes: Map<String, Value>) -> Map<String, Value> {
    for (name, change) in changes {
        match change {
            Value::Null => {
                present.remove(&name);
            }
            Value::Object(inner) => {
                let old = match present.remove(&name) {
                    Some(Value::Object(old)) => old,
                    _ => Map::new(),
                };
                present.insert(name, Value::Object(merge(old, inner)));
            }
            other => {
                present.insert(name, other);
            }
        }
    }
    present
}

/// A conversation that began.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Started {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The session that started it.
    pub session_id: SessionId,
    /// The bot.
    pub bot_id: BotId,
    /// `active`, or `waiting` while a dialog waits for an answer.
    pub status: Status,
    /// The bot's first words, and what came of the initial message.
    pub messages: Vec<Message>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    /// The examples of RFC 7396, appendix A, whose documents are objects on both sides.
    #[test]
    fn metadata_is_merged_as_the_rfc_says() {
        for (present, patch, merged_is) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            let merged = merged(object(present.clone()), Patch::Set(object(patch.clone())));
            assert_eq!(Value::Object(merged), merged_is, "{present} {patch}");
        }
        assert!(merged(object(json!({"a":1})), Patch::Clear).is_empty());
    }

    #[test]
    fn tags_are_trimmed_and_kept_once_and_have_no_commas() {
        let read = |tags: &[&str]| {
            let mut wrong = FieldErrors::default();
            let kept = checked_tags(tags.iter().map(ToString::to_string).collect(), &mut wrong);
            wrong.finish().map(|()| kept)
        };

        assert_eq!(read(&[" vip ", "vip", "VIP"]).unwrap(), ["vip", "VIP"]);
        for refused in ["", " ", "a,b", "two\nlines", &"x".repeat(51)] {
            assert!(read(&[refused]).is_err(), "{refused}");
        }
        assert!(read(&["t"; 21]).is_err());
    }
}
