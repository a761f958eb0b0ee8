//! Invitations as the API shows them.

use chrono::{DateTime, Utc};
use kernel::{
    Secret, Timestamp,
    list::{Cursor, ListSpec, Listed, SortField, SortValue},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::store::InvitationRow;
use crate::{
    ids::{InvitationId, OrganizationId, UserId},
    roles::RoleName,
    tokens::Disclosed,
    users::fields::EmailAddress,
};

/// What an invitation is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvitationKind {
    /// An organization.
    Organization,
}

/// What has become of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvitationStatus {
    /// It waits for an answer.
    Sent,
    /// Whom it was for is a member.
    Accepted,
    /// They don't want to be.
    Declined,
    /// It was taken back.
    Revoked,
    /// It waited for too long.
    Expired,
}

/// An invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Invitation {
    /// The invitation's id.
    pub invitation_id: InvitationId,
    /// What it is to.
    pub kind: InvitationKind,
    /// The organization.
    pub organization_id: OrganizationId,
    /// What that is called.
    #[schema(example = "Example Ltd")]
    pub organization_name: String,
    /// Who is invited, if by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Which address is invited, if by address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ann@example.com")]
    pub email: Option<String>,
    /// The names of the roles that come with it, highest first.
    #[schema(value_type = Vec<RoleName>, example = json!(["member"]))]
    pub roles: Vec<String>,
    /// What whoever invites says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Welcome!")]
    pub message: Option<String>,
    /// What has become of it.
    pub status: InvitationStatus,
    /// Who invites.
    pub invited_by: UserId,
    /// Until when it waits for an answer.
    pub expires_at: DateTime<Utc>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// An invitation just made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Invited {
    /// The invitation.
    #[serde(flatten)]
    pub invitation: Invitation,
    /// Was a mail with it asked for?
    #[schema(example = true)]
    pub mailed: bool,
    /// What the invited person shows when they answer; absent where a mail brings it. Shown here only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "bsi_Zm9yIGRvY3VtZW50cyBvbmx5LCBub3QgYSByZWFsIHRva2Vu")]
    pub token: Option<Disclosed>,
}

/// An address that was not invited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NotInvited {
    /// The address.
    #[schema(example = "ann@example.com")]
    pub email: String,
    /// `already_member` or `email_domain_not_allowed`.
    #[schema(example = "already_member")]
    pub reason: &'static str,
}

/// What has become of several invitations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Answered {
    /// Those that were made.
    pub invitations: Vec<Invited>,
    /// How many those are.
    #[schema(example = 1)]
    pub sent: usize,
    /// Those that were not.
    pub failed: Vec<NotInvited>,
}

/// Somebody of this server who is to be a member.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "user_id": "usr_01jzx1hm60es2tv4k60c1vp5ba", "roles": ["member"] }))]
pub struct InvitedUser {
    /// Who.
    pub(super) user_id: UserId,
    /// The names or ids of the roles that they will have; the organization's usual one if absent.
    #[serde(default)]
    #[schema(value_type = Option<Vec<RoleName>>, max_items = 20)]
    pub(super) roles: Option<Vec<String>>,
    /// What they are told.
    #[serde(default)]
    #[schema(schema_with = message_schema)]
    pub(super) message: Option<String>,
    /// Days for which it waits for an answer; 7 if absent.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 90, example = 7)]
    pub(super) expires_in_days: Option<u32>,
}

/// Addresses of those who are to be members.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "emails": ["ann@example.com"], "role": "member", "expires_in_days": 14 }))]
pub struct NewInvitations {
    /// One address.
    #[serde(default)]
    #[schema(value_type = Option<EmailAddress>)]
    pub(super) email: Option<String>,
    /// Several, in place of `email`.
    #[serde(default)]
    #[schema(value_type = Option<Vec<EmailAddress>>, min_items = 1, max_items = 100)]
    pub(super) emails: Option<Vec<String>>,
    /// The name or id of the role that they will have; the organization's usual one if absent.
    #[serde(default)]
    #[schema(value_type = Option<RoleName>)]
    pub(super) role: Option<String>,
    /// What they are told.
    #[serde(default)]
    #[schema(schema_with = message_schema)]
    pub(super) message: Option<String>,
    /// Days for which they wait for an answer; 7 if absent.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 90, example = 7)]
    pub(super) expires_in_days: Option<u32>,
}

fn message_schema() -> utoipa::openapi::Schema {
    use utoipa::openapi::{Type, schema::SchemaType};
    let nullable: SchemaType = [Type::String, Type::Null].into_iter().collect();
    kernel::text::line_schema("What they are told, in one line. Empty is nothing.", 0, 500, "Welcome!")
        .schema_type(nullable)
        .build()
        .into()
}

/// What shows that an invitation is one's own.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::organizations) struct Showing {
    /// The token that came with it. Not needed by whom it names, or whose confirmed address it names.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "bsi_Zm9yIGRvY3VtZW50cyBvbmx5LCBub3QgYSByZWFsIHRva2Vu")]
    pub(super) token: Option<Secret>,
}

/// The same in an address.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::organizations) struct ShowingInAddress {
    /// The token that came with it. Not needed by whom it names, or whose confirmed address it names.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "bsi_Zm9yIGRvY3VtZW50cyBvbmx5LCBub3QgYSByZWFsIHRva2Vu")]
    pub(super) token: Option<Secret>,
}

impl InvitationStatus {
    fn of(row: &InvitationRow, now: Timestamp) -> Self {
        match row.status.as_str() {
            "accepted" => Self::Accepted,
            "declined" => Self::Declined,
            "revoked" => Self::Revoked,
            _ if row.expires_at <= now => Self::Expired,
            _ => Self::Sent,
        }
    }
}

impl Invitation {
    pub(super) fn of(row: InvitationRow, roles: Vec<String>, now: Timestamp) -> Self {
        Self {
            invitation_id: row.id,
            kind: InvitationKind::Organization,
            organization_id: row.org_id,
            status: InvitationStatus::of(&row, now),
            organization_name: row.organization_name,
            user_id: row.user_id,
            email: row.email,
            roles,
            message: row.message,
            invited_by: row.invited_by,
            expires_at: row.expires_at,
            created_at: row.created_at,
        }
    }
}

/// The list of an organization's invitations, and of one's own.
pub(in crate::organizations) enum InvitationList {}

impl Listed for InvitationList {
    const SPEC: ListSpec = ListSpec { sorts: &[SortField::desc("created_at")], filters: &[], search: None };
}

impl InvitationRow {
    pub(super) fn place(&self) -> Cursor {
        let value = SortValue::Integer(self.created_at.timestamp_micros());
        Cursor { value, id: *self.id.as_bytes(), skip: 0 }
    }
}
