//! Somebody's roles and permissions as the API shows them.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use kernel::{
    Permission, PermissionSet, Timestamp,
    list::{Cursor, FilterField, ListSpec, Listed, SortField, SortValue},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    ids::{RoleId, UserId},
    roles::{
        Effective, Holdings, Role, RoleName, Source, names, permissions::PermissionText, store::GivenRow,
        system,
    },
};

/// A role that somebody has, and where from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HeldRole {
    /// The role.
    pub(super) role_id: RoleId,
    /// The name that it is known by.
    #[schema(value_type = RoleName)]
    pub(super) name: Cow<'static, str>,
    /// Its rank.
    #[schema(minimum = 0, maximum = 100, example = 50)]
    pub(super) hierarchy_level: u8,
    /// Is it one of the server's?
    pub(super) system: bool,
    /// `direct` if the user was given it, `group` if a group of theirs carries it.
    #[schema(pattern = "^(direct|group)$", example = "direct")]
    pub(super) source: &'static str,
    /// The name of that group.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Managers")]
    pub(super) source_name: Option<String>,
    /// From when on it doesn't count any more; absent if it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires_at: Option<DateTime<Utc>>,
    /// Who gave it, if somebody signed in did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) assigned_by: Option<UserId>,
    /// When it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) assigned_at: Option<DateTime<Utc>>,
}

impl HeldRole {
    fn of(role: Role, source: &'static str, source_name: Option<String>) -> Self {
        Self {
            role_id: role.id,
            hierarchy_level: role.level,
            system: system::by_id(role.id).is_some(),
            name: role.name,
            source,
            source_name,
            expires_at: None,
            assigned_by: None,
            assigned_at: None,
        }
    }

    /// What somebody was given themselves and what still counts.
    pub(super) fn direct(given: Vec<GivenRow>, holdings: &Holdings, now: Timestamp) -> Vec<Self> {
        let counting = given.into_iter().filter(|row| row.expires_at.is_none_or(|end| now < end));
        let shown = counting.filter_map(|row| {
            let role = holdings.catalogue.by_id(row.role_id)?;
            Some(Self {
                expires_at: row.expires_at,
                assigned_by: row.assigned_by,
                assigned_at: Some(row.created_at),
                ..Self::of(role, "direct", None)
            })
        });
        shown.collect()
    }

    /// What their groups carry.
    pub(super) fn by_groups(holdings: &Holdings) -> Vec<Self> {
        let carried = holdings.carried().map(|(role, group)| Self::of(role, "group", Some(group.to_owned())));
        carried.collect()
    }

    /// Where it stands in a list. The same role may come from several groups.
    pub(super) fn place(&self, sort: &str) -> Cursor {
        let value = match sort {
            "name" => SortValue::Text(format!(
                "{}\u{1}{}",
                self.name,
                self.source_name.as_deref().unwrap_or_default()
            )),
            _ => SortValue::Integer(self.hierarchy_level.into()),
        };
        Cursor { value, id: self.tie_breaker(), skip: 0 }
    }

    /// Tells the same role of several sources apart.
    fn tie_breaker(&self) -> [u8; 16] {
        let mut id = *self.role_id.as_bytes();
        let source = self.source_name.as_deref().unwrap_or_default();
        for (at, byte) in source.bytes().enumerate() {
            id[at % 8] = id[at % 8].rotate_left(1) ^ byte;
        }
        id
    }
}

/// The list of somebody's roles.
pub(crate) enum HeldRoleList {}

impl Listed for HeldRoleList {
    const SPEC: ListSpec = ListSpec {
        sorts: &[SortField::desc("hierarchy_level"), SortField::asc("name")],
        filters: &[FilterField::one_of("source", &["direct", "group"], "Given so.")],
        search: None,
    };
}

/// A role to be given.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "role_id": "auditor", "expires_at": "2099-01-31T12:00:00Z" }))]
pub struct NewHeldRole {
    /// The role's id or name.
    #[schema(max_length = 100, example = "auditor")]
    pub(crate) role_id: String,
    /// From when on it doesn't count any more; it stays if absent.
    #[serde(default)]
    #[schema(example = "2099-01-31T12:00:00Z")]
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

/// All the roles that somebody shall have been given.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "roles": ["member", "auditor"] }))]
pub struct AllRoles {
    /// Their names or ids. Those that stay keep their end.
    #[schema(max_items = 100, example = json!(["member", "auditor"]))]
    pub(crate) roles: Vec<String>,
}

/// What somebody may do, and where each permission comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the name is the API's")]
pub struct EffectivePermissions {
    /// Whose they are.
    user_id: UserId,
    /// Names of the roles that the user was given.
    #[schema(value_type = Vec<RoleName>)]
    direct_roles: Vec<Cow<'static, str>>,
    /// Names of the roles that their groups carry.
    #[schema(value_type = Vec<RoleName>)]
    group_roles: Vec<Cow<'static, str>>,
    /// Names of the groups that count for them.
    #[schema(example = json!(["Everyone"]))]
    groups: Vec<String>,
    /// All that they may do.
    #[schema(value_type = Vec<PermissionText>, example = json!(["bots:use"]))]
    permissions: PermissionSet,
    /// The same as `permissions`.
    #[schema(value_type = Vec<PermissionText>, example = json!(["bots:use"]))]
    effective_permissions: PermissionSet,
    /// Where each comes from; one that comes from several is there several times.
    sources: Vec<PermissionSource>,
}

/// Where a permission comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PermissionSource {
    /// The permission.
    #[schema(value_type = PermissionText)]
    permission: Permission,
    /// A role that the user was given, or a group that counts for them.
    #[schema(pattern = "^(role|group)$", example = "role")]
    source_type: &'static str,
    /// Its name.
    #[schema(example = "member")]
    source_name: String,
}

impl EffectivePermissions {
    pub(super) fn of(user: UserId, holdings: &Holdings, now: Timestamp) -> Self {
        let effective = Effective::of(holdings, now);
        let group_roles: Vec<_> = holdings.carried().map(|(role, _)| role).collect();
        let sources = holdings.sources(now).into_iter().flat_map(|Source { kind, name, permissions }| {
            permissions.iter().map(move |permission| PermissionSource {
                permission,
                source_type: kind,
                source_name: name.clone(),
            })
        });
        let mut sources: Vec<_> = sources.collect();
        sources.sort_by_key(|source| source.permission);
        Self {
            user_id: user,
            direct_roles: names(&effective.direct),
            group_roles: names(&group_roles),
            groups: holdings.group_names(),
            permissions: effective.permissions,
            effective_permissions: effective.permissions,
            sources,
        }
    }
}

/// Whether somebody may do one thing, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PermissionAnswer {
    /// Who.
    user_id: UserId,
    /// What.
    #[schema(value_type = PermissionText)]
    permission: Permission,
    /// May they?
    granted: bool,
    /// The first of what it comes from: `role:` or `group:` with a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "role:member")]
    source: Option<String>,
    /// All that it comes from.
    #[schema(example = json!(["role:member"]))]
    sources: Vec<String>,
}

impl PermissionAnswer {
    pub(super) fn of(user: UserId, permission: Permission, holdings: &Holdings, now: Timestamp) -> Self {
        let sources =
            holdings.sources(now).into_iter().filter(|source| source.permissions.contains(permission));
        let sources: Vec<_> = sources.map(|source| format!("{}:{}", source.kind, source.name)).collect();
        Self {
            user_id: user,
            permission,
            granted: !sources.is_empty(),
            source: sources.first().cloned(),
            sources,
        }
    }
}
