//! What roles and groups add up to, compared with what somebody would work out with pencil and paper.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta};
use kernel::{Id, Permission, PermissionSet, Surroundings, Timestamp, id::kind};
use platform::db::{DbError, Unit};
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, TestRunner},
};

use super::{Effective, store, system};
use crate::testing::House;

const GROUPS: usize = 6;
const ROLES: usize = 5;

/// Everything that decides what one person may do. Numbers stand for places in the lists.
#[derive(Debug, Clone)]
struct Scene {
    /// The parent of a group comes before it.
    groups: Vec<Group>,
    roles: Vec<Made>,
    /// What the person was given, and in which minute it ends.
    given: BTreeMap<Named, Option<i64>>,
    /// Of the person in a group: does it count?
    memberships: BTreeMap<usize, bool>,
    /// The minute in which it is asked.
    now: i64,
}

#[derive(Debug, Clone)]
struct Group {
    parent: Option<usize>,
    permission: Permission,
    /// A role of the server's.
    carries: Option<usize>,
    inherits_permissions: bool,
    inherits_members: bool,
}

/// A role that the organization has made.
#[derive(Debug, Clone)]
struct Made {
    level: u8,
    permission: Permission,
    /// Also of itself, through others: that is refused, but if it were stored, it would end.
    parents: BTreeSet<Named>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    Server(usize),
    Made(usize),
}

fn permission() -> impl Strategy<Value = Permission> {
    any::<Index>().prop_map(|index| Permission::all().nth(index.index(Permission::all().count())).unwrap())
}

fn named() -> impl Strategy<Value = Named> {
    prop_oneof![(0..system::ROLES.len()).prop_map(Named::Server), (0..ROLES).prop_map(Named::Made)]
}

prop_compose! {
    fn group()(
        parent in any::<Index>(), has_parent in prop::bool::weighted(0.8), permission in permission(),
        carries in proptest::option::weighted(0.3, 0..system::ROLES.len()),
        inherits_permissions in any::<bool>(), inherits_members in any::<bool>(),
    ) -> (Group, Option<Index>) {
        let group = Group { parent: None, permission, carries, inherits_permissions, inherits_members };
        (group, has_parent.then_some(parent))
    }
}

prop_compose! {
    fn made()(
        level in 0_u8..=100, permission in permission(), parents in prop::collection::btree_set(named(), 0..3),
    ) -> Made {
        Made { level, permission, parents }
    }
}

prop_compose! {
    fn scene()(
        groups in prop::collection::vec(group(), GROUPS),
        roles in prop::collection::vec(made(), ROLES),
        given in prop::collection::btree_map(named(), proptest::option::of(0_i64..10), 0..4),
        memberships in prop::collection::btree_map(0..GROUPS, any::<bool>(), 0..4),
        now in 0_i64..10,
    ) -> Scene {
        let place = |(at, (group, parent)): (usize, (Group, Option<Index>))| {
            let parent = parent.filter(|_| at > 0).map(|parent| parent.index(at));
            Group { parent, ..group }
        };
        Scene { groups: groups.into_iter().enumerate().map(place).collect(), roles, given, memberships, now }
    }
}

fn minute(number: i64) -> Timestamp {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(number)
}

/// What somebody has.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sum {
    permissions: BTreeSet<Permission>,
    level: u8,
    roles: BTreeSet<String>,
    /// The minute in which the first role that counts ends.
    until: Option<Timestamp>,
}

impl Scene {
    /// Is the person a member, by themselves or through the groups above?
    fn is_member(&self, group: usize) -> bool {
        let Group { parent, inherits_members, .. } = self.groups[group];
        let above = parent.filter(|_| inherits_members);
        self.memberships.get(&group) == Some(&true) || above.is_some_and(|parent| self.is_member(parent))
    }

    /// The group, and those whose permissions it has.
    fn handing_down(&self, group: usize) -> Vec<usize> {
        let Group { parent, inherits_permissions, .. } = self.groups[group];
        let above = parent.filter(|_| inherits_permissions);
        let above = above.map(|parent| self.handing_down(parent)).unwrap_or_default();
        [vec![group], above].concat()
    }

    /// The role and all that it contains.
    fn contained(&self, role: Named) -> BTreeSet<Named> {
        let mut found = BTreeSet::from([role]);
        loop {
            let made = found.iter().filter_map(|role| match role {
                Named::Made(number) => Some(&self.roles[*number]),
                Named::Server(_) => None,
            });
            let more: BTreeSet<_> = made.flat_map(|made| made.parents.clone()).chain(found.clone()).collect();
            if more == found {
                return found;
            }
            found = more;
        }
    }

    fn add(&self, role: Named, sum: &mut Sum) {
        for contained in self.contained(role) {
            match contained {
                Named::Server(number) => sum.permissions.extend(system::ROLES[number].permissions.iter()),
                Named::Made(number) => sum.permissions.extend(closed(self.roles[number].permission)),
            }
        }
        let (name, level) = match role {
            Named::Server(number) => (system::ROLES[number].name.to_string(), system::ROLES[number].level),
            Named::Made(number) => (name(number), self.roles[number].level),
        };
        sum.roles.insert(name);
        sum.level = sum.level.max(level);
    }

    fn expected(&self) -> Sum {
        let mut sum = Sum::default();
        for (role, end) in &self.given {
            if end.is_some_and(|end| end <= self.now) {
                continue;
            }
            self.add(*role, &mut sum);
            if let Some(end) = end.map(minute) {
                sum.until = Some(sum.until.map_or(end, |until| until.min(end)));
            }
        }
        let groups = (0..GROUPS).filter(|group| self.is_member(*group));
        for group in groups.flat_map(|group| self.handing_down(group)) {
            sum.permissions.extend(closed(self.groups[group].permission));
            if let Some(role) = self.groups[group].carries {
                self.add(Named::Server(role), &mut sum);
            }
        }
        sum
    }
}

fn name(role: usize) -> String {
    format!("made-{role}")
}

/// A permission with what it contains.
fn closed(permission: Permission) -> impl Iterator<Item = Permission> {
    [permission].into_iter().collect::<PermissionSet>().iter()
}

/// The scene's things in the database.
#[derive(Clone)]
struct Ids {
    person: Id<kind::User>,
    groups: Vec<Id<kind::Group>>,
    roles: Vec<Id<kind::Role>>,
}

impl Ids {
    fn role(&self, named: Named) -> Id<kind::Role> {
        match named {
            Named::Server(number) => system::ROLES[number].id,
            Named::Made(number) => self.roles[number],
        }
    }

    /// Writes a scene in the place of the one before.
    fn write(&self, unit: &Unit<'_>, scene: &Scene) -> Result<(), DbError> {
        unit.execute("DELETE FROM member_roles WHERE org_id = $1 AND user_id = $2", &[&self.person])?;
        for role in &self.roles {
            unit.execute("DELETE FROM custom_roles WHERE org_id = $1 AND id = $2", &[role])?;
        }
        for group in self.groups.iter().rev() {
            unit.execute("DELETE FROM user_groups WHERE org_id = $1 AND id = $2", &[group])?;
        }
        for (id, group) in self.groups.iter().zip(&scene.groups) {
            unit.execute(
                "INSERT INTO user_groups (org_id, id, name, name_key, kind, visibility, parent_id, beside,
                    allow_join_requests, require_approval, max_members, permissions, inherit_permissions,
                    inherit_members, carries, is_default, member_count, search_key, rev, created_at, updated_at)
                 VALUES ($1, $2, $3, $3, 'team', 'private', $4, $2, $5, $5, 0, $6, $7, $8, $9, $5, 0, '', 1, 0, 0)",
                &[
                    id,
                    &id.to_string(),
                    &group.parent.map(|parent| self.groups[parent]),
                    &false,
                    &group.permission.to_string(),
                    &group.inherits_permissions,
                    &group.inherits_members,
                    &group.carries.map(|role| system::ROLES[role].id),
                ],
            )?;
        }
        for (number, made) in scene.roles.iter().enumerate() {
            unit.execute(
                "INSERT INTO custom_roles (org_id, id, name, display_name, level, permissions, rev, created_at,
                    updated_at)
                 VALUES ($1, $2, $3, $3, $4, $5, 1, 0, 0)",
                &[
                    &self.roles[number],
                    &name(number),
                    &i64::from(made.level),
                    &made.permission.to_string(),
                ],
            )?;
        }
        for (number, made) in scene.roles.iter().enumerate() {
            for parent in &made.parents {
                unit.execute(
                    "INSERT INTO custom_role_parents (org_id, role_id, parent_id) VALUES ($1, $2, $3)",
                    &[&self.roles[number], &self.role(*parent)],
                )?;
            }
        }
        for (group, counts) in &scene.memberships {
            let (id, status): (Id<kind::Membership>, _) =
                (Surroundings::system().id(), if *counts { "active" } else { "suspended" });
            unit.execute(
                "INSERT INTO group_members (org_id, group_id, user_id, id, role, permissions, status, rev, joined_at,
                    updated_at)
                 VALUES ($1, $2, $3, $4, 'member', '', $5, 1, 0, 0)",
                &[&self.groups[*group], &self.person, &id, &status],
            )?;
        }
        for (role, end) in &scene.given {
            unit.execute(
                "INSERT INTO member_roles (org_id, user_id, role_id, expires_at, created_at) VALUES ($1, $2, $3, $4, 0)",
                &[&self.person, &self.role(*role), &end.map(minute)],
            )?;
        }
        Ok(())
    }
}

#[test]
fn what_somebody_may_do_is_what_a_naive_reader_would_work_out() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let house = runtime.block_on(House::new());
    let person = runtime.block_on(house.make("ann", &["guest"])).user.user_id;
    let world = Surroundings::system();
    let ids = Ids {
        person,
        groups: (0..GROUPS).map(|_| world.id()).collect(),
        roles: (0..ROLES).map(|_| world.id()).collect(),
    };
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });

    let outcome = runner.run(&scene(), |scene| {
        let (written, held) = (scene.clone(), ids.clone());
        let read = runtime.block_on(async {
            let wrote: Result<_, DbError> =
                house.db.write(house.org, move |unit| held.write(unit, &written)).await;
            wrote.unwrap();
            house.db.read(house.org, move |tx| store::holdings(tx, person)).await
        });
        let read: Result<_, DbError> = read;
        let found = Effective::of(&read.unwrap().unwrap(), minute(scene.now));

        let found = Sum {
            permissions: found.permissions.iter().collect(),
            level: found.level,
            roles: found.roles.iter().map(|role| role.name.to_string()).collect(),
            until: found.until,
        };
        prop_assert_eq!(found, scene.expected());
        Ok(())
    });

    drop(house);
    outcome.unwrap();
}
