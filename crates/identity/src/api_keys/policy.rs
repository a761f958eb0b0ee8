//! Who may do what with which key, and what a key may be: each rule one function of plain values.

use chrono::TimeDelta;
use kernel::{Error, FieldErrors, Kind, NEVER, Patch, Permission, PermissionSet, Principal, Timestamp, text};
use platform::db::{DbError, ListError};

use super::{Networks, model::KeyStatus, store::KeyRow};
use crate::{settings::KeyPolicy, users::UserError};

/// Why it can't be done.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not there, or not the caller's to know of.
    #[error("There is no such API key.")]
    NotFound,
    /// There is no such user.
    #[error("There is no such user.")]
    NoSuchUser,
    /// A scope that the owner doesn't have.
    #[error("The key would be allowed more than its owner.")]
    ScopeExceedsOwner(PermissionSet),
    /// The owner has as many keys as they may.
    #[error("A user can have at most {0} API keys that work.")]
    KeyLimit(u32),
    /// The key has ended.
    #[error("The key has ended; make another one.")]
    Ended(KeyStatus),
    /// The owner ranks above the caller, who would learn what lets them act as the owner.
    #[error("This person has a higher rank than yours.")]
    LevelTooHigh,
    /// The account belongs to another organization.
    #[error("This account is administered by another organization.")]
    NotHome,
    /// The owner can't sign in.
    #[error("The account is not active.")]
    OwnerInactive,
    /// The caller lacks the permission.
    #[error("This needs the permission {0}.")]
    Lacks(Permission),
    /// Bad fields, or a failure further down.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Self {
        let text = error.to_string();
        match error {
            KeyError::NotFound => Self::not_found("API key"),
            KeyError::NoSuchUser => Self::not_found("user"),
            KeyError::ScopeExceedsOwner(beyond) => {
                let names: Vec<_> = beyond.iter().map(Permission::as_str).collect();
                let problem = format!("are more than the owner has: {}", names.join(", "));
                Self::invalid("scopes", problem).reason("scope_exceeds_owner")
            }
            KeyError::KeyLimit(most) => Self::conflict(text, "key_limit").detail("limit", most),
            KeyError::Ended(KeyStatus::Expired) => Self::conflict(text, "key_expired"),
            KeyError::Ended(_) => Self::conflict(text, "key_revoked"),
            KeyError::LevelTooHigh => Self::new(Kind::Forbidden, text).reason("level_too_high"),
            KeyError::NotHome => Self::new(Kind::Forbidden, text).reason("not_home_organization"),
            KeyError::OwnerInactive => Self::conflict(text, "account_inactive"),
            KeyError::Lacks(permission) => Self::lacks(permission),
            KeyError::Other(error) => error,
        }
    }
}

impl From<DbError> for KeyError {
    fn from(error: DbError) -> Self {
        Self::Other(error.into())
    }
}

impl From<ListError> for KeyError {
    fn from(error: ListError) -> Self {
        Self::Other(error.into())
    }
}

impl From<FieldErrors> for KeyError {
    fn from(fields: FieldErrors) -> Self {
        Self::Other(fields.into())
    }
}

impl From<UserError> for KeyError {
    fn from(error: UserError) -> Self {
        match error {
            UserError::NotFound => Self::NoSuchUser,
            other => Self::Other(other.into()),
        }
    }
}

/// May the caller know of the key? Their own always; others' with `admin:keys`.
pub(crate) fn may_see(who: &Principal, key: &KeyRow) -> bool {
    who.org == key.org_id && (who.is(key.user_id) || who.may(Permission::ADMIN_KEYS))
}

/// May the caller give somebody of that rank and these permissions a key with the scopes, or learn its secret?
///
/// Nobody makes a key that may do more than its owner, nor, for somebody else, one that may do more than they
/// themselves may: they would learn a secret that does.
pub(crate) fn may_give(
    who: &Principal,
    own: bool,
    owner_level: u8,
    owner_may: PermissionSet,
    scopes: PermissionSet,
) -> Result<(), KeyError> {
    if !own && owner_level > who.level {
        return Err(KeyError::LevelTooHigh);
    }
    if !owner_may.contains_all(scopes) {
        return Err(KeyError::ScopeExceedsOwner(scopes.except(owner_may)));
    }
    match scopes.except(who.permissions).iter().next() {
        Some(lacking) => Err(KeyError::Lacks(lacking)),
        None => Ok(()),
    }
}

/// What a key is called.
pub(crate) fn name(given: &str, wrong: &mut FieldErrors) -> String {
    let name = given.trim();
    let fits = (1..=120).contains(&name.chars().count()) && !name.chars().any(text::disturbs);
    wrong.check(fits, "name", "must be 1 to 120 characters without control characters");
    name.to_owned()
}

/// The scopes by their names, wildcards resolved now: what the registry gains later is not in them.
pub(crate) fn scopes(names: &[String], wrong: &mut FieldErrors) -> PermissionSet {
    wrong.check((1..=200).contains(&names.len()), "scopes", "must have 1 to 200 entries");
    let read = |name: &String| wrong.take("scopes", name.parse::<PermissionSet>());
    names.iter().take(200).filter_map(read).fold(PermissionSet::EMPTY, PermissionSet::union)
}

/// The networks.
pub(crate) fn networks(texts: &[String], wrong: &mut FieldErrors) -> Networks {
    Networks::read("ip_allowlist", texts, wrong)
}

/// The end that is meant by both fields together; nothing if neither is given.
pub(crate) fn end(
    at: &Patch<Timestamp>,
    in_days: Patch<u32>,
    policy: &KeyPolicy,
    now: Timestamp,
    wrong: &mut FieldErrors,
) -> Option<Timestamp> {
    let (field, end) = match (at, in_days) {
        (Patch::Keep, Patch::Keep) => return None,
        (Patch::Set(at), Patch::Keep) => ("expires_at", Some(*at)),
        (Patch::Clear, Patch::Keep) => ("expires_at", None),
        (Patch::Keep, Patch::Set(days)) => {
            let fits = (1..=365).contains(&days);
            wrong.check(fits, "expires_in_days", "must be from 1 to 365");
            ("expires_in_days", Some(now + TimeDelta::days(i64::from(days).min(365))))
        }
        (Patch::Keep, Patch::Clear) => ("expires_in_days", None),
        (_, _) => {
            wrong.add("expires_in_days", "can't be combined with expires_at");
            return None;
        }
    };
    match end {
        None => {
            wrong.check(policy.may_last_for_ever, field, "can't be null: keys of this server have an end");
            Some(NEVER)
        }
        Some(end) => {
            let latest = if policy.may_last_for_ever { NEVER } else { now + TimeDelta::days(365) };
            wrong.check(end > now, field, "must be in the future");
            wrong.check(end <= latest, field, "must be within a year");
            Some(end)
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::Surroundings;
    use proptest::prelude::*;

    use super::*;

    fn caller(level: u8, permissions: PermissionSet) -> Principal {
        let world = Surroundings::system();
        Principal {
            user: world.id(),
            org: world.id(),
            session: world.id(),
            permissions,
            level,
            expires_at: world.now(),
            visits: None,
            key: None,
            confined: None,
        }
    }

    fn end_of(at: Patch<Timestamp>, days: Patch<u32>, for_ever: bool) -> Result<Option<i64>, Error> {
        let now = Timestamp::UNIX_EPOCH;
        let policy = KeyPolicy { may_last_for_ever: for_ever, ..KeyPolicy::default() };
        let mut wrong = FieldErrors::default();
        let end = end(&at, days, &policy, now, &mut wrong);
        wrong.finish().map(|()| end.map(|end| (end - now).num_days()))
    }

    #[test]
    fn the_end_of_a_key_is_given_in_one_of_two_ways_and_within_the_policy() {
        let later = Timestamp::UNIX_EPOCH + TimeDelta::days(400);

        assert_eq!(end_of(Patch::Keep, Patch::Keep, false).unwrap(), None);
        assert_eq!(end_of(Patch::Keep, Patch::Set(365), false).unwrap(), Some(365));
        assert_eq!(end_of(Patch::Set(later), Patch::Keep, true).unwrap(), Some(400));
        assert!(end_of(Patch::Set(later), Patch::Keep, false).is_err());
        assert!(end_of(Patch::Clear, Patch::Keep, true).is_ok());
        assert!(end_of(Patch::Keep, Patch::Clear, false).is_err());
        assert!(end_of(Patch::Keep, Patch::Set(366), true).is_err());
        assert!(end_of(Patch::Set(Timestamp::UNIX_EPOCH), Patch::Keep, true).is_err());
        assert!(end_of(Patch::Set(later), Patch::Set(3), true).is_err());
    }

    #[test]
    fn nobody_learns_the_secret_of_somebody_above_them() {
        let keeper = caller(50, PermissionSet::all());

        assert!(matches!(
            may_give(&keeper, false, 100, PermissionSet::all(), PermissionSet::EMPTY),
            Err(KeyError::LevelTooHigh)
        ));
        assert!(may_give(&keeper, false, 50, PermissionSet::all(), PermissionSet::all()).is_ok());
    }

    proptest! {
        #[test]
        fn a_key_that_may_be_given_is_within_what_its_owner_and_its_giver_may(
            owner: Vec<prop::sample::Index>, giver: Vec<prop::sample::Index>, asked: Vec<prop::sample::Index>,
            own: bool,
        ) {
            let all: Vec<_> = Permission::all().collect();
            let set = |of: &[prop::sample::Index]| of.iter().map(|index| *index.get(&all)).collect::<PermissionSet>();
            let (owner, giver, asked) = (set(&owner), set(&giver), set(&asked));
            if may_give(&caller(50, giver), own, 50, owner, asked).is_ok() {
                prop_assert!(owner.contains_all(asked) && giver.contains_all(asked));
            }
        }
    }
}
