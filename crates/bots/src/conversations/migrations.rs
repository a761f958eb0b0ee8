//! The schema of conversations beyond its first steps, which stand with those of the room.

use platform::db::Migration;

/// What becomes of a conversation. The indexes of the sorts begin with what the list hides: the earlier ones, which
/// don't, go, so that a turn writes no more of them than before.
pub(crate) const LIFECYCLE: Migration = Migration::new(
    "m20261129_40_bots_conversations_lifecycle",
    "ALTER TABLE conversations ADD COLUMN session_id uuid;
    ALTER TABLE conversations ADD COLUMN archived boolean NOT NULL DEFAULT FALSE;
    ALTER TABLE conversations ADD COLUMN read_seq bigint NOT NULL DEFAULT 0;
    ALTER TABLE conversations ADD COLUMN tags text NOT NULL DEFAULT '[]';
    ALTER TABLE conversations ADD COLUMN rating bigint;
    ALTER TABLE conversations ADD COLUMN rating_comment text;
    ALTER TABLE conversations ADD COLUMN resolved boolean NOT NULL DEFAULT FALSE;
    ALTER TABLE conversations ADD COLUMN staff_active boolean NOT NULL DEFAULT FALSE;
    UPDATE conversations SET read_seq = seq;
    ALTER TABLE conversation_runs ADD COLUMN asks_secret boolean NOT NULL DEFAULT FALSE;
    ALTER TABLE conversation_runs ADD COLUMN kept bytea;
    ALTER TABLE messages ADD COLUMN sender_id uuid;
    ALTER TABLE messages ADD COLUMN feedback text;
    ALTER TABLE messages ADD COLUMN attachments text;
    ALTER TABLE messages ADD COLUMN metadata text;
    CREATE TABLE conversation_tags (
        org_id uuid NOT NULL,
        tag keytext NOT NULL,
        conversation_id uuid NOT NULL,
        PRIMARY KEY (org_id, tag, conversation_id)
    );
    CREATE INDEX conversation_tags_of_conversation ON conversation_tags (org_id, conversation_id);
    DROP INDEX conversations_by_activity;
    DROP INDEX conversations_by_creation;
    DROP INDEX conversations_by_count;
    DROP INDEX conversations_of_all_by_activity;
    DROP INDEX conversations_of_all_by_creation;
    DROP INDEX conversations_of_all_by_count;
    DROP INDEX conversations_of_bot;
    CREATE INDEX conversations_of_bot ON conversations (org_id, bot_id, archived, last_activity, id);
    CREATE INDEX conversations_by_activity ON conversations (org_id, user_id, archived, last_activity, id);
    CREATE INDEX conversations_by_creation ON conversations (org_id, user_id, archived, created_at, id);
    CREATE INDEX conversations_by_count ON conversations (org_id, user_id, archived, seq, id);
    CREATE INDEX conversations_of_all_by_activity ON conversations (org_id, archived, last_activity, id);
    CREATE INDEX conversations_of_all_by_creation ON conversations (org_id, archived, created_at, id);
    CREATE INDEX conversations_of_all_by_count ON conversations (org_id, archived, seq, id);
    CREATE INDEX conversations_of_session ON conversations (org_id, session_id, id) WHERE session_id IS NOT NULL;",
);

/// What was said, found by what it says.
pub(crate) const SAID: Migration = Migration::new(
    "m20261129_41_bots_messages_said",
    "ALTER TABLE messages ADD COLUMN user_id uuid;
    ALTER TABLE messages ADD COLUMN content_key keytext NOT NULL DEFAULT '';
    UPDATE messages SET content_key = lower(content), user_id = (SELECT c.user_id FROM conversations c
        WHERE c.org_id = messages.org_id AND c.id = messages.conversation_id);
    CREATE INDEX messages_by_time ON messages (org_id, created_at, id);
    CREATE INDEX messages_of_person ON messages (org_id, user_id, created_at, id);",
);

/// The index of the search.
pub(crate) const SEARCH: Migration =
    Migration::search("m20261129_42_bots_messages_search", "messages", "content_key");

/// The index by which messages are found, filled apart from the turns that write them.
pub(crate) const SEARCH_LATER: Migration =
    Migration::search_later("m20261201_01_bots_messages_search_later", "messages", "content_key");

/// Files that are sent.
pub(crate) const ATTACHMENTS: Migration = Migration::new(
    "m20261129_43_bots_conversation_attachments",
    "CREATE TABLE conversation_attachments (
        org_id uuid NOT NULL,
        id uuid NOT NULL,
        conversation_id uuid NOT NULL,
        user_id uuid NOT NULL,
        message_seq bigint,
        name text NOT NULL,
        mime_type text NOT NULL,
        size bigint NOT NULL,
        hash bytea NOT NULL,
        created_at bigint NOT NULL,
        PRIMARY KEY (org_id, id)
    );
    CREATE INDEX conversation_attachments_of_conversation ON conversation_attachments (org_id, conversation_id, id);
    CREATE INDEX conversation_attachments_unsent ON conversation_attachments (org_id, created_at)
        WHERE message_seq IS NULL;",
);

/// Whose conversations are not of people with accounts: they are forgotten.
pub(crate) const VISITORS: Migration = Migration::new(
    "m20261130_41_bots_conversations_of_visitors",
    "ALTER TABLE conversations ADD COLUMN visitors boolean NOT NULL DEFAULT FALSE;
    CREATE INDEX conversations_of_visitors ON conversations (last_activity) WHERE visitors;",
);
