//! What somebody's roles and groups add up to.

use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::{HashMap, HashSet},
};

use kernel::{Id, PermissionSet, Timestamp, id::kind};

use super::system;

/// A named bundle of permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Role {
    pub(crate) id: Id<kind::Role>,
    pub(crate) name: Cow<'static, str>,
    /// The rank: who may give it to whom. A functional role adds permissions and no rank.
    pub(crate) level: u8,
    /// What it allows, its parents' permissions included.
    pub(crate) permissions: PermissionSet,
}

/// A role that somebody has by themselves.
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

    pub(super) fn counts(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// A role that an organization has made, before its parents are added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CustomRole {
    pub(crate) id: Id<kind::Role>,
    pub(crate) name: String,
    pub(crate) level: u8,
    pub(crate) permissions: PermissionSet,
    pub(crate) parents: Vec<Id<kind::Role>>,
}

/// The roles that can be named: the server's own, and those of an organization that are at hand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Catalogue(HashMap<Id<kind::Role>, CustomRole>);

impl FromIterator<CustomRole> for Catalogue {
    fn from_iter<I: IntoIterator<Item = CustomRole>>(roles: I) -> Self {
        Self(roles.into_iter().map(|role| (role.id, role)).collect())
    }
}

impl Catalogue {
    /// The role of that id, with what its parents allow.
    pub(crate) fn by_id(&self, id: Id<kind::Role>) -> Option<Role> {
        if let Some(role) = system::by_id(id) {
            return Some(role.clone());
        }
        let custom = self.0.get(&id)?;
        let name = Cow::Owned(custom.name.clone());
        Some(Role { id, name, level: custom.level, permissions: self.permissions(custom) })
    }

    /// The role of that name, or of the one that it stands for.
    pub(crate) fn by_name(&self, name: &str) -> Option<Role> {
        if let Some(role) = system::by_name(name) {
            return Some(role.clone());
        }
        let custom = self.0.values().find(|role| role.name == name)?;
        self.by_id(custom.id)
    }

    /// The role of that id or name.
    pub(crate) fn named(&self, text: &str) -> Option<Role> {
        match text.parse() {
            Ok(id) => self.by_id(id),
            Err(_) => self.by_name(text),
        }
    }

    /// A custom role as it was made.
    pub(crate) fn custom(&self, id: Id<kind::Role>) -> Option<&CustomRole> {
        self.0.get(&id)
    }

    /// The same catalogue with that role as it is to be.
    pub(crate) fn with(&self, role: CustomRole) -> Self {
        let mut roles = self.0.clone();
        roles.insert(role.id, role);
        Self(roles)
    }

    /// The custom roles.
    pub(crate) fn customs(&self) -> impl Iterator<Item = &CustomRole> {
        self.0.values()
    }

    /// Does the role contain the other, itself or through its parents?
    pub(crate) fn contains(&self, role: Id<kind::Role>, other: Id<kind::Role>) -> bool {
        self.above(role).contains(&other)
    }

    /// The role with its parents and theirs. Each once, so that it ends whatever is stored.
    fn above(&self, role: Id<kind::Role>) -> HashSet<Id<kind::Role>> {
        let (mut found, mut waiting) = (HashSet::new(), vec![role]);
        while let Some(next) = waiting.pop() {
            if found.insert(next) {
                waiting.extend(self.0.get(&next).into_iter().flat_map(|role| role.parents.iter().copied()));
            }
        }
        found
    }

    fn permissions(&self, role: &CustomRole) -> PermissionSet {
        if role.parents.is_empty() {
            return role.permissions;
        }
        let of = |id| match (system::by_id(id), self.0.get(&id)) {
            (Some(role), _) => role.permissions,
            (None, Some(custom)) => custom.permissions,
            (None, None) => PermissionSet::EMPTY,
        };
        self.above(role.id).into_iter().map(of).fold(role.permissions, PermissionSet::union)
    }
}

/// What the database keeps of somebody's rights.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Holdings {
    /// The roles that they were given themselves.
    pub(crate) assignments: Vec<Assignment>,
    /// At least the custom roles among those, with their parents.
    pub(crate) catalogue: Catalogue,
    /// The groups that count for them, and those whose permissions these inherit; each once.
    pub(crate) groups: Vec<HeldGroup>,
}

/// A group that allows somebody something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeldGroup {
    pub(crate) id: Id<kind::Group>,
    pub(crate) name: String,
    /// What it allows by itself.
    pub(crate) permissions: PermissionSet,
    /// The role that it carries: one of the server's.
    pub(crate) carries: Option<Id<kind::Role>>,
    /// Are they a member, by themselves or through its parent? Else it only hands its permissions down.
    pub(crate) is_member: bool,
}

impl HeldGroup {
    fn role(&self) -> Option<&'static Role> {
        self.carries.and_then(system::by_id)
    }

    /// All that it allows, but for what it inherits.
    pub(crate) fn allows(&self) -> PermissionSet {
        self.permissions.union(self.role().map_or(PermissionSet::EMPTY, |role| role.permissions))
    }
}

/// What groups give together: to whoever becomes a member of the one that they were read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Grant {
    pub(crate) permissions: PermissionSet,
    /// The highest rank that comes with them; 0 if none does.
    pub(crate) level: u8,
}

impl Grant {
    pub(crate) fn of(groups: &[HeldGroup]) -> Self {
        Self {
            permissions: groups
                .iter()
                .map(HeldGroup::allows)
                .fold(PermissionSet::EMPTY, PermissionSet::union),
            level: groups.iter().filter_map(HeldGroup::role).map(|role| role.level).max().unwrap_or(0),
        }
    }

    /// May somebody of that rank with those permissions give it, or take it? As with roles.
    pub(crate) fn may_be_given(&self, level: u8, permissions: PermissionSet) -> bool {
        let outranks = level >= OWNER_LEVEL || self.level == 0 || self.level < level;
        outranks && permissions.contains_all(self.permissions)
    }
}

/// Something that allows somebody something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// `role` or `group`.
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) permissions: PermissionSet,
}

impl Holdings {
    /// The roles that their groups carry, each with the group's name.
    pub(crate) fn carried(&self) -> impl Iterator<Item = (Role, &str)> {
        self.groups.iter().filter_map(|group| Some((group.role()?.clone(), group.name.as_str())))
    }

    /// The names of the groups that count for them.
    pub(crate) fn group_names(&self) -> Vec<String> {
        let own = self.groups.iter().filter(|group| group.is_member);
        let mut names: Vec<_> = own.map(|group| group.name.clone()).collect();
        names.sort_unstable();
        names
    }

    /// What allows them something now: roles first, highest first; then groups by name.
    pub(crate) fn sources(&self, now: Timestamp) -> Vec<Source> {
        let direct = Effective::of(self, now).direct.into_iter();
        let roles = direct.map(|role| Source {
            kind: "role",
            name: role.name.into_owned(),
            permissions: role.permissions,
        });
        let mut groups: Vec<_> = self
            .groups
            .iter()
            .map(|group| Source { kind: "group", name: group.name.clone(), permissions: group.allows() })
            .filter(|source| source.permissions != PermissionSet::EMPTY)
            .collect();
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        roles.chain(groups).collect()
    }

    /// Roles of the server alone.
    #[cfg(test)]
    pub(crate) fn of_roles(assignments: Vec<Assignment>) -> Self {
        Self { assignments, ..Self::default() }
    }
}

/// What somebody's roles and groups add up to at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Effective {
    /// The roles that they were given themselves and that count, highest rank first, then by name.
    pub(crate) direct: Vec<Role>,
    /// All roles that count, in the same order.
    pub(crate) roles: Vec<Role>,
    pub(crate) permissions: PermissionSet,
    /// The highest rank among them; 0 without any.
    pub(crate) level: u8,
    /// When the first of them ends.
    pub(crate) until: Option<Timestamp>,
}

impl Effective {
    /// Adds up what counts now.
    pub(crate) fn of(holdings: &Holdings, now: Timestamp) -> Self {
        let counting = || holdings.assignments.iter().filter(|assignment| assignment.counts(now));
        let direct = in_order(counting().filter_map(|given| holdings.catalogue.by_id(given.role)).collect());
        let carried = holdings.carried().map(|(role, _)| role);
        let roles = in_order(direct.iter().cloned().chain(carried).collect());
        let of_groups = holdings.groups.iter().map(|group| group.permissions);
        Self {
            permissions: roles
                .iter()
                .map(|role| role.permissions)
                .chain(of_groups)
                .fold(PermissionSet::EMPTY, PermissionSet::union),
            level: roles.iter().map(|role| role.level).max().unwrap_or(0),
            until: counting().filter_map(|assignment| assignment.expires_at).min(),
            direct,
            roles,
        }
    }
}

/// The roles, each once: highest rank first, then by name.
fn in_order(mut roles: Vec<Role>) -> Vec<Role> {
    roles.sort_by(|a, b| (Reverse(a.level), &a.name).cmp(&(Reverse(b.level), &b.name)));
    roles.dedup_by_key(|role| role.id);
    roles
}

/// The names of roles, in their order.
pub(crate) fn names(roles: &[Role]) -> Vec<Cow<'static, str>> {
    roles.iter().map(|role| role.name.clone()).collect()
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

        let holdings = Holdings::of_roles(assignments.to_vec());

        let before = Effective::of(&holdings, at(9));
        let after = Effective::of(&holdings, at(10));

        assert_eq!((before.level, before.until), (90, Some(at(10))));
        assert_eq!(names(&before.roles), ["admin", "member"]);
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
            &Holdings::of_roles(vec![
                Assignment::lasting(system::MEMBER),
                Assignment::lasting(role("user_admin").id),
            ]),
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
            let effective = Effective::of(&Holdings::of_roles(assignments.clone()), at(now));
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
            let effective = Effective::of(&Holdings::of_roles(assignments.clone()), at(now));
            if later >= now && effective.until.is_none_or(|until| at(later) < until) {
                let then = Effective::of(&Holdings::of_roles(assignments), at(later));
                prop_assert_eq!(then, effective);
            }
        }
    }
}
