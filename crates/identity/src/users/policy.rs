//! Who may do what to whom: the rules for users and their roles, each as one function of plain values.

use kernel::{Error, Id, Kind, Permission, PermissionSet, Principal, id::kind};

use super::model::{Status, UserPatch};
use crate::roles::{Effective, Role, may_assign};

/// Why somebody may not do it, or why it can't be done.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// Not there, or not the caller's to know of.
    #[error("There is no such user.")]
    NotFound,
    /// The user has no such role, or there is none.
    #[error("There is no such role.")]
    NoSuchRole,
    /// The server knows no such permission.
    #[error("There is no such permission.")]
    NoSuchPermission,
    /// Somebody has the username.
    #[error("The username is taken.")]
    UsernameTaken,
    /// Somebody has the address.
    #[error("The e-mail address is taken.")]
    EmailTaken,
    /// The organization has as many members as it may have.
    #[error("The organization may have {0} members, and has them.")]
    MemberLimit(i64),
    /// The organization takes no addresses of that domain.
    #[error("The organization takes no e-mail addresses of this domain.")]
    EmailDomain,
    /// The organization would be left without an owner.
    #[error("An organization needs an owner; make somebody else one first.")]
    LastOwner,
    /// Nobody lowers themselves.
    #[error("Nobody can take rank from themselves; another administrator can.")]
    SelfDemotion,
    /// Nobody shuts themselves out.
    #[error("Nobody can suspend or deactivate themselves.")]
    SelfSuspend,
    /// The role, or the person, is not below the caller.
    #[error("{0}")]
    LevelTooHigh(String),
    /// The account belongs to another organization.
    #[error(
        "This account is administered by another organization; only the roles it has here can be changed."
    )]
    NotHome,
    /// The account can't be changed to that.
    #[error("{0}")]
    BadStatus(String),
    /// The caller lacks the permission.
    #[error("This needs the permission {0}.")]
    Lacks(Permission),
    /// Bad fields, or a failure further down.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<UserError> for Error {
    fn from(error: UserError) -> Self {
        let text = error.to_string();
        match error {
            UserError::NotFound => Self::not_found("user"),
            UserError::NoSuchRole => Self::not_found("role"),
            UserError::NoSuchPermission => Self::not_found("permission"),
            UserError::UsernameTaken => Self::conflict(text, "username_taken"),
            UserError::EmailTaken => Self::conflict(text, "email_taken"),
            UserError::MemberLimit(most) => Self::conflict(text, "member_limit").detail("max_members", most),
            UserError::EmailDomain => Self::invalid("email", text).reason("email_domain_not_allowed"),
            UserError::LastOwner => Self::conflict(text, "last_owner"),
            UserError::SelfDemotion => Self::conflict(text, "self_demotion"),
            UserError::SelfSuspend => Self::conflict(text, "self_suspend"),
            UserError::LevelTooHigh(_) => Self::new(Kind::Forbidden, text).reason("level_too_high"),
            UserError::NotHome => Self::new(Kind::Forbidden, text).reason("not_home_organization"),
            UserError::BadStatus(_) => Self::invalid("status", text),
            // The service audits it itself, before it answers.
            UserError::Lacks(permission) => Self::lacks(permission).audited(),
            UserError::Other(error) => error,
        }
    }
}

/// What a change needs to know of the user it is about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Subject {
    pub(crate) id: Id<kind::User>,
    pub(crate) home: Id<kind::Organization>,
    pub(crate) roles: Effective,
}

/// Does the caller see the user in full?
pub(crate) fn sees_in_full(who: &Principal, user: Id<kind::User>, home: Id<kind::Organization>) -> bool {
    who.is(user) || (who.may(Permission::ADMIN_USERS) && who.org == home)
}

/// May the caller make this change to that user? Says nothing of the roles themselves.
pub(crate) fn may_change(who: &Principal, subject: &Subject, patch: &UserPatch) -> Result<(), UserError> {
    let own = who.is(subject.id);
    if (!own || patch.is_administrative()) && !who.may(Permission::ADMIN_USERS) {
        return Err(UserError::Lacks(Permission::ADMIN_USERS));
    }
    if !patch.roles.is_keep() && !who.may(Permission::ADMIN_ROLES) {
        return Err(UserError::Lacks(Permission::ADMIN_ROLES));
    }
    // Who could change the address of somebody above them could take over their account.
    if !own && subject.roles.level > who.level {
        return Err(UserError::LevelTooHigh("This person has a higher rank than yours.".to_owned()));
    }
    let is_for_home = if own { patch.leaves_profile() } else { patch.touches_account() };
    if subject.home != who.org && is_for_home {
        return Err(UserError::NotHome);
    }
    Ok(())
}

/// May the caller give their own account an address? Whoever has a key of somebody's must not be able to have their
/// password mailed elsewhere.
pub(crate) fn may_give_address(who: &Principal) -> Result<(), UserError> {
    if !who.has_key() {
        return Ok(());
    }
    let text = "An address can't be changed with an API key; sign in.";
    Err(Error::new(Kind::Forbidden, text).reason("not_for_api_keys").into())
}

/// May somebody of that rank with those permissions change the roles of a user from these to those?
pub(crate) fn may_change_roles(
    level: u8,
    permissions: PermissionSet,
    own: bool,
    present: &[Role],
    wanted: &[Role],
) -> Result<(), UserError> {
    let rank = |roles: &[Role]| roles.iter().map(|role| role.level).max().unwrap_or(0);
    if own && rank(wanted) < rank(present) {
        return Err(UserError::SelfDemotion);
    }
    let given = wanted.iter().filter(|role| !present.contains(role));
    let taken = present.iter().filter(|role| !wanted.contains(role));
    given.chain(taken).try_for_each(|role| may_move(level, permissions, role))
}

/// May the caller give the role, or take it?
pub(crate) fn may_give(who: &Principal, role: &Role) -> Result<(), UserError> {
    may_move(who.level, who.permissions, role)
}

fn may_move(level: u8, permissions: PermissionSet, role: &Role) -> Result<(), UserError> {
    if may_assign(level, permissions, role) {
        return Ok(());
    }
    let name = &role.name;
    Err(UserError::LevelTooHigh(format!(
        "The role \"{name}\" is not yours to give or take: it has your rank or more, or allows what you may not."
    )))
}

/// May the account go from one status to the other by an administrator's word?
pub(crate) fn may_change_status(own: bool, present: Status, wanted: Status) -> Result<(), UserError> {
    if present == wanted {
        return Ok(());
    }
    match wanted {
        _ if present == Status::Deleted => {
            Err(UserError::BadStatus("can't be changed after deletion".to_owned()))
        }
        Status::Suspended | Status::Inactive if own => Err(UserError::SelfSuspend),
        Status::Active | Status::Suspended | Status::Inactive => Ok(()),
        Status::PendingActivation | Status::PendingVerification | Status::Deleted => {
            Err(UserError::BadStatus("must be active, suspended or inactive".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Patch, Surroundings, Timestamp};
    use proptest::prelude::*;

    use super::*;
    use crate::roles::{Assignment, Holdings, system};

    fn effective(roles: &[&str]) -> Effective {
        let assignments: Vec<_> =
            roles.iter().map(|name| Assignment::lasting(system::by_name(name).unwrap().id)).collect();
        Effective::of(&Holdings::of_roles(assignments), Timestamp::UNIX_EPOCH)
    }

    fn principal(roles: &[&str]) -> Principal {
        let world = Surroundings::system();
        let effective = effective(roles);
        Principal {
            user: world.id(),
            org: world.id(),
            session: world.id(),
            permissions: effective.permissions,
            level: effective.level,
            expires_at: world.now(),
            visits: None,
            key: None,
            confined: None,
        }
    }

    fn colleague(who: &Principal, roles: &[&str]) -> Subject {
        Subject { id: Surroundings::system().id(), home: who.org, roles: effective(roles) }
    }

    fn themselves(who: &Principal, roles: &[&str]) -> Subject {
        Subject { id: who.user, ..colleague(who, roles) }
    }

    fn renamed() -> UserPatch {
        UserPatch { display_name: Patch::Set("x".to_owned()), ..UserPatch::default() }
    }

    fn readdressed() -> UserPatch {
        UserPatch { email: Patch::Set("x@example.com".to_owned()), ..UserPatch::default() }
    }

    #[test]
    fn people_change_their_own_profile_and_nothing_else() {
        let ann = principal(&["member"]);
        let own = themselves(&ann, &["member"]);

        assert!(may_change(&ann, &own, &renamed()).is_ok());
        assert!(may_change(&ann, &own, &readdressed()).is_ok(), "it waits to be confirmed");
        let unlocked = UserPatch { status: Patch::Set(Status::Active), ..UserPatch::default() };
        assert!(matches!(may_change(&ann, &own, &unlocked), Err(UserError::Lacks(Permission::ADMIN_USERS))));
        let other = colleague(&ann, &["guest"]);
        assert!(matches!(
            may_change(&ann, &other, &renamed()),
            Err(UserError::Lacks(Permission::ADMIN_USERS))
        ));
    }

    #[test]
    fn roles_need_a_permission_of_their_own() {
        let user_admin = principal(&["member", "user_admin"]);
        let patch = UserPatch { roles: Patch::Set(vec![]), ..UserPatch::default() };

        let refused = may_change(&user_admin, &colleague(&user_admin, &["guest"]), &patch);

        assert!(matches!(refused, Err(UserError::Lacks(Permission::ADMIN_ROLES))));
    }

    #[test]
    fn nobody_changes_who_stands_above_them() {
        let admin = principal(&["admin"]);

        assert!(matches!(
            may_change(&admin, &colleague(&admin, &["owner"]), &readdressed()),
            Err(UserError::LevelTooHigh(_))
        ));
        assert!(may_change(&admin, &colleague(&admin, &["admin"]), &readdressed()).is_ok());
    }

    #[test]
    fn an_account_is_changed_at_home_only() {
        let admin = principal(&["admin"]);
        let visitor = Subject { home: Surroundings::system().id(), ..colleague(&admin, &["guest"]) };
        let roles = UserPatch { roles: Patch::Set(vec!["member".to_owned()]), ..UserPatch::default() };

        assert!(matches!(may_change(&admin, &visitor, &readdressed()), Err(UserError::NotHome)));
        assert!(may_change(&admin, &visitor, &roles).is_ok());
        let abroad = Subject { id: admin.user, ..visitor.clone() };
        assert!(matches!(may_change(&admin, &abroad, &readdressed()), Err(UserError::NotHome)));
        assert!(may_change(&admin, &abroad, &renamed()).is_ok(), "the profile is one's own everywhere");
        assert!(!sees_in_full(&admin, visitor.id, visitor.home));
    }

    #[test]
    fn nobody_takes_rank_from_themselves() {
        let owner = principal(&["owner"]);
        let [owners, members] = ["owner", "member"].map(|name| vec![system::by_name(name).unwrap().clone()]);

        let change = |own| may_change_roles(owner.level, owner.permissions, own, &owners, &members);

        assert!(matches!(change(true), Err(UserError::SelfDemotion)));
        assert!(change(false).is_ok());
    }

    #[test]
    fn nobody_shuts_themselves_out() {
        assert!(matches!(
            may_change_status(true, Status::Active, Status::Suspended),
            Err(UserError::SelfSuspend)
        ));
        assert!(may_change_status(false, Status::Active, Status::Suspended).is_ok());
        assert!(may_change_status(false, Status::Active, Status::Deleted).is_err());
        assert!(may_change_status(false, Status::Deleted, Status::Active).is_err());
    }

    proptest! {
        #[test]
        fn nobody_but_an_owner_makes_anybody_their_equal(
            giver in 0..system::ROLES.len(),
            present in proptest::collection::vec(0..system::ROLES.len(), 0..4),
            wanted in proptest::collection::vec(0..system::ROLES.len(), 0..4),
        ) {
            let role = |index: &usize| system::ROLES[*index].clone();
            let giver = role(&giver);
            let (present, wanted): (Vec<_>, Vec<_>) =
                (present.iter().map(role).collect(), wanted.iter().map(role).collect());
            if may_change_roles(giver.level, giver.permissions, false, &present, &wanted).is_ok() {
                for given in wanted.iter().filter(|role| !present.contains(role)) {
                    prop_assert!(giver.name == "owner" || given.level < giver.level);
                    prop_assert!(giver.permissions.contains_all(given.permissions));
                }
            }
        }
    }
}
