//! Roles: what they allow, who has them until when, and who may give them.
//!
//! The system roles are code ([`system`]). An assignment is a row of the organization and may end; from that second
//! it no longer counts. What somebody may do is the union of their roles' permissions; their rank is the highest.

pub(crate) mod store;
pub(crate) mod system;

use kernel::{Id, PermissionSet, Timestamp, id::kind};

use system::Role;
pub(crate) use system::RoleName;

/// A role that somebody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) role: Id<kind::Role>,
    pub(crate) expires_at: Option<Timestamp>,
}

impl Assignment {
    /// A role without an end.
    pub(crate) const fn lasting(role: Id<kind::Role>) -> Self {
        Self { role, expires_at: None }
    }

    fn counts(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// What somebody's assignments add up to at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Effective {
    /// The roles that count, highest rank first, then by name.
    pub(crate) roles: Vec<&'static Role>,
    pub(crate) permissions: PermissionSet,
    /// The highest rank among them; 0 without any.
    pub(crate) level: u8,
    /// When the first of them ends.
    pub(crate) until: Option<Timestamp>,
}

impl Effective {
    /// Adds up the assignments that count now.
    pub(crate) fn of(assignments: &[Assignment], now: Timestamp) -> Self {
        let counting = || assignments.iter().filter(|assignment| assignment.counts(now));
        let mut roles: Vec<_> = counting().filter_map(|assignment| system::by_id(assignment.role)).collect();
        roles.sort_by_key(|role| (std::cmp::Reverse(role.level), role.name));
        roles.dedup_by_key(|role| role.id);
        Self {
            permissions: roles
                .iter()
                .map(|role| role.permissions)
                .fold(PermissionSet::EMPTY, PermissionSet::union),
            level: roles.iter().map(|role| role.level).max().unwrap_or(0),
            until: counting().filter_map(|assignment| assignment.expires_at).min(),
            roles,
        }
    }

    /// The names of the roles, highest rank first.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.roles.iter().map(|role| role.name).collect()
    }
}

/// May somebody of that rank with those permissions give or take the role?
///
/// Never one at or above their own rank, except owners; and never one that allows what they themselves may not.
pub(crate) fn may_assign(level: u8, permissions: PermissionSet, role: &Role) -> bool {
    let owner = level >= OWNER_LEVEL;
    (owner || role.level < level) && permissions.contains_all(role.permissions)
}

/// The rank of owners.
pub(crate) const OWNER_LEVEL: u8 = 100;

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn role(name: &str) -> &'static Role {
        system::by_name(name).unwrap()
    }

    #[test]
    fn an_assignment_does_not_count_from_the_second_it_ends() {
        let assignments = [
            Assignment { role: role("admin").id, expires_at: Some(at(10)) },
            Assignment::lasting(system::MEMBER),
        ];

        let before = Effective::of(&assignments, at(9));
        let after = Effective::of(&assignments, at(10));

        assert_eq!((before.level, before.until), (90, Some(at(10))));
        assert_eq!(before.names(), ["admin", "member"]);
        assert_eq!((after.level, after.until), (50, None));
        assert_eq!(after.permissions, role("member").permissions);
    }

    #[test]
    fn nobody_gives_a_role_at_or_above_their_own_except_owners() {
        let may = |giver: &str, given: &str| {
            let giver = role(giver);
            may_assign(giver.level, giver.permissions, role(given))
        };

        assert!(may("owner", "owner") && may("owner", "admin") && may("admin", "manager"));
        assert!(!may("admin", "admin") && !may("admin", "owner") && !may("manager", "manager"));
    }

    #[test]
    fn nobody_gives_what_they_do_not_have() {
        let user_admin = Effective::of(
            &[Assignment::lasting(system::MEMBER), Assignment::lasting(role("user_admin").id)],
            at(0),
        );

        assert!(may_assign(user_admin.level, user_admin.permissions, role("viewer")));
        assert!(!may_assign(user_admin.level, user_admin.permissions, role("auditor")));
    }

    prop_compose! {
        fn assignment()(index in 0..system::ROLES.len(), end in proptest::option::of(0_i64..20)) -> Assignment {
            Assignment { role: system::ROLES[index].id, expires_at: end.map(at) }
        }
    }

    proptest! {
        #[test]
        fn what_counts_is_what_a_naive_reader_would_add_up(
            assignments in proptest::collection::vec(assignment(), 0..8), now in 0_i64..20,
        ) {
            let effective = Effective::of(&assignments, at(now));
            for permission in kernel::Permission::all() {
                let granted = assignments.iter().any(|a| {
                    a.expires_at.is_none_or(|end| at(now) < end)
                        && system::by_id(a.role).unwrap().permissions.contains(permission)
                });
                prop_assert_eq!(effective.permissions.contains(permission), granted);
            }
        }

        #[test]
        fn nothing_changes_before_the_time_it_names(
            assignments in proptest::collection::vec(assignment(), 0..8), now in 0_i64..20, later in 0_i64..20,
        ) {
            let effective = Effective::of(&assignments, at(now));
            if later >= now && effective.until.is_none_or(|until| at(later) < until) {
                prop_assert_eq!(Effective::of(&assignments, at(later)), effective);
            }
        }
    }
}
