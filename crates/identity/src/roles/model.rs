//! A role as the API shows one, what may be asked of it, and why it is refused: without a database.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use kernel::{
    Error, Kind, Patch, PermissionSet,
    list::{Cursor, FilterField, ListSpec, Listed, SortField, SortValue},
    text,
};
use platform::db::DbError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::ids::RoleId;

use super::{
    Catalogue, Role,
    permissions::{Granted, PermissionText},
    store::RoleRow,
    system,
};

/// Roles that an organization makes at the most.
pub(crate) const MOST: i64 = 500;
/// Those who have a role that is deleted, if another one is to be given to them.
pub(super) const MOST_MOVED: usize = 5000;

/// The name of a role, for the contract.
pub(crate) enum RoleName {}

impl PartialSchema for RoleName {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("The name of a role. `user` is read as `member`."))
            .pattern(Some("^[a-z0-9][a-z0-9_-]*$"))
            .max_length(Some(64))
            .examples(["member"].map(Value::from))
            .into()
    }
}

impl ToSchema for RoleName {}

/// Why it can't be done.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// Not there.
    #[error("There is no such role.")]
    NotFound,
    /// A role of the organization, or one of the server's, has the name.
    #[error("The name is taken by another role.")]
    NameTaken,
    /// It is one of the server's.
    #[error("The roles of the server can't be changed or deleted; make one of your own.")]
    SystemRole,
    /// It has the caller's rank or more, or allows what they may not.
    #[error(
        "The role \"{0}\" has, or would have, your rank or more, or allows what you may not; it is not yours to shape or give."
    )]
    LevelTooHigh(String),
    /// A role would contain itself.
    #[error("The role would be contained in itself through its parents.")]
    Cycle,
    /// Somebody has it, or another role contains it.
    #[error(
        "{members} people have the role and {children} roles contain it; name another one in reassign_to."
    )]
    InUse {
        /// How many have it; counted up to 1,000.
        members: i64,
        /// How many roles have it as a parent.
        children: usize,
    },
    /// Too many have it to be given another one at once.
    #[error("More than 5000 people have the role; give them another one first.")]
    TooMany,
    /// The organization has made as many as it may.
    #[error("An organization has at most 500 roles of its own.")]
    Limit,
    /// Bad fields, or a failure further down.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<RoleError> for Error {
    fn from(error: RoleError) -> Self {
        let text = error.to_string();
        match error {
            RoleError::NotFound => Self::not_found("role"),
            RoleError::NameTaken => Self::conflict(text, "role_name_taken"),
            RoleError::SystemRole => Self::conflict(text, "system_role"),
            RoleError::LevelTooHigh(_) => Self::new(Kind::Forbidden, text).reason("level_too_high"),
            RoleError::Cycle => Self::conflict(text, "role_cycle"),
            RoleError::InUse { members, children } => {
                Self::conflict(text, "role_in_use").detail("members", members).detail("roles", children)
            }
            RoleError::TooMany => Self::conflict(text, "role_in_use"),
            RoleError::Limit => Self::conflict(text, "role_limit").detail("limit", MOST),
            RoleError::Other(error) => error,
        }
    }
}

impl From<DbError> for RoleError {
    fn from(error: DbError) -> Self {
        if error.violates("custom_roles_org_id_name_key") {
            Self::NameTaken
        } else {
            Self::Other(error.into())
        }
    }
}

/// A named bundle of permissions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Role)]
pub struct ShownRole {
    /// The role's id. Those of the server have the same everywhere.
    pub(super) role_id: RoleId,
    /// The name that it is known by.
    #[schema(value_type = RoleName)]
    pub(super) name: Cow<'static, str>,
    /// The name to show.
    #[schema(example = "Front desk")]
    pub(super) display_name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Answers whoever calls")]
    pub(super) description: Option<String>,
    /// The rank: nobody gives a role at or above their own, except owners. 0 for those that add permissions only.
    #[schema(minimum = 0, maximum = 100, example = 50)]
    pub(super) hierarchy_level: u8,
    /// Names of the roles that it contains.
    #[schema(value_type = Vec<RoleName>, example = json!(["viewer"]))]
    pub(super) parent_roles: Vec<Cow<'static, str>>,
    /// What it allows besides what its parents do.
    #[schema(value_type = Vec<PermissionText>, example = json!(["conversations:*"]))]
    pub(super) permissions: Vec<String>,
    /// All that it allows, wildcards and parents resolved. Not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<PermissionText>>, example = json!(["conversations:read", "conversations:write"]))]
    pub(super) effective_permissions: Option<PermissionSet>,
    /// Is it one of the server's, which nobody changes?
    pub(super) system: bool,
    /// How many were given it themselves; 1000 stands for as many or more.
    #[schema(minimum = 0, maximum = 1000)]
    pub(super) member_count: i64,
    /// When it was made; absent for those of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_at: Option<DateTime<Utc>>,
    /// When it was last changed; absent for those of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) updated_at: Option<DateTime<Utc>>,
}

impl ShownRole {
    pub(super) fn of_server(role: &Role, members: i64) -> Self {
        let definition = system::definition(&role.name);
        let (parents, permissions) =
            definition.map(|definition| (definition.parents, definition.permissions)).unwrap_or_default();
        Self {
            role_id: role.id,
            display_name: titled(&role.name),
            name: role.name.clone(),
            description: None,
            hierarchy_level: role.level,
            parent_roles: parents.iter().map(|name| Cow::Borrowed(*name)).collect(),
            permissions,
            effective_permissions: None,
            system: true,
            member_count: members,
            created_at: None,
            updated_at: None,
        }
    }

    pub(super) fn custom(row: RoleRow, catalogue: &Catalogue, members: i64) -> Self {
        let parents = catalogue.custom(row.id).map(|role| role.parents.as_slice()).unwrap_or_default();
        let mut parent_roles: Vec<_> =
            parents.iter().filter_map(|id| catalogue.by_id(*id)).map(|role| role.name).collect();
        parent_roles.sort_unstable();
        Self {
            role_id: row.id,
            permissions: Granted::stored(&row.permissions).texts(),
            name: row.name.into(),
            display_name: row.display_name,
            description: row.description,
            hierarchy_level: u8::try_from(row.level).unwrap_or(0),
            parent_roles,
            effective_permissions: None,
            system: false,
            member_count: members,
            created_at: Some(row.created_at),
            updated_at: Some(row.updated_at),
        }
    }

    /// The same with all that it allows.
    pub(super) fn in_full(mut self, catalogue: &Catalogue) -> Self {
        self.effective_permissions = catalogue.by_id(self.role_id).map(|role| role.permissions);
        self
    }

    /// Where it stands in a list.
    pub(super) fn place(&self, sort: &str) -> Cursor {
        let value = match sort {
            "name" => SortValue::Text(self.name.clone().into_owned()),
            "created_at" => SortValue::Integer(self.created_at.map_or(0, |at| at.timestamp_micros())),
            _ => SortValue::Integer(self.hierarchy_level.into()),
        };
        Cursor { value, id: *self.role_id.as_bytes(), skip: 0 }
    }
}

/// `bot_manager` as "Bot manager".
fn titled(name: &str) -> String {
    let spaced = name.replace('_', " ");
    let mut letters = spaced.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The list of roles.
pub(crate) enum RoleList {}

impl Listed for RoleList {
    const SPEC: ListSpec = ListSpec {
        sorts: &[SortField::desc("hierarchy_level"), SortField::asc("name"), SortField::desc("created_at")],
        filters: &[FilterField::flag("system", "Is it one of the server's?")],
        search: None,
    };
}

/// A new role.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "front-desk", "display_name": "Front desk", "parent_roles": ["viewer"], "permissions": ["conversations:*"] }))]
pub struct NewRole {
    /// The name that it is known by: `a-z`, `0-9`, `_` and `-`, unique in the organization.
    #[schema(value_type = RoleName)]
    pub(crate) name: String,
    /// The name to show; the name if absent.
    #[serde(default)]
    #[schema(schema_with = display_name_schema)]
    pub(crate) display_name: Option<String>,
    /// What it is for.
    #[serde(default)]
    #[schema(schema_with = description_schema)]
    pub(crate) description: Option<String>,
    /// The rank, 50 if absent.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 99, example = 50)]
    pub(crate) hierarchy_level: Option<u8>,
    /// Names or ids of the roles that it contains, at most 20.
    #[serde(default)]
    #[schema(max_items = 20, example = json!(["viewer"]))]
    pub(crate) parent_roles: Vec<String>,
    /// What it allows besides.
    #[serde(default)]
    #[schema(value_type = Vec<PermissionText>, max_items = 200, example = json!(["conversations:*"]))]
    pub(crate) permissions: Vec<String>,
}

/// A change to a role: absent keeps, null clears.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "permissions": ["conversations:read"] }))]
pub struct RolePatch {
    /// The name that it is known by. Scripts that name it by the old one don't know it any more.
    #[serde(default)]
    #[schema(value_type = RoleName, required = false)]
    pub(crate) name: Patch<String>,
    /// The name to show; the name again if cleared.
    #[serde(default)]
    #[schema(schema_with = display_name_schema)]
    pub(crate) display_name: Patch<String>,
    /// What it is for.
    #[serde(default)]
    #[schema(schema_with = description_schema)]
    pub(crate) description: Patch<String>,
    /// The rank.
    #[serde(default)]
    #[schema(value_type = u8, required = false, minimum = 1, maximum = 99, example = 50)]
    pub(crate) hierarchy_level: Patch<u8>,
    /// Names or ids of all the roles that it shall contain.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 20, example = json!(["viewer"]))]
    pub(crate) parent_roles: Patch<Vec<String>>,
    /// All that it shall allow besides.
    #[serde(default)]
    #[schema(value_type = Option<Vec<PermissionText>>, max_items = 200, example = json!(["conversations:read"]))]
    pub(crate) permissions: Patch<Vec<String>>,
}

pub(crate) fn display_name_schema() -> Schema {
    text::line_schema("The name to show, in one line.", 1, 120, "Front desk")
        .schema_type(nullable())
        .build()
        .into()
}

pub(crate) fn description_schema() -> Schema {
    text::line_schema("What it is for, in one line. Empty is none.", 0, 500, "Answers whoever calls")
        .schema_type(nullable())
        .build()
        .into()
}

fn nullable() -> utoipa::openapi::schema::SchemaType {
    [Type::String, Type::Null].into_iter().collect()
}

/// What becomes of those who have a role that is deleted.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Reassignment {
    /// The id or name of the role that they are given instead, and that stands for it as a parent.
    #[param(example = "member")]
    pub(crate) reassign_to: Option<String>,
}

/// Changes to what several roles allow.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "changes": [{ "role": "front-desk", "add": ["kb:read"], "remove": ["conversations:*"] }] }))]
pub struct PermissionChanges {
    /// One for each role, at most 100.
    #[schema(min_items = 1, max_items = 100)]
    pub(crate) changes: Vec<PermissionChange>,
}

/// A change to what one role allows.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PermissionChange {
    /// The role's id or name.
    #[schema(example = "front-desk")]
    pub(crate) role: String,
    /// What it shall allow besides.
    #[serde(default)]
    #[schema(value_type = Vec<PermissionText>, max_items = 200)]
    pub(crate) add: Vec<String>,
    /// What it shall not allow by itself any more.
    #[serde(default)]
    #[schema(value_type = Vec<PermissionText>, max_items = 200)]
    pub(crate) remove: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_server_s_roles_are_shown_as_words() {
        assert_eq!(titled("bot_manager"), "Bot manager");
    }
}
