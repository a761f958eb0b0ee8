//! The groups of one user.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use kernel::{
    Actor,
    list::{Cursor, ListRequest, ListSpec, Listed, Page, SortField, SortValue},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Groups, policy, seats};
use crate::{
    ids::{GroupId, UserId},
    roles,
    users::UserError,
};

/// A group that somebody is a member of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HeldGroup {
    /// The group.
    group_id: GroupId,
    /// What it is called.
    #[schema(example = "Front desk")]
    name: String,
    /// Their role in it.
    #[schema(example = "member")]
    role: String,
    /// Are they a member through the group above only, or because everyone is?
    inherited: bool,
    /// Since when they are a member by themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    joined_at: Option<DateTime<Utc>>,
}

/// The list of somebody's groups.
pub(crate) enum HeldGroupList {}

impl Listed for HeldGroupList {
    const SPEC: ListSpec = ListSpec { sorts: &[SortField::asc("name")], filters: &[], search: None };
}

impl Groups {
    /// The groups that count for somebody. The gateway has seen to it that it is the caller, or who administers users.
    pub async fn of_user(
        &self,
        who: &Actor,
        user: UserId,
        request: ListRequest,
    ) -> std::result::Result<Page<HeldGroup>, UserError> {
        self.db
            .read(who.org, move |tx| {
                let held = roles::store::holdings(tx, user)?.ok_or(UserError::NotFound)?;
                let own: HashMap<_, _> = seats::roles_of(tx, user)?
                    .into_iter()
                    .map(|(group, role, joined_at)| (group, (role, joined_at)))
                    .collect();
                let inside = held.groups.into_iter().filter(|group| group.is_member).map(|group| {
                    let own = own.get(&group.id);
                    let value = SortValue::Text(kernel::text::key(&group.name));
                    let cursor = Cursor { value, id: *group.id.as_bytes(), skip: 0 };
                    let shown = HeldGroup {
                        group_id: group.id,
                        name: group.name,
                        role: own.map_or_else(|| policy::MEMBER.to_owned(), |(role, _)| role.clone()),
                        inherited: own.is_none(),
                        joined_at: own.map(|(_, joined_at)| *joined_at),
                    };
                    (cursor, shown)
                });
                Ok(request.cut(inside.collect()))
            })
            .await
    }
}
