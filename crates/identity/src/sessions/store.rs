//! Sessions and their refresh tokens in the database.

use kernel::{Confinement, Id, Timestamp, id::kind};
use platform::{
    db::{DbError, Filter, Json, ListOf, ServerTx, ServerUnit},
    record,
};

use crate::tokens::TokenHash;

record! {
    /// A session with its user's address.
    #[derive(Debug, Clone)]
    pub(crate) struct SessionRow {
        pub(crate) id: Id<kind::Session>,
        pub(crate) user_id: Id<kind::User>,
        pub(crate) user_email: String,
        pub(crate) home_org_id: Id<kind::Organization>,
        pub(crate) created_at: Timestamp,
        pub(crate) last_activity: Timestamp,
        pub(crate) expires_at: Timestamp,
        pub(crate) ip_address: String,
        pub(crate) user_agent: Option<String>,
        pub(crate) remember: bool,
        pub(crate) two_factor: bool,
    }
}

/// Every session that is kept began with a login.
const KIND: Filter =
    Filter::OneOf("'login'", &[("login", "login"), ("anonymous", "anonymous"), ("api", "api")]);

/// The sessions of those whose home an organization is.
pub(crate) const OF_ORGANIZATION: ListOf = ListOf {
    from: "server_sessions s LEFT JOIN server_users u ON u.id = s.user_id",
    columns: "s.id, s.user_id, u.email, s.home_org_id, s.created_at, s.last_activity, s.expires_at, s.ip_address, \
              s.user_agent, s.remember, s.two_factor",
    org: "s.home_org_id",
    id: "s.id",
    sorts: &[("last_activity", "s.last_activity"), ("created_at", "s.created_at")],
    filters: &[
        ("user_id", Filter::Indexed(&Filter::Id("s.user_id", "usr"), &["last_activity", "created_at"])),
        ("kind", KIND),
    ],
    search: None,
};

/// The sessions of one user, whom an extra condition names.
pub(crate) const OF_USER: ListOf = ListOf {
    org: "",
    filters: &[("user_id", Filter::Id("s.user_id", "usr")), ("kind", KIND)],
    ..OF_ORGANIZATION
};

record! {
    /// What a token that somebody shows says.
    #[derive(Debug, Clone)]
    pub(crate) struct Shown {
        pub(crate) id: Id<kind::Session>,
        pub(crate) user_id: Id<kind::User>,
        pub(crate) org_id: Id<kind::Organization>,
        pub(crate) token_expires_at: Timestamp,
        pub(crate) last_activity: Timestamp,
        pub(crate) ended_at: Option<Timestamp>,
        pub(crate) confined: Option<String>,
        pub(crate) status: crate::users::model::Status,
        pub(crate) org_settings: Option<Json>,
    }
}

/// The session whose present access token has that hash.
pub(crate) fn by_token(tx: &ServerTx<'_>, hash: &TokenHash) -> Result<Option<Shown>, DbError> {
    tx.one(
        "SELECT s.id, s.user_id, s.org_id, s.token_expires_at, s.last_activity, s.ended_at, s.confined,
            u.status, o.settings
         FROM server_sessions s JOIN server_users u ON u.id = s.user_id
            JOIN server_organizations o ON o.id = s.org_id WHERE s.token_hash = $1",
        &[hash],
    )
}

impl Shown {
    /// Has the session not been ended, and is its user one who can sign in?
    pub(crate) fn goes_on(&self) -> bool {
        self.ended_at.is_none() && self.status == crate::users::model::Status::Active
    }
}

pub(crate) fn by_id(tx: &ServerTx<'_>, id: Id<kind::Session>) -> Result<Option<Shown>, DbError> {
    tx.one(
        "SELECT s.id, s.user_id, s.org_id, s.token_expires_at, s.last_activity, s.ended_at, s.confined,
            u.status, o.settings
         FROM server_sessions s JOIN server_users u ON u.id = s.user_id
            JOIN server_organizations o ON o.id = s.org_id WHERE s.id = $1",
        &[&id],
    )
}

/// A session that has not ended.
pub(crate) fn find(
    tx: &ServerTx<'_>,
    id: Id<kind::Session>,
    now: Timestamp,
) -> Result<Option<SessionRow>, DbError> {
    tx.one(
        "SELECT s.id, s.user_id, u.email, s.home_org_id, s.created_at, s.last_activity, s.expires_at, s.ip_address,
            s.user_agent, s.remember, s.two_factor
         FROM server_sessions s JOIN server_users u ON u.id = s.user_id
         WHERE s.id = $1 AND s.ended_at IS NULL AND s.expires_at > $2",
        &[&id, &now],
    )
}

/// A session about to begin.
#[derive(Debug, Clone)]
pub(crate) struct NewSession {
    pub(crate) id: Id<kind::Session>,
    pub(crate) user: Id<kind::User>,
    pub(crate) home: Id<kind::Organization>,
    pub(crate) org: Id<kind::Organization>,
    pub(crate) token: TokenHash,
    pub(crate) token_expires_at: Timestamp,
    pub(crate) remember: bool,
    pub(crate) two_factor: bool,
    pub(crate) confined: Option<Confinement>,
    pub(crate) ip_address: String,
    pub(crate) user_agent: Option<String>,
    pub(crate) expires_at: Timestamp,
    pub(crate) now: Timestamp,
}

pub(crate) fn insert(unit: &ServerUnit<'_>, new: &NewSession) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO server_sessions (id, user_id, home_org_id, org_id, token_hash, token_expires_at, remember,
            two_factor, ip_address, user_agent, last_activity, expires_at, created_at, confined)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $11, $13)",
        &[
            &new.id,
            &new.user,
            &new.home,
            &new.org,
            &new.token,
            &new.token_expires_at,
            &new.remember,
            &new.two_factor,
            &new.ip_address,
            &new.user_agent,
            &new.now,
            &new.expires_at,
            &new.confined.map(Confinement::reason),
        ],
    )?;
    Ok(())
}

/// Confines a session to one thing, or to nothing any more.
pub(crate) fn confine(
    unit: &ServerUnit<'_>,
    id: Id<kind::Session>,
    confined: Option<Confinement>,
) -> Result<(), DbError> {
    unit.execute(
        "UPDATE server_sessions SET confined = $2 WHERE id = $1",
        &[&id, &confined.map(Confinement::reason)],
    )?;
    Ok(())
}

/// A second factor was shown in the session, which was confined to setting it up at the most.
pub(crate) fn second_factor_shown(unit: &ServerUnit<'_>, id: Id<kind::Session>) -> Result<(), DbError> {
    let none: Option<&str> = None;
    unit.execute(
        "UPDATE server_sessions SET two_factor = $2, confined = $3 WHERE id = $1",
        &[&id, &true, &none],
    )?;
    Ok(())
}

/// Gives the session another access token; the one before it is worth nothing from then on.
pub(crate) fn renew(
    unit: &ServerUnit<'_>,
    id: Id<kind::Session>,
    token: &TokenHash,
    token_expires_at: Timestamp,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "UPDATE server_sessions SET token_hash = $2, token_expires_at = $3, expires_at = $4, last_activity = $5
         WHERE id = $1",
        &[&id, token, &token_expires_at, &expires_at, &now],
    )?;
    Ok(())
}

record! {
    /// A session that lives, as whoever ends it has to know it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) struct Live {
        pub(crate) id: Id<kind::Session>,
        pub(crate) user_id: Id<kind::User>,
        pub(crate) token_hash: TokenHash,
    }
}

/// The sessions of a user that live, the least recently used one first.
pub(crate) fn live_of_user(
    tx: &ServerTx<'_>,
    user: Id<kind::User>,
    now: Timestamp,
) -> Result<Vec<Live>, DbError> {
    tx.all(
        "SELECT id, user_id, token_hash FROM server_sessions
         WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2 ORDER BY last_activity, id",
        &[&user, &now],
    )
}

/// Those of them that act in that organization.
pub(crate) fn live_of_user_in(
    tx: &ServerTx<'_>,
    user: Id<kind::User>,
    org: Id<kind::Organization>,
    now: Timestamp,
) -> Result<Vec<Live>, DbError> {
    tx.all(
        "SELECT id, user_id, token_hash FROM server_sessions
         WHERE user_id = $1 AND org_id = $2 AND ended_at IS NULL AND expires_at > $3",
        &[&user, &org, &now],
    )
}

/// Everybody's sessions that act in that organization.
pub(crate) fn live_in(tx: &ServerTx<'_>, org: Id<kind::Organization>) -> Result<Vec<Live>, DbError> {
    tx.all(
        "SELECT id, user_id, token_hash FROM server_sessions WHERE org_id = $1 AND ended_at IS NULL",
        &[&org],
    )
}

pub(crate) fn live(tx: &ServerTx<'_>, id: Id<kind::Session>) -> Result<Option<Live>, DbError> {
    tx.one("SELECT id, user_id, token_hash FROM server_sessions WHERE id = $1 AND ended_at IS NULL", &[&id])
}

/// Ends a session. Its refresh tokens stay, so that their use is recognized; they are worth nothing.
pub(crate) fn end(unit: &ServerUnit<'_>, id: Id<kind::Session>, now: Timestamp) -> Result<bool, DbError> {
    let ended = unit.execute(
        "UPDATE server_sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL",
        &[&id, &now],
    )?;
    Ok(ended == 1)
}

/// Forgets what nobody can use or misuse any more: sessions of the user whose last token would have expired.
pub(crate) fn sweep(unit: &ServerUnit<'_>, user: Id<kind::User>, now: Timestamp) -> Result<(), DbError> {
    unit.execute("DELETE FROM server_sessions WHERE user_id = $1 AND expires_at <= $2", &[&user, &now])?;
    Ok(())
}

/// Sessions that one unit forgets at the most.
pub(crate) const SWEPT_AT_ONCE: u64 = 500;

/// The same for everybody, some at a time; gives their number.
pub(crate) fn sweep_some(unit: &ServerUnit<'_>, now: Timestamp) -> Result<u64, DbError> {
    unit.execute(
        "DELETE FROM server_sessions WHERE id IN
            (SELECT id FROM server_sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
        &[&now, &SWEPT_AT_ONCE.cast_signed()],
    )
}

/// Notes when a session was last used. Never moves back, and never past its end.
pub(crate) fn touch(unit: &ServerUnit<'_>, id: Id<kind::Session>, at: Timestamp) -> Result<(), DbError> {
    unit.execute(
        "UPDATE server_sessions SET last_activity = $2 WHERE id = $1 AND last_activity < $2",
        &[&id, &at],
    )?;
    Ok(())
}

record! {
    /// A refresh token with what its use needs to know of its session.
    #[derive(Debug, Clone)]
    pub(crate) struct RefreshToken {
        pub(crate) session_id: Id<kind::Session>,
        pub(crate) user_id: Id<kind::User>,
        pub(crate) home_org_id: Id<kind::Organization>,
        pub(crate) access_token_hash: TokenHash,
        pub(crate) remember: bool,
        pub(crate) expires_at: Timestamp,
        pub(crate) spent_at: Option<Timestamp>,
        pub(crate) ended_at: Option<Timestamp>,
        pub(crate) status: crate::users::model::Status,
    }
}

pub(crate) fn refresh_token(tx: &ServerTx<'_>, hash: &TokenHash) -> Result<Option<RefreshToken>, DbError> {
    tx.one(
        "SELECT t.session_id, s.user_id, s.home_org_id, s.token_hash, s.remember, t.expires_at, t.spent_at,
            s.ended_at, u.status
         FROM server_refresh_tokens t JOIN server_sessions s ON s.id = t.session_id
            JOIN server_users u ON u.id = s.user_id
         WHERE t.token_hash = $1",
        &[hash],
    )
}

pub(crate) fn insert_refresh_token(
    unit: &ServerUnit<'_>,
    hash: &TokenHash,
    session: Id<kind::Session>,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO server_refresh_tokens (token_hash, session_id, expires_at, created_at) VALUES ($1, $2, $3, $4)",
        &[hash, &session, &expires_at, &now],
    )?;
    // What has expired is refused without being remembered.
    unit.execute(
        "DELETE FROM server_refresh_tokens WHERE session_id = $1 AND expires_at <= $2",
        &[&session, &now],
    )?;
    Ok(())
}

/// Spends a refresh token. Only one of several units that try gets true.
pub(crate) fn spend(unit: &ServerUnit<'_>, hash: &TokenHash, now: Timestamp) -> Result<bool, DbError> {
    let spent = unit.execute(
        "UPDATE server_refresh_tokens SET spent_at = $2 WHERE token_hash = $1 AND spent_at IS NULL",
        &[hash, &now],
    )?;
    Ok(spent == 1)
}
