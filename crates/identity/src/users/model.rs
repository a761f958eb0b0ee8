//! A user as the API shows one, and what may be asked of it.

use std::{borrow::Cow, fmt, str::FromStr};

use chrono::{DateTime, Utc};
use kernel::{Patch, Secret};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Ref, RefOr, Schema, schema::AnyOfBuilder},
};

use super::fields::{EmailAddress, NamePart, PictureAddress, ShownName, Username};
use crate::{
    ids::{OrganizationId, UserId},
    roles::RoleName,
    tokens::Disclosed,
};

/// What an account can do at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = UserStatus)]
pub enum Status {
    /// Signs in and works.
    Active,
    /// Shut out by an administrator until activated again.
    Suspended,
    /// Deactivated.
    Inactive,
    /// Made by an administrator; has no password yet.
    PendingActivation,
    /// Registered; the address is not confirmed yet.
    PendingVerification,
    /// Waits for its erasure.
    Deleted,
}

impl Status {
    /// The name in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Inactive => "inactive",
            Self::PendingActivation => "pending_activation",
            Self::PendingVerification => "pending_verification",
            Self::Deleted => "deleted",
        }
    }
}

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        const ALL: [Status; 6] = [
            Status::Active,
            Status::Suspended,
            Status::Inactive,
            Status::PendingActivation,
            Status::PendingVerification,
            Status::Deleted,
        ];
        ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}

/// A text that names no status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no status \"{0}\"")]
pub struct UnknownStatus(String);

/// A user in full: for themselves and for those who administer users.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct User {
    /// The user's id.
    pub user_id: UserId,
    /// The name to sign in with, unique in the server.
    #[schema(example = "ann")]
    pub username: String,
    /// The address, unique in the server.
    #[schema(example = "ann@example.com")]
    pub email: String,
    /// Has somebody confirmed that the address is theirs?
    pub email_verified: bool,
    /// The address that takes its place once it is confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ann.lee@example.com")]
    pub pending_email: Option<String>,
    /// The name to show.
    #[schema(example = "Ann Lee")]
    pub display_name: String,
    /// The same as `display_name`.
    #[schema(example = "Ann Lee")]
    pub full_name: String,
    /// The first name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Ann")]
    pub first_name: Option<String>,
    /// The last name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Lee")]
    pub last_name: Option<String>,
    /// Where the picture is: what was set, or `/users/{user_id}/avatar`, which takes the same credentials as the rest.
    #[schema(example = "/api/v1/users/usr_01jzx1hm60es2tv4k60c1vp5ba/avatar?v=9f86d081884c7d65")]
    pub avatar_url: String,
    /// What the account can do at all.
    pub status: Status,
    /// The name of the highest role that the user was given, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RoleName>)]
    pub role: Option<Cow<'static, str>>,
    /// The names of all roles that the user was given, highest first. Groups may add to them.
    #[schema(value_type = Vec<RoleName>, example = json!(["member", "auditor"]))]
    pub roles: Vec<Cow<'static, str>>,
    /// The organization that the account belongs to.
    pub organization_id: OrganizationId,
    /// Whatever an administrator wants to keep about the user.
    #[schema(example = json!({ "team": "north" }))]
    pub metadata: Map<String, Value>,
    /// Is a second factor asked for at sign-in?
    pub two_factor_enabled: bool,
    /// The last sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_login: Option<DateTime<Utc>>,
    /// Since when the account is suspended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended_at: Option<DateTime<Utc>>,
    /// Why it is suspended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "left the company")]
    pub suspend_reason: Option<String>,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// What colleagues see of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct UserCard {
    /// The user's id.
    pub user_id: UserId,
    /// The name to sign in with.
    #[schema(example = "ann")]
    pub username: String,
    /// The name to show.
    #[schema(example = "Ann Lee")]
    pub display_name: String,
    /// Where the picture is: what was set, or `/users/{user_id}/avatar`, which takes the same credentials as the rest.
    #[schema(example = "/api/v1/users/usr_01jzx1hm60es2tv4k60c1vp5ba/avatar?v=9f86d081884c7d65")]
    pub avatar_url: String,
    /// What the account can do at all.
    pub status: Status,
}

/// A user as the caller may see them: in full, or as a card.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Person {
    /// The caller themselves, or anybody for who administers users.
    Full(Box<User>),
    /// For everybody else.
    Card(UserCard),
}

/// Any of both, not one of them: whatever is a user has all that a card has.
impl PartialSchema for Person {
    fn schema() -> RefOr<Schema> {
        AnyOfBuilder::new()
            .description(Some("A user as the caller may see them: in full, or as a card."))
            .item(Ref::from_schema_name(User::name()))
            .item(Ref::from_schema_name(UserCard::name()))
            .into()
    }
}

impl ToSchema for Person {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((User::name().into_owned(), User::schema()));
        schemas.push((UserCard::name().into_owned(), UserCard::schema()));
        User::schemas(schemas);
        UserCard::schemas(schemas);
    }
}

/// A new user.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "username": "ann", "email": "ann@example.com", "display_name": "Ann Lee", "roles": ["member"] }))]
pub struct NewUser {
    /// The name to sign in with.
    #[schema(value_type = Username)]
    pub username: String,
    /// The address.
    #[schema(value_type = EmailAddress)]
    pub email: String,
    /// The name to show, 1 to 120 characters; made of the first and last name, or of the username, if absent.
    #[serde(default, alias = "full_name")]
    #[schema(value_type = Option<ShownName>)]
    pub display_name: Option<String>,
    /// The first name.
    #[serde(default)]
    #[schema(value_type = Option<NamePart>)]
    pub first_name: Option<String>,
    /// The last name.
    #[serde(default)]
    #[schema(value_type = Option<NamePart>)]
    pub last_name: Option<String>,
    /// The https address of a picture.
    #[serde(default)]
    #[schema(value_type = Option<PictureAddress>)]
    pub avatar_url: Option<String>,
    /// Names or ids of roles; `["member"]` if absent. Others need `admin:roles` besides.
    #[serde(default)]
    #[schema(value_type = Option<Vec<RoleName>>)]
    pub roles: Option<Vec<String>>,
    /// Anything about the user, at most 16 KiB as JSON.
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
    /// The password. Without one a link that lets the user set it, once, is mailed to them, or stands in the answer
    /// where the server sends no mail.
    #[serde(default)]
    pub password: Option<Secret>,
}

/// A user just made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CreatedUser {
    /// The user.
    #[serde(flatten)]
    pub user: User,
    /// Hand this to the user: it lets them set their password, once. Shown here only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        example = "https://bots.example.com/set-password#token=bsp_Zm9yIGRvY3VtZW50cyBvbmx5LCBub3QgYSByZWFsIHRva2Vu"
    )]
    pub password_link: Option<Disclosed>,
    /// Is the link on its way to the user by mail? Then it does not stand here.
    pub invitation_mailed: bool,
    /// Until when the link works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_link_expires_at: Option<DateTime<Utc>>,
}

/// The statuses that an administrator can give, for the contract.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code, reason = "the policy decides between all statuses")]
enum WantedStatus {
    /// Signs in and works.
    Active,
    /// Shut out; all sessions end.
    Suspended,
    /// Deactivated; all sessions end.
    Inactive,
}

/// A change to a user: absent keeps, null clears. The names and the address are for everybody's own account; the rest
/// needs `admin:users`, and `roles` besides that `admin:roles`.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "display_name": "Ann Lee", "last_name": null }))]
pub struct UserPatch {
    /// The name to show.
    #[serde(default, alias = "full_name")]
    #[schema(value_type = ShownName, required = false)]
    pub display_name: Patch<String>,
    /// The first name.
    #[serde(default)]
    #[schema(value_type = Option<NamePart>)]
    pub first_name: Patch<String>,
    /// The last name.
    #[serde(default)]
    #[schema(value_type = Option<NamePart>)]
    pub last_name: Patch<String>,
    /// The https address of a picture.
    #[serde(default)]
    #[schema(value_type = Option<PictureAddress>)]
    pub avatar_url: Patch<String>,
    /// The name to sign in with.
    #[serde(default)]
    #[schema(value_type = Username, required = false)]
    pub username: Patch<String>,
    /// The address. One's own changes once it is confirmed from there, and stands as `pending_email` until then. That
    /// of somebody else changes at once, and counts as unconfirmed.
    #[serde(default)]
    #[schema(value_type = EmailAddress, required = false)]
    pub email: Patch<String>,
    /// `active`, `suspended` or `inactive`; the latter two end all sessions.
    #[serde(default)]
    #[schema(value_type = WantedStatus, required = false)]
    pub status: Patch<Status>,
    /// The names or ids of all roles that the user shall have. Those that stay keep their end.
    #[serde(default)]
    #[schema(value_type = Option<Vec<RoleName>>)]
    pub roles: Patch<Vec<String>>,
    /// Merged into what there is (RFC 7396).
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub metadata: Patch<Map<String, Value>>,
}

impl UserPatch {
    /// Does it say anything of what only administrators may change?
    pub(crate) fn is_administrative(&self) -> bool {
        let profile_only = self.username.is_keep()
            && self.status.is_keep()
            && self.roles.is_keep()
            && self.metadata.is_keep();
        !profile_only
    }

    /// Does it say anything of what people change of their own account at home only, if at all?
    pub(crate) fn leaves_profile(&self) -> bool {
        let profile_and_roles = self.username.is_keep()
            && self.email.is_keep()
            && self.status.is_keep()
            && self.metadata.is_keep();
        !profile_and_roles
    }

    /// Does it say anything of what of others only their home organization may change?
    pub(crate) fn touches_account(&self) -> bool {
        let roles_only = self.display_name.is_keep()
            && self.first_name.is_keep()
            && self.last_name.is_keep()
            && self.avatar_url.is_keep()
            && self.username.is_keep()
            && self.email.is_keep()
            && self.status.is_keep()
            && self.metadata.is_keep();
        !roles_only
    }
}

/// A user named in a path: by id, or as `me`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserRef {
    /// The caller.
    Me,
    /// Whoever has the id.
    Id(UserId),
}

impl UserRef {
    /// The id that is meant when this caller says it.
    pub fn of(self, caller: UserId) -> UserId {
        match self {
            Self::Me => caller,
            Self::Id(id) => id,
        }
    }
}

impl<'de> Deserialize<'de> for UserRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl de::Visitor<'_> for Reader {
            type Value = UserRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`me` or a user's id")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<UserRef, E> {
                match text {
                    "me" => Ok(UserRef::Me),
                    id => id.parse().map(UserRef::Id).map_err(E::custom),
                }
            }
        }
        deserializer.deserialize_str(Reader)
    }
}
