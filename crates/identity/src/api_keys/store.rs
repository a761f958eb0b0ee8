//! API keys and their secrets in the database.

use kernel::{Id, Timestamp, id::kind};
use platform::{
    db::{DbError, Filter, Json, ListOf, Migration, ServerTx, ServerUnit},
    record,
};

use super::model::KeyStatus;
use crate::{tokens::TokenHash, users::model::Status};

/// A key of before a rotation may go on working for a while, so a key can have several secrets. `ended` is what lists
/// know of the end of a key: its revocation.
pub(crate) const API_KEYS: Migration = Migration::new(
    "m20261201_50_identity_api_keys",
    "
CREATE TABLE server_api_keys (
    id uuid NOT NULL PRIMARY KEY,
    org_id uuid NOT NULL REFERENCES server_organizations (id),
    user_id uuid NOT NULL REFERENCES server_users (id) ON DELETE CASCADE,
    name text NOT NULL,
    name_key keytext NOT NULL,
    prefix text NOT NULL,
    scopes text NOT NULL,
    ip_allowlist text NOT NULL,
    expires_at bigint NOT NULL,
    revoked_at bigint,
    announced boolean NOT NULL,
    last_used_at bigint NOT NULL,
    last_used_ip text,
    rev bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);
CREATE INDEX server_api_keys_of_org_by_created_at ON server_api_keys (org_id, created_at, id);
CREATE INDEX server_api_keys_of_org_by_name ON server_api_keys (org_id, name_key, id);
CREATE INDEX server_api_keys_of_org_by_last_used_at ON server_api_keys (org_id, last_used_at, id);
CREATE INDEX server_api_keys_of_org_by_expires_at ON server_api_keys (org_id, expires_at, id);
CREATE INDEX server_api_keys_of_user_by_created_at ON server_api_keys (org_id, user_id, created_at, id);
CREATE INDEX server_api_keys_of_user_by_name ON server_api_keys (org_id, user_id, name_key, id);
CREATE INDEX server_api_keys_of_user_by_last_used_at ON server_api_keys (org_id, user_id, last_used_at, id);
CREATE INDEX server_api_keys_of_user_by_expires_at ON server_api_keys (org_id, user_id, expires_at, id);
CREATE INDEX server_api_keys_by_user ON server_api_keys (user_id);
CREATE INDEX server_api_keys_to_announce ON server_api_keys (announced, expires_at);
CREATE INDEX server_api_keys_expired ON server_api_keys (expires_at);
CREATE INDEX server_api_keys_revoked ON server_api_keys (revoked_at);
CREATE TABLE server_api_key_secrets (
    secret_hash bytea NOT NULL PRIMARY KEY,
    key_id uuid NOT NULL REFERENCES server_api_keys (id) ON DELETE CASCADE,
    works_until bigint NOT NULL,
    created_at bigint NOT NULL
);
CREATE INDEX server_api_key_secrets_by_key ON server_api_key_secrets (key_id);
",
);

record! {
    /// A key's row.
    #[derive(Debug, Clone, PartialEq)]
    pub(crate) struct KeyRow {
        pub(crate) id: Id<kind::ApiKey>,
        pub(crate) rev: i64,
        pub(crate) org_id: Id<kind::Organization>,
        pub(crate) user_id: Id<kind::User>,
        pub(crate) name: String,
        pub(crate) prefix: String,
        pub(crate) scopes: Json,
        pub(crate) ip_allowlist: Json,
        pub(crate) expires_at: Timestamp,
        pub(crate) revoked_at: Option<Timestamp>,
        pub(crate) last_used_at: Timestamp,
        pub(crate) last_used_ip: Option<String>,
        pub(crate) created_at: Timestamp,
        pub(crate) updated_at: Timestamp,
    }
}

impl KeyRow {
    /// What callers with the key get of it.
    pub(crate) fn worth(&self) -> (&Json, &Json, Timestamp) {
        (&self.scopes, &self.ip_allowlist, self.expires_at)
    }

    pub(crate) fn status(&self, now: Timestamp) -> KeyStatus {
        match self.revoked_at {
            Some(_) => KeyStatus::Revoked,
            None if self.expires_at <= now => KeyStatus::Expired,
            None => KeyStatus::Active,
        }
    }
}

/// The keys of an organization, or of one of its people.
pub(crate) const LIST: ListOf = ListOf {
    from: "server_api_keys k",
    columns: "k.id, k.rev, k.org_id, k.user_id, k.name, k.prefix, k.scopes, k.ip_allowlist, k.expires_at, \
              k.revoked_at, k.last_used_at, k.last_used_ip, k.created_at, k.updated_at",
    org: "k.org_id",
    id: "k.id",
    sorts: &[
        ("created_at", "k.created_at"),
        ("name", "k.name_key"),
        ("last_used_at", "k.last_used_at"),
        ("expires_at", "k.expires_at"),
    ],
    filters: &[(
        "user_id",
        Filter::Indexed(
            &Filter::Id("k.user_id", "usr"),
            &["created_at", "name", "last_used_at", "expires_at"],
        ),
    )],
    search: None,
};

pub(crate) fn find(tx: &ServerTx<'_>, id: Id<kind::ApiKey>) -> Result<Option<KeyRow>, DbError> {
    tx.one(
        "SELECT id, rev, org_id, user_id, name, prefix, scopes, ip_allowlist, expires_at, revoked_at, last_used_at,
            last_used_ip, created_at, updated_at
         FROM server_api_keys WHERE id = $1",
        &[&id],
    )
}

/// How many keys of the user work in the organization.
pub(crate) fn count_active(
    tx: &ServerTx<'_>,
    org: Id<kind::Organization>,
    user: Id<kind::User>,
    now: Timestamp,
) -> Result<i64, DbError> {
    let count: Option<(i64,)> = tx.one(
        "SELECT count(*) FROM server_api_keys
         WHERE org_id = $1 AND user_id = $2 AND expires_at > $3 AND revoked_at IS NULL",
        &[&org, &user, &now],
    )?;
    Ok(count.map_or(0, |(count,)| count))
}

pub(crate) fn insert(unit: &ServerUnit<'_>, key: &KeyRow) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO server_api_keys (id, org_id, user_id, name, name_key, prefix, scopes, ip_allowlist, expires_at,
            announced, last_used_at, rev, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $12, $12)",
        &[
            &key.id,
            &key.org_id,
            &key.user_id,
            &key.name,
            &kernel::text::key(&key.name),
            &key.prefix,
            &key.scopes,
            &key.ip_allowlist,
            &key.expires_at,
            &false,
            &key.last_used_at,
            &key.created_at,
        ],
    )?;
    Ok(())
}

/// Writes what may change of a key. Its end is announced anew.
pub(crate) fn save(unit: &ServerUnit<'_>, key: &KeyRow) -> Result<(), DbError> {
    unit.execute(
        "UPDATE server_api_keys SET name = $2, name_key = $3, prefix = $4, scopes = $5, ip_allowlist = $6,
            announced = (announced AND expires_at = $7), expires_at = $7, revoked_at = $8, updated_at = $9,
            rev = rev + 1
         WHERE id = $1",
        &[
            &key.id,
            &key.name,
            &kernel::text::key(&key.name),
            &key.prefix,
            &key.scopes,
            &key.ip_allowlist,
            &key.expires_at,
            &key.revoked_at,
            &key.updated_at,
        ],
    )?;
    Ok(())
}

/// Locks the key against other units that would change it.
pub(crate) fn lock(unit: &ServerUnit<'_>, id: Id<kind::ApiKey>) -> Result<bool, DbError> {
    Ok(unit.execute("UPDATE server_api_keys SET rev = rev WHERE id = $1", &[&id])? == 1)
}

/// Gives the key a secret that works until then.
pub(crate) fn insert_secret(
    unit: &ServerUnit<'_>,
    hash: &TokenHash,
    key: Id<kind::ApiKey>,
    works_until: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO server_api_key_secrets (secret_hash, key_id, works_until, created_at) VALUES ($1, $2, $3, $4)",
        &[hash, &key, &works_until, &now],
    )?;
    Ok(())
}

/// Lets the secrets of the key work until then at the latest, and forgets those whose time is over.
pub(crate) fn retire_secrets(
    unit: &ServerUnit<'_>,
    key: Id<kind::ApiKey>,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "UPDATE server_api_key_secrets SET works_until = $2 WHERE key_id = $1 AND works_until > $2",
        &[&key, &until],
    )?;
    unit.execute(
        "DELETE FROM server_api_key_secrets WHERE key_id = $1 AND works_until <= $2",
        &[&key, &now],
    )?;
    Ok(())
}

record! {
    /// A secret, as whoever ends or changes its key has to know it.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct SecretOf {
        pub(crate) key_id: Id<kind::ApiKey>,
        pub(crate) user_id: Id<kind::User>,
        pub(crate) secret_hash: TokenHash,
    }
}

pub(crate) fn secrets_of_key(tx: &ServerTx<'_>, key: Id<kind::ApiKey>) -> Result<Vec<SecretOf>, DbError> {
    tx.all(
        "SELECT k.id, k.user_id, s.secret_hash FROM server_api_keys k
            JOIN server_api_key_secrets s ON s.key_id = k.id
         WHERE k.id = $1",
        &[&key],
    )
}

/// The secrets of all keys of a user, in all organizations.
pub(crate) fn secrets_of_user(tx: &ServerTx<'_>, user: Id<kind::User>) -> Result<Vec<SecretOf>, DbError> {
    tx.all(
        "SELECT k.id, k.user_id, s.secret_hash FROM server_api_keys k
            JOIN server_api_key_secrets s ON s.key_id = k.id
         WHERE k.user_id = $1 AND k.revoked_at IS NULL",
        &[&user],
    )
}

/// The same of the keys in one organization.
pub(crate) fn secrets_of_user_in(
    tx: &ServerTx<'_>,
    user: Id<kind::User>,
    org: Id<kind::Organization>,
) -> Result<Vec<SecretOf>, DbError> {
    tx.all(
        "SELECT k.id, k.user_id, s.secret_hash FROM server_api_keys k
            JOIN server_api_key_secrets s ON s.key_id = k.id
         WHERE k.user_id = $1 AND k.org_id = $2 AND k.revoked_at IS NULL",
        &[&user, &org],
    )
}

/// Revokes the keys of a user in one organization.
pub(crate) fn revoke_those_in(
    unit: &ServerUnit<'_>,
    user: Id<kind::User>,
    org: Id<kind::Organization>,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "UPDATE server_api_keys SET revoked_at = $3, updated_at = $3, rev = rev + 1
         WHERE user_id = $1 AND org_id = $2 AND revoked_at IS NULL",
        &[&user, &org, &now],
    )?;
    Ok(())
}

record! {
    /// What a secret that somebody shows says.
    #[derive(Debug, Clone)]
    pub(crate) struct Shown {
        pub(crate) id: Id<kind::ApiKey>,
        pub(crate) org_id: Id<kind::Organization>,
        pub(crate) user_id: Id<kind::User>,
        pub(crate) scopes: Json,
        pub(crate) ip_allowlist: Json,
        pub(crate) expires_at: Timestamp,
        pub(crate) revoked_at: Option<Timestamp>,
        pub(crate) last_used_at: Timestamp,
        pub(crate) works_until: Timestamp,
        pub(crate) status: Status,
        pub(crate) org_settings: Option<Json>,
    }
}

/// The key whose secret has that hash. An index finds it: how long that takes tells of the hash, which nobody who
/// doesn't know the secret can choose.
pub(crate) fn by_secret(tx: &ServerTx<'_>, hash: &TokenHash) -> Result<Option<Shown>, DbError> {
    tx.one(
        "SELECT k.id, k.org_id, k.user_id, k.scopes, k.ip_allowlist, k.expires_at, k.revoked_at, k.last_used_at,
            s.works_until, u.status, o.settings
         FROM server_api_key_secrets s JOIN server_api_keys k ON k.id = s.key_id
            JOIN server_users u ON u.id = k.user_id JOIN server_organizations o ON o.id = k.org_id
         WHERE s.secret_hash = $1",
        &[hash],
    )
}

/// The same of a key whose secret was shown a while ago, whichever of its secrets that was.
pub(crate) fn by_key(tx: &ServerTx<'_>, key: Id<kind::ApiKey>) -> Result<Option<Shown>, DbError> {
    tx.one(
        "SELECT k.id, k.org_id, k.user_id, k.scopes, k.ip_allowlist, k.expires_at, k.revoked_at, k.last_used_at,
            k.expires_at, u.status, o.settings
         FROM server_api_keys k JOIN server_users u ON u.id = k.user_id
            JOIN server_organizations o ON o.id = k.org_id WHERE k.id = $1",
        &[&key],
    )
}

impl Shown {
    /// Can it be used at all, apart from time?
    pub(crate) fn goes_on(&self) -> bool {
        self.revoked_at.is_none() && self.status == Status::Active
    }
}

/// Notes when and from where a key was last used. Never moves back.
pub(crate) fn touch(
    unit: &ServerUnit<'_>,
    id: Id<kind::ApiKey>,
    at: Timestamp,
    from: &str,
) -> Result<(), DbError> {
    unit.execute(
        "UPDATE server_api_keys SET last_used_at = $2, last_used_ip = $3 WHERE id = $1 AND last_used_at < $2",
        &[&id, &at, &from],
    )?;
    Ok(())
}

/// Keys that one unit looks at.
pub(crate) const AT_ONCE: u64 = 200;

/// Keys that end before then, whose end is not announced yet; they count as announced from now on.
pub(crate) fn to_announce(
    unit: &ServerUnit<'_>,
    now: Timestamp,
    before: Timestamp,
) -> Result<Vec<KeyRow>, DbError> {
    let keys: Vec<KeyRow> = unit.all(
        "SELECT id, rev, org_id, user_id, name, prefix, scopes, ip_allowlist, expires_at, revoked_at, last_used_at,
            last_used_ip, created_at, updated_at
         FROM server_api_keys WHERE announced = $1 AND expires_at > $2 AND expires_at <= $3
         ORDER BY expires_at LIMIT $4",
        &[&false, &now, &before, &AT_ONCE.cast_signed()],
    )?;
    let mut first = Vec::with_capacity(keys.len());
    for key in keys {
        // Two nodes may look at once.
        let marked = unit.execute(
            "UPDATE server_api_keys SET announced = $2 WHERE id = $1 AND announced = $3",
            &[&key.id, &true, &false],
        )?;
        if marked == 1 && key.revoked_at.is_none() {
            first.push(key);
        }
    }
    Ok(first)
}

/// Forgets keys that ended before then, some at a time; gives their number.
pub(crate) fn forget_some(unit: &ServerUnit<'_>, before: Timestamp) -> Result<u64, DbError> {
    unit.execute(
        "DELETE FROM server_api_keys WHERE id IN
            (SELECT id FROM (SELECT id FROM server_api_keys WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2) e
             UNION SELECT id FROM
                (SELECT id FROM server_api_keys WHERE revoked_at <= $1 ORDER BY revoked_at LIMIT $2) r)",
        &[&before, &AT_ONCE.cast_signed()],
    )
}
