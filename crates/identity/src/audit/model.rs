//! An entry as the API shows it, and what may be asked of the log.

use chrono::{DateTime, Utc};
use kernel::{
    Error,
    id::kind,
    list::{FilterField, ListRequest, ListSpec, Listed, SortField},
};
use platform::db::{DbError, Json};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::store::EntryRow;
use crate::{
    auth,
    ids::{AuditEntryId, OrganizationId, SessionId, UserId},
};

/// The list of entries.
pub(crate) enum AuditLogList {}

impl Listed for AuditLogList {
    const SPEC: ListSpec = SPEC;
}

const CATEGORIES: [&str; 6] =
    ["authentication", "authorization", "data_access", "data_modification", "administrative", "security"];
const CONTEXTS: [&str; 4] = ["user", "system", "api_key", "anonymous"];
const RESULTS: [&str; 3] = ["success", "failure", "denied"];
/// The days that one question may be about: ten years.
const MOST_DAYS: u32 = 3_660;

/// What may be asked of the log.
pub(crate) const SPEC: ListSpec = ListSpec {
    sorts: &[SortField::desc("timestamp")],
    filters: &[
        FilterField::id::<kind::User>("user_id", "Done by these people."),
        FilterField::id::<kind::User>("actor_id", "The same as `user_id`."),
        FilterField::texts(
            "action",
            "These acts, such as `user_created`; `login` means success and failure.",
        ),
        FilterField::one_of("category", &CATEGORIES, "Of these kinds."),
        FilterField::texts("resource_type", "Done to things of these types, such as `bot`."),
        FilterField::texts("resource_id", "Done to these things."),
        FilterField::flag("success", "Did it succeed?"),
        FilterField::one_of("result", &RESULTS, "That ended so."),
        FilterField::texts("ip_address", "From these addresses."),
        FilterField::one_of("context", &CONTEXTS, "Done in one of these capacities."),
        FilterField::day("start_date", "From that day or time on."),
        FilterField::day("end_date", "Until that day, which counts, or before that time."),
        FilterField::whole("days", (1, MOST_DAYS), "In the last so many days, instead of `start_date`."),
    ],
    search: None,
};

/// Puts the actions in place that an alias means.
pub(super) fn expand(request: &mut ListRequest) {
    for (_, values) in request.filters.iter_mut().filter(|(field, _)| *field == "action") {
        let named = std::mem::take(values);
        for action in named {
            if action == "login" {
                values.extend(["login_success", "login_failed"].map(str::to_owned));
            } else {
                values.push(action);
            }
        }
    }
}

/// What kind of act it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AuditCategory)]
pub enum CategoryName {
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

/// In which capacity somebody acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AuditContext)]
pub enum ContextName {
    /// A signed-in user.
    User,
    /// The server, or whoever operates it.
    System,
    /// A program with a key of a user's.
    ApiKey,
    /// Somebody without an account.
    Anonymous,
}

/// How an act ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = AuditResult)]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was not done, because something failed or was wrong.
    Failure,
    /// It was not done, because the caller may not.
    Denied,
}

/// A field of the thing that changed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FieldChange {
    /// The field.
    #[schema(example = "display_name")]
    pub field: String,
    /// What it was before.
    #[schema(value_type = Value, example = "Old name")]
    pub old_value: Value,
    /// What it was afterwards.
    #[schema(value_type = Value, example = "New name")]
    pub new_value: Value,
}

/// What more there is to know of an act. Secrets, tokens and texts of messages are never among it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Details {
    /// A sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "renamed")]
    pub description: Option<String>,
    /// The fields that changed, as they were before; on single entries only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before_state: Option<Map<String, Value>>,
    /// The same as they were afterwards; on single entries only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_state: Option<Map<String, Value>>,
    /// The fields that changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FieldChange>,
    /// What else was noted, by its name.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
}

/// Something that was done, or tried. Entries are never changed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AuditEntry {
    /// The entry.
    pub log_id: AuditEntryId,
    /// When it was.
    pub timestamp: DateTime<Utc>,
    /// The organization whose log it is in.
    pub organization_id: OrganizationId,
    /// In which capacity it was done: by a `user`, by the `system`, with an `api_key`, or by somebody `anonymous`.
    #[schema(pattern = "^(user|system|api_key|anonymous)$", example = "user")]
    pub context: String,
    /// Who did it; absent where that was nobody with an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Their present address, while they have an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ann@example.com")]
    pub actor_email: Option<String>,
    /// What was done.
    #[schema(example = "user_created")]
    pub action: String,
    /// What kind of act it is.
    #[schema(
        pattern = "^(authentication|authorization|data_access|data_modification|administrative|security)$",
        example = "administrative"
    )]
    pub category: String,
    /// The type of the thing it was done to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "user")]
    pub resource_type: Option<String>,
    /// The id of that thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "usr_01jxk6qv9ve7m8g3t5s0c4d2ba")]
    pub resource_id: Option<String>,
    /// What it was called then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ann")]
    pub resource_name: Option<String>,
    /// Did it succeed?
    pub success: bool,
    /// How it ended.
    pub result: Outcome,
    /// Why it did not succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "permission_missing")]
    pub reason: Option<String>,
    /// The address it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "203.0.113.7")]
    pub ip_address: Option<String>,
    /// What the client called itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "curl/8.7.1")]
    pub user_agent: Option<String>,
    /// The session it was done in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// The request it was done by.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "01jxk6qv9ve7m8g3t5s0c4d2ba")]
    pub request_id: Option<String>,
    /// What set it off: a `request`, or the `server` itself.
    #[schema(pattern = "^(request|server)$", example = "request")]
    pub trigger: String,
    /// What more there is to know.
    pub details: Details,
    /// Its number in the chain, from 1; absent in the moment before it is sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, example = 17)]
    pub number: Option<i64>,
    /// The SHA-256 of it and of the hash before it, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        pattern = "^[0-9a-f]{64}$",
        example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    )]
    pub hash: Option<String>,
    /// The hash of the entry before it; zeros before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        pattern = "^[0-9a-f]{64}$",
        example = "0000000000000000000000000000000000000000000000000000000000000000"
    )]
    pub prev_hash: Option<String>,
}

impl AuditEntry {
    /// An entry of a list, which leaves out the states before and after: they are what the changes say.
    pub(super) fn listed(org: OrganizationId, row: EntryRow) -> Result<Self, DbError> {
        Self::of(org, row, false)
    }

    /// An entry with all there is to know.
    pub(super) fn whole(org: OrganizationId, row: EntryRow) -> Result<Self, DbError> {
        Self::of(org, row, true)
    }

    fn of(org: OrganizationId, row: EntryRow, states: bool) -> Result<Self, DbError> {
        let result = match row.result.as_str() {
            "success" => Outcome::Success,
            "denied" => Outcome::Denied,
            _ => Outcome::Failure,
        };
        let trigger = if row.request_id.is_some() { "request" } else { "server" };
        let hex = |hash: Vec<u8>| auth::hex(&hash);
        Ok(Self {
            log_id: row.id,
            timestamp: row.at,
            organization_id: org,
            context: row.context,
            user_id: row.user_id,
            actor_email: row.actor_email,
            action: row.action,
            category: row.category,
            resource_type: row.resource_type,
            resource_id: row.resource_id,
            resource_name: row.resource_name,
            success: result == Outcome::Success,
            result,
            reason: row.reason,
            ip_address: row.ip_address,
            user_agent: row.user_agent,
            session_id: row.session_id,
            request_id: row.request_id,
            trigger: trigger.to_owned(),
            details: Details::read(&row.details, states)?,
            number: row.number,
            prev_hash: row.prev_hash.or(row.anchor_hash).filter(|_| row.number.is_some()).map(hex),
            hash: row.hash.map(hex),
        })
    }
}

impl Details {
    fn read(stored: &Json, states: bool) -> Result<Self, DbError> {
        let mut all: Map<String, Value> = stored.read()?;
        let changes = all.remove("changes").and_then(|changes| match changes {
            Value::Array(changes) => Some(changes.into_iter().filter_map(FieldChange::read).collect()),
            _ => None,
        });
        let changes: Vec<FieldChange> = changes.unwrap_or_default();
        let description = match all.remove("description") {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let mut state = |name: &str, of: fn(&FieldChange) -> &Value| {
            let written = match all.remove(name) {
                Some(Value::Object(fields)) => Some(fields),
                _ => None,
            };
            let made = || changes.iter().map(|change| (change.field.clone(), of(change).clone())).collect();
            written.or_else(|| (!changes.is_empty()).then(made)).filter(|_| states)
        };
        Ok(Self {
            description,
            before_state: state("before_state", |change| &change.old_value),
            after_state: state("after_state", |change| &change.new_value),
            changes,
            attributes: all,
        })
    }
}

impl FieldChange {
    fn read(stored: Value) -> Option<Self> {
        let Value::Object(mut change) = stored else { return None };
        let Some(Value::String(field)) = change.remove("field") else { return None };
        let mut value = |name: &str| change.remove(name).unwrap_or_default();
        Some(Self { field, old_value: value("old_value"), new_value: value("new_value") })
    }
}

/// Why it can't be done.
#[derive(Debug, thiserror::Error)]
pub enum AuditsError {
    /// There is no such entry.
    #[error("There is no such audit entry.")]
    NoEntry,
    /// There is no such export, it is another's, or its time is over.
    #[error("There is no such export, or it is no longer kept.")]
    NoExport,
    /// Something further down.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<DbError> for AuditsError {
    fn from(error: DbError) -> Self {
        Self::Other(error.into())
    }
}

impl From<platform::db::ListError> for AuditsError {
    fn from(error: platform::db::ListError) -> Self {
        Self::Other(error.into())
    }
}

impl From<AuditsError> for Error {
    fn from(error: AuditsError) -> Self {
        match error {
            AuditsError::NoEntry | AuditsError::NoExport => {
                Self::new(kernel::Kind::NotFound, error.to_string())
            }
            AuditsError::Other(error) => error,
        }
    }
}
