//! An API key as the API shows one, and what may be asked of it.

use chrono::{DateTime, Utc};
use kernel::{
    NEVER, Patch, PermissionSet, Timestamp,
    id::{ApiKeyId, kind::User},
    list::{FilterField, ListSpec, Listed, SortField},
};
use platform::db::{DbError, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Networks, store::KeyRow};
use crate::{ids::UserId, roles::permissions::PermissionText, tokens::Disclosed, users::fields::ShownName};

/// The lists of keys.
pub(crate) enum KeyList {}

impl Listed for KeyList {
    const SPEC: ListSpec = LIST;
}

/// What a list of keys can be asked.
pub(crate) const LIST: ListSpec = ListSpec {
    sorts: &[
        SortField::desc("created_at"),
        SortField::asc("name"),
        SortField::desc("last_used_at"),
        SortField::asc("expires_at"),
    ],
    filters: &[
        FilterField::one_of("status", &["active", "expired", "revoked"], "In one of these states."),
        FilterField::id::<User>("user_id", "Of these people; others than oneself need `admin:keys`."),
    ],
    search: None,
};

/// What a key is good for at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ApiKeyStatus)]
pub enum KeyStatus {
    /// It works, as long as its owner's account does.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody ended it.
    Revoked,
}

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ApiKey {
    /// The key's id.
    pub key_id: ApiKeyId,
    /// Whose it is.
    pub user_id: UserId,
    /// What it is called.
    #[schema(value_type = ShownName, example = "Nightly export")]
    pub name: String,
    /// How its present secret begins, to know it by.
    #[schema(example = "bsk_Zm9yIGRv")]
    pub prefix: String,
    /// What it may do, as far as its owner may.
    #[schema(value_type = Vec<PermissionText>, example = json!(["tasks:read"]))]
    pub scopes: PermissionSet,
    /// What it is good for at all.
    pub status: KeyStatus,
    /// The networks it is good from; none means everywhere.
    #[schema(example = json!(["203.0.113.0/24"]))]
    pub ip_allowlist: Vec<String>,
    /// From when on it is worth nothing; absent if it has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// The last request with it, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<DateTime<Utc>>,
    /// Where that came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "203.0.113.7")]
    pub last_used_ip: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl ApiKey {
    pub(crate) fn of(row: KeyRow, now: Timestamp) -> Result<Self, DbError> {
        Ok(Self {
            key_id: row.id,
            user_id: row.user_id,
            status: row.status(now),
            scopes: scopes_of(&row.scopes)?,
            ip_allowlist: Networks::of_stored(&row.ip_allowlist)?.texts(),
            name: row.name,
            prefix: row.prefix,
            expires_at: (row.expires_at < NEVER).then_some(row.expires_at),
            last_used_at: (row.last_used_at > Timestamp::UNIX_EPOCH).then_some(row.last_used_at),
            last_used_ip: row.last_used_ip,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// The scopes as they are stored: by name, because numbers in the registry may move. A name that is in the registry no
/// more allows nothing.
pub(crate) fn scopes_of(json: &Json) -> Result<PermissionSet, DbError> {
    let names: Vec<String> = json.read()?;
    let known = names.iter().filter_map(|name| name.parse::<PermissionSet>().ok());
    Ok(known.fold(PermissionSet::EMPTY, PermissionSet::union))
}

/// A key with its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CreatedKey {
    /// The key.
    #[serde(flatten)]
    pub key: ApiKey,
    /// The secret: shown with each request as `Authorization: Bearer …`. Told here only.
    #[schema(example = "bsk_Zm9yIGRvY3VtZW50cyBvbmx5LCBub3QgYSByZWFsIHRva2Vu")]
    pub api_key: Disclosed,
}

/// A new key.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Nightly export", "scopes": ["tasks:read"], "expires_in_days": 90 }))]
pub struct NewKey {
    /// What it is called.
    #[schema(value_type = ShownName)]
    pub name: String,
    /// What it may do: permissions that its owner has. `tasks:*` stands for all of that kind.
    #[serde(alias = "permissions")]
    #[schema(value_type = Vec<PermissionText>, min_items = 1, max_items = 200)]
    pub scopes: Vec<String>,
    /// From when on it is worth nothing. Null: it has no end, where the server allows that.
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub expires_at: Patch<DateTime<Utc>>,
    /// The same in days from now; 90 if neither is given. Null: it has no end, where the server allows that.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 365)]
    pub expires_in_days: Patch<u32>,
    /// The networks it is good from; everywhere if there are none.
    #[serde(default)]
    #[schema(max_items = 50, example = json!(["203.0.113.0/24"]))]
    pub ip_allowlist: Vec<String>,
}

/// A change to a key: absent keeps, null clears.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApiKeyPatch, example = json!({ "name": "Nightly export", "ip_allowlist": ["203.0.113.0/24"] }))]
pub struct KeyPatch {
    /// What it is called.
    #[serde(default)]
    #[schema(value_type = ShownName, required = false)]
    pub name: Patch<String>,
    /// What it may do from now on.
    #[serde(default, alias = "permissions")]
    #[schema(value_type = Vec<PermissionText>, required = false, min_items = 1, max_items = 200)]
    pub scopes: Patch<Vec<String>>,
    /// From when on it is worth nothing. Null: it has no end, where the server allows that.
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub expires_at: Patch<DateTime<Utc>>,
    /// The same in days from now.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 365)]
    pub expires_in_days: Patch<u32>,
    /// The networks it is good from. Null, or none: everywhere.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    pub ip_allowlist: Patch<Vec<String>>,
}

/// How the secret of a key is replaced.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApiKeyRotation, example = json!({ "grace_seconds": 3600 }))]
pub struct Rotation {
    /// Seconds that the secret before it goes on working.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 86_400, default = 0)]
    pub grace_seconds: u32,
}
