//! Organizations as the API shows them, and what is true of their fields.

use chrono::{DateTime, Utc};
use kernel::{
    FieldErrors, Patch,
    list::{Cursor, ListSpec, Listed, SortField, SortValue},
    text,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{members::OrganizationMember, store::OrganizationRow};
use crate::{
    ids::{GroupId, OrganizationId, UserId},
    roles::RoleName,
    users::fields::{self, HttpsAddress, ShownName},
};

/// Characters of a description.
const DESCRIPTION: usize = 500;

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Organization {
    /// The organization's id.
    pub id: OrganizationId,
    /// The same.
    pub organization_id: OrganizationId,
    /// What it is called.
    #[schema(example = "Example Ltd")]
    pub name: String,
    /// The name that addresses know it by, unique in the server.
    #[schema(example = "example-ltd")]
    pub slug: String,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Bakes bread")]
    pub description: Option<String>,
    /// The https address of its logo.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://example.com/logo.png")]
    pub logo_url: Option<String>,
    /// The https address of its website.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://example.com")]
    pub website: Option<String>,
    /// The one among its owners who has been it for the longest time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<UserId>,
    /// How many people belong to it.
    #[schema(example = 12)]
    pub member_count: u64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<OrganizationRow> for Organization {
    fn from(row: OrganizationRow) -> Self {
        Self {
            id: row.id,
            organization_id: row.id,
            name: row.name,
            slug: row.slug,
            description: row.description,
            logo_url: row.logo_url,
            website: row.website,
            owner_id: row.owner_id,
            member_count: row.member_count.unsigned_abs(),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A group that every organization has from the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FirstGroup {
    /// The group's id.
    pub group_id: GroupId,
    /// What it is called.
    #[schema(example = "Administrators")]
    pub name: String,
}

/// An organization just made, with what it begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CreatedOrganization {
    /// The organization.
    #[serde(flatten)]
    pub organization: Organization,
    /// The names of the roles that there are, highest first.
    #[schema(value_type = Vec<RoleName>, example = json!(["owner", "admin", "member"]))]
    pub roles: Vec<String>,
    /// The groups that it begins with.
    pub groups: Vec<FirstGroup>,
    /// Whoever made it, as its only member.
    pub owner_member: OrganizationMember,
    /// The name of their role.
    #[schema(value_type = RoleName, example = "owner")]
    pub owner_role: &'static str,
}

/// A new organization.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Example Ltd", "website": "https://example.com" }))]
pub struct NewOrganization {
    /// What it is called.
    #[schema(value_type = ShownName)]
    pub name: String,
    /// The name that addresses know it by, unique in the server; made of its name if absent.
    #[serde(default)]
    #[schema(
        value_type = Option<String>,
        min_length = 1,
        max_length = 64,
        pattern = "^[a-z0-9]+(-[a-z0-9]+)*$",
        example = "example-ltd"
    )]
    pub slug: Option<String>,
    /// What it is.
    #[serde(default)]
    #[schema(schema_with = crate::roles::model::description_schema)]
    pub description: Option<String>,
    /// The https address of its logo.
    #[serde(default)]
    #[schema(value_type = Option<HttpsAddress>)]
    pub logo_url: Option<String>,
    /// The https address of its website.
    #[serde(default)]
    #[schema(value_type = Option<HttpsAddress>)]
    pub website: Option<String>,
}

/// A change to an organization: absent keeps, null clears.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Example Ltd", "description": null }))]
pub struct OrganizationPatch {
    /// What it is called.
    #[serde(default)]
    #[schema(value_type = ShownName, required = false)]
    pub name: Patch<String>,
    /// The name that addresses know it by, unique in the server.
    #[serde(default)]
    #[schema(
        value_type = String,
        required = false,
        min_length = 1,
        max_length = 64,
        pattern = "^[a-z0-9]+(-[a-z0-9]+)*$",
        example = "example-ltd"
    )]
    pub slug: Patch<String>,
    /// What it is.
    #[serde(default)]
    #[schema(schema_with = crate::roles::model::description_schema)]
    pub description: Patch<String>,
    /// The https address of its logo.
    #[serde(default)]
    #[schema(value_type = Option<HttpsAddress>)]
    pub logo_url: Patch<String>,
    /// The https address of its website.
    #[serde(default)]
    #[schema(value_type = Option<HttpsAddress>)]
    pub website: Patch<String>,
}

/// That the deletion is meant.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Confirmed {
    /// The organization's name, exactly as it is.
    #[serde(default)]
    #[param(example = "Example Ltd")]
    pub(super) confirmation: Option<String>,
}

/// What an organization is called and how it is described, as far as people decide it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) name: String,
    pub(super) slug: String,
    pub(super) description: Option<String>,
    pub(super) logo_url: Option<String>,
    pub(super) website: Option<String>,
}

impl From<&OrganizationRow> for Described {
    fn from(row: &OrganizationRow) -> Self {
        Self {
            name: row.name.clone(),
            slug: row.slug.clone(),
            description: row.description.clone(),
            logo_url: row.logo_url.clone(),
            website: row.website.clone(),
        }
    }
}

fn slug(given: &str) -> Result<String, &'static str> {
    let given = given.trim();
    if !given.is_empty() && text::slug(given) == given {
        Ok(given.to_owned())
    } else {
        Err("must be 1 to 64 characters of a-z and 0-9, in words that are parted by one hyphen")
    }
}

fn description(given: &str) -> Result<Option<String>, &'static str> {
    let given = given.trim();
    if given.chars().count() > DESCRIPTION || given.chars().any(text::disturbs) {
        return Err("must be at most 500 characters, in one line");
    }
    Ok((!given.is_empty()).then(|| given.to_owned()))
}

impl Described {
    /// What a new organization is, or everything that is wrong with it; with no slug where none was given.
    pub(super) fn new(new: &NewOrganization) -> Result<Self, FieldErrors> {
        let mut wrong = FieldErrors::default();
        let described = Self {
            name: wrong.take("name", fields::display_name(&new.name)).unwrap_or_default(),
            slug: fields::read("slug", new.slug.as_deref(), slug, &mut wrong).unwrap_or_default(),
            description: fields::read("description", new.description.as_deref(), description, &mut wrong)
                .flatten(),
            logo_url: fields::read("logo_url", new.logo_url.as_deref(), fields::avatar_url, &mut wrong),
            website: fields::read("website", new.website.as_deref(), fields::avatar_url, &mut wrong),
        };
        if wrong.is_empty() { Ok(described) } else { Err(wrong) }
    }

    /// What it is after the change, or everything that is wrong with that.
    pub(super) fn patched(mut self, patch: &OrganizationPatch) -> Result<Self, FieldErrors> {
        let mut wrong = FieldErrors::default();
        let wrong_here = &mut wrong;
        let required = |field,
                        patch: &Patch<String>,
                        value: &mut String,
                        reader: fn(&str) -> Result<_, _>,
                        wrong: &mut FieldErrors| {
            match patch {
                Patch::Keep => {}
                Patch::Clear => wrong.add(field, "can't be cleared"),
                Patch::Set(text) => *value = wrong.take(field, reader(text)).unwrap_or_default(),
            }
        };
        required("name", &patch.name, &mut self.name, fields::display_name, wrong_here);
        required("slug", &patch.slug, &mut self.slug, slug, wrong_here);
        match &patch.description {
            Patch::Keep => {}
            Patch::Clear => self.description = None,
            Patch::Set(text) => self.description = wrong.take("description", description(text)).flatten(),
        }
        for (field, patch, value) in [
            ("logo_url", &patch.logo_url, &mut self.logo_url),
            ("website", &patch.website, &mut self.website),
        ] {
            match patch {
                Patch::Keep => {}
                Patch::Clear => *value = None,
                Patch::Set(text) => *value = wrong.take(field, fields::avatar_url(text)),
            }
        }
        if wrong.is_empty() { Ok(self) } else { Err(wrong) }
    }

    /// What differs between two states: each field, before and after.
    pub(super) fn differences(&self, after: &Self) -> Vec<(&'static str, Value, Value)> {
        let pairs = [
            ("name", Some(&self.name), Some(&after.name)),
            ("slug", Some(&self.slug), Some(&after.slug)),
            ("description", self.description.as_ref(), after.description.as_ref()),
            ("logo_url", self.logo_url.as_ref(), after.logo_url.as_ref()),
            ("website", self.website.as_ref(), after.website.as_ref()),
        ];
        let differs = pairs.into_iter().filter(|(_, before, after)| before != after);
        differs
            .map(|(field, before, after)| (field, Value::from(before.cloned()), Value::from(after.cloned())))
            .collect()
    }
}

/// The list of the caller's organizations.
pub(super) enum OrganizationList {}

impl Listed for OrganizationList {
    const SPEC: ListSpec = ListSpec {
        sorts: &[SortField::desc("created_at"), SortField::asc("name")],
        filters: &[],
        search: None,
    };
}

impl OrganizationRow {
    pub(super) fn place(&self, sort: &str) -> Cursor {
        let value = match sort {
            "name" => SortValue::Text(text::key(&self.name)),
            _ => SortValue::Integer(self.created_at.timestamp_micros()),
        };
        Cursor { value, id: *self.id.as_bytes(), skip: 0 }
    }
}
