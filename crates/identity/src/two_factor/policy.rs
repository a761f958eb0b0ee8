//! Why something about the second factor is refused, and who has to have one.

use kernel::{Error, Kind, Timestamp};
use platform::{db::DbError, secrets::SecretsError};

use crate::{roles::Effective, settings::TwoFactorPolicy, users::UserError};

/// The refusals.
#[derive(Debug, thiserror::Error)]
pub enum TwoFactorError {
    /// There is no such user, or none that the caller may administer.
    #[error("There is no such user.")]
    NoSuchUser,
    /// The code is wrong, or was used.
    #[error("The code is wrong, or was used before.")]
    InvalidCode,
    /// The password is wrong.
    #[error("The password is wrong.")]
    WrongPassword,
    /// Neither a password nor a code was given.
    #[error("This needs the password or a code.")]
    NoProof,
    /// There is a second factor already.
    #[error("A second factor is set up already.")]
    AlreadyEnabled,
    /// There is nothing to confirm, or not any more.
    #[error("No setup waits for its confirmation; begin it again.")]
    NotPending,
    /// There is no second factor.
    #[error("No second factor is set up.")]
    NotEnabled,
    /// A policy asks for it.
    #[error("A policy of the organization asks for a second factor.")]
    RequiredByPolicy,
    /// The organization offers none.
    #[error("The organization doesn't offer a second factor.")]
    NotOffered,
    /// There is no provider for it.
    #[error("No provider for text messages is configured.")]
    NoSms,
    /// Too many codes in a minute.
    #[error("Too many codes. Try again in a moment.")]
    TooMany {
        /// Seconds to wait.
        retry_after: i64,
    },
    /// The person ranks above the caller.
    #[error("This person has a higher rank than yours.")]
    LevelTooHigh,
    /// The account belongs to another organization.
    #[error("This account is administered by another organization.")]
    NotHome,
    /// A failure further down.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<DbError> for TwoFactorError {
    fn from(error: DbError) -> Self {
        Self::Other(error.into())
    }
}

impl From<SecretsError> for TwoFactorError {
    fn from(error: SecretsError) -> Self {
        Self::Other(error.into())
    }
}

impl From<UserError> for TwoFactorError {
    fn from(error: UserError) -> Self {
        match error {
            UserError::NotFound => Self::NoSuchUser,
            other => Self::Other(other.into()),
        }
    }
}

impl From<TwoFactorError> for Error {
    fn from(error: TwoFactorError) -> Self {
        use TwoFactorError as Refused;
        let text = error.to_string();
        match error {
            Refused::NoSuchUser => Self::not_found("user"),
            Refused::InvalidCode => {
                Self::invalid("code", "is wrong, or was used before").reason("invalid_code")
            }
            Refused::WrongPassword => Self::invalid("password", "is wrong").reason("wrong_password"),
            Refused::NoProof => Self::invalid("code", "is needed, or password instead"),
            Refused::AlreadyEnabled => Self::conflict(text, "already_enabled"),
            Refused::NotPending => Self::conflict(text, "not_pending"),
            Refused::NotEnabled => Self::conflict(text, "not_enabled"),
            Refused::RequiredByPolicy => Self::conflict(text, "required_by_policy"),
            Refused::NotOffered => Self::conflict(text, "not_offered"),
            Refused::NoSms => Self::unavailable("sms", text),
            Refused::TooMany { retry_after } => Self::new(Kind::RateLimited, text)
                .reason("too_many_attempts")
                .detail("retry_after", retry_after),
            Refused::LevelTooHigh => Self::new(Kind::Forbidden, text).reason("level_too_high"),
            Refused::NotHome => Self::new(Kind::Forbidden, text).reason("not_home_organization"),
            Refused::Other(error) => error,
        }
    }
}

impl TwoFactorPolicy {
    /// Does somebody with these roles have to have a second factor?
    pub(crate) fn requires(&self, roles: &Effective) -> bool {
        let named = |name: &String| name == "*" || roles.roles.iter().any(|role| role.name == name.as_str());
        self.enabled && self.required_for_roles.iter().any(named)
    }
}

/// How long a setup waits for its confirmation.
pub(crate) fn is_over(pending_until: Timestamp, now: Timestamp) -> bool {
    pending_until <= now
}
