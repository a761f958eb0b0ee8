//! The protocol of the WebSocket as a page: made of the types that are written and read, so that it is never old.

use std::{collections::BTreeMap, fmt::Write};

use kernel::{
    Timestamp,
    id::{BotId, ConversationId, SessionId, UserId},
};
use serde::Serialize;
use utoipa::{
    ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ArrayItems, Object, SchemaType, Type},
    },
};

use super::{
    Close,
    topics::{Contributed, Happening, Topics},
};
use crate::Module;

/// What is known of the frames of one type.
pub(crate) struct FrameType {
    kind: &'static str,
    about: &'static str,
    schema: RefOr<Schema>,
    schemas: BTreeMap<String, RefOr<Schema>>,
}

impl FrameType {
    /// The frames of that type, whose fields are those of `T`.
    pub(crate) fn of<T: ToSchema>(kind: &'static str, about: &'static str) -> Self {
        let mut schemas = Vec::new();
        T::schemas(&mut schemas);
        Self { kind, about, schema: T::schema(), schemas: schemas.into_iter().collect() }
    }
}

/// `status`: how it stands with the connection.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Status {
    /// The `id` of the frame that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `connected`, `authenticated` or `anonymous`; `closing` where the server stops.
    #[schema(pattern = "^(connected|authenticated|anonymous|closing)$")]
    pub state: &'static str,
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// Who is here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The bot that a visitor talks with, or with which a conversation has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot_id: Option<BotId>,
    /// The conversation that a first message has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<ConversationId>,
    /// The server pings so often; who misses two is disconnected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_seconds: Option<u64>,
    /// What a visitor who was let in shows to come back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// When that ends if it is not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// The fields of an `auth` frame.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what is read by hand")]
struct Auth {
    /// An access token, or a visitor's.
    token: String,
}

/// A frame without fields of its own.
#[derive(ToSchema)]
struct Bare {}

/// The fields of an `ack` frame.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what handlers add to")]
struct Ack {
    /// The `id` of the frame that was taken.
    id: Option<String>,
    /// Where it belongs to a conversation.
    conversation_id: Option<ConversationId>,
    /// The message that it became.
    message_id: Option<String>,
}

/// The fields of an `error` frame: those of an error over HTTP.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what is written by hand")]
struct Refused {
    /// The `id` of the frame that was refused.
    id: Option<String>,
    /// Such as `RATE_LIMITED`.
    code: String,
    /// A sentence for people.
    message: String,
    /// What programs need: `reason`, `fields`, `retry_after`.
    #[schema(value_type = Object)]
    details: (),
}

/// The fields of a `pong` frame.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what is written by hand")]
struct Pong {
    /// That of the `ping`.
    id: Option<String>,
}

const BEFORE: &str = "\
# The WebSocket

One connection for everything that happens while it is open: `GET /ws`, frames of JSON text. This page is made of the types \
that the server reads and writes.

## Opening it
The token stands in `Authorization: Bearer …`, or among the subprotocols `botserver.v1, bearer.<token>` (answered with \
`botserver.v1`), or comes as the first frame, `auth`, within `http.socket_auth_seconds` (10). Who can do none of these \
opens `/ws?ticket=…` with a ticket of `POST /api/ws/ticket`, which is good once, within 30 seconds: the connection is one of \
the session that asked for it. Another first \
frame than `auth` or `ping` makes a visitor, if the bot that `?bot=` or its `bot_id` names, or the default one, is open to them; else the connection closes \
with 4401. `?conversation_id=…&since=7` follows a conversation from the start and replays what was said after that `seq`. \
Who is signed in and names a bot that is not theirs to use is closed with 4404, and who may not read what the address names with 4403.

Every frame has a `type`. Those of clients may have an `id` of at most 128 characters, which the answer repeats; those of the \
server have a `timestamp`. A frame of a stored message has `seq`, its place in the conversation: nothing comes twice, and what \
was missed comes after `since`. Of more than `bots.replay_frames` frames it does not: `error` with the reason `resync_required` \
says to read the history, and so it does where the first of them is older than `bots.replay_days`. A connection follows at \
most `http.socket_follow_limit` (1000) things at once: what would be one more is refused with `too_many_followed`.
";

/// The page.
pub fn page(modules: &[Module]) -> String {
    let mut page = BEFORE.to_owned();
    let hears = [
        FrameType::of::<Auth>("auth", "Signs in. Once on each connection."),
        FrameType::of::<Bare>("ping", "Asks for a `pong`."),
        FrameType::of::<Topics>(
            "subscribe",
            "What happens to these things comes from now on; to none of them, if one is refused. Answered with `ack`.",
        ),
        FrameType::of::<Topics>("unsubscribe", "It comes no more. Answered with `ack`."),
    ];
    let tells = [
        FrameType::of::<Status>(
            "status",
            "How it stands with the connection: who is here, and which conversation has begun.",
        ),
        FrameType::of::<Ack>(
            "ack",
            "A frame was taken. A message stands in the database before it is acknowledged.",
        ),
        FrameType::of::<Refused>("error", "A frame was refused, or the connection is about to close."),
        FrameType::of::<Pong>("pong", "The answer to a `ping`."),
        FrameType::of::<Happening>("event", "Something happened to a thing that is followed by its topic."),
    ];
    page.push_str("\n## What clients send\n");
    hears
        .iter()
        .chain(modules.iter().flat_map(|module| &module.hears))
        .for_each(|frame| write(&mut page, frame));
    page.push_str("\n## What the server sends\n");
    tells
        .iter()
        .chain(modules.iter().flat_map(|module| &module.tells))
        .for_each(|frame| write(&mut page, frame));
    page.push_str("\n## Topics\n| topic | what comes |\n| --- | --- |\n");
    for Contributed { kind, about, .. } in modules.iter().flat_map(|module| &module.topics) {
        let _ = writeln!(page, "| `{kind}:<id>` | {about} |");
    }
    page.push_str("\n## Why it closes\n| code | why |\n| --- | --- |\n");
    for close in Close::ALL {
        let _ = writeln!(page, "| {} | {} |", close.code(), close.text());
    }
    page
}

fn write(page: &mut String, frame: &FrameType) {
    let _ = writeln!(page, "\n### `{}`\n{}", frame.kind, frame.about);
    let mut fields = Vec::new();
    frame.fields(&frame.schema, &mut fields);
    if fields.is_empty() {
        return;
    }
    page.push_str("\n| field | type | what it is |\n| --- | --- | --- |\n");
    for (name, kind, about) in fields {
        let _ = writeln!(page, "| `{name}` | {kind} | {} |", about.replace('\n', " "));
    }
}

impl FrameType {
    /// The fields of a schema: their names, types and meanings.
    fn fields(&self, schema: &RefOr<Schema>, into: &mut Vec<(String, String, String)>) {
        match schema {
            RefOr::Ref(to) => {
                if let Some(schema) = self.schemas.get(last_part(&to.ref_location)) {
                    self.fields(schema, into);
                }
            }
            RefOr::T(Schema::AllOf(all)) => all.items.iter().for_each(|part| self.fields(part, into)),
            RefOr::T(Schema::Object(object)) => {
                for (name, field) in &object.properties {
                    let is_needed = object.required.contains(name);
                    let kind =
                        format!("{}{}", self.kind_of(field), if is_needed { "" } else { ", optional" });
                    into.push((name.clone(), kind, self.about(field)));
                }
            }
            RefOr::T(_) => {}
        }
    }

    fn kind_of(&self, schema: &RefOr<Schema>) -> String {
        match schema {
            RefOr::Ref(to) => match self.schemas.get(last_part(&to.ref_location)) {
                Some(schema) => self.kind_of(schema),
                None => "text".to_owned(),
            },
            RefOr::T(Schema::Array(array)) => match &array.items {
                ArrayItems::RefOrSchema(item) => format!("array of {}s", self.kind_of(item)),
                ArrayItems::False => "array".to_owned(),
            },
            RefOr::T(Schema::Object(object)) => plain(object),
            RefOr::T(Schema::OneOf(one)) => one
                .items
                .iter()
                .map(|item| self.kind_of(item))
                .find(|kind| kind != "null")
                .unwrap_or_default(),
            RefOr::T(_) => "object".to_owned(),
        }
    }

    fn about(&self, schema: &RefOr<Schema>) -> String {
        let own = match schema {
            RefOr::Ref(to) if !to.description.is_empty() => Some(to.description.clone()),
            RefOr::Ref(to) => self.schemas.get(last_part(&to.ref_location)).map(|schema| self.about(schema)),
            RefOr::T(Schema::Object(object)) => object.description.clone(),
            RefOr::T(Schema::Array(array)) => array.description.clone(),
            RefOr::T(Schema::OneOf(one)) => one
                .description
                .clone()
                .or_else(|| one.items.iter().map(|item| self.about(item)).find(|about| !about.is_empty())),
            RefOr::T(_) => None,
        };
        own.unwrap_or_default()
    }
}

fn last_part(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or_default()
}

fn plain(object: &Object) -> String {
    let kind = match &object.schema_type {
        SchemaType::Type(kind) => Some(kind.clone()),
        SchemaType::Array(kinds) => kinds.iter().find(|kind| **kind != Type::Null).cloned(),
        SchemaType::AnyValue => None,
    };
    let name = match kind {
        Some(Type::String) => "text",
        Some(Type::Integer | Type::Number) => "number",
        Some(Type::Boolean) => "boolean",
        Some(Type::Array) => "array",
        Some(Type::Null) => "null",
        Some(Type::Object) => "object",
        None => "any",
    };
    name.to_owned()
}
