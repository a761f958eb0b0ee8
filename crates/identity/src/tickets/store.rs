//! Tickets in the database.

use kernel::{Id, Timestamp, id::kind::Session};
use platform::{
    db::{DbError, Migration, ServerTx, ServerUnit},
    record,
};

use crate::tokens::TokenHash;

/// `is_visit` says in which table the session stands.
pub(super) const TICKETS: Migration = Migration::new(
    "m20261202_10_identity_socket_tickets",
    "CREATE TABLE server_socket_tickets (
        token_hash bytea NOT NULL PRIMARY KEY,
        session_id uuid NOT NULL,
        is_visit boolean NOT NULL,
        expires_at bigint NOT NULL,
        created_at bigint NOT NULL
    );
    CREATE INDEX server_socket_tickets_by_end ON server_socket_tickets (expires_at);",
);

/// Tickets that one unit forgets at the most.
pub(super) const SWEPT_AT_ONCE: u64 = 500;

record! {
    /// A ticket that was not spent.
    #[derive(Debug, Clone, Copy)]
    pub(super) struct TicketRow {
        pub(super) session_id: Id<Session>,
        pub(super) is_visit: bool,
        pub(super) expires_at: Timestamp,
    }
}

pub(super) fn insert(
    unit: &ServerUnit<'_>,
    hash: &TokenHash,
    ticket: &TicketRow,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO server_socket_tickets (token_hash, session_id, is_visit, expires_at, created_at)
         VALUES ($1, $2, $3, $4, $5)",
        &[hash, &ticket.session_id, &ticket.is_visit, &ticket.expires_at, &now],
    )?;
    Ok(())
}

pub(super) fn exists(tx: &ServerTx<'_>, hash: &TokenHash) -> Result<bool, DbError> {
    let found: Option<(Timestamp,)> =
        tx.one("SELECT expires_at FROM server_socket_tickets WHERE token_hash = $1", &[hash])?;
    Ok(found.is_some())
}

/// Spends a ticket, whether or not it is still good. Only one of several units that try gets it.
pub(super) fn spend(unit: &ServerUnit<'_>, hash: &TokenHash) -> Result<Option<TicketRow>, DbError> {
    unit.one(
        "DELETE FROM server_socket_tickets WHERE token_hash = $1 RETURNING session_id, is_visit, expires_at",
        &[hash],
    )
}

/// Forgets some of those that nobody used in time; gives their number.
pub(super) fn sweep_some(unit: &ServerUnit<'_>, now: Timestamp) -> Result<u64, DbError> {
    unit.execute(
        "DELETE FROM server_socket_tickets WHERE token_hash IN
            (SELECT token_hash FROM server_socket_tickets WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
        &[&now, &SWEPT_AT_ONCE.cast_signed()],
    )
}
