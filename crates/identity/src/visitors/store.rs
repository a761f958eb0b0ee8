//! Visits in the database.

use kernel::{
    Id, Timestamp,
    id::kind::{Bot, Organization, Session, User},
};
use platform::{
    db::{DbError, Json, ServerTx, ServerUnit},
    record,
};

use crate::{sessions::store::Live, tokens::TokenHash};

/// A row for each visit that has not been forgotten. `idle` is in microseconds.
pub(crate) const VISITORS: &str = "
CREATE TABLE server_visitors (
    id uuid NOT NULL PRIMARY KEY,
    user_id uuid NOT NULL,
    org_id uuid NOT NULL,
    bot_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    ip_address text NOT NULL,
    user_agent text,
    idle bigint NOT NULL,
    last_activity bigint NOT NULL,
    expires_at bigint NOT NULL,
    ended_at bigint,
    created_at bigint NOT NULL,
    UNIQUE (token_hash)
);
CREATE INDEX server_visitors_by_expiry ON server_visitors (expires_at);
";

record! {
    /// A visit.
    #[derive(Debug, Clone)]
    pub(crate) struct VisitRow {
        pub(crate) id: Id<Session>,
        pub(crate) user_id: Id<User>,
        pub(crate) org_id: Id<Organization>,
        pub(crate) bot_id: Id<Bot>,
        pub(crate) token_hash: TokenHash,
        pub(crate) ip_address: String,
        pub(crate) user_agent: Option<String>,
        /// How long the visitor may be silent, in microseconds.
        pub(crate) idle: i64,
        pub(crate) last_activity: Timestamp,
        pub(crate) expires_at: Timestamp,
        pub(crate) ended_at: Option<Timestamp>,
        pub(crate) created_at: Timestamp,
        /// What the organization decides for itself.
        pub(crate) org_settings: Option<Json>,
    }
}

impl VisitRow {
    /// As whoever ends it has to know it.
    pub(crate) fn live(&self) -> Live {
        Live { id: self.id, user_id: self.user_id, token_hash: self.token_hash }
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, user_id, org_id, bot_id, token_hash, ip_address, user_agent, idle, last_activity, expires_at,
                ended_at, created_at,
                (SELECT o.settings FROM server_organizations o WHERE o.id = server_visitors.org_id)
             FROM server_visitors ",
            $rest
        )
    };
}

pub(crate) fn insert(unit: &ServerUnit<'_>, new: &VisitRow) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO server_visitors (id, user_id, org_id, bot_id, token_hash, ip_address, user_agent, idle,
            last_activity, expires_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $9)",
        &[
            &new.id,
            &new.user_id,
            &new.org_id,
            &new.bot_id,
            &new.token_hash,
            &new.ip_address,
            &new.user_agent,
            &new.idle,
            &new.last_activity,
            &new.expires_at,
        ],
    )?;
    Ok(())
}

pub(crate) fn by_token(tx: &ServerTx<'_>, hash: &TokenHash) -> Result<Option<VisitRow>, DbError> {
    tx.one(select!("WHERE token_hash = $1"), &[hash])
}

pub(crate) fn by_id(tx: &ServerTx<'_>, id: Id<Session>) -> Result<Option<VisitRow>, DbError> {
    tx.one(select!("WHERE id = $1"), &[&id])
}

/// Some of those whose visitors didn't come back, whether they were ended before or not.
pub(crate) fn expired(tx: &ServerTx<'_>, now: Timestamp, most: i64) -> Result<Vec<VisitRow>, DbError> {
    tx.all(select!("WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2"), &[&now, &most])
}

/// Ends a visit. Only one of several units that try gets true.
pub(crate) fn end(unit: &ServerUnit<'_>, id: Id<Session>, now: Timestamp) -> Result<bool, DbError> {
    let ended = unit.execute(
        "UPDATE server_visitors SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL",
        &[&id, &now],
    )?;
    Ok(ended == 1)
}

/// Ends all visits to an organization; gives those that it ended.
pub(crate) fn end_all_in(
    unit: &ServerUnit<'_>,
    org: Id<Organization>,
    now: Timestamp,
) -> Result<Vec<Live>, DbError> {
    let visits: Vec<VisitRow> = unit.all(select!("WHERE org_id = $1 AND ended_at IS NULL"), &[&org])?;
    unit.execute(
        "UPDATE server_visitors SET ended_at = $2 WHERE org_id = $1 AND ended_at IS NULL",
        &[&org, &now],
    )?;
    Ok(visits.iter().map(VisitRow::live).collect())
}

/// Locks a visit against its end. False if it has ended.
pub(super) fn hold(unit: &ServerUnit<'_>, id: Id<Session>) -> Result<bool, DbError> {
    let held = unit.execute(
        "UPDATE server_visitors SET last_activity = last_activity WHERE id = $1 AND ended_at IS NULL",
        &[&id],
    )?;
    Ok(held == 1)
}

/// Forgets a visit, unless its visitor came back meanwhile.
pub(crate) fn forget(unit: &ServerUnit<'_>, id: Id<Session>, now: Timestamp) -> Result<bool, DbError> {
    let gone =
        unit.execute("DELETE FROM server_visitors WHERE id = $1 AND expires_at <= $2", &[&id, &now])?;
    Ok(gone == 1)
}

/// Notes when a visitor was last here, which moves the end. One that has ended stays so.
pub(crate) fn touch(unit: &ServerUnit<'_>, id: Id<Session>, at: Timestamp) -> Result<(), DbError> {
    unit.execute(
        "UPDATE server_visitors SET last_activity = $2, expires_at = $2 + idle
         WHERE id = $1 AND last_activity < $2 AND ended_at IS NULL",
        &[&id, &at],
    )?;
    Ok(())
}
