//! The roles within a group: those that every group has, and those that it has made.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use kernel::{
    Actor, Error, Expected, FieldErrors, Id, Patch, Timestamp, Versioned,
    id::kind,
    list::{Cursor, ListRequest, ListSpec, Listed, Page, SortField, SortValue},
};
use platform::{
    audit::{Audit, Category},
    db::{DbError, Tx, Unit},
    record,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    GroupError, Groups,
    policy::{self, Power, Powers, Seat, Stance},
    service::{Result, known, lock},
};
use crate::{
    ids::{GroupId, RoleId},
    roles::change::{about, name},
};

/// Roles that a group makes at the most.
const MOST: usize = 50;
/// Up to this many members with a role are counted.
const COUNTED: i64 = 1000;

/// A role within a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GroupRole {
    /// The role's id; the ones that every group has have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    role_id: Option<RoleId>,
    /// Its name.
    #[schema(example = "moderator")]
    name: Cow<'static, str>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Keeps the peace")]
    description: Option<String>,
    /// What it lets members do within the group.
    permissions: Vec<Power>,
    /// Has every group this one?
    built_in: bool,
    /// How many members have it; 1000 stands for as many or more.
    #[schema(minimum = 0, maximum = 1000)]
    member_count: i64,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<DateTime<Utc>>,
    /// When it was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<DateTime<Utc>>,
}

/// The list of a group's roles.
pub(crate) enum GroupRoleList {}

impl Listed for GroupRoleList {
    const SPEC: ListSpec = ListSpec { sorts: &[SortField::asc("name")], filters: &[], search: None };
}

/// A new role within a group.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "moderator", "permissions": ["read", "write", "moderate"] }))]
pub struct NewGroupRole {
    /// Its name: `a-z`, `0-9`, `_` and `-`, unique in the group.
    #[schema(pattern = "^ *[a-z0-9][a-z0-9_-]{0,63} *$")]
    pub(crate) name: String,
    /// What it is for.
    #[serde(default)]
    #[schema(schema_with = crate::roles::model::description_schema)]
    pub(crate) description: Option<String>,
    /// What it lets members do within the group.
    #[serde(default)]
    pub(crate) permissions: Powers,
}

/// A change to a role within a group: absent keeps, null clears.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "permissions": ["read", "write"] }))]
pub struct GroupRolePatch {
    /// Its name.
    #[serde(default)]
    #[schema(value_type = String, required = false, pattern = "^ *[a-z0-9][a-z0-9_-]{0,63} *$", example = "moderator")]
    pub(crate) name: Patch<String>,
    /// What it is for.
    #[serde(default)]
    #[schema(schema_with = crate::roles::model::description_schema)]
    pub(crate) description: Patch<String>,
    /// What it lets members do within the group.
    #[serde(default)]
    #[schema(value_type = Option<Powers>)]
    pub(crate) permissions: Patch<Powers>,
}

record! {
    #[derive(Debug, Clone, PartialEq)]
    struct RoleRow {
        id: Id<kind::Role>,
        rev: i64,
        name: String,
        description: Option<String>,
        permissions: String,
        created_at: Timestamp,
        updated_at: Timestamp,
    }
}

/// The powers of a role of the group; none if it has no such role.
pub(super) fn powers(
    tx: &Tx<'_>,
    group: Id<kind::Group>,
    role: &str,
) -> std::result::Result<Option<Powers>, DbError> {
    if let Some(powers) = policy::built_in(role) {
        return Ok(Some(powers));
    }
    let custom: Option<(String,)> = tx.one(
        "SELECT permissions FROM group_roles WHERE org_id = $1 AND group_id = $2 AND name = $3",
        &[&group, &role],
    )?;
    Ok(custom.map(|(text,)| Powers::stored(&text)))
}

fn all(tx: &Tx<'_>, group: Id<kind::Group>) -> std::result::Result<Vec<RoleRow>, DbError> {
    tx.all(
        "SELECT id, rev, name, description, permissions, created_at, updated_at FROM group_roles
         WHERE org_id = $1 AND group_id = $2",
        &[&group],
    )
}

fn find(tx: &Tx<'_>, group: Id<kind::Group>, role: RoleId) -> Result<RoleRow> {
    let found = tx.one(
        "SELECT id, rev, name, description, permissions, created_at, updated_at FROM group_roles
         WHERE org_id = $1 AND group_id = $2 AND id = $3",
        &[&group, &role],
    )?;
    found.ok_or(GroupError::RoleNotFound)
}

fn count(tx: &Tx<'_>, group: Id<kind::Group>, role: &str) -> std::result::Result<i64, DbError> {
    let count: Option<(i64,)> = tx.one(
        "SELECT count(*) FROM (
            SELECT 1 FROM group_members WHERE org_id = $1 AND group_id = $2 AND role = $3 LIMIT $4
         ) AS holders",
        &[&group, &role, &COUNTED],
    )?;
    Ok(count.map_or(0, |(count,)| count))
}

fn built_in(tx: &Tx<'_>, group: Id<kind::Group>, name: &'static str) -> Result<GroupRole> {
    Ok(GroupRole {
        role_id: None,
        name: Cow::Borrowed(name),
        description: None,
        permissions: policy::built_in(name).unwrap_or_default().to_vec(),
        built_in: true,
        member_count: count(tx, group, name)?,
        created_at: None,
        updated_at: None,
    })
}

fn custom(tx: &Tx<'_>, group: Id<kind::Group>, row: RoleRow) -> Result<GroupRole> {
    Ok(GroupRole {
        role_id: Some(row.id),
        member_count: count(tx, group, &row.name)?,
        name: Cow::Owned(row.name),
        description: row.description,
        permissions: Powers::stored(&row.permissions).to_vec(),
        built_in: false,
        created_at: Some(row.created_at),
        updated_at: Some(row.updated_at),
    })
}

impl Groups {
    /// The roles of a group, each with how many have it.
    pub async fn roles(&self, who: &Actor, id: GroupId, request: ListRequest) -> Result<Page<GroupRole>> {
        let who = who.clone();
        self.db
            .read(who.org, move |tx| {
                let (_, stance) = known(tx, &who, id)?;
                stance.must_be_member()?;
                let mut roles = Vec::new();
                for name in [policy::OWNER, policy::ADMIN, policy::MEMBER] {
                    roles.push(built_in(tx, id, name)?);
                }
                for row in all(tx, id)? {
                    roles.push(custom(tx, id, row)?);
                }
                let placed = roles.into_iter().map(|role| {
                    let value = SortValue::Text(role.name.clone().into_owned());
                    (Cursor { value, id: [0; 16], skip: 0 }, role)
                });
                Ok(request.cut(placed.collect()))
            })
            .await
    }

    /// Makes a role within a group.
    pub async fn create_role(
        &self,
        who: &Actor,
        id: GroupId,
        new: NewGroupRole,
    ) -> Result<Versioned<GroupRole>> {
        let (now, who, role) = (self.world.now(), who.clone(), self.world.id());
        let mut wrong = FieldErrors::default();
        let row = RoleRow {
            id: role,
            rev: 1,
            name: wrong.take("name", name(&new.name)).unwrap_or_default(),
            description: new
                .description
                .as_deref()
                .and_then(|text| wrong.take("description", about(text)))
                .flatten(),
            permissions: new.permissions.to_stored(),
            created_at: now,
            updated_at: now,
        };
        wrong.finish()?;
        self.db
            .write(who.org, move |unit| {
                let (group, stance) = lock(unit, &who, id)?;
                may_shape(&stance, &row)?;
                is_free(&row.name)?;
                if all(unit, id)?.len() >= MOST {
                    return Err(Error::conflict("A group has at most 50 roles of its own.", "role_limit").into());
                }
                unit.execute(
                    "INSERT INTO group_roles (org_id, group_id, id, name, description, permissions, rev, created_at,
                        updated_at)
                     VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7)",
                    &[&id, &row.id, &row.name, &row.description, &row.permissions, &now],
                )?;
                audited(unit, &who, "group_role_created", id, &group.name, &row)?;
                Ok(Versioned::new(1_i64, custom(unit, id, row)?))
            })
            .await
    }

    /// Changes a role within a group, if it is as expected.
    pub async fn change_role(
        &self,
        who: &Actor,
        (id, role): (GroupId, RoleId),
        expected: Expected,
        patch: GroupRolePatch,
    ) -> Result<Versioned<GroupRole>> {
        let (now, who) = (self.world.now(), who.clone());
        self.db
            .write(who.org, move |unit| {
                let (group, stance) = lock(unit, &who, id)?;
                stance.must_have(Power::ManageSettings)?;
                let before = find(unit, id, role)?;
                expected.check(before.rev)?;
                let after = plan(&patch, &before, now)?;
                may_shape(&stance, &before)?;
                may_shape(&stance, &after)?;
                if after != before {
                    save(unit, id, &before, &after)?;
                    audited(unit, &who, "group_role_changed", id, &group.name, &after)?;
                }
                let row = find(unit, id, role)?;
                let rev = row.rev;
                Ok(Versioned::new(rev, custom(unit, id, row)?))
            })
            .await
    }

    /// Deletes a role within a group; those who have it become members without one.
    pub async fn delete_role(
        &self,
        who: &Actor,
        (id, role): (GroupId, RoleId),
        expected: Expected,
    ) -> Result<()> {
        let (now, who) = (self.world.now(), who.clone());
        self.db
            .write(who.org, move |unit| {
                let (group, stance) = lock(unit, &who, id)?;
                stance.must_have(Power::ManageSettings)?;
                let row = find(unit, id, role)?;
                expected.check(row.rev)?;
                may_shape(&stance, &row)?;
                rename(unit, id, &row.name, policy::MEMBER, now)?;
                unit.execute("DELETE FROM group_roles WHERE org_id = $1 AND id = $2", &[&row.id])?;
                audited(unit, &who, "group_role_deleted", id, &group.name, &row)
            })
            .await
    }
}

/// Who shapes a role could give it: nobody makes one that lets do what they may not.
fn may_shape(stance: &Stance, row: &RoleRow) -> Result<()> {
    stance.must_have(Power::ManageSettings)?;
    let seat = Seat { role: row.name.clone(), powers: Powers::stored(&row.permissions), inherited: false };
    if stance.holds(&seat.powers) { Ok(()) } else { Err(GroupError::LevelTooHigh) }
}

fn is_free(name: &str) -> Result<()> {
    if policy::built_in(name).is_some() { Err(GroupError::RoleNameTaken) } else { Ok(()) }
}

fn plan(patch: &GroupRolePatch, before: &RoleRow, now: Timestamp) -> Result<RoleRow> {
    let mut wrong = FieldErrors::default();
    let mut row = before.clone();
    match &patch.name {
        Patch::Keep => {}
        Patch::Clear => wrong.add("name", "can't be cleared"),
        Patch::Set(text) => row.name = wrong.take("name", name(text)).unwrap_or_default(),
    }
    match &patch.description {
        Patch::Keep => {}
        Patch::Clear => row.description = None,
        Patch::Set(text) => row.description = wrong.take("description", about(text)).flatten(),
    }
    match &patch.permissions {
        Patch::Keep => {}
        Patch::Clear => row.permissions = String::new(),
        Patch::Set(powers) => row.permissions = powers.to_stored(),
    }
    wrong.finish()?;
    is_free(&row.name)?;
    if row != *before {
        row.updated_at = now;
    }
    Ok(row)
}

fn save(unit: &Unit<'_>, group: GroupId, before: &RoleRow, after: &RoleRow) -> Result<()> {
    unit.execute(
        "UPDATE group_roles SET name = $3, description = $4, permissions = $5, updated_at = $6, rev = rev + 1
         WHERE org_id = $1 AND id = $2",
        &[&after.id, &after.name, &after.description, &after.permissions, &after.updated_at],
    )?;
    if before.name != after.name {
        rename(unit, group, &before.name, &after.name, after.updated_at)?;
    }
    Ok(())
}

/// Gives those who have the one role the other.
fn rename(unit: &Unit<'_>, group: GroupId, old: &str, new: &str, now: Timestamp) -> Result<()> {
    unit.execute(
        "UPDATE group_members SET role = $4, updated_at = $5, rev = rev + 1
         WHERE org_id = $1 AND group_id = $2 AND role = $3",
        &[&group, &old, &new, &now],
    )?;
    Ok(())
}

fn audited(
    unit: &Unit<'_>,
    who: &Actor,
    action: &'static str,
    group: GroupId,
    name: &str,
    role: &RoleRow,
) -> Result<()> {
    let entry = Audit::by(who, action, Category::Administrative).on("group", group).named(name);
    Ok(unit.audit(entry.detail("role", &role.name).detail("permissions", &role.permissions))?)
}
