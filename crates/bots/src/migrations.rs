//! The schema of this room, step by step.

use platform::db::Migration;

pub(crate) const ALL: &[Migration] = &[
    Migration::new(
        "m20261123_20_bots_bots",
        "CREATE TABLE bots (
            org_id uuid NOT NULL,
            id uuid NOT NULL,
            rev bigint NOT NULL,
            slug keytext NOT NULL,
            name text NOT NULL,
            name_key keytext NOT NULL,
            search_key keytext NOT NULL,
            display_name text,
            description text,
            status text NOT NULL,
            visibility text NOT NULL,
            is_default boolean NOT NULL,
            config text NOT NULL,
            version bigint NOT NULL,
            start_program bytea,
            package text NOT NULL,
            created_by uuid,
            created_at bigint NOT NULL,
            updated_at bigint NOT NULL,
            last_activity bigint NOT NULL,
            PRIMARY KEY (org_id, id),
            UNIQUE (slug)
        );
        CREATE INDEX bots_by_creation ON bots (org_id, created_at, id);
        CREATE INDEX bots_by_name ON bots (org_id, name_key, id);
        CREATE INDEX bots_by_activity ON bots (org_id, last_activity, id);
        CREATE TABLE bot_versions (
            org_id uuid NOT NULL,
            bot_id uuid NOT NULL,
            number bigint NOT NULL,
            files text NOT NULL,
            scripts text NOT NULL,
            created_by uuid,
            created_at bigint NOT NULL,
            PRIMARY KEY (org_id, bot_id, number)
        );
        CREATE TABLE bot_programs (
            org_id uuid NOT NULL,
            bot_id uuid NOT NULL,
            hash bytea NOT NULL,
            bytes bytea NOT NULL,
            version bigint NOT NULL,
            PRIMARY KEY (org_id, bot_id, hash)
        );",
    ),
    Migration::search("m20261123_21_bots_search", "bots", "search_key"),
    Migration::new(
        "m20261123_22_bots_conversations",
        "CREATE TABLE conversations (
            org_id uuid NOT NULL,
            id uuid NOT NULL,
            rev bigint NOT NULL,
            bot_id uuid NOT NULL,
            user_id uuid NOT NULL,
            channel text NOT NULL,
            language text,
            title text NOT NULL,
            title_key keytext NOT NULL,
            status text NOT NULL,
            seq bigint NOT NULL,
            last_message text,
            metadata text NOT NULL,
            fence bigint NOT NULL,
            lease_owner text,
            lease_until bigint,
            created_at bigint NOT NULL,
            updated_at bigint NOT NULL,
            last_activity bigint NOT NULL,
            PRIMARY KEY (org_id, id)
        );
        CREATE INDEX conversations_by_activity ON conversations (org_id, user_id, last_activity, id);
        CREATE INDEX conversations_by_creation ON conversations (org_id, user_id, created_at, id);
        CREATE INDEX conversations_by_count ON conversations (org_id, user_id, seq, id);
        CREATE INDEX conversations_of_bot ON conversations (org_id, bot_id, last_activity, id);
        CREATE INDEX conversations_of_all_by_activity ON conversations (org_id, last_activity, id);
        CREATE INDEX conversations_of_all_by_creation ON conversations (org_id, created_at, id);
        CREATE INDEX conversations_of_all_by_count ON conversations (org_id, seq, id);
        CREATE TABLE messages (
            org_id uuid NOT NULL,
            conversation_id uuid NOT NULL,
            seq bigint NOT NULL,
            id uuid NOT NULL,
            sender text NOT NULL,
            content text NOT NULL,
            suggestions text,
            in_reply_to uuid,
            client_message_id text,
            created_at bigint NOT NULL,
            PRIMARY KEY (org_id, conversation_id, seq),
            UNIQUE (org_id, id),
            UNIQUE (org_id, conversation_id, client_message_id)
        );
        CREATE TABLE conversation_runs (
            org_id uuid NOT NULL,
            conversation_id uuid NOT NULL,
            bot_id uuid NOT NULL,
            program bytea NOT NULL,
            state bytea NOT NULL,
            PRIMARY KEY (org_id, conversation_id)
        );
        CREATE INDEX conversation_runs_of_program ON conversation_runs (org_id, bot_id, program);",
    ),
    Migration::search("m20261123_23_bots_conversations_search", "conversations", "title_key"),
    Migration::new(
        "m20261129_20_bots_being_deleted",
        "CREATE INDEX bots_being_deleted ON bots (org_id, id) WHERE status = 'deleting';",
    ),
    Migration::new(
        "m20261129_21_bots_conversations_by_title",
        "CREATE INDEX conversations_by_title ON conversations (org_id, title_key);",
    ),
    Migration::new(
        "m20261129_22_bots_memories",
        "CREATE TABLE memories (
            org_id uuid NOT NULL,
            scope keytext NOT NULL,
            bot_id uuid NOT NULL,
            subject_id uuid NOT NULL,
            key keytext NOT NULL,
            id uuid NOT NULL,
            value text NOT NULL,
            rev bigint NOT NULL,
            expires_at bigint,
            created_at bigint NOT NULL,
            updated_at bigint NOT NULL,
            PRIMARY KEY (org_id, scope, bot_id, subject_id, key),
            UNIQUE (org_id, id)
        );
        CREATE INDEX memories_by_key ON memories (org_id, scope, bot_id, subject_id, key, id, expires_at);
        CREATE INDEX memories_of_bot ON memories (org_id, bot_id);
        CREATE INDEX memories_of_subject ON memories (org_id, subject_id);
        CREATE INDEX memories_ending ON memories (org_id, expires_at) WHERE expires_at IS NOT NULL;
        CREATE INDEX memories_ended ON memories (expires_at, org_id) WHERE expires_at IS NOT NULL;",
    ),
    Migration::new(
        "m20261129_23_bots_runs_that_call_and_wait",
        "ALTER TABLE conversations ADD COLUMN suggestions text;
        ALTER TABLE conversation_runs ADD COLUMN version bigint NOT NULL DEFAULT 0;
        ALTER TABLE conversation_runs ADD COLUMN depth bigint NOT NULL DEFAULT 0;
        ALTER TABLE conversation_runs ADD COLUMN wake uuid;
        CREATE INDEX conversation_runs_of_version ON conversation_runs (org_id, bot_id, version);
        CREATE TABLE conversation_callers (
            org_id uuid NOT NULL,
            conversation_id uuid NOT NULL,
            depth bigint NOT NULL,
            program bytea NOT NULL,
            state bytea NOT NULL,
            PRIMARY KEY (org_id, conversation_id, depth)
        );
        ALTER TABLE bot_programs ADD COLUMN since bigint NOT NULL DEFAULT 0;",
    ),
    crate::webhooks::migrations::WEBHOOKS,
    Migration::new(
        "m20261129_40_bots_lists_of_owners",
        "CREATE INDEX conversations_of_user_with_bot
            ON conversations (org_id, user_id, bot_id, archived, last_activity, id);
        CREATE INDEX webhooks_of_owner ON webhooks (org_id, owner_id, created_at, id);",
    ),
    Migration::new(
        "m20261129_50_bots_versions_with_settings",
        "ALTER TABLE bot_versions ADD COLUMN config text;
        ALTER TABLE bot_versions ADD COLUMN secrets bytea;
        ALTER TABLE bot_versions ADD COLUMN action text;
        ALTER TABLE bot_versions ADD COLUMN summary text;",
    ),
    Migration::new(
        "m20261129_51_bots_logs",
        "CREATE TABLE bot_logs (
            org_id uuid NOT NULL,
            id uuid NOT NULL,
            bot_id uuid NOT NULL,
            conversation_id uuid NOT NULL,
            level text NOT NULL,
            script text,
            line bigint,
            message text NOT NULL,
            created_at bigint NOT NULL,
            PRIMARY KEY (org_id, id)
        );
        CREATE INDEX bot_logs_of_bot ON bot_logs (org_id, bot_id, created_at, id);",
    ),
    Migration::new(
        "m20261129_52_bots_access",
        "ALTER TABLE bots ADD COLUMN status_reason text;
        ALTER TABLE bots ADD COLUMN is_listed boolean NOT NULL DEFAULT FALSE;
        ALTER TABLE bots ADD COLUMN anonymous_allowed boolean NOT NULL DEFAULT FALSE;
        ALTER TABLE bots ADD COLUMN max_sessions bigint;
        CREATE TABLE bot_access (
            org_id uuid NOT NULL,
            bot_id uuid NOT NULL,
            relation keytext NOT NULL,
            subject_id uuid NOT NULL,
            PRIMARY KEY (org_id, bot_id, subject_id, relation)
        );",
    ),
    crate::conversations::LIFECYCLE,
    crate::conversations::SAID,
    crate::conversations::SEARCH,
    crate::conversations::ATTACHMENTS,
    crate::schedules::SCHEDULES,
    crate::hooks::HOOKS,
    crate::tables::TABLES,
    crate::conversations::VISITORS,
    crate::conversations::SEARCH_LATER,
    crate::bots::store::EXPORTS,
];
