//! What people may do, compared with what a naive reader works out of the same groups, roles and assignments.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{TimeDelta, Utc};
use kernel::{Id, Permission, PermissionSet, Surroundings, id::kind};
use platform::db::{DbError, Unit};
use proptest::{prelude::*, sample::Index, strategy::ValueTree, test_runner::TestRunner};

use crate::support::{App, Value, botserver_test};

const PEOPLE: usize = 3;
const GROUPS: usize = 8;
const ROLES: usize = 4;

/// Groups, roles and assignments as they might be. Numbers stand for what comes earlier in the same list.
#[derive(Debug, Clone)]
struct Scene {
    groups: Vec<Group>,
    /// Parents, and what a role allows by itself.
    roles: Vec<(BTreeSet<usize>, usize)>,
    /// Of a person in a group: does it count?
    memberships: BTreeMap<(usize, usize), bool>,
    /// Of a role to a person: in how many minutes it ends.
    assignments: BTreeMap<(usize, usize), Option<i64>>,
    /// What the group of everyone allows.
    of_everyone: Option<usize>,
}

#[derive(Debug, Clone)]
struct Group {
    parent: Option<usize>,
    permissions: Vec<usize>,
    inherit_permissions: bool,
    inherit_members: bool,
}

/// The scene's things in the database.
struct Ids {
    people: Vec<Id<kind::User>>,
    groups: Vec<Id<kind::Group>>,
    roles: Vec<Id<kind::Role>>,
}

fn permission(number: usize) -> Permission {
    Permission::all().nth(number).expect("a permission")
}

fn scene() -> impl Strategy<Value = Scene> {
    let count = Permission::all().count();
    let earlier = |parent: Index, at: usize| (at > 0).then(|| parent.index(at.max(1)));
    let group = (
        proptest::option::weighted(0.7, any::<Index>()),
        prop::collection::vec(0..count, 0..3),
        any::<bool>(),
        any::<bool>(),
    );
    let groups = prop::collection::vec(group, GROUPS).prop_map(move |groups| {
        let made = groups.into_iter().enumerate();
        made.map(|(at, (parent, permissions, inherit_permissions, inherit_members))| Group {
            parent: parent.and_then(|parent| earlier(parent, at)),
            permissions,
            inherit_permissions,
            inherit_members,
        })
        .collect()
    });
    let role = (prop::collection::vec(any::<Index>(), 0..3), 0..count);
    let roles = prop::collection::vec(role, ROLES).prop_map(move |roles| {
        let made = roles.into_iter().enumerate();
        made.map(|(at, (parents, own))| (parents.into_iter().filter_map(|p| earlier(p, at)).collect(), own))
            .collect()
    });
    let memberships = prop::collection::btree_map((0..PEOPLE, 0..GROUPS), any::<bool>(), 0..6);
    let end = proptest::option::of(prop_oneof![Just(-5_i64), Just(5_i64)]);
    let assignments = prop::collection::btree_map((0..PEOPLE, 0..ROLES), end, 0..5);
    (groups, roles, memberships, assignments, proptest::option::of(0..count)).prop_map(
        |(groups, roles, memberships, assignments, of_everyone)| Scene {
            groups,
            roles,
            memberships,
            assignments,
            of_everyone,
        },
    )
}

impl Scene {
    /// Is the person a member, by themselves or through the parent?
    fn is_member(&self, person: usize, group: usize) -> bool {
        let Group { parent, inherit_members, .. } = &self.groups[group];
        self.memberships.get(&(person, group)) == Some(&true)
            || (*inherit_members && parent.is_some_and(|parent| self.is_member(person, parent)))
    }

    /// What a group allows its members.
    fn allows(&self, group: usize) -> PermissionSet {
        let Group { parent, permissions, inherit_permissions, .. } = &self.groups[group];
        let own: PermissionSet = permissions.iter().map(|number| permission(*number)).collect();
        match parent {
            Some(parent) if *inherit_permissions => own.union(self.allows(*parent)),
            _ => own,
        }
    }

    fn role_allows(&self, role: usize) -> PermissionSet {
        let (parents, own) = &self.roles[role];
        let own: PermissionSet = [permission(*own)].into_iter().collect();
        parents.iter().map(|parent| self.role_allows(*parent)).fold(own, PermissionSet::union)
    }

    /// All that the person may do, as somebody would work it out by hand. They are nothing else than guests.
    fn expected(&self, person: usize) -> PermissionSet {
        let guest =
            [Permission::CHAT_READ, Permission::CHAT_WRITE, Permission::BOTS_USE].into_iter().collect();
        let groups =
            (0..GROUPS).filter(|group| self.is_member(person, *group)).map(|group| self.allows(group));
        let counting = |((who, _), end): &(&(usize, usize), &Option<i64>)| {
            *who == person && end.is_none_or(|minutes| minutes > 0)
        };
        let roles = self.assignments.iter().filter(counting).map(|((_, role), _)| self.role_allows(*role));
        let everyone = self.of_everyone.map(|number| [permission(number)].into_iter().collect());
        groups.chain(roles).chain(everyone).fold(guest, PermissionSet::union)
    }

    /// Writes all of it, in the place of what another scene wrote.
    fn write(&self, unit: &Unit<'_>, ids: &Ids) -> Result<(), DbError> {
        for group in ids.groups.iter().rev() {
            unit.execute("DELETE FROM user_groups WHERE org_id = $1 AND id = $2", &[group])?;
        }
        for role in &ids.roles {
            unit.execute("DELETE FROM member_roles WHERE org_id = $1 AND role_id = $2", &[role])?;
            unit.execute("DELETE FROM custom_roles WHERE org_id = $1 AND id = $2", &[role])?;
        }
        for (group, id) in self.groups.iter().zip(&ids.groups) {
            Self::write_group(unit, ids, group, *id)?;
        }
        for (number, ((parents, own), id)) in self.roles.iter().zip(&ids.roles).enumerate() {
            let (name, own) = (format!("role-{number}"), permission(*own).to_string());
            unit.execute(
                "INSERT INTO custom_roles (org_id, id, name, display_name, level, permissions, rev, created_at, updated_at)
                 VALUES ($1, $2, $3, $3, 10, $4, 1, 0, 0)",
                &[id, &name, &own],
            )?;
            for parent in parents {
                unit.execute(
                    "INSERT INTO custom_role_parents (org_id, role_id, parent_id) VALUES ($1, $2, $3)",
                    &[id, &ids.roles[*parent]],
                )?;
            }
        }
        for ((person, group), active) in &self.memberships {
            let (id, status): (Id<kind::Membership>, _) =
                (Surroundings::system().id(), if *active { "active" } else { "suspended" });
            unit.execute(
                "INSERT INTO group_members (org_id, group_id, user_id, id, role, permissions, status, rev, joined_at,
                    updated_at)
                 VALUES ($1, $2, $3, $4, 'member', '', $5, 1, 0, 0)",
                &[&ids.groups[*group], &ids.people[*person], &id, &status],
            )?;
        }
        for ((person, role), minutes) in &self.assignments {
            let end = minutes.map(|minutes| Utc::now() + TimeDelta::minutes(minutes));
            unit.execute(
                "INSERT INTO member_roles (org_id, user_id, role_id, expires_at, created_at) VALUES ($1, $2, $3, $4, 0)",
                &[&ids.people[*person], &ids.roles[*role], &end],
            )?;
        }
        let of_everyone = self.of_everyone.map(|number| permission(number).to_string()).unwrap_or_default();
        unit.execute(
            "UPDATE user_groups SET permissions = $2 WHERE org_id = $1 AND name_key = 'everyone'",
            &[&of_everyone],
        )?;
        Ok(())
    }

    fn write_group(unit: &Unit<'_>, ids: &Ids, group: &Group, id: Id<kind::Group>) -> Result<(), DbError> {
        let permissions: Vec<_> =
            group.permissions.iter().map(|number| permission(*number).to_string()).collect();
        let parent = group.parent.map(|parent| ids.groups[parent]);
        unit.execute(
            "INSERT INTO user_groups (org_id, id, name, name_key, kind, visibility, parent_id, beside,
                allow_join_requests, require_approval, max_members, permissions, inherit_permissions, inherit_members,
                is_default, member_count, search_key, rev, created_at, updated_at)
             VALUES ($1, $2, $3, $3, 'team', 'private', $4, $2, $5, $5, 0, $6, $5, $7, $8, 0, '', 1, 0, 0)",
            &[
                &id,
                &id.to_string(),
                &parent,
                &group.inherit_permissions,
                &permissions.join(" "),
                &group.inherit_members,
                &false,
            ],
        )?;
        Ok(())
    }
}

fn of_answer(permissions: &Value) -> PermissionSet {
    let texts = permissions.as_array().expect("permissions").iter();
    texts
        .map(|text| text.as_str().expect("a text").parse::<PermissionSet>().expect("a permission"))
        .fold(PermissionSet::EMPTY, PermissionSet::union)
}

#[botserver_test]
async fn what_somebody_may_do_is_what_a_naive_reader_would_work_out(app: App) {
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        let user = app.user_with_role(&format!("person{number}"), "guest").await.me().await;
        people.push(user["user_id"].as_str().expect("an id").parse().expect("an id"));
    }
    let world = Surroundings::system();
    let ids = Arc::new(Ids {
        people,
        groups: (0..GROUPS).map(|_| world.id()).collect(),
        roles: (0..ROLES).map(|_| world.id()).collect(),
    });
    let (admin, org) = (app.admin(), app.organization().await);
    let mut runner = TestRunner::deterministic();

    for _ in 0..30 {
        let scene = scene().new_tree(&mut runner).expect("a scene").current();
        let (written, held) = (scene.clone(), Arc::clone(&ids));
        let wrote: Result<(), DbError> =
            app.database().write(org, move |unit| written.write(unit, &held)).await;
        wrote.expect("it was written");

        for (person, id) in ids.people.iter().enumerate() {
            let told = admin.get(format!("/users/{id}/permissions")).await.assert_ok().data();
            assert_eq!(
                of_answer(&told["permissions"]),
                scene.expected(person),
                "person {person} of {scene:?}"
            );
            let sources = told["sources"].as_array().expect("sources").iter();
            let named: Vec<_> = sources.map(|source| source["permission"].clone()).collect();
            assert_eq!(of_answer(&named.into()), scene.expected(person), "each has a source");
        }
    }
}
