//! The schema of identity, step by step. One list for all its domains, whose tables refer to each other.

use platform::db::Migration;

use crate::{
    api_keys::store::API_KEYS,
    audit::store::EXPORTS,
    avatars::store::AVATARS,
    groups::schema::{DEFAULT_GROUPS_POSTGRES, DEFAULT_GROUPS_SQLITE, GROUPS, JOIN_REQUESTS},
    organizations,
    preferences::store::PREFERENCES,
    roles::schema::CUSTOM_ROLES,
    security::store::POLICIES,
    tickets::TICKETS,
    two_factor::store::TWO_FACTOR,
    visitors::store::VISITORS,
};

/// Every step, in order.
pub(crate) static MIGRATIONS: &[Migration] = &[
    Migration::new("m20261123_01_identity_organizations", ORGANIZATIONS),
    Migration::new("m20261123_02_identity_users", USERS),
    Migration::new("m20261123_03_identity_members", MEMBERS),
    Migration::each("m20261123_04_identity_members_follow_users", FOLLOW_SQLITE, FOLLOW_POSTGRES),
    Migration::search("m20261123_05_identity_members_search", "members", "search_key"),
    Migration::new("m20261123_06_identity_credentials", CREDENTIALS),
    Migration::new("m20261123_07_identity_sessions", SESSIONS),
    Migration::new("m20261129_01_identity_live_sessions", LIVE_SESSIONS),
    Migration::new(
        "m20261129_02_identity_sessions_by_expiry",
        "CREATE INDEX server_sessions_by_expiry ON server_sessions (expires_at);",
    ),
    Migration::each("m20261129_03_identity_members_status", STATUS_SQLITE, STATUS_POSTGRES),
    Migration::new("m20261129_04_identity_members_lookups", LOOKUPS),
    Migration::each("m20261130_01_identity_members_take_status_at_last", "", STATUS_AT_LAST_POSTGRES),
    Migration::new("m20261130_02_identity_visitors", VISITORS),
    Migration::new("m20261201_30_identity_custom_roles", CUSTOM_ROLES),
    Migration::new("m20261201_31_identity_groups", GROUPS),
    Migration::search("m20261201_32_identity_groups_search", "user_groups", "search_key"),
    Migration::each("m20261201_33_identity_default_groups", DEFAULT_GROUPS_SQLITE, DEFAULT_GROUPS_POSTGRES),
    Migration::new("m20261201_34_identity_join_requests", JOIN_REQUESTS),
    API_KEYS,
    TWO_FACTOR,
    POLICIES,
    Migration::new("m20261201_53_identity_sign_in_steps", SIGN_IN_STEPS),
    Migration::new("m20261201_75_identity_audit_exports", EXPORTS),
    TICKETS,
    Migration::new("m20261202_21_identity_mailed_links", MAILED_LINKS),
    PREFERENCES,
    AVATARS,
    organizations::store::ORGANIZATIONS,
    organizations::invitations::store::INVITATIONS,
];

/// A link that was mailed knows where to, and is good only while the account has that address. An address that somebody
/// gave themselves waits beside the one in force.
const MAILED_LINKS: &str = "
ALTER TABLE server_one_time_tokens ADD COLUMN email text;
ALTER TABLE server_users ADD COLUMN pending_email text;
ALTER TABLE server_users ADD COLUMN pending_email_key keytext;
CREATE INDEX server_users_by_pending_email ON server_users (pending_email_key);
CREATE INDEX server_users_unconfirmed ON server_users (created_at) WHERE status = 'pending_verification';
CREATE INDEX server_one_time_tokens_by_end ON server_one_time_tokens (expires_at);
";

/// Who has shown their password waits here for their second factor. A session that is `confined` is good for one thing
/// until that is done.
const SIGN_IN_STEPS: &str = "
CREATE TABLE server_login_challenges (
    token_hash bytea NOT NULL PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES server_users (id) ON DELETE CASCADE,
    org_id uuid NOT NULL,
    remember boolean NOT NULL,
    failures bigint NOT NULL,
    expires_at bigint NOT NULL,
    created_at bigint NOT NULL
);
CREATE INDEX server_login_challenges_by_user ON server_login_challenges (user_id);
CREATE INDEX server_login_challenges_by_end ON server_login_challenges (expires_at);
ALTER TABLE server_sessions ADD COLUMN confined text;
";

/// `founding` is true for the server's first organization and null for all others: being unique, it lets only one
/// of several nodes that start together make the first.
const ORGANIZATIONS: &str = "
CREATE TABLE server_organizations (
    id uuid NOT NULL PRIMARY KEY,
    name text NOT NULL,
    slug keytext NOT NULL,
    founding boolean,
    rev bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    UNIQUE (slug),
    UNIQUE (founding)
);
";

const USERS: &str = "
CREATE TABLE server_users (
    id uuid NOT NULL PRIMARY KEY,
    home_org_id uuid NOT NULL REFERENCES server_organizations (id),
    username text NOT NULL,
    username_key keytext NOT NULL,
    email text NOT NULL,
    email_key keytext NOT NULL,
    email_verified boolean NOT NULL,
    display_name text NOT NULL,
    display_name_key keytext NOT NULL,
    first_name text,
    last_name text,
    avatar_url text,
    metadata text NOT NULL,
    status text NOT NULL,
    suspended_at bigint,
    suspend_reason text,
    two_factor_enabled boolean NOT NULL,
    last_login bigint NOT NULL,
    search_key text NOT NULL,
    names_key text NOT NULL,
    rev bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    UNIQUE (username_key),
    UNIQUE (email_key)
);
";

/// A membership repeats what people are sorted and searched by: an index that begins with the organization walks a
/// list of ten people in ten steps, however many the server has. Triggers keep the copies, so that no statement can
/// forget them.
const MEMBERS: &str = "
CREATE TABLE members (
    org_id uuid NOT NULL REFERENCES server_organizations (id),
    user_id uuid NOT NULL REFERENCES server_users (id),
    joined_at bigint NOT NULL,
    created_at bigint NOT NULL,
    username_key keytext NOT NULL,
    email_key keytext NOT NULL,
    display_name_key keytext NOT NULL,
    last_login bigint NOT NULL,
    search_key text NOT NULL,
    names_key text NOT NULL,
    PRIMARY KEY (org_id, user_id)
);
CREATE INDEX members_by_user ON members (user_id);
CREATE INDEX members_by_created_at ON members (org_id, created_at, user_id);
CREATE INDEX members_by_username ON members (org_id, username_key, user_id);
CREATE INDEX members_by_email ON members (org_id, email_key, user_id);
CREATE INDEX members_by_display_name ON members (org_id, display_name_key, user_id);
CREATE INDEX members_by_last_login ON members (org_id, last_login, user_id);
CREATE TABLE member_roles (
    org_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role_id uuid NOT NULL,
    expires_at bigint,
    assigned_by uuid,
    created_at bigint NOT NULL,
    PRIMARY KEY (org_id, user_id, role_id),
    FOREIGN KEY (org_id, user_id) REFERENCES members (org_id, user_id) ON DELETE CASCADE
);
CREATE INDEX member_roles_by_role ON member_roles (org_id, role_id, user_id);
";

/// Sign-ins have a trigger of their own: they are many, and must not touch the search index.
const FOLLOW_SQLITE: &str = "
CREATE TRIGGER members_follow_names
AFTER UPDATE OF username_key, email_key, display_name_key, search_key, names_key ON server_users
BEGIN
    UPDATE members SET username_key = NEW.username_key, email_key = NEW.email_key,
        display_name_key = NEW.display_name_key, search_key = NEW.search_key, names_key = NEW.names_key
    WHERE user_id = NEW.id;
END;
CREATE TRIGGER members_follow_logins
AFTER UPDATE OF last_login ON server_users
BEGIN
    UPDATE members SET last_login = NEW.last_login WHERE user_id = NEW.id;
END;
";

const FOLLOW_POSTGRES: &str = "
CREATE FUNCTION members_follow_names() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE members SET username_key = NEW.username_key, email_key = NEW.email_key,
        display_name_key = NEW.display_name_key, search_key = NEW.search_key, names_key = NEW.names_key
    WHERE user_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER members_follow_names
AFTER UPDATE OF username_key, email_key, display_name_key, search_key, names_key ON server_users
FOR EACH ROW EXECUTE FUNCTION members_follow_names();
CREATE FUNCTION members_follow_logins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE members SET last_login = NEW.last_login WHERE user_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER members_follow_logins
AFTER UPDATE OF last_login ON server_users
FOR EACH ROW EXECUTE FUNCTION members_follow_logins();
";

/// A lockout knows the name as a hash only: people type their passwords into the field for the name.
const CREDENTIALS: &str = "
CREATE TABLE server_credentials (
    user_id uuid NOT NULL PRIMARY KEY REFERENCES server_users (id) ON DELETE CASCADE,
    password_hash text NOT NULL,
    past_hashes text NOT NULL,
    changed_at bigint NOT NULL
);
CREATE TABLE server_one_time_tokens (
    token_hash bytea NOT NULL PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES server_users (id) ON DELETE CASCADE,
    purpose text NOT NULL,
    expires_at bigint NOT NULL,
    created_at bigint NOT NULL
);
CREATE INDEX server_one_time_tokens_by_user ON server_one_time_tokens (user_id);
CREATE TABLE server_lockouts (
    name_hash bytea NOT NULL,
    network text NOT NULL,
    locked_until bigint NOT NULL,
    PRIMARY KEY (name_hash, network)
);
CREATE INDEX server_lockouts_by_end ON server_lockouts (locked_until);
";

/// A session has one access token at a time, so its hash stands in the session's row. Spent refresh tokens stay
/// until they would have expired anyway: only so is their second use noticed.
const SESSIONS: &str = "
CREATE TABLE server_sessions (
    id uuid NOT NULL PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES server_users (id) ON DELETE CASCADE,
    home_org_id uuid NOT NULL,
    org_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    token_expires_at bigint NOT NULL,
    remember boolean NOT NULL,
    two_factor boolean NOT NULL,
    ip_address text NOT NULL,
    user_agent text,
    last_activity bigint NOT NULL,
    expires_at bigint NOT NULL,
    ended_at bigint,
    created_at bigint NOT NULL,
    UNIQUE (token_hash)
);
CREATE INDEX server_sessions_of_user_by_activity ON server_sessions (user_id, ended_at, last_activity, id);
CREATE INDEX server_sessions_of_user_by_creation ON server_sessions (user_id, ended_at, created_at, id);
CREATE INDEX server_sessions_of_org_by_activity ON server_sessions (home_org_id, ended_at, last_activity, id);
CREATE INDEX server_sessions_of_org_by_creation ON server_sessions (home_org_id, ended_at, created_at, id);
CREATE TABLE server_refresh_tokens (
    token_hash bytea NOT NULL PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES server_sessions (id) ON DELETE CASCADE,
    expires_at bigint NOT NULL,
    spent_at bigint,
    created_at bigint NOT NULL
);
CREATE INDEX server_refresh_tokens_by_session ON server_refresh_tokens (session_id);
";

/// Lists show sessions that live. PostgreSQL takes no order from an index behind `ended_at IS NULL`, so the condition
/// belongs to the index itself.
const LIVE_SESSIONS: &str = "
DROP INDEX server_sessions_of_user_by_activity;
DROP INDEX server_sessions_of_user_by_creation;
DROP INDEX server_sessions_of_org_by_activity;
DROP INDEX server_sessions_of_org_by_creation;
CREATE INDEX server_sessions_of_user_by_activity ON server_sessions (user_id, last_activity, id)
    WHERE ended_at IS NULL;
CREATE INDEX server_sessions_of_user_by_creation ON server_sessions (user_id, created_at, id)
    WHERE ended_at IS NULL;
CREATE INDEX server_sessions_of_org_by_activity ON server_sessions (home_org_id, last_activity, id)
    WHERE ended_at IS NULL;
CREATE INDEX server_sessions_of_org_by_creation ON server_sessions (home_org_id, created_at, id)
    WHERE ended_at IS NULL;
CREATE INDEX server_sessions_of_user ON server_sessions (user_id);
";

/// The state of a member's account, so that the few suspended of a million are found. A membership takes it of the
/// account even from a statement that knows nothing of it.
const STATUS_SQLITE: &str = "
ALTER TABLE members ADD COLUMN status text NOT NULL DEFAULT 'active';
UPDATE members SET status = (SELECT u.status FROM server_users u WHERE u.id = members.user_id)
    WHERE status <> (SELECT u.status FROM server_users u WHERE u.id = members.user_id);
CREATE TRIGGER members_take_status AFTER INSERT ON members
WHEN NEW.status <> (SELECT status FROM server_users WHERE id = NEW.user_id)
BEGIN
    UPDATE members SET status = (SELECT status FROM server_users WHERE id = NEW.user_id)
    WHERE org_id = NEW.org_id AND user_id = NEW.user_id;
END;
CREATE TRIGGER members_follow_status AFTER UPDATE OF status ON server_users
WHEN NEW.status <> OLD.status
BEGIN
    UPDATE members SET status = NEW.status WHERE user_id = NEW.id;
END;
";

const STATUS_POSTGRES: &str = "
ALTER TABLE members ADD COLUMN status text COLLATE \"C\" NOT NULL DEFAULT 'active';
UPDATE members m SET status = u.status FROM server_users u WHERE u.id = m.user_id AND u.status <> m.status;
CREATE FUNCTION members_take_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.status := (SELECT status FROM server_users WHERE id = NEW.user_id);
    RETURN NEW;
END $$;
CREATE TRIGGER members_take_status BEFORE INSERT ON members
FOR EACH ROW EXECUTE FUNCTION members_take_status();
CREATE FUNCTION members_follow_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE members SET status = NEW.status WHERE user_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER members_follow_status AFTER UPDATE OF status ON server_users
FOR EACH ROW WHEN (NEW.status <> OLD.status) EXECUTE FUNCTION members_follow_status();
";

/// Who begins a membership waits for whoever changes the account at that moment, and the other way round: otherwise the
/// one copies the state from before the change, and the other doesn't see the copy yet. SQLite does one after the
/// other.
const STATUS_AT_LAST_POSTGRES: &str = "
CREATE OR REPLACE FUNCTION members_take_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT status INTO NEW.status FROM server_users WHERE id = NEW.user_id FOR SHARE;
    RETURN NEW;
END $$;
";

/// Names whose beginnings are searched carry what the list is sorted by unless somebody says otherwise: else each of
/// two thousand names would cost a look at its row.
const LOOKUPS: &str = "
CREATE INDEX members_by_status ON members (org_id, status, created_at, user_id);
DROP INDEX members_by_username;
DROP INDEX members_by_display_name;
CREATE INDEX members_by_username ON members (org_id, username_key, user_id, created_at);
CREATE INDEX members_by_display_name ON members (org_id, display_name_key, user_id, created_at);
";
