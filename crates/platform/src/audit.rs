//! The audit log: who did what to which thing, appended in the unit of work that it records.
//!
//! No writer waits for another: an entry stands without a number first. A [`Sealer`] on each node gives it the next
//! number of its organization's chain, a hash of all that it holds and of the entry before it, and a seal, within a
//! second of its commit. The order of the chain is thus the order in which entries came to be seen. [`AuditLog`] checks
//! chains, and forgets their oldest entries where an operator wants it.
//!
//! `chain` holds what a chain is, without I/O; `store` the SQL; `sealer` the task of a node; `check` and `retention`
//! walk chains in small steps.

mod chain;
mod check;
mod log;
mod retention;
mod sealer;
mod settings;
mod store;

use kernel::{Actor, Id, Origin, id::kind::AuditEntry};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::db::{DbError, Json, Migration, Unit};
pub use chain::{Flaw, InvalidLink, Link};
pub use check::{Check, VERIFY, verify};
pub use log::{AuditError, AuditLog, PastCheck, Standing};
pub use retention::{RETAIN, retain};
pub use sealer::Sealer;
pub use settings::Settings;
pub(crate) use store::{CHAINS, LOOKUPS};

/// The table. Number and hash are given to an entry after it stands, so that no writer waits for another.
pub(crate) const TABLE: Migration = Migration::new(
    "m20261123_01_platform_audit",
    "CREATE TABLE audit (
        org_id uuid NOT NULL,
        id uuid NOT NULL,
        at bigint NOT NULL,
        context text NOT NULL,
        user_id uuid,
        session_id uuid,
        action text NOT NULL,
        category text NOT NULL,
        resource_type text,
        resource_id text,
        resource_name text,
        result text NOT NULL,
        reason text,
        ip_address text,
        user_agent text,
        request_id text,
        details text NOT NULL,
        number bigint,
        hash bytea,
        PRIMARY KEY (org_id, id)
    );
    CREATE INDEX audit_by_time ON audit (org_id, at, id);
    CREATE UNIQUE INDEX audit_by_number ON audit (org_id, number);",
);

/// What kind of act it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// Signing in and out, passwords.
    Authentication,
    /// A permission that was missing.
    Authorization,
    /// Reading what is not one's own.
    DataAccess,
    /// Changing things.
    DataModification,
    /// Administering people and rights.
    Administrative,
    /// What looks like an attack.
    Security,
}

impl Category {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Authorization => "authorization",
            Self::DataAccess => "data_access",
            Self::DataModification => "data_modification",
            Self::Administrative => "administrative",
            Self::Security => "security",
        }
    }
}

/// An entry to be written. Secrets, tokens and message texts never belong into it.
#[derive(Debug, Clone)]
pub struct Audit {
    action: &'static str,
    category: Category,
    context: &'static str,
    user: Option<[u8; 16]>,
    session: Option<[u8; 16]>,
    origin: Option<Origin>,
    resource: Option<(&'static str, String)>,
    name: Option<String>,
    result: &'static str,
    reason: Option<&'static str>,
    details: Map<String, Value>,
    changes: Vec<Value>,
}

impl Audit {
    fn new(action: &'static str, category: Category, context: &'static str) -> Self {
        Self {
            action,
            category,
            context,
            user: None,
            session: None,
            origin: None,
            resource: None,
            name: None,
            result: "success",
            reason: None,
            details: Map::new(),
            changes: Vec::new(),
        }
    }

    /// An act of a signed-in user, or of a program with their API key.
    pub fn by(who: &Actor, action: &'static str, category: Category) -> Self {
        let entry = Self {
            user: Some(*who.user.as_bytes()),
            origin: Some((*who.origin).clone()),
            ..Self::new(action, category, if who.has_key() { "api_key" } else { "user" })
        };
        match who.key {
            Some(key) => entry.detail("key_id", key),
            None => Self { session: Some(*who.session.as_bytes()), ..entry },
        }
    }

    /// An act of somebody who is not signed in.
    pub fn anonymous(origin: &Origin, action: &'static str, category: Category) -> Self {
        Self { origin: Some(origin.clone()), ..Self::new(action, category, "anonymous") }
    }

    /// An act of the server itself, or of whoever operates it.
    pub fn system(action: &'static str, category: Category) -> Self {
        Self::new(action, category, "system")
    }

    /// What was done.
    pub const fn action(&self) -> &'static str {
        self.action
    }

    /// Who it turned out to be, where the act began anonymously: a sign-in.
    #[must_use]
    pub fn as_user(mut self, user: Id<kernel::id::kind::User>) -> Self {
        self.user = Some(*user.as_bytes());
        self.context = "user";
        self
    }

    /// The thing it was done to.
    #[must_use]
    pub fn on(mut self, resource_type: &'static str, id: impl std::fmt::Display) -> Self {
        self.resource = Some((resource_type, id.to_string()));
        self
    }

    /// What the thing was called then.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// A field that changed.
    #[must_use]
    pub fn change(mut self, field: impl AsRef<str>, old: impl Serialize, new: impl Serialize) -> Self {
        let field = field.as_ref();
        self.changes.push(json!({ "field": field, "old_value": to_value(old), "new_value": to_value(new) }));
        self
    }

    /// Something else worth keeping.
    #[must_use]
    pub fn detail(mut self, name: &'static str, value: impl Serialize) -> Self {
        self.details.insert(name.to_owned(), to_value(value));
        self
    }

    /// It did not succeed.
    #[must_use]
    pub fn failed(mut self, reason: &'static str) -> Self {
        (self.result, self.reason) = ("failure", Some(reason));
        self
    }

    /// It was not allowed.
    #[must_use]
    pub fn denied(mut self, reason: &'static str) -> Self {
        (self.result, self.reason) = ("denied", Some(reason));
        self
    }
}

fn to_value(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

impl Unit<'_> {
    /// Appends an entry to the organization's audit log, in this unit of work.
    pub fn audit(&self, entry: Audit) -> Result<(), DbError> {
        let at = self.surroundings().now();
        let mut details = entry.details;
        if !entry.changes.is_empty() {
            details.insert("changes".to_owned(), Value::from(entry.changes));
        }
        let id: Id<AuditEntry> = self.surroundings().id_at(at);
        let (resource_type, resource_id) = entry.resource.unzip();
        let origin = entry.origin.as_ref();
        self.execute(
            "INSERT INTO audit (org_id, id, at, context, user_id, session_id, action, category, resource_type,
                resource_id, resource_name, result, reason, ip_address, user_agent, request_id, details)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
            &[
                &id,
                &at,
                &entry.context,
                &entry.user,
                &entry.session,
                &entry.action,
                &entry.category.as_str(),
                &resource_type,
                &resource_id,
                &entry.name,
                &entry.result,
                &entry.reason,
                &origin.map(|origin| origin.address.to_string()),
                &origin.and_then(|origin| origin.user_agent.as_deref()),
                &origin.map(|origin| &*origin.request_id),
                &Json::of(&details),
            ],
        )?;
        self.signal_audit();
        Ok(())
    }
}

#[cfg(test)]
mod sealing_tests;
#[cfg(test)]
mod tests;
