//! The tables of conversations, their messages, runs and attachments.

pub(crate) mod attachments;
pub(crate) mod messages;
pub(crate) mod runs;
pub(crate) mod search;
pub(crate) mod visits;

use kernel::{
    Id, Timestamp,
    id::{
        JobId,
        kind::{Bot, Conversation as ConversationKind, Session, User},
    },
};
use platform::{
    db::{DbError, Filter, Json, ListOf, SearchOn, Tx, Unit},
    record,
};

use super::message::Suggestion;
pub(crate) use attachments::*;
pub(crate) use messages::*;
pub(crate) use runs::*;
pub(crate) use search::*;
pub(crate) use visits::*;

record! {
    /// A conversation with what a list shows of its bot.
    #[derive(Debug, Clone, PartialEq)]
    pub(crate) struct ConversationRow {
        pub(crate) id: Id<ConversationKind>,
        pub(crate) rev: i64,
        pub(crate) session_id: Option<Id<Session>>,
        pub(crate) bot_id: Id<Bot>,
        pub(crate) bot_name: String,
        pub(crate) user_id: Id<User>,
        pub(crate) channel: String,
        pub(crate) title: String,
        /// Where its dialog stands; what is archived keeps it.
        pub(crate) status: String,
        pub(crate) archived: bool,
        pub(crate) seq: i64,
        /// The place up to which the person has read.
        pub(crate) read_seq: i64,
        pub(crate) last_message: Option<String>,
        pub(crate) tags: Json,
        pub(crate) rating: Option<i64>,
        pub(crate) rating_comment: Option<String>,
        pub(crate) resolved: bool,
        /// Has somebody of the staff taken over? Then the bot is silent.
        pub(crate) staff_active: bool,
        pub(crate) metadata: Json,
        pub(crate) created_at: Timestamp,
        pub(crate) updated_at: Timestamp,
        pub(crate) last_activity: Timestamp,
    }
}

/// The columns of a [`ConversationRow`].
macro_rules! columns {
    () => {
        "c.id, c.rev, c.session_id, c.bot_id, b.name, c.user_id, c.channel, c.title, c.status, c.archived, c.seq,
            c.read_seq, c.last_message, c.tags, c.rating, c.rating_comment, c.resolved, c.staff_active, c.metadata,
            c.created_at, c.updated_at, c.last_activity"
    };
}

/// The tables of one.
macro_rules! from {
    () => {
        "conversations c JOIN bots b ON b.org_id = c.org_id AND b.id = c.bot_id"
    };
}

record! {
    /// What a turn needs to know: the conversation, its bot, and the run that waits.
    #[derive(Debug, Clone)]
    pub(crate) struct TurnRow {
        pub(crate) user_id: Id<User>,
        pub(crate) channel: String,
        pub(crate) status: String,
        pub(crate) archived: bool,
        pub(crate) staff_active: bool,
        pub(crate) seq: i64,
        pub(crate) fence: i64,
        pub(crate) suggestions: Option<Json>,
        pub(crate) bot_id: Id<Bot>,
        pub(crate) bot_status: String,
        pub(crate) bot_visibility: String,
        pub(crate) bot_created_by: Option<Id<User>>,
        pub(crate) bot_is_listed: bool,
        pub(crate) bot_anonymous_allowed: bool,
        pub(crate) bot_config: Json,
        pub(crate) language: Option<String>,
        pub(crate) program: Option<[u8; 32]>,
        pub(crate) state: Option<Vec<u8>>,
        pub(crate) version: Option<i64>,
        /// Scripts below the one that waits.
        pub(crate) depth: Option<i64>,
        /// The job that goes on, where the run waits for time and not for an answer.
        pub(crate) wake: Option<JobId>,
        /// Does it wait for a secret?
        pub(crate) asks_secret: Option<bool>,
        /// What its commands keep, sealed.
        pub(crate) kept: Option<Vec<u8>>,
    }
}

impl TurnRow {
    /// The quick replies that stand.
    pub(crate) fn offered(&self) -> Vec<Suggestion> {
        self.suggestions.as_ref().and_then(|json| json.read().ok()).unwrap_or_default()
    }
}

/// The state of a conversation whose dialog was ended for good.
pub(crate) const ENDED: &str = "ended";

const STATUSES: &[(&str, &str)] =
    &[("active", "active"), ("waiting", "waiting"), ("archived", "archived"), ("ended", ENDED)];
const CHANNELS: &[(&str, &str)] = &[("web", "web"), ("api", "api")];
const RATINGS: &[(&str, &str)] = &[("1", "1"), ("2", "2"), ("3", "3"), ("4", "4"), ("5", "5")];

const OF_BOT: (&str, Filter) =
    ("bot_id", Filter::Indexed(&Filter::Id("c.bot_id", "bot"), &["last_activity"]));
const STATUS: (&str, Filter) =
    ("status", Filter::OneOf("CASE WHEN c.archived THEN 'archived' ELSE c.status END", STATUSES));
const CHANNEL: (&str, Filter) = ("channel", Filter::OneOf("c.channel", CHANNELS));
const TAG: (&str, Filter) = (
    "tag",
    Filter::Custom(
        "EXISTS (SELECT 1 FROM conversation_tags t
            WHERE t.org_id = c.org_id AND t.tag = ? AND t.conversation_id = c.id)",
    ),
);
const RATING: (&str, Filter) = ("rating", Filter::OneOf("CAST(c.rating AS text)", RATINGS));
const AFTER: (&str, Filter) = ("started_after", Filter::TimeFrom("c.created_at"));
const BEFORE: (&str, Filter) = ("started_before", Filter::TimeUntil("c.created_at"));

/// The conversations of one person, whom an extra condition names.
pub(crate) const OWN: ListOf = ListOf {
    filters: &[
        OF_BOT,
        STATUS,
        CHANNEL,
        ("user_id", Filter::Id("c.user_id", "usr")),
        TAG,
        RATING,
        AFTER,
        BEFORE,
    ],
    ..LIST
};

/// The conversations of all.
pub(crate) const LIST: ListOf = ListOf {
    from: from!(),
    columns: columns!(),
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
        TAG,
        RATING,
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

pub(crate) fn get(tx: &Tx<'_>, id: Id<ConversationKind>) -> Result<Option<ConversationRow>, DbError> {
    tx.one(concat!("SELECT ", columns!(), " FROM ", from!(), " WHERE c.org_id = $1 AND c.id = $2"), &[&id])
}

/// Every conversation with a bot. None begins with one that is being deleted.
pub(crate) fn ids_of_bot(tx: &Tx<'_>, bot: Id<Bot>) -> Result<Vec<(Id<ConversationKind>,)>, DbError> {
    tx.all("SELECT id FROM conversations WHERE org_id = $1 AND bot_id = $2", &[&bot])
}

/// Has turns that are under way begin again.
pub(crate) fn overtake(unit: &Unit<'_>, id: Id<ConversationKind>) -> Result<(), DbError> {
    unit.execute("UPDATE conversations SET fence = fence + 1 WHERE org_id = $1 AND id = $2", &[&id])?;
    Ok(())
}

/// The latest conversation of a person that goes on, among their latest: whoever ended all of these begins anew.
pub(crate) fn current(tx: &Tx<'_>, user: Id<User>) -> Result<Option<Id<ConversationKind>>, DbError> {
    let row = tx.one::<(Id<ConversationKind>,)>(
        "SELECT id FROM
            (SELECT id, status, last_activity FROM conversations WHERE org_id = $1 AND user_id = $2 AND archived = FALSE
             ORDER BY last_activity DESC, id DESC LIMIT 100) latest
         WHERE status <> 'ended' ORDER BY last_activity DESC, id DESC LIMIT 1",
        &[&user],
    )?;
    Ok(row.map(|(id,)| id))
}

/// The latest one with that bot.
pub(crate) fn current_with(
    tx: &Tx<'_>,
    user: Id<User>,
    bot: Id<Bot>,
) -> Result<Option<Id<ConversationKind>>, DbError> {
    let row = tx.one::<(Id<ConversationKind>,)>(
        "SELECT id FROM
            (SELECT id, status, last_activity FROM conversations
             WHERE org_id = $1 AND user_id = $2 AND bot_id = $3 AND archived = FALSE
             ORDER BY last_activity DESC, id DESC LIMIT 100) latest
         WHERE status <> 'ended' ORDER BY last_activity DESC, id DESC LIMIT 1",
        &[&user, &bot],
    )?;
    Ok(row.map(|(id,)| id))
}

/// Has that person ever begun a conversation with the bot?
pub(crate) fn has_talked_with(tx: &Tx<'_>, user: Id<User>, bot: Id<Bot>) -> Result<bool, DbError> {
    let found = tx.one::<(i64,)>(
        "SELECT CAST(1 AS bigint) FROM conversations
         WHERE org_id = $1 AND user_id = $2 AND bot_id = $3 AND session_id IS NOT NULL LIMIT 1",
        &[&user, &bot],
    )?;
    Ok(found.is_some())
}

/// The latest conversation that a person began in a session.
pub(crate) fn latest_of(
    tx: &Tx<'_>,
    session: Id<Session>,
    user: Id<User>,
) -> Result<Option<Id<ConversationKind>>, DbError> {
    let row = tx.one::<(Id<ConversationKind>,)>(
        "SELECT id FROM conversations WHERE org_id = $1 AND session_id = $2 AND user_id = $3 ORDER BY id DESC LIMIT 1",
        &[&session, &user],
    )?;
    Ok(row.map(|(id,)| id))
}

/// Locks the conversation against other units that would change it.
pub(crate) fn lock(unit: &Unit<'_>, id: Id<ConversationKind>) -> Result<(), DbError> {
    unit.execute("UPDATE conversations SET rev = rev WHERE org_id = $1 AND id = $2", &[&id])?;
    Ok(())
}

pub(crate) fn for_turn(tx: &Tx<'_>, id: Id<ConversationKind>) -> Result<Option<TurnRow>, DbError> {
    tx.one(
        "SELECT c.user_id, c.channel, c.status, c.archived, c.staff_active, c.seq, c.fence, c.suggestions, c.bot_id,
            b.status, b.visibility, b.created_by, b.is_listed, b.anonymous_allowed, b.config, c.language, r.program, r.state, r.version,
            r.depth, r.wake, r.asks_secret, r.kept
         FROM conversations c
         JOIN bots b ON b.org_id = c.org_id AND b.id = c.bot_id
         LEFT JOIN conversation_runs r ON r.org_id = c.org_id AND r.conversation_id = c.id
         WHERE c.org_id = $1 AND c.id = $2",
        &[&id],
    )
}

/// A new conversation, before its first message.
pub(crate) struct NewRow<'a> {
    pub(crate) id: Id<ConversationKind>,
    /// The session that it began in, if a person began it.
    pub(crate) session: Option<Id<Session>>,
    pub(crate) bot: Id<Bot>,
    pub(crate) user: Id<User>,
    /// Is the person somebody without an account?
    pub(crate) is_visitors: bool,
    pub(crate) channel: &'a str,
    pub(crate) language: Option<&'a str>,
    pub(crate) title: &'a str,
    pub(crate) metadata: Json,
    pub(crate) at: Timestamp,
}

pub(crate) fn insert(unit: &Unit<'_>, new: &NewRow<'_>) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO conversations (org_id, id, rev, session_id, bot_id, user_id, channel, language, title, title_key,
            status, seq, metadata, fence, created_at, updated_at, last_activity, visitors)
         VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, 'active', 0, $10, 0, $11, $11, $11, $12)",
        &[
            &new.id,
            &new.session,
            &new.bot,
            &new.user,
            &new.channel,
            &new.language,
            &new.title,
            &kernel::text::key(new.title),
            &new.metadata,
            &new.at,
            &new.is_visitors,
        ],
    )?;
    Ok(())
}

/// What a turn changes in its conversation.
pub(crate) struct Advance<'a> {
    /// The number of its last message from now on.
    pub(crate) seq: i64,
    pub(crate) status: &'a str,
    /// The beginning of the last message. None if nothing was said.
    pub(crate) last_message: Option<&'a str>,
    /// Is it in the archive? What is said brings it back.
    pub(crate) archived: bool,
    /// Whoever says something has read what stands before.
    pub(crate) read_seq: Option<i64>,
    /// Has somebody of the staff taken over with this turn?
    pub(crate) staff_takes_over: bool,
}

/// The statement of [`advance`]. What it doesn't name it doesn't write: each index of a named column is a page more
/// for the disk to take before the answer.
macro_rules! advance {
    ($and:literal, $archived:literal) => {
        concat!(
            "UPDATE conversations SET rev = rev + 1, fence = fence + 1, seq = $4, status = $5,
                last_message = COALESCE($6, last_message), read_seq = COALESCE($7, read_seq),
                staff_active = CASE WHEN $8 THEN TRUE ELSE staff_active END, updated_at = $9, last_activity = $9",
            $and,
            " WHERE org_id = $1 AND id = $2 AND fence = $3 AND archived = ",
            $archived
        )
    };
}

/// Moves the conversation on, if nobody else did since its fence number was read. If it was put into the archive
/// meanwhile, or taken out of it, it stays so: that is no other turn, and no reason to begin this one again.
pub(crate) fn advance(
    unit: &Unit<'_>,
    id: Id<ConversationKind>,
    fence: i64,
    to: &Advance<'_>,
    at: Timestamp,
) -> Result<bool, DbError> {
    let (as_read, otherwise) = match (to.archived, to.last_message) {
        (false, _) => (advance!("", "FALSE"), advance!("", "TRUE")),
        (true, None) => (advance!("", "TRUE"), advance!("", "FALSE")),
        (true, Some(_)) => (advance!(", archived = FALSE", "TRUE"), advance!("", "FALSE")),
    };
    let moved = |statement| {
        let moved = unit.execute(
            statement,
            &[&id, &fence, &to.seq, &to.status, &to.last_message, &to.read_seq, &to.staff_takes_over, &at],
        );
        moved.map(|rows| rows == 1)
    };
    Ok(moved(as_read)? || moved(otherwise)?)
}

/// Writes what people change about a conversation. Whoever calls has locked it.
pub(crate) fn save(unit: &Unit<'_>, row: &ConversationRow, at: Timestamp) -> Result<(), DbError> {
    unit.execute(
        "UPDATE conversations SET rev = $3, title = $4, title_key = $5, status = $6, archived = $7, tags = $8,
            rating = $9, rating_comment = $10, resolved = $11, staff_active = $12, metadata = $13, updated_at = $14
         WHERE org_id = $1 AND id = $2",
        &[
            &row.id,
            &row.rev,
            &row.title,
            &kernel::text::key(&row.title),
            &row.status,
            &row.archived,
            &row.tags,
            &row.rating,
            &row.rating_comment,
            &row.resolved,
            &row.staff_active,
            &row.metadata,
            &at,
        ],
    )?;
    Ok(())
}

/// Writes the tags by which conversations are found.
pub(crate) fn set_tags(unit: &Unit<'_>, id: Id<ConversationKind>, tags: &[String]) -> Result<(), DbError> {
    unit.execute("DELETE FROM conversation_tags WHERE org_id = $1 AND conversation_id = $2", &[&id])?;
    for tag in tags {
        unit.execute(
            "INSERT INTO conversation_tags (org_id, tag, conversation_id) VALUES ($1, $2, $3)",
            &[tag, &id],
        )?;
    }
    Ok(())
}

/// Notes that the person has read up to there.
pub(crate) fn read_up_to(unit: &Unit<'_>, id: Id<ConversationKind>, seq: i64) -> Result<(), DbError> {
    unit.execute(
        "UPDATE conversations SET read_seq = $3 WHERE org_id = $1 AND id = $2 AND read_seq < $3 AND seq >= $3",
        &[&id, &seq],
    )?;
    Ok(())
}

/// Forgets where the dialog stands and all that it has kept for this conversation. A turn under way is overtaken.
pub(crate) fn drop_state(unit: &Unit<'_>, id: Id<ConversationKind>) -> Result<(), DbError> {
    unit.execute(
        "UPDATE conversations SET fence = fence + 1, suggestions = NULL WHERE org_id = $1 AND id = $2",
        &[&id],
    )?;
    unit.execute("DELETE FROM memories WHERE org_id = $1 AND subject_id = $2", &[&id])?;
    end_run(unit, id, true)
}

/// Keeps what the conversation offers as quick replies from now on.
pub(crate) fn set_suggestions(
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

/// From here on there is no such conversation. What it had is left for [`delete_some`].
pub(crate) fn delete(unit: &Unit<'_>, id: Id<ConversationKind>) -> Result<(), DbError> {
    end_run(unit, id, true)?;
    unit.execute("DELETE FROM conversation_tags WHERE org_id = $1 AND conversation_id = $2", &[&id])?;
    unit.execute("DELETE FROM conversations WHERE org_id = $1 AND id = $2", &[&id])?;
    Ok(())
}

/// Removes up to so many rows of what the conversation had. Gives how many: fewer if nothing is left.
pub(crate) fn delete_some(unit: &Unit<'_>, id: Id<ConversationKind>, most: u64) -> Result<u64, DbError> {
    let mut left = most;
    for table in [
        "DELETE FROM messages WHERE org_id = $1 AND conversation_id = $2 AND seq IN
            (SELECT seq FROM messages WHERE org_id = $1 AND conversation_id = $2 LIMIT $3)",
        "DELETE FROM memories WHERE org_id = $1 AND id IN
            (SELECT id FROM memories WHERE org_id = $1 AND subject_id = $2 LIMIT $3)",
    ] {
        left -= unit.execute(table, &[&id, &i64::try_from(left).unwrap_or(i64::MAX)])?;
    }
    left -= delete_attachments(unit, id, i64::try_from(left).unwrap_or(i64::MAX))?;
    Ok(most - left)
}
