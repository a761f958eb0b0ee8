//! The tables of conversations, messages and runs.

use kernel::{
    Id, Timestamp,
    id::{
        JobId,
        kind::{Bot, Conversation as ConversationKind, Message as MessageKind, User},
    },
};
use platform::{
    db::{DbError, Filter, Json, ListOf, SearchOn, Tx, Unit},
    record,
};

use super::dialog::{Stack, Suspended};

record! {
    /// A conversation with what a list shows of its bot.
    #[derive(Debug, Clone)]
    pub(super) struct ConversationRow {
        pub(super) id: Id<ConversationKind>,
        pub(super) rev: i64,
        pub(super) bot_id: Id<Bot>,
        pub(super) bot_name: String,
        pub(super) user_id: Id<User>,
        pub(super) channel: String,
        pub(super) title: String,
        pub(super) status: String,
        pub(super) seq: i64,
        pub(super) last_message: Option<String>,
        pub(super) metadata: Json,
        pub(super) created_at: Timestamp,
        pub(super) updated_at: Timestamp,
        pub(super) last_activity: Timestamp,
    }
}

record! {
    /// What a turn needs to know: the conversation, its bot, and the run that waits.
    #[derive(Debug, Clone)]
    pub(super) struct TurnRow {
        pub(super) user_id: Id<User>,
        pub(super) channel: String,
        pub(super) seq: i64,
        pub(super) fence: i64,
        pub(super) suggestions: Option<Json>,
        pub(super) bot_id: Id<Bot>,
        pub(super) bot_status: String,
        pub(super) bot_visibility: String,
        pub(super) bot_created_by: Option<Id<User>>,
        pub(super) bot_is_listed: bool,
        pub(super) bot_config: Json,
        pub(super) language: Option<String>,
        pub(super) program: Option<[u8; 32]>,
        pub(super) state: Option<Vec<u8>>,
        pub(super) version: Option<i64>,
        /// Scripts below the one that waits.
        pub(super) depth: Option<i64>,
        /// The job that goes on, where the run waits for time and not for an answer.
        pub(super) wake: Option<JobId>,
    }
}

record! {
    /// A message.
    #[derive(Debug, Clone)]
    pub(super) struct MessageRow {
        pub(super) seq: i64,
        pub(super) id: Id<MessageKind>,
        pub(super) sender: String,
        pub(super) content: String,
        pub(super) suggestions: Option<Json>,
        pub(super) in_reply_to: Option<Id<MessageKind>>,
        pub(super) created_at: Timestamp,
    }
}

const STATUSES: &[(&str, &str)] = &[("active", "active"), ("waiting", "waiting")];
const CHANNELS: &[(&str, &str)] = &[("web", "web"), ("api", "api")];
const SENDERS: &[(&str, &str)] = &[("user", "user"), ("bot", "bot"), ("system", "system")];

const FROM: &str = "conversations c JOIN bots b ON b.org_id = c.org_id AND b.id = c.bot_id";

const OF_BOT: (&str, Filter) =
    ("bot_id", Filter::Indexed(&Filter::Id("c.bot_id", "bot"), &["last_activity"]));
const STATUS: (&str, Filter) = ("status", Filter::OneOf("c.status", STATUSES));
const CHANNEL: (&str, Filter) = ("channel", Filter::OneOf("c.channel", CHANNELS));
const AFTER: (&str, Filter) = ("started_after", Filter::TimeFrom("c.created_at"));
const BEFORE: (&str, Filter) = ("started_before", Filter::TimeUntil("c.created_at"));

/// The conversations of one person, whom an extra condition names.
pub(super) const OWN: ListOf = ListOf {
    filters: &[OF_BOT, STATUS, CHANNEL, ("user_id", Filter::Id("c.user_id", "usr")), AFTER, BEFORE],
    ..LIST
};

/// The conversations of all.
pub(super) const LIST: ListOf = ListOf {
    from: FROM,
    columns:
        "c.id, c.rev, c.bot_id, b.name, c.user_id, c.channel, c.title, c.status, c.seq, c.last_message, c.metadata,
        c.created_at, c.updated_at, c.last_activity",
    org: "c.org_id",
    id: "c.id",
    sorts: &[
        ("last_activity", "c.last_activity"),
        ("created_at", "c.created_at"),
        ("message_count", "c.seq"),
    ],
    filters: &[
        OF_BOT,
        STATUS,
        CHANNEL,
        (
            "user_id",
            Filter::Indexed(
                &Filter::Id("c.user_id", "usr"),
                &["last_activity", "created_at", "message_count"],
            ),
        ),
        AFTER,
        BEFORE,
    ],
    search: Some(SearchOn {
        table: "conversations",
        alias: "c",
        column: "title_key",
        begins: &["c.title_key"],
    }),
};

/// The messages of one conversation.
pub(super) const MESSAGES: ListOf = ListOf {
    from: "messages m",
    columns: "m.seq, m.id, m.sender, m.content, m.suggestions, m.in_reply_to, m.created_at",
    org: "m.org_id",
    id: "m.id",
    sorts: &[("created_at", "m.seq")],
    filters: &[("sender", Filter::OneOf("m.sender", SENDERS))],
    search: None,
};

pub(super) fn get(tx: &Tx<'_>, id: Id<ConversationKind>) -> Result<Option<ConversationRow>, DbError> {
    tx.one(
        "SELECT c.id, c.rev, c.bot_id, b.name, c.user_id, c.channel, c.title, c.status, c.seq, c.last_message, c.metadata,
            c.created_at, c.updated_at, c.last_activity
         FROM conversations c JOIN bots b ON b.org_id = c.org_id AND b.id = c.bot_id
         WHERE c.org_id = $1 AND c.id = $2",
        &[&id],
    )
}

pub(super) fn for_turn(tx: &Tx<'_>, id: Id<ConversationKind>) -> Result<Option<TurnRow>, DbError> {
    tx.one(
        "SELECT c.user_id, c.channel, c.seq, c.fence, c.suggestions, c.bot_id, b.status, b.visibility, b.created_by, b.is_listed,
            b.config, c.language, r.program, r.state, r.version, r.depth, r.wake
         FROM conversations c
         JOIN bots b ON b.org_id = c.org_id AND b.id = c.bot_id
         LEFT JOIN conversation_runs r ON r.org_id = c.org_id AND r.conversation_id = c.id
         WHERE c.org_id = $1 AND c.id = $2",
        &[&id],
    )
}

/// A new conversation, before its first message.
pub(super) struct NewRow<'a> {
    pub(super) id: Id<ConversationKind>,
    pub(super) bot: Id<Bot>,
    pub(super) user: Id<User>,
    pub(super) channel: &'a str,
    pub(super) language: Option<&'a str>,
    pub(super) title: &'a str,
    pub(super) metadata: Json,
    pub(super) at: Timestamp,
}

pub(super) fn insert(unit: &Unit<'_>, new: &NewRow<'_>) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO conversations (org_id, id, rev, bot_id, user_id, channel, language, title, title_key, status,
            seq, metadata, fence, created_at, updated_at, last_activity)
         VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, 'active', 0, $9, 0, $10, $10, $10)",
        &[
            &new.id,
            &new.bot,
            &new.user,
            &new.channel,
            &new.language,
            &new.title,
            &kernel::text::key(new.title),
            &new.metadata,
            &new.at,
        ],
    )?;
    Ok(())
}

/// Moves the conversation on, if nobody else did since its fence number was read.
pub(super) fn advance(
    unit: &Unit<'_>,
    id: Id<ConversationKind>,
    fence: i64,
    seq: i64,
    status: &str,
    last_message: Option<&str>,
    at: Timestamp,
) -> Result<bool, DbError> {
    let moved = unit.execute(
        "UPDATE conversations SET rev = rev + 1, fence = fence + 1, seq = $4, status = $5,
            last_message = COALESCE($6, last_message), updated_at = $7, last_activity = $7
         WHERE org_id = $1 AND id = $2 AND fence = $3",
        &[&id, &fence, &seq, &status, &last_message, &at],
    )?;
    Ok(moved == 1)
}

pub(super) fn insert_message(
    unit: &Unit<'_>,
    conversation: Id<ConversationKind>,
    message: &MessageRow,
    client_message_id: Option<&str>,
) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO messages (org_id, conversation_id, seq, id, sender, content, suggestions, in_reply_to,
            client_message_id, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &[
            &conversation,
            &message.seq,
            &message.id,
            &message.sender,
            &message.content,
            &message.suggestions,
            &message.in_reply_to,
            &client_message_id,
            &message.created_at,
        ],
    )?;
    Ok(())
}

/// What a turn needs to know, with the run that is under way.
pub(super) struct TurnFound {
    pub(super) row: TurnRow,
    pub(super) run: Option<RunFound>,
}

/// A run that is under way.
pub(super) struct RunFound {
    pub(super) stack: Stack,
    /// Does it wait for time, and not for an answer?
    pub(super) sleeps: bool,
}

/// The run of a conversation that was read.
pub(super) fn found(tx: &Tx<'_>, id: Id<ConversationKind>, mut row: TurnRow) -> Result<TurnFound, DbError> {
    let run = match (row.program, row.state.take()) {
        (Some(program), Some(state)) => {
            let callers = if row.depth > Some(0) { callers(tx, id)? } else { Vec::new() };
            let stack = Stack { callers, top: Suspended { program, state: state.into() } };
            Some(RunFound { stack, sleeps: row.wake.is_some() })
        }
        _ => None,
    };
    Ok(TurnFound { row, run })
}

/// The scripts that wait below the one that goes on first, the outermost first.
fn callers(tx: &Tx<'_>, conversation: Id<ConversationKind>) -> Result<Vec<Suspended>, DbError> {
    let rows = tx.all::<([u8; 32], Vec<u8>)>(
        "SELECT program, state FROM conversation_callers WHERE org_id = $1 AND conversation_id = $2 ORDER BY depth",
        &[&conversation],
    )?;
    Ok(rows.into_iter().map(|(program, state)| Suspended { program, state: state.into() }).collect())
}

pub(super) fn save_run(
    unit: &Unit<'_>,
    conversation: Id<ConversationKind>,
    bot: Id<Bot>,
    version: i64,
    stack: &Stack,
    wake: Option<JobId>,
) -> Result<(), DbError> {
    let depth = i64::try_from(stack.callers.len()).unwrap_or(i64::MAX);
    unit.execute(
        "INSERT INTO conversation_runs (org_id, conversation_id, bot_id, program, state, version, depth, wake)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (org_id, conversation_id) DO UPDATE SET program = excluded.program, state = excluded.state,
            version = excluded.version, depth = excluded.depth, wake = excluded.wake",
        &[&conversation, &bot, &stack.top.program, &&*stack.top.state, &version, &depth, &wake],
    )?;
    end_callers(unit, conversation)?;
    for (depth, caller) in (0_i64..).zip(&stack.callers) {
        unit.execute(
            "INSERT INTO conversation_callers (org_id, conversation_id, depth, program, state)
             VALUES ($1, $2, $3, $4, $5)",
            &[&conversation, &depth, &caller.program, &&*caller.state],
        )?;
    }
    Ok(())
}

pub(super) fn end_run(unit: &Unit<'_>, conversation: Id<ConversationKind>) -> Result<(), DbError> {
    unit.execute(
        "DELETE FROM conversation_runs WHERE org_id = $1 AND conversation_id = $2",
        &[&conversation],
    )?;
    end_callers(unit, conversation)
}

fn end_callers(unit: &Unit<'_>, conversation: Id<ConversationKind>) -> Result<(), DbError> {
    unit.execute(
        "DELETE FROM conversation_callers WHERE org_id = $1 AND conversation_id = $2",
        &[&conversation],
    )?;
    Ok(())
}

/// Another job goes on with a run that sleeps, if this one would have.
pub(super) fn set_wake(
    unit: &Unit<'_>,
    conversation: Id<ConversationKind>,
    this: JobId,
    next: JobId,
) -> Result<(), DbError> {
    unit.execute(
        "UPDATE conversation_runs SET wake = $4 WHERE org_id = $1 AND conversation_id = $2 AND wake = $3",
        &[&conversation, &this, &next],
    )?;
    Ok(())
}

/// Keeps what the conversation offers as quick replies from now on.
pub(super) fn set_suggestions(
    unit: &Unit<'_>,
    conversation: Id<ConversationKind>,
    suggestions: Option<&Json>,
) -> Result<(), DbError> {
    unit.execute(
        "UPDATE conversations SET suggestions = $3 WHERE org_id = $1 AND id = $2",
        &[&conversation, &suggestions],
    )?;
    Ok(())
}

/// The message that a client sent under its own name.
pub(super) fn by_client_id(
    tx: &Tx<'_>,
    conversation: Id<ConversationKind>,
    client_message_id: &str,
) -> Result<Option<MessageRow>, DbError> {
    tx.one(
        "SELECT seq, id, sender, content, suggestions, in_reply_to, created_at
         FROM messages WHERE org_id = $1 AND conversation_id = $2 AND client_message_id = $3",
        &[&conversation, &client_message_id],
    )
}

/// What was said in answer to a message. Answers stand right behind it.
pub(super) fn answers(
    tx: &Tx<'_>,
    conversation: Id<ConversationKind>,
    message: &MessageRow,
    limit: i64,
) -> Result<Vec<MessageRow>, DbError> {
    tx.all(
        "SELECT seq, id, sender, content, suggestions, in_reply_to, created_at
         FROM messages WHERE org_id = $1 AND conversation_id = $2 AND seq > $3 AND seq <= $3 + $5
            AND in_reply_to = $4 ORDER BY seq",
        &[&conversation, &message.seq, &message.id, &limit],
    )
}

/// The place of a message in the conversation.
pub(super) fn seq_of(
    tx: &Tx<'_>,
    conversation: Id<ConversationKind>,
    id: Id<MessageKind>,
) -> Result<Option<i64>, DbError> {
    let row = tx.one::<(i64, Id<ConversationKind>)>(
        "SELECT seq, conversation_id FROM messages WHERE org_id = $1 AND id = $2",
        &[&id],
    )?;
    Ok(row.filter(|(_, of)| *of == conversation).map(|(seq, _)| seq))
}

/// Messages after a place, oldest first.
pub(super) fn after(
    tx: &Tx<'_>,
    conversation: Id<ConversationKind>,
    seq: i64,
    limit: i64,
) -> Result<Vec<MessageRow>, DbError> {
    tx.all(
        "SELECT seq, id, sender, content, suggestions, in_reply_to, created_at
         FROM messages WHERE org_id = $1 AND conversation_id = $2 AND seq > $3 ORDER BY seq LIMIT $4",
        &[&conversation, &seq, &limit],
    )
}

/// Messages before a place, newest first.
pub(super) fn before(
    tx: &Tx<'_>,
    conversation: Id<ConversationKind>,
    seq: i64,
    limit: i64,
) -> Result<Vec<MessageRow>, DbError> {
    tx.all(
        "SELECT seq, id, sender, content, suggestions, in_reply_to, created_at
         FROM messages WHERE org_id = $1 AND conversation_id = $2 AND seq < $3 ORDER BY seq DESC LIMIT $4",
        &[&conversation, &seq, &limit],
    )
}
