//! Chains in the database.

use kernel::{
    Id, Timestamp,
    id::kind::{AuditEntry, Organization},
};

use super::chain::{Ends, Entry, Link};
use crate::{
    db::{Bind, DbError, Migration, Raw, ServerTx, Tx, Unit},
    record,
};

/// A row for each organization that has a chain, and what the last whole check of it found.
///
/// What has no number yet has an index of its own, so that looking for it costs the same whatever is stored; and the index
/// of numbers has only what has one, because SQLite takes that of something unique for the shortest way.
pub(crate) const CHAINS: Migration = Migration::new(
    "m20261201_70_platform_audit_chains",
    "ALTER TABLE audit ADD COLUMN seal bytea;
    DROP INDEX audit_by_number;
    CREATE UNIQUE INDEX audit_by_number ON audit (org_id, number) WHERE number IS NOT NULL;
    CREATE INDEX audit_unsealed ON audit (org_id, at, id) WHERE number IS NULL;
    CREATE TABLE audit_chains (
        org_id uuid NOT NULL PRIMARY KEY,
        sealed_key bytea NOT NULL,
        number bigint NOT NULL,
        hash bytea NOT NULL,
        anchor_number bigint NOT NULL,
        anchor_hash bytea NOT NULL,
        seal bytea NOT NULL,
        sealed_at bigint NOT NULL
    );
    CREATE TABLE audit_checks (
        org_id uuid NOT NULL PRIMARY KEY,
        at bigint NOT NULL,
        entries bigint NOT NULL,
        number bigint NOT NULL,
        flaw text
    );",
);

/// What the log is filtered by most: whose acts, which acts, on what.
pub(crate) const LOOKUPS: Migration = Migration::new(
    "m20261201_71_platform_audit_lookups",
    "CREATE INDEX audit_by_user ON audit (org_id, user_id, at, id);
    CREATE INDEX audit_by_action ON audit (org_id, action, at, id);
    CREATE INDEX audit_by_resource ON audit (org_id, resource_id, at, id);",
);

record! {
    /// The chain of an organization as its row tells.
    pub(super) struct ChainRow {
        pub(super) sealed_key: Vec<u8>,
        pub(super) number: i64,
        pub(super) hash: Vec<u8>,
        pub(super) anchor_number: i64,
        pub(super) anchor_hash: Vec<u8>,
        pub(super) seal: Vec<u8>,
    }
}

impl ChainRow {
    /// None if somebody made hashes of another length of them.
    pub(super) fn ends(&self) -> Option<Ends> {
        let link = |number, hash: &[u8]| Some(Link { number, hash: hash.try_into().ok()? });
        Some(Ends {
            head: link(self.number, &self.hash)?,
            anchor: link(self.anchor_number, &self.anchor_hash)?,
        })
    }
}

record! {
    /// What a whole check of a chain found.
    pub(super) struct CheckRow {
        pub(super) at: Timestamp,
        pub(super) entries: i64,
        pub(super) number: i64,
        pub(super) flaw: Option<String>,
    }
}

pub(super) fn chain(tx: &Tx<'_>) -> Result<Option<ChainRow>, DbError> {
    tx.one(
        "SELECT sealed_key, number, hash, anchor_number, anchor_hash, seal FROM audit_chains WHERE org_id = $1",
        &[],
    )
}

pub(super) fn begin(unit: &Unit<'_>, sealed_key: &[u8], ends: &Ends, seal: [u8; 32]) -> Result<(), DbError> {
    let now = unit.surroundings().now();
    unit.execute(
        "INSERT INTO audit_chains (org_id, sealed_key, number, hash, anchor_number, anchor_hash, seal, sealed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            &sealed_key,
            &ends.head.number,
            &ends.head.hash,
            &ends.anchor.number,
            &ends.anchor.hash,
            &seal,
            &now,
        ],
    )?;
    Ok(())
}

pub(super) fn move_ends(unit: &Unit<'_>, ends: &Ends, seal: [u8; 32]) -> Result<(), DbError> {
    let now = unit.surroundings().now();
    unit.execute(
        "UPDATE audit_chains SET number = $2, hash = $3, anchor_number = $4, anchor_hash = $5, seal = $6,
            sealed_at = $7
         WHERE org_id = $1",
        &[&ends.head.number, &ends.head.hash, &ends.anchor.number, &ends.anchor.hash, &seal, &now],
    )?;
    Ok(())
}

/// Entries without a number, the earliest first.
pub(super) const UNSEALED: &str = "SELECT org_id, id, at, context, user_id, session_id, action, category,
        resource_type, resource_id, resource_name, result, reason, ip_address, user_agent, request_id, details,
        number, hash, seal
     FROM audit WHERE org_id = $1 AND number IS NULL ORDER BY at, id LIMIT 500";
/// How many that are at the most.
pub(super) const AT_ONCE: usize = 500;

pub(super) fn unsealed(tx: &Tx<'_>) -> Result<Vec<Entry>, DbError> {
    tx.all(UNSEALED, &[])
}

/// Up to [`AT_ONCE`] entries behind a number, in the order of the chain.
pub(super) fn behind(tx: &Tx<'_>, number: i64) -> Result<Vec<Entry>, DbError> {
    tx.all(
        "SELECT org_id, id, at, context, user_id, session_id, action, category, resource_type, resource_id,
            resource_name, result, reason, ip_address, user_agent, request_id, details, number, hash, seal
         FROM audit WHERE org_id = $1 AND number > $2 ORDER BY number LIMIT 500",
        &[&number],
    )
}

/// The entry with that number.
pub(super) fn numbered(tx: &Tx<'_>, number: i64) -> Result<Option<Entry>, DbError> {
    tx.one(
        "SELECT org_id, id, at, context, user_id, session_id, action, category, resource_type, resource_id,
            resource_name, result, reason, ip_address, user_agent, request_id, details, number, hash, seal
         FROM audit WHERE org_id = $1 AND number = $2",
        &[&number],
    )
}

/// An entry whose number is not above that one.
pub(super) fn not_behind(tx: &Tx<'_>, number: i64) -> Result<Option<(i64, Id<AuditEntry>)>, DbError> {
    tx.one(
        "SELECT number, id FROM audit WHERE org_id = $1 AND number <= $2 ORDER BY number LIMIT 1",
        &[&number],
    )
}

/// The number of an entry behind that one, whatever somebody made of it.
pub(super) fn number_behind(tx: &Tx<'_>, number: i64) -> Result<Option<Raw>, DbError> {
    let found: Option<(Raw,)> = tx.one(
        "SELECT number FROM audit WHERE org_id = $1 AND number > $2 ORDER BY number LIMIT 1",
        &[&number],
    )?;
    Ok(found.map(|(number,)| number))
}

/// Does any entry have a number?
pub(super) fn has_numbers(tx: &Tx<'_>) -> Result<bool, DbError> {
    let any: Option<(i64,)> = tx.one(
        "SELECT number FROM audit WHERE org_id = $1 AND number IS NOT NULL ORDER BY number LIMIT 1",
        &[],
    )?;
    Ok(any.is_some())
}

pub(super) fn seal(unit: &Unit<'_>, id: [u8; 16], link: &Link, seal: [u8; 32]) -> Result<u64, DbError> {
    unit.execute(
        "UPDATE audit SET number = $3, hash = $4, seal = $5 WHERE org_id = $1 AND id = $2",
        &[&id, &link.number, &link.hash, &seal],
    )
}

pub(super) fn remove(unit: &Unit<'_>, behind: i64, up_to: i64) -> Result<u64, DbError> {
    unit.execute("DELETE FROM audit WHERE org_id = $1 AND number > $2 AND number <= $3", &[&behind, &up_to])
}

pub(super) fn last_check(tx: &Tx<'_>) -> Result<Option<CheckRow>, DbError> {
    tx.one("SELECT at, entries, number, flaw FROM audit_checks WHERE org_id = $1", &[])
}

pub(super) fn note_check(unit: &Unit<'_>, check: &CheckRow) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO audit_checks (org_id, at, entries, number, flaw) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (org_id) DO UPDATE SET at = $2, entries = $3, number = $4, flaw = $5",
        &[&check.at, &check.entries, &check.number, &check.flaw],
    )?;
    Ok(())
}

/// The next organization with entries that wait for a number.
pub(super) const NEXT_UNSEALED: &str =
    "SELECT org_id FROM audit WHERE number IS NULL AND org_id > $1 ORDER BY org_id LIMIT 1";
const NEXT_LOGGED: &str = "SELECT org_id FROM audit WHERE org_id > $1 ORDER BY org_id LIMIT 1";
const NEXT_CHAIN: &str = "SELECT org_id FROM audit_chains WHERE org_id > $1 ORDER BY org_id LIMIT 1";

type Found = Option<(Id<Organization>,)>;

pub(super) fn next_unsealed(tx: &ServerTx<'_>, after: &impl Bind) -> Result<Found, DbError> {
    tx.everywhere().one(NEXT_UNSEALED, &[after])
}

/// The next organization that has entries, or a chain of them.
pub(super) fn next_log(tx: &ServerTx<'_>, after: &impl Bind) -> Result<Found, DbError> {
    let everywhere = tx.everywhere();
    let logged: Found = everywhere.one(NEXT_LOGGED, &[after])?;
    let chained: Found = everywhere.one(NEXT_CHAIN, &[after])?;
    Ok(match (logged, chained) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    })
}
