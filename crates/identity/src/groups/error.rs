//! Why something can't be done with a group.

use kernel::{Error, FieldErrors, Kind, Permission};
use platform::db::{DbError, ListError};

/// Why it can't be done.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// Not there, or not the caller's to know of.
    #[error("There is no such group.")]
    NotFound,
    /// The user is no member of the group.
    #[error("There is no such member.")]
    MemberNotFound,
    /// The group has no such role.
    #[error("There is no such role.")]
    RoleNotFound,
    /// There is no such request.
    #[error("There is no such request.")]
    RequestNotFound,
    /// A sibling has the name.
    #[error("A group beside this one has the name.")]
    NameTaken,
    /// The group has a role of that name.
    #[error("The group has a role of that name.")]
    RoleNameTaken,
    /// They are a member already.
    #[error("They are a member already.")]
    MemberExists,
    /// The group has as many members as it may.
    #[error("The group has as many members as it may.")]
    Full {
        /// As many it may have.
        max: i64,
        /// As many it has.
        current: i64,
    },
    /// It would be left without an owner.
    #[error("A group needs an owner; make somebody else one first.")]
    LastOwner,
    /// It would be a part of itself.
    #[error("A group can't be a part of itself, or of what is a part of it.")]
    Cycle,
    /// Too many groups would stand above each other.
    #[error("At most eight groups stand above each other.")]
    TooDeep,
    /// It has children.
    #[error("The group has others below it; delete them first, or with cascade=true.")]
    HasSubgroups,
    /// It is one that every organization has.
    #[error("{0}")]
    Default(&'static str),
    /// They are a member through the parent only.
    #[error("They are a member through the group above; change it there.")]
    Inherited,
    /// It is for members.
    #[error("This is for members of the group.")]
    MembersOnly,
    /// It is for those who administer the group.
    #[error("This is for those who administer the group.")]
    AdminsOnly,
    /// It is for owners of the group.
    #[error("This is for owners of the group.")]
    OwnersOnly,
    /// What comes with it has the caller's rank or more, or allows what they may not.
    #[error(
        "What the group gives has your rank or more, or allows what you may not; it is not yours to give or take."
    )]
    LevelTooHigh,
    /// Nobody may ask to join.
    #[error("Nobody can ask to join this group.")]
    JoinNotAllowed,
    /// They have asked, and nobody has decided.
    #[error("There is a request already that nobody has decided on.")]
    RequestExists,
    /// It is decided on, or withdrawn.
    #[error("The request is closed.")]
    RequestClosed,
    /// The caller lacks the permission.
    #[error("This needs the permission {0}.")]
    Lacks(Permission),
    /// Bad fields, or a failure further down.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<GroupError> for Error {
    fn from(error: GroupError) -> Self {
        let text = error.to_string();
        let forbidden = |text, reason| Self::new(Kind::Forbidden, text).reason(reason);
        match error {
            GroupError::NotFound => Self::not_found("group"),
            GroupError::MemberNotFound => Self::not_found("member").reason("member_not_found"),
            GroupError::RoleNotFound => Self::not_found("role"),
            GroupError::RequestNotFound => Self::not_found("request"),
            GroupError::NameTaken => Self::conflict(text, "group_name_taken"),
            GroupError::RoleNameTaken => Self::conflict(text, "role_name_taken"),
            GroupError::MemberExists => Self::conflict(text, "member_exists"),
            GroupError::Full { max, current } => Self::new(Kind::Validation, text)
                .reason("group_full")
                .detail("max_members", max)
                .detail("current_members", current),
            GroupError::LastOwner => Self::conflict(text, "last_owner"),
            GroupError::Cycle => Self::conflict(text, "group_cycle"),
            GroupError::TooDeep => Self::conflict(text, "depth_exceeded"),
            GroupError::HasSubgroups => Self::conflict(text, "has_subgroups"),
            GroupError::Default(_) => Self::conflict(text, "default_group"),
            GroupError::Inherited => Self::conflict(text, "inherited_member"),
            GroupError::MembersOnly => forbidden(text, "members_only"),
            GroupError::AdminsOnly => forbidden(text, "group_admins_only"),
            GroupError::OwnersOnly => forbidden(text, "group_owners_only"),
            GroupError::LevelTooHigh => forbidden(text, "level_too_high"),
            GroupError::JoinNotAllowed => Self::conflict(text, "join_not_allowed"),
            GroupError::RequestExists => Self::conflict(text, "request_exists"),
            GroupError::RequestClosed => Self::conflict(text, "request_closed"),
            GroupError::Lacks(permission) => Self::lacks(permission),
            GroupError::Other(error) => error,
        }
    }
}

impl From<DbError> for GroupError {
    fn from(error: DbError) -> Self {
        if error.violates("user_groups_org_id_beside_name_key_key") {
            Self::NameTaken
        } else if error.violates("group_roles_org_id_group_id_name_key") {
            Self::RoleNameTaken
        } else if error.violates("group_members_pkey") {
            Self::MemberExists
        } else {
            Self::Other(error.into())
        }
    }
}

impl From<ListError> for GroupError {
    fn from(error: ListError) -> Self {
        Self::Other(error.into())
    }
}

impl From<FieldErrors> for GroupError {
    fn from(fields: FieldErrors) -> Self {
        Self::Other(fields.into())
    }
}
