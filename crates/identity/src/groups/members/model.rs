//! A member of a group as the API shows one, and what may be asked of it.

use chrono::{DateTime, Utc};
use kernel::{
    Patch,
    list::{FilterField, ListSpec, Listed, SortField},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{
    policy::{MEMBER, Power, Powers},
    seats::SeatRow,
};
use crate::{
    ids::{GroupId, MembershipId, UserId},
    users::store::picture,
};

/// What a membership is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = GroupMemberStatus)]
pub(crate) enum MemberStatus {
    /// It counts.
    Active,
    /// It waits for somebody.
    Pending,
    /// It doesn't count until somebody activates it again.
    Suspended,
}

impl MemberStatus {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Suspended => "suspended",
        }
    }

    fn read(text: &str) -> Self {
        match text {
            "suspended" => Self::Suspended,
            "pending" => Self::Pending,
            _ => Self::Active,
        }
    }
}

/// Who a member is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct MemberCard {
    /// The user's id.
    user_id: UserId,
    /// The name to sign in with.
    #[schema(example = "ann")]
    username: String,
    /// The name to show.
    #[schema(example = "Ann Lee")]
    full_name: String,
    /// Where the picture is.
    #[schema(example = "/api/v1/users/usr_01jzx1hm60es2tv4k60c1vp5ba/avatar")]
    avatar_url: String,
}

/// Somebody's membership in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GroupMember {
    /// The membership's id; absent where it is through the group above only.
    #[serde(skip_serializing_if = "Option::is_none")]
    membership_id: Option<MembershipId>,
    /// Who.
    user: MemberCard,
    /// The same as in `user`.
    user_id: UserId,
    /// The same as in `user`.
    #[schema(example = "ann")]
    username: String,
    /// Their address, for those who manage members, and for themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ann@example.com")]
    email: Option<String>,
    /// The group.
    group_id: GroupId,
    /// `owner`, `admin`, `member` or one of the group's own roles.
    #[schema(example = "member")]
    role: String,
    /// What they may do within the group besides what their role lets them.
    permissions: Vec<Power>,
    /// What the membership is at the moment.
    status: MemberStatus,
    /// Is it through the group above only? Then it is changed there.
    inherited: bool,
    /// Since when they are a member.
    joined_at: DateTime<Utc>,
}

impl GroupMember {
    /// A membership in the group, which may be one in a group above.
    pub(super) fn of(row: SeatRow, group: GroupId, inherited: bool, tells_address: bool) -> Self {
        let (role, permissions) = if inherited {
            (MEMBER.to_owned(), Vec::new())
        } else {
            (row.role, Powers::stored(&row.permissions).to_vec())
        };
        Self {
            membership_id: (!inherited).then_some(row.id),
            user: MemberCard {
                avatar_url: picture(row.user_id, row.avatar_url.as_deref(), row.avatar_hash.as_ref()),
                user_id: row.user_id,
                username: row.username.clone(),
                full_name: row.display_name,
            },
            user_id: row.user_id,
            username: row.username,
            email: tells_address.then_some(row.email),
            group_id: group,
            role,
            permissions,
            status: MemberStatus::read(&row.status),
            inherited,
            joined_at: row.joined_at,
        }
    }
}

/// The list of a group's members.
pub(crate) enum MemberList {}

impl Listed for MemberList {
    const SPEC: ListSpec = MEMBERS;
}

/// What a list of members can be asked.
pub(crate) const MEMBERS: ListSpec = ListSpec {
    sorts: &[SortField::desc("joined_at"), SortField::asc("role")],
    filters: &[
        FilterField::texts("role", "With one of these roles in the group."),
        FilterField::one_of("status", &["active", "pending", "suspended"], "In one of these states."),
    ],
    search: Some("the names of members"),
};

/// Somebody who is to be a member.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    /// Who: a member of the organization.
    pub(crate) user_id: UserId,
    /// `owner`, `admin`, `member` or one of the group's own roles; `member` if absent.
    #[serde(default)]
    #[schema(max_length = 64, example = "member")]
    pub(crate) role: Option<String>,
    /// What they may do within the group besides.
    #[serde(default)]
    pub(crate) permissions: Powers,
}

/// Several who are to be members.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMembers {
    /// Who, 1 to 500.
    #[schema(min_items = 1, max_items = 500)]
    pub(crate) members: Vec<NewMember>,
}

/// What became of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AddedMembers {
    /// How many are members now.
    pub(super) added: usize,
    /// How many are not.
    pub(super) failed: usize,
    /// Each, in the order of the request.
    pub(super) memberships: Vec<AddedMember>,
}

/// What became of one who was to be a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AddedMember {
    /// Who.
    pub(super) user_id: UserId,
    /// `added` or `failed`.
    #[schema(pattern = "^(added|failed)$", example = "added")]
    pub(super) status: &'static str,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "member_exists")]
    pub(super) reason: Option<String>,
}

/// A change to a membership: absent keeps, null clears.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "role": "admin" }))]
pub struct MemberPatch {
    /// The role in the group.
    #[serde(default)]
    #[schema(value_type = String, required = false, max_length = 64, example = "admin")]
    pub(crate) role: Patch<String>,
    /// What they may do within the group besides what their role lets them.
    #[serde(default)]
    #[schema(value_type = Option<Powers>)]
    pub(crate) permissions: Patch<Powers>,
    /// `active` or `suspended`.
    #[serde(default)]
    #[schema(value_type = String, required = false, pattern = "^(active|suspended)$", example = "suspended")]
    pub(crate) status: Patch<MemberStatus>,
}
