//! The log as it is read, and the exports of it.

use kernel::{
    Id, Timestamp,
    id::{
        JobId,
        kind::{AuditEntry, Organization, Session, User},
    },
    list::{ListRequest, Page},
};
use platform::{
    db::{DbError, Extra, Filter, Json, ListError, ListOf, ServerTx, Tx, Unit},
    objects::{ObjectHash, Stored},
    record,
};

/// A row for each export whose file is kept. It is named by the job that made it.
pub(crate) const EXPORTS: &str = "
CREATE TABLE audit_exports (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    hash bytea NOT NULL,
    size bigint NOT NULL,
    format text NOT NULL,
    created_by uuid NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX audit_exports_by_expiry ON audit_exports (expires_at);
";

record! {
    /// An entry with the hash of the one before it and the address of who did it.
    #[derive(Debug, Clone)]
    pub(crate) struct EntryRow {
        pub(crate) id: Id<AuditEntry>,
        pub(crate) at: Timestamp,
        pub(crate) context: String,
        pub(crate) user_id: Option<Id<User>>,
        pub(crate) actor_email: Option<String>,
        pub(crate) session_id: Option<Id<Session>>,
        pub(crate) action: String,
        pub(crate) category: String,
        pub(crate) resource_type: Option<String>,
        pub(crate) resource_id: Option<String>,
        pub(crate) resource_name: Option<String>,
        pub(crate) result: String,
        pub(crate) reason: Option<String>,
        pub(crate) ip_address: Option<String>,
        pub(crate) user_agent: Option<String>,
        pub(crate) request_id: Option<String>,
        pub(crate) details: Json,
        pub(crate) number: Option<i64>,
        pub(crate) hash: Option<Vec<u8>>,
        pub(crate) prev_hash: Option<Vec<u8>>,
        /// The same where retention has removed the entry before it.
        pub(crate) anchor_hash: Option<Vec<u8>>,
    }
}

macro_rules! columns {
    () => {
        "a.id, a.at, a.context, a.user_id, u.email, a.session_id, a.action, a.category, a.resource_type, a.resource_id,
        a.resource_name, a.result, a.reason, a.ip_address, a.user_agent, a.request_id, a.details, a.number, a.hash,
        p.hash, c.anchor_hash"
    };
}

macro_rules! tables {
    () => {
        "audit a LEFT JOIN server_users u ON u.id = a.user_id
        LEFT JOIN audit p ON p.org_id = a.org_id AND p.number = a.number - 1
        LEFT JOIN audit_chains c ON c.org_id = a.org_id AND c.anchor_number = a.number - 1"
    };
}

const BY_USER: Filter = Filter::Id("a.user_id", "usr");

/// The organization of that slug.
pub(super) fn organization(tx: &ServerTx<'_>, slug: &str) -> Result<Option<Id<Organization>>, DbError> {
    let found: Option<(Id<Organization>,)> =
        tx.one("SELECT id FROM server_organizations WHERE slug = $1", &[&slug])?;
    Ok(found.map(|(id,)| id))
}

/// The log of an organization. Whose acts, which acts and on what have indexes; the rest is looked at on the way. Which
/// categories, results and contexts there are is checked where the list is asked for: the columns hold them as they are.
pub(crate) const LIST: ListOf = ListOf {
    from: tables!(),
    columns: columns!(),
    org: "a.org_id",
    id: "a.id",
    sorts: &[("timestamp", "a.at")],
    filters: &[
        ("user_id", Filter::Indexed(&BY_USER, &["timestamp"])),
        ("actor_id", Filter::Indexed(&BY_USER, &["timestamp"])),
        ("action", Filter::Indexed(&Filter::Text("a.action"), &["timestamp"])),
        ("category", Filter::Text("a.category")),
        ("resource_type", Filter::Text("a.resource_type")),
        ("resource_id", Filter::Indexed(&Filter::Text("a.resource_id"), &["timestamp"])),
        ("success", Filter::Custom("CASE a.result WHEN 'success' THEN 'true' ELSE 'false' END = ?")),
        ("result", Filter::Text("a.result")),
        ("ip_address", Filter::Text("a.ip_address")),
        ("context", Filter::Text("a.context")),
    ],
    search: None,
};

pub(super) fn list(tx: &Tx<'_>, request: &ListRequest, extra: Extra) -> Result<Page<EntryRow>, ListError> {
    tx.list(&LIST, request, extra)
}

pub(super) fn get(tx: &Tx<'_>, id: Id<AuditEntry>) -> Result<Option<EntryRow>, DbError> {
    tx.one(concat!("SELECT ", columns!(), " FROM ", tables!(), " WHERE a.org_id = $1 AND a.id = $2"), &[&id])
}

/// Entries that a summary counts at the most: the newest of its period.
pub(super) const COUNTED: u64 = 20_000;

record! {
    /// How many entries of a day are of that action and ended so.
    pub(super) struct Acts {
        pub(super) action: String,
        pub(super) result: String,
        /// Days since 1970.
        pub(super) day: i64,
        pub(super) count: i64,
        pub(super) first: Timestamp,
    }
}

record! {
    /// How many entries are of somebody.
    pub(super) struct Actors {
        pub(super) user_id: Option<Id<User>>,
        pub(super) email: Option<String>,
        pub(super) count: i64,
    }
}

macro_rules! newest {
    ($columns:literal) => {
        concat!(
            "(SELECT ",
            $columns,
            " FROM audit WHERE org_id = $1 AND at >= $2 AND at < $3 ORDER BY at DESC, id DESC LIMIT 20000) newest"
        )
    };
}

pub(super) fn acts(tx: &Tx<'_>, from: Timestamp, until: Timestamp) -> Result<Vec<Acts>, DbError> {
    tx.all(
        concat!(
            "SELECT action, result, at / 86400000000, count(*), min(at) FROM ",
            newest!("action, result, at"),
            " GROUP BY action, result, at / 86400000000"
        ),
        &[&from, &until],
    )
}

/// Those with most entries first.
pub(super) fn actors(tx: &Tx<'_>, from: Timestamp, until: Timestamp) -> Result<Vec<Actors>, DbError> {
    tx.all(
        concat!(
            "SELECT newest.user_id, u.email, count(*) FROM ",
            newest!("user_id"),
            " LEFT JOIN server_users u ON u.id = newest.user_id
             GROUP BY newest.user_id, u.email ORDER BY count(*) DESC, newest.user_id LIMIT 50"
        ),
        &[&from, &until],
    )
}

record! {
    /// An export whose file is kept.
    #[derive(Debug, Clone)]
    pub(super) struct ExportRow {
        pub(super) hash: ObjectHash,
        pub(super) size: i64,
        pub(super) format: String,
        pub(super) created_by: Id<User>,
        pub(super) created_at: Timestamp,
        pub(super) expires_at: Timestamp,
    }
}

pub(super) fn insert_export(
    unit: &Unit<'_>,
    id: JobId,
    stored: Stored,
    format: &str,
    by: Id<User>,
    (now, expires_at): (Timestamp, Timestamp),
) -> Result<(), DbError> {
    let size = i64::try_from(stored.size).unwrap_or(i64::MAX);
    unit.execute(
        "INSERT INTO audit_exports (org_id, id, hash, size, format, created_by, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[&id, &stored.hash, &size, &format, &by, &now, &expires_at],
    )?;
    unit.claim_object(stored, id.as_bytes())
}

pub(super) fn export(tx: &Tx<'_>, id: JobId) -> Result<Option<ExportRow>, DbError> {
    tx.one(
        "SELECT hash, size, format, created_by, created_at, expires_at FROM audit_exports
         WHERE org_id = $1 AND id = $2",
        &[&id],
    )
}

/// Exports whose time is over, of all organizations, some at once.
pub(super) fn expired(tx: &ServerTx<'_>, now: Timestamp) -> Result<Vec<(Id<Organization>, JobId)>, DbError> {
    tx.across_organizations_with(
        "SELECT org_id, id FROM audit_exports WHERE expires_at <= $1 ORDER BY expires_at LIMIT 100",
        &[&now],
    )
}

pub(super) fn remove_export(unit: &Unit<'_>, id: JobId) -> Result<(), DbError> {
    unit.execute("DELETE FROM audit_exports WHERE org_id = $1 AND id = $2", &[&id])?;
    unit.release_objects(id.as_bytes())
}
