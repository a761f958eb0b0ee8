//! Why a sign-in, or what belongs to it, is refused.

use kernel::{Error, FieldErrors, Kind, Timestamp};
use platform::db::DbError;

use crate::{
    two_factor::TwoFactorError,
    users::{UserError, model::Status},
};

/// The refusals of sign-in, each with what its caller may know.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The name or the password is wrong, or there is no such account any more. Never says which.
    #[error("The name or the password is wrong.")]
    InvalidCredentials,
    /// The second factor is wrong, or was used before.
    #[error("The code is wrong, or was used before.")]
    InvalidCode,
    /// The present password is wrong, told to who is signed in.
    #[error("The present password is wrong.")]
    WrongPassword,
    /// There is no such user, or none that the caller may administer.
    #[error("There is no such user.")]
    NoSuchUser,
    /// Too many failures of this name from this address.
    #[error("Too many failed attempts. Try again later.")]
    Locked {
        /// The first moment at which another attempt is looked at.
        until: Timestamp,
    },
    /// Too many attempts in a minute.
    #[error("Too many attempts. Try again in a moment.")]
    TooMany {
        /// Seconds to wait.
        retry_after: i64,
    },
    /// The password is right and the account is shut out.
    #[error("This account is suspended. An administrator can activate it.")]
    Suspended,
    /// The password is right and the account is deactivated.
    #[error("This account is deactivated. An administrator can activate it.")]
    Inactive,
    /// The password is right and nobody has confirmed the account.
    #[error("An administrator has to activate this account first.")]
    Pending,
    /// The password is right and the address isn't confirmed.
    #[error("Confirm the e-mail address first.")]
    EmailUnverified,
    /// The user is no member of the organization that they want to act in.
    #[error("There is no such organization.")]
    NoSuchOrganization,
    /// A refresh or one-time token is unknown, expired or used up.
    #[error("{0}")]
    BadToken(&'static str, &'static str),
    /// Bootstrap is not to be had here.
    #[error("Nothing is at this address.")]
    NoBootstrap,
    /// There is an administrator already.
    #[error("This server has an administrator already.")]
    AdminExists,
    /// Something further down.
    #[error(transparent)]
    Other(#[from] Error),
}

impl AuthError {
    /// Why an account of that status doesn't sign in, to be told only to who knows its password.
    pub(crate) fn of_status(status: Status) -> Option<Self> {
        match status {
            Status::Active => None,
            Status::Suspended => Some(Self::Suspended),
            Status::Inactive => Some(Self::Inactive),
            Status::PendingActivation => Some(Self::Pending),
            Status::PendingVerification => Some(Self::EmailUnverified),
            Status::Deleted => Some(Self::InvalidCredentials),
        }
    }

    /// The reason within the code, for the answer and for the audit.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::InvalidCredentials => "invalid_credentials",
            Self::InvalidCode => "invalid_code",
            Self::WrongPassword => "wrong_password",
            Self::NoSuchUser => "no_such_user",
            Self::Locked { .. } => "account_locked",
            Self::TooMany { .. } => "too_many_attempts",
            Self::Suspended => "account_suspended",
            Self::Inactive => "account_inactive",
            Self::Pending => "account_pending",
            Self::EmailUnverified => "email_unverified",
            Self::NoSuchOrganization => "no_such_organization",
            Self::BadToken(_, reason) => reason,
            Self::NoBootstrap => "not_configured",
            Self::AdminExists => "admin_exists",
            Self::Other(_) => "error",
        }
    }

    /// Counts a refused sign-in. A failure of our own is none.
    pub(crate) fn count(&self) {
        if !matches!(self, Self::Other(_)) {
            metrics::counter!("auth_failures_total", "reason" => self.reason()).increment(1);
        }
    }

    pub(crate) const fn spent() -> Self {
        Self::BadToken("This refresh token was used before. Sign in again.", "token_spent")
    }

    pub(crate) const fn ended() -> Self {
        Self::BadToken("The session has ended. Sign in again.", "session_ended")
    }

    pub(crate) const fn unknown_token() -> Self {
        Self::BadToken("The token is not valid, or not any more.", "token_invalid")
    }
}

impl From<DbError> for AuthError {
    fn from(error: DbError) -> Self {
        if error.violates("server_organizations_founding_key") {
            // Another node founded the organization in the same moment, and its administrator with it.
            Self::AdminExists
        } else {
            Self::Other(UserError::from(error).into())
        }
    }
}

impl From<UserError> for AuthError {
    fn from(error: UserError) -> Self {
        Self::Other(error.into())
    }
}

impl From<TwoFactorError> for AuthError {
    fn from(error: TwoFactorError) -> Self {
        match error {
            TwoFactorError::InvalidCode => Self::InvalidCode,
            TwoFactorError::TooMany { retry_after } => Self::TooMany { retry_after },
            other => Self::Other(other.into()),
        }
    }
}

impl From<FieldErrors> for AuthError {
    fn from(fields: FieldErrors) -> Self {
        Self::Other(fields.into())
    }
}

impl From<AuthError> for Error {
    fn from(error: AuthError) -> Self {
        let (text, reason) = (error.to_string(), error.reason());
        match error {
            AuthError::InvalidCredentials | AuthError::InvalidCode | AuthError::BadToken(..) => {
                Self::unauthorized(text, reason)
            }
            AuthError::WrongPassword => Self::invalid("current_password", "is wrong").reason(reason),
            AuthError::NoSuchUser => Self::not_found("user"),
            AuthError::Locked { until } => {
                Self::new(Kind::Locked, text).reason(reason).detail("locked_until", until)
            }
            AuthError::TooMany { retry_after } => {
                Self::new(Kind::RateLimited, text).reason(reason).detail("retry_after", retry_after)
            }
            AuthError::Suspended | AuthError::Inactive | AuthError::Pending | AuthError::EmailUnverified => {
                Self::new(Kind::Forbidden, text).reason(reason)
            }
            AuthError::NoSuchOrganization => Self::not_found("organization"),
            AuthError::NoBootstrap => Self::new(Kind::NotFound, text),
            AuthError::AdminExists => Self::conflict(text, reason),
            AuthError::Other(error) => error,
        }
    }
}
