//! A group as the API shows one, and what may be asked of it: without a database.

use chrono::{DateTime, Utc};
use kernel::{
    FieldErrors, Id, Patch, Timestamp,
    id::kind,
    list::{FilterField, ListSpec, Listed, SortField},
    text,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{error::GroupError, store::GroupRow};
use crate::{
    ids::{GroupId, UserId},
    roles::{
        change::{about, display, finish},
        permissions::{Granted, PermissionText},
    },
};

/// Members that a group can be limited to at the most; far more than a server has.
const MOST_MEMBERS: u32 = 1_000_000;

/// What a group is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum GroupType {
    /// People who work together.
    #[default]
    Team,
    /// A part of the organization.
    Department,
    /// A piece of work with an end.
    Project,
}

impl GroupType {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Team => "team",
            Self::Department => "department",
            Self::Project => "project",
        }
    }

    fn read(text: &str) -> Self {
        match text {
            "department" => Self::Department,
            "project" => Self::Project,
            _ => Self::Team,
        }
    }
}

/// Who knows of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = GroupVisibility)]
pub(crate) enum Visibility {
    /// Everybody in the organization.
    Public,
    /// Its members; for others there is no such group.
    #[default]
    Private,
}

impl Visibility {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }

    fn read(text: &str) -> Self {
        if text == "public" { Self::Public } else { Self::Private }
    }
}

/// How people become members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GroupSettings {
    /// May people ask to join?
    pub allow_join_requests: bool,
    /// Does somebody decide on it? Else who asks is a member at once.
    pub require_approval: bool,
    /// Active members at the most; 0 is any number.
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub max_members: u32,
}

impl Default for GroupSettings {
    fn default() -> Self {
        Self { allow_join_requests: true, require_approval: true, max_members: 0 }
    }
}

/// A change to how people become members: absent keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GroupSettingsPatch {
    /// May people ask to join?
    allow_join_requests: Option<bool>,
    /// Does somebody decide on it?
    require_approval: Option<bool>,
    /// Active members at the most; 0 is any number.
    #[schema(minimum = 0, maximum = 1_000_000)]
    max_members: Option<u32>,
}

/// A group of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the name is the API's")]
pub struct Group {
    /// The group's id. Those of the default groups are the same in every organization.
    pub(super) group_id: GroupId,
    /// The same as `group_id`.
    pub(super) id: GroupId,
    /// What it is called.
    #[schema(example = "Front desk")]
    pub(super) name: String,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Answers whoever calls")]
    pub(super) description: Option<String>,
    /// What it is for.
    #[serde(rename = "type")]
    pub(super) kind: GroupType,
    /// Who knows of it.
    pub(super) visibility: Visibility,
    /// The field that it works in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "reception")]
    pub(super) domain: Option<String>,
    /// The group that it is a part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parent_id: Option<GroupId>,
    /// How people become members.
    pub(super) settings: GroupSettings,
    /// What it allows its members, besides what it inherits.
    #[schema(value_type = Vec<PermissionText>, example = json!(["conversations:read"]))]
    pub(super) permissions: Vec<String>,
    /// Do its members have the permissions of its parent, too?
    pub(super) inherit_permissions: bool,
    /// Are the members of its parent members, too?
    pub(super) inherit_members: bool,
    /// Is it one that every organization has, and that can't be deleted?
    pub(super) is_default: bool,
    /// How many active members it has by itself. Of the group of everyone this is 0.
    #[schema(minimum = 0)]
    pub(super) member_count: i64,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_by: Option<UserId>,
    /// The caller's role in it: `owner`, `admin`, `member` or one of the group's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "member")]
    pub(super) my_role: Option<String>,
    /// When it was made.
    pub(super) created_at: DateTime<Utc>,
    /// When it was last changed.
    pub(super) updated_at: DateTime<Utc>,
}

impl Group {
    pub(super) fn of(row: GroupRow, my_role: Option<String>) -> Self {
        Self {
            group_id: row.id,
            id: row.id,
            kind: GroupType::read(&row.kind),
            visibility: Visibility::read(&row.visibility),
            settings: row.settings(),
            permissions: Granted::stored(&row.permissions).texts(),
            name: row.name,
            description: row.description,
            domain: row.domain,
            parent_id: row.parent_id,
            inherit_permissions: row.inherit_permissions,
            inherit_members: row.inherit_members,
            is_default: row.is_default,
            member_count: row.member_count,
            created_by: row.created_by,
            my_role,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// The lists of groups.
pub(crate) enum GroupList {}

impl Listed for GroupList {
    const SPEC: ListSpec = LIST;
}

/// What a list of groups can be asked.
pub(crate) const LIST: ListSpec = ListSpec {
    sorts: &[SortField::desc("created_at"), SortField::asc("name"), SortField::desc("member_count")],
    filters: &[
        FilterField::one_of("type", &["team", "department", "project"], "For one of these."),
        FilterField::one_of("visibility", &["public", "private"], "Known to these."),
        FilterField::id::<kind::User>(
            "member",
            "With one of these people as a member by themselves. Others than oneself need `admin:groups`.",
        ),
        FilterField::id::<kind::Group>("parent_id", "Parts of one of these."),
    ],
    search: Some("name and description"),
};

/// The list of a group's children.
pub(crate) enum SubgroupList {}

impl Listed for SubgroupList {
    const SPEC: ListSpec = ListSpec { sorts: &[SortField::desc("created_at")], filters: &[], search: None };
}

/// A new group.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Front desk", "description": "Answers whoever calls", "visibility": "public" }))]
pub struct NewGroup {
    /// What it is called, unique among its siblings.
    #[schema(schema_with = name_schema)]
    pub(crate) name: String,
    /// What it is about.
    #[serde(default)]
    #[schema(schema_with = crate::roles::model::description_schema)]
    pub(crate) description: Option<String>,
    /// What it is for.
    #[serde(default, rename = "type")]
    pub(crate) kind: GroupType,
    /// Who knows of it.
    #[serde(default)]
    pub(crate) visibility: Visibility,
    /// The field that it works in.
    #[serde(default)]
    #[schema(schema_with = domain_schema)]
    pub(crate) domain: Option<String>,
    /// The group that it is a part of; who isn't an administrator of that can't make one there.
    #[serde(default)]
    pub(crate) parent_id: Option<GroupId>,
    /// How people become members.
    #[serde(default)]
    pub(crate) settings: GroupSettings,
    /// What it allows its members. Needs `admin:groups`.
    #[serde(default)]
    #[schema(value_type = Vec<PermissionText>, max_items = 200, example = json!([]))]
    pub(crate) permissions: Vec<String>,
    /// Do its members have the permissions of its parent, too? True if absent.
    #[serde(default = "yes")]
    pub(crate) inherit_permissions: bool,
    /// Are the members of its parent members, too?
    #[serde(default)]
    pub(crate) inherit_members: bool,
}

const fn yes() -> bool {
    true
}

/// A change to a group: absent keeps, null clears.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "description": "Answers whoever calls", "settings": { "require_approval": false } }))]
pub struct GroupPatch {
    /// What it is called.
    #[serde(default)]
    #[schema(schema_with = name_schema)]
    pub(crate) name: Patch<String>,
    /// What it is about.
    #[serde(default)]
    #[schema(schema_with = crate::roles::model::description_schema)]
    pub(crate) description: Patch<String>,
    /// What it is for.
    #[serde(default, rename = "type")]
    #[schema(value_type = GroupType, required = false)]
    pub(crate) kind: Patch<GroupType>,
    /// Who knows of it.
    #[serde(default)]
    #[schema(value_type = Visibility, required = false)]
    pub(crate) visibility: Patch<Visibility>,
    /// The field that it works in.
    #[serde(default)]
    #[schema(schema_with = domain_schema)]
    pub(crate) domain: Patch<String>,
    /// The group that it is a part of; none if cleared. Needs the administration of the new parent, too.
    #[serde(default)]
    #[schema(value_type = Option<GroupId>)]
    pub(crate) parent_id: Patch<GroupId>,
    /// How people become members.
    #[serde(default)]
    #[schema(value_type = GroupSettingsPatch, required = false)]
    pub(crate) settings: Patch<GroupSettingsPatch>,
    /// Do its members have the permissions of its parent, too?
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    pub(crate) inherit_permissions: Patch<bool>,
    /// Are the members of its parent members, too?
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    pub(crate) inherit_members: Patch<bool>,
}

impl GroupPatch {
    /// Does it change where the group stands among the others, or what flows through it?
    pub(crate) fn moves(&self) -> bool {
        !self.parent_id.is_keep() || !self.inherit_permissions.is_keep() || !self.inherit_members.is_keep()
    }
}

fn name_schema() -> utoipa::openapi::Schema {
    text::line_schema("What it is called, in one line, unique among its siblings.", 1, 120, "Front desk")
        .build()
        .into()
}

fn domain_schema() -> utoipa::openapi::Schema {
    text::line_schema("The field that it works in, in one line. Empty is none.", 0, 120, "reception")
        .schema_type(
            [utoipa::openapi::Type::String, utoipa::openapi::Type::Null]
                .into_iter()
                .collect::<utoipa::openapi::schema::SchemaType>(),
        )
        .build()
        .into()
}

/// Whether a group goes with its children.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Cascade {
    /// Delete the groups below it, too.
    #[param(example = true)]
    pub(crate) cascade: bool,
}

/// What a group allows, changed.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({ "add": ["conversations:read"], "remove": [] }))]
pub struct GroupPermissionChange {
    /// What it shall allow besides.
    #[schema(value_type = Vec<PermissionText>, max_items = 200)]
    pub(crate) add: Vec<String>,
    /// What it shall not allow by itself any more.
    #[schema(value_type = Vec<PermissionText>, max_items = 200)]
    pub(crate) remove: Vec<String>,
}

/// A permission of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GroupPermission {
    /// Its name.
    #[schema(value_type = PermissionText)]
    pub(super) permission: kernel::Permission,
    /// One sentence on what it allows.
    #[schema(example = "Read the conversations of the organization's bots.")]
    pub(super) description: &'static str,
    /// The group that it comes from, if it isn't this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inherited_from: Option<GroupId>,
}

/// Reads a new group, or tells everything that is wrong with it.
pub(super) fn check_new(
    new: &NewGroup,
    id: Id<kind::Group>,
    by: UserId,
    now: Timestamp,
) -> Result<GroupRow, GroupError> {
    let mut wrong = FieldErrors::default();
    let row = GroupRow {
        id,
        rev: 1,
        name: wrong.take("name", display(&new.name)).unwrap_or_default(),
        description: new
            .description
            .as_deref()
            .and_then(|text| wrong.take("description", about(text)))
            .flatten(),
        kind: new.kind.as_str().to_owned(),
        visibility: new.visibility.as_str().to_owned(),
        domain: new.domain.as_deref().and_then(|text| wrong.take("domain", domain(text))).flatten(),
        parent_id: new.parent_id,
        allow_join_requests: new.settings.allow_join_requests,
        require_approval: new.settings.require_approval,
        max_members: most_members(new.settings.max_members, &mut wrong),
        permissions: Granted::read("permissions", &new.permissions, &mut wrong).to_stored(),
        inherit_permissions: new.inherit_permissions,
        inherit_members: new.inherit_members,
        is_default: false,
        member_count: 0,
        created_by: Some(by),
        created_at: now,
        updated_at: now,
    };
    finish(wrong, [&new.permissions])?;
    Ok(row)
}

fn domain(text: &str) -> Result<Option<String>, &'static str> {
    if text.trim().is_empty() { Ok(None) } else { display(text).map(Some) }
}

fn most_members(number: u32, wrong: &mut FieldErrors) -> i64 {
    wrong.check(number <= MOST_MEMBERS, "settings.max_members", "must be 0 to 1000000");
    number.into()
}

/// Works out what a patch does to a group, or tells everything that is wrong with it.
pub(super) fn plan(patch: &GroupPatch, before: &GroupRow, now: Timestamp) -> Result<GroupRow, GroupError> {
    let mut wrong = FieldErrors::default();
    let mut row = before.clone();
    match &patch.name {
        Patch::Keep => {}
        Patch::Clear => wrong.add("name", "can't be cleared"),
        Patch::Set(text) => row.name = wrong.take("name", display(text)).unwrap_or_default(),
    }
    for (field, patch, value, read) in [
        ("description", &patch.description, &mut row.description, about as fn(&str) -> _),
        ("domain", &patch.domain, &mut row.domain, domain),
    ] {
        match patch {
            Patch::Keep => {}
            Patch::Clear => *value = None,
            Patch::Set(text) => *value = wrong.take(field, read(text)).flatten(),
        }
    }
    row.parent_id = patch.parent_id.apply(row.parent_id);
    defaulted(patch.kind, GroupType::read(&row.kind)).as_str().clone_into(&mut row.kind);
    let visibility = defaulted(patch.visibility, Visibility::read(&row.visibility));
    visibility.as_str().clone_into(&mut row.visibility);
    row.inherit_permissions = match patch.inherit_permissions {
        Patch::Keep => row.inherit_permissions,
        Patch::Clear => true,
        Patch::Set(value) => value,
    };
    row.inherit_members = defaulted(patch.inherit_members, row.inherit_members);
    match patch.settings {
        Patch::Keep => {}
        Patch::Clear => wrong.add("settings", "can't be cleared"),
        Patch::Set(settings) => {
            row.allow_join_requests = settings.allow_join_requests.unwrap_or(row.allow_join_requests);
            row.require_approval = settings.require_approval.unwrap_or(row.require_approval);
            if let Some(most) = settings.max_members {
                row.max_members = most_members(most, &mut wrong);
            }
        }
    }
    wrong.finish()?;
    if row != *before {
        row.updated_at = now;
    }
    Ok(row)
}

/// What a field is after a patch; cleared, it is as it would be for a new one.
fn defaulted<T: Default>(patch: Patch<T>, present: T) -> T {
    match patch {
        Patch::Keep => present,
        Patch::Clear => T::default(),
        Patch::Set(value) => value,
    }
}
