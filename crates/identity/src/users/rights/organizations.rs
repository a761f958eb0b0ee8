//! The organizations that somebody belongs to.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use kernel::{
    Actor, Id, Timestamp,
    id::kind,
    list::{Cursor, ListRequest, ListSpec, Listed, Page, SortField, SortValue},
};
use platform::{db::DbError, record};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ids::{OrganizationId, UserId},
    roles::{self, Effective, RoleName, names},
    users::{Users, policy::UserError, store},
};

/// An organization that somebody belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Membership {
    /// The organization.
    organization_id: OrganizationId,
    /// What it is called.
    #[schema(example = "Example Ltd")]
    name: String,
    /// The name that addresses know it by.
    #[schema(example = "example-ltd")]
    slug: String,
    /// The name of the highest role there, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RoleName>)]
    role: Option<Cow<'static, str>>,
    /// The names of all roles there, highest first.
    #[schema(value_type = Vec<RoleName>, example = json!(["member"]))]
    roles: Vec<Cow<'static, str>>,
    /// Is it the one whose account it is?
    home: bool,
    /// Is it the one that the caller acts in?
    current: bool,
    /// Since when they belong to it.
    joined_at: DateTime<Utc>,
}

record! {
    struct MembershipRow {
        org_id: Id<kind::Organization>,
        name: String,
        slug: String,
        joined_at: Timestamp,
    }
}

impl MembershipRow {
    fn place(&self, sort: &str) -> Cursor {
        let value = match sort {
            "name" => SortValue::Text(kernel::text::key(&self.name)),
            _ => SortValue::Integer(self.joined_at.timestamp_micros()),
        };
        Cursor { value, id: *self.org_id.as_bytes(), skip: 0 }
    }
}

/// The list of somebody's organizations.
pub(crate) enum MembershipList {}

impl Listed for MembershipList {
    const SPEC: ListSpec = ListSpec {
        sorts: &[SortField::desc("joined_at"), SortField::asc("name")],
        filters: &[],
        search: None,
    };
}

impl Users {
    /// The organizations of the caller; of others, the one that the caller acts in: what somebody is elsewhere is not an
    /// administrator's to know.
    pub async fn organizations(
        &self,
        who: &Actor,
        user: UserId,
        request: ListRequest,
    ) -> Result<Page<Membership>, UserError> {
        let (now, acting, own) = (self.world.now(), who.org, who.is(user));
        let found: Result<_, DbError> = self
            .db
            .read_server(move |tx| {
                let rows: Vec<MembershipRow> = tx.across_organizations_with(
                    "SELECT m.org_id, o.name, o.slug, m.joined_at FROM members m
                     JOIN server_organizations o ON o.id = m.org_id WHERE m.user_id = $1",
                    &[&user],
                )?;
                Ok((rows, store::find(tx, user)?))
            })
            .await;
        let (mut rows, account) = found?;
        rows.retain(|row| own || row.org_id == acting);
        let home = account.filter(|_| !rows.is_empty()).ok_or(UserError::NotFound)?.home_org_id;
        let page = request.cut(rows.into_iter().map(|row| (row.place(request.sort), row)).collect());
        let mut effective = Vec::with_capacity(page.items.len());
        for row in &page.items {
            let held: Result<_, DbError> =
                self.db.read(row.org_id, move |tx| roles::store::holdings(tx, user)).await;
            effective.push(Effective::of(&held?.unwrap_or_default(), now));
        }
        let mut effective = effective.into_iter();
        Ok(page.map(|row| {
            let roles = effective.next().map(|effective| names(&effective.roles)).unwrap_or_default();
            Membership {
                organization_id: row.org_id,
                name: row.name,
                slug: row.slug,
                role: roles.first().cloned(),
                roles,
                home: row.org_id == home,
                current: row.org_id == acting,
                joined_at: row.joined_at,
            }
        }))
    }
}
