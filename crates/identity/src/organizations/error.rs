//! Why something about an organization is refused.

use kernel::{Error, FieldErrors, Kind};
use platform::db::{DbError, ListError};

use crate::users::UserError;

/// The refusals.
#[derive(Debug, thiserror::Error)]
pub enum OrganizationError {
    /// Not there, or not the caller's to know of, or not the one that they act in.
    #[error("There is no such organization.")]
    NotFound,
    /// The slug is another's.
    #[error("The slug is taken.")]
    SlugTaken,
    /// The deletion is not confirmed with the name.
    #[error("To delete the organization, confirm it with its exact name.")]
    ConfirmationMismatch,
    /// What belongs to nobody else belongs to the server's first organization.
    #[error("The server's first organization can't be deleted.")]
    FirstOrganization,
    /// The caller's own address would be shut out.
    #[error("Your own address, {0}, would not be allowed any more.")]
    LocksOut(std::net::IpAddr),
    /// Who has their account here is deactivated or deleted instead.
    #[error("This account belongs to the organization; deactivate it instead.")]
    AtHome,
    /// There is no such invitation, or none that the caller may know of.
    #[error("There is no such invitation.")]
    NoInvitation,
    /// It was answered or revoked before.
    #[error("The invitation was answered or revoked before.")]
    InvitationClosed,
    /// It waited for too long.
    #[error("The invitation has expired; ask for another one.")]
    InvitationExpired,
    /// It is somebody else's.
    #[error("The invitation is for another address than yours.")]
    InvitationMismatch,
    /// They belong to it already.
    #[error("They are a member of the organization already.")]
    AlreadyMember,
    /// About a user, bad fields, or a failure further down.
    #[error(transparent)]
    User(#[from] UserError),
}

impl From<DbError> for OrganizationError {
    fn from(error: DbError) -> Self {
        if error.violates("server_organizations_slug_key") {
            Self::SlugTaken
        } else if error.violates("members_pkey") {
            Self::AlreadyMember
        } else {
            Self::User(error.into())
        }
    }
}

impl From<ListError> for OrganizationError {
    fn from(error: ListError) -> Self {
        Self::User(error.into())
    }
}

impl From<Error> for OrganizationError {
    fn from(error: Error) -> Self {
        Self::User(error.into())
    }
}

impl From<FieldErrors> for OrganizationError {
    fn from(fields: FieldErrors) -> Self {
        Self::User(fields.into())
    }
}

impl From<OrganizationError> for Error {
    fn from(error: OrganizationError) -> Self {
        let text = error.to_string();
        match error {
            OrganizationError::NotFound => Self::not_found("organization"),
            OrganizationError::SlugTaken => Self::conflict(text, "slug_taken"),
            OrganizationError::ConfirmationMismatch => Self::conflict(text, "confirmation_mismatch"),
            OrganizationError::FirstOrganization => Self::conflict(text, "first_organization"),
            OrganizationError::LocksOut(_) => Self::conflict(text, "ip_not_allowed"),
            OrganizationError::AtHome => Self::conflict(text, "home_organization"),
            OrganizationError::NoInvitation => Self::not_found("invitation"),
            OrganizationError::InvitationClosed => Self::conflict(text, "invitation_closed"),
            OrganizationError::InvitationExpired => Self::conflict(text, "invitation_expired"),
            OrganizationError::InvitationMismatch => {
                Self::new(Kind::Forbidden, text).reason("invitation_email_mismatch")
            }
            OrganizationError::AlreadyMember => Self::conflict(text, "already_member"),
            OrganizationError::User(error) => error.into(),
        }
    }
}
