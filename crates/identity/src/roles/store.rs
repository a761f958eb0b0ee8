//! Who has which role in an organization, and the roles that it has made.

use std::collections::{BTreeSet, HashMap};

use kernel::{Id, Timestamp, id::kind};
use platform::{
    db::{Bind, DbError, Tx, Unit},
    record,
};

use crate::groups;

use super::{Assignment, Catalogue, CustomRole, HeldGroup, Holdings, permissions, system};

record! {
    struct AssignmentRow {
        user_id: Id<kind::User>,
        role_id: Id<kind::Role>,
        expires_at: Option<Timestamp>,
    }
}

impl From<&AssignmentRow> for Assignment {
    fn from(row: &AssignmentRow) -> Self {
        Self { role: row.role_id, expires_at: row.expires_at }
    }
}

/// What somebody has in the organization; none if they are no member of it. One statement, and another one where they
/// have roles that the organization has made.
///
/// Members of a group are members of its children that inherit members, and so on down; what a group allows, members of
/// its children that inherit permissions have, too, and so on up. Each group is met once, so that it ends whatever is
/// stored.
pub(crate) fn holdings(tx: &Tx<'_>, user: Id<kind::User>) -> Result<Option<Holdings>, DbError> {
    let rows: Vec<HeldRow> = tx.all(
        "WITH RECURSIVE inside (id, name, permissions, carries, above_id) AS (
             SELECT g.id, g.name, g.permissions, g.carries, CASE WHEN g.inherit_permissions THEN g.parent_id END
             FROM group_members m JOIN user_groups g ON g.org_id = m.org_id AND g.id = m.group_id
             WHERE m.org_id = $1 AND m.user_id = $2 AND m.status = 'active'
             UNION
             SELECT c.id, c.name, c.permissions, c.carries, CASE WHEN c.inherit_permissions THEN c.parent_id END
             FROM inside i JOIN user_groups c ON c.org_id = $1 AND c.parent_id = i.id AND c.inherit_members
          ), above (id, name, permissions, carries, above_id) AS (
             SELECT g.id, g.name, g.permissions, g.carries, CASE WHEN g.inherit_permissions THEN g.parent_id END
             FROM inside i JOIN user_groups g ON g.org_id = $1 AND g.id = i.above_id
             WHERE i.above_id NOT IN (SELECT id FROM inside)
             UNION
             SELECT g.id, g.name, g.permissions, g.carries, CASE WHEN g.inherit_permissions THEN g.parent_id END
             FROM above a JOIN user_groups g ON g.org_id = $1 AND g.id = a.above_id
          )
          SELECT CAST(NULL AS uuid), CAST(NULL AS text), CAST(NULL AS text), r.role_id, r.expires_at, 1
          FROM members m LEFT JOIN member_roles r ON r.org_id = m.org_id AND r.user_id = m.user_id
          WHERE m.org_id = $1 AND m.user_id = $2
          UNION ALL
          SELECT id, name, permissions, carries, NULL, 1 FROM inside
          UNION ALL
          SELECT id, name, permissions, carries, NULL, 0 FROM above
          UNION ALL
          SELECT g.id, g.name, g.permissions, g.carries, NULL, 1 FROM user_groups g WHERE g.org_id = $1 AND g.id = $3",
        &[&user, &groups::EVERYONE],
    )?;
    let is_member = rows.iter().any(|row| row.group_id.is_none());
    let (mut assignments, mut held): (Vec<_>, HashMap<_, HeldGroup>) = (Vec::new(), HashMap::new());
    for row in rows {
        match row.group() {
            Ok(group) => {
                let is_member = group.is_member;
                held.entry(group.id).or_insert(group).is_member |= is_member;
            }
            Err(assignment) => assignments.extend(assignment),
        }
    }
    if !is_member {
        return Ok(None);
    }
    let catalogue = catalogue_of(tx, user, &assignments)?;
    Ok(Some(Holdings { assignments, catalogue, groups: held.into_values().collect() }))
}

record! {
    /// A role that somebody was given, or a group that counts for them.
    struct HeldRow {
        group_id: Option<Id<kind::Group>>,
        name: Option<String>,
        permissions: Option<String>,
        role_id: Option<Id<kind::Role>>,
        expires_at: Option<Timestamp>,
        inside: i64,
    }
}

impl HeldRow {
    /// The group; or the assignment, if there is one.
    fn group(self) -> Result<HeldGroup, Option<Assignment>> {
        match self.group_id {
            Some(id) => Ok(HeldGroup {
                id,
                name: self.name.unwrap_or_default(),
                permissions: permissions::stored(&self.permissions.unwrap_or_default()),
                carries: self.role_id,
                is_member: self.inside == 1,
            }),
            None => Err(self.role_id.map(|role| Assignment { role, expires_at: self.expires_at })),
        }
    }
}

/// The custom roles among somebody's, with their parents.
pub(crate) fn catalogue_of(
    tx: &Tx<'_>,
    user: Id<kind::User>,
    assignments: &[Assignment],
) -> Result<Catalogue, DbError> {
    if assignments.iter().all(|given| system::by_id(given.role).is_some()) {
        return Ok(Catalogue::default());
    }
    let rows = tx.all(
        "WITH RECURSIVE above (role_id) AS (
            SELECT role_id FROM member_roles WHERE org_id = $1 AND user_id = $2
            UNION
            SELECT p.parent_id FROM above a
            JOIN custom_role_parents p ON p.org_id = $1 AND p.role_id = a.role_id
         )
         SELECT c.id, c.name, c.level, c.permissions, p.parent_id FROM above a
         JOIN custom_roles c ON c.org_id = $1 AND c.id = a.role_id
         LEFT JOIN custom_role_parents p ON p.org_id = c.org_id AND p.role_id = c.id",
        &[&user],
    )?;
    Ok(collected(rows))
}

record! {
    /// A custom role with one of its parents.
    struct CustomRow {
        id: Id<kind::Role>,
        name: String,
        level: i64,
        permissions: String,
        parent_id: Option<Id<kind::Role>>,
    }
}

fn collected(rows: Vec<CustomRow>) -> Catalogue {
    let mut found: HashMap<_, CustomRole> = HashMap::new();
    for row in rows {
        let role = found.entry(row.id).or_insert_with(|| CustomRole {
            id: row.id,
            name: row.name,
            level: level(row.level),
            permissions: permissions::stored(&row.permissions),
            parents: Vec::new(),
        });
        role.parents.extend(row.parent_id);
    }
    found.into_values().collect()
}

fn level(stored: i64) -> u8 {
    u8::try_from(stored).unwrap_or(0)
}

/// All roles that the organization has made.
pub(crate) fn catalogue(tx: &Tx<'_>) -> Result<Catalogue, DbError> {
    let rows = tx.all(
        "SELECT c.id, c.name, c.level, c.permissions, p.parent_id FROM custom_roles c
         LEFT JOIN custom_role_parents p ON p.org_id = c.org_id AND p.role_id = c.id
         WHERE c.org_id = $1",
        &[],
    )?;
    Ok(collected(rows))
}

/// The same, unless the names are all of the server's own roles.
pub(crate) fn catalogue_for<'a>(
    tx: &Tx<'_>,
    names: impl IntoIterator<Item = &'a String>,
) -> Result<Catalogue, DbError> {
    let known = |name: &String| {
        let name = name.trim();
        system::is_name(name) || name.parse().is_ok_and(|id| system::by_id(id).is_some())
    };
    if names.into_iter().all(known) { Ok(Catalogue::default()) } else { catalogue(tx) }
}

/// The same, unless all of these are of the server's own.
pub(crate) fn catalogue_with<'a>(
    tx: &Tx<'_>,
    assignments: impl IntoIterator<Item = &'a Assignment>,
) -> Result<Catalogue, DbError> {
    let known = |given: &Assignment| system::by_id(given.role).is_some();
    if assignments.into_iter().all(known) { Ok(Catalogue::default()) } else { catalogue(tx) }
}

record! {
    /// A custom role as it is shown.
    #[derive(Debug, Clone, PartialEq)]
    pub(crate) struct RoleRow {
        pub(crate) id: Id<kind::Role>,
        pub(crate) rev: i64,
        pub(crate) name: String,
        pub(crate) display_name: String,
        pub(crate) description: Option<String>,
        pub(crate) level: i64,
        pub(crate) permissions: String,
        pub(crate) created_at: Timestamp,
        pub(crate) updated_at: Timestamp,
    }
}

/// The custom roles with what is shown of them.
pub(crate) fn all(tx: &Tx<'_>) -> Result<Vec<RoleRow>, DbError> {
    tx.all(
        "SELECT id, rev, name, display_name, description, level, permissions, created_at, updated_at
         FROM custom_roles WHERE org_id = $1",
        &[],
    )
}

/// One of them.
pub(crate) fn find(tx: &Tx<'_>, id: Id<kind::Role>) -> Result<Option<RoleRow>, DbError> {
    tx.one(
        "SELECT id, rev, name, display_name, description, level, permissions, created_at, updated_at
         FROM custom_roles WHERE org_id = $1 AND id = $2",
        &[&id],
    )
}

/// The id and the name of the custom role of that name.
pub(crate) fn by_name(tx: &Tx<'_>, name: &str) -> Result<Option<(Id<kind::Role>, String)>, DbError> {
    tx.one("SELECT id, name FROM custom_roles WHERE org_id = $1 AND name = $2", &[&name])
}

/// How many there are.
pub(crate) fn count(tx: &Tx<'_>) -> Result<i64, DbError> {
    let count: Option<(i64,)> = tx.one("SELECT count(*) FROM custom_roles WHERE org_id = $1", &[])?;
    Ok(count.map_or(0, |(count,)| count))
}

/// Writes a new role.
pub(crate) fn insert(
    unit: &Unit<'_>,
    role: &RoleRow,
    parents: &[Id<kind::Role>],
    by: Id<kind::User>,
) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO custom_roles (org_id, id, name, display_name, description, level, permissions, created_by, rev,
            created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $9)",
        &[
            &role.id,
            &role.name,
            &role.display_name,
            &role.description,
            &role.level,
            &role.permissions,
            &by,
            &role.created_at,
        ],
    )?;
    insert_parents(unit, role.id, parents)
}

/// Writes what may change of a role.
pub(crate) fn save(unit: &Unit<'_>, role: &RoleRow, parents: &[Id<kind::Role>]) -> Result<(), DbError> {
    unit.execute(
        "UPDATE custom_roles SET name = $3, display_name = $4, description = $5, level = $6, permissions = $7,
            updated_at = $8, rev = rev + 1
         WHERE org_id = $1 AND id = $2",
        &[
            &role.id,
            &role.name,
            &role.display_name,
            &role.description,
            &role.level,
            &role.permissions,
            &role.updated_at,
        ],
    )?;
    unit.execute("DELETE FROM custom_role_parents WHERE org_id = $1 AND role_id = $2", &[&role.id])?;
    insert_parents(unit, role.id, parents)
}

fn insert_parents(unit: &Unit<'_>, role: Id<kind::Role>, parents: &[Id<kind::Role>]) -> Result<(), DbError> {
    for parent in parents.iter().collect::<BTreeSet<_>>() {
        unit.execute(
            "INSERT INTO custom_role_parents (org_id, role_id, parent_id) VALUES ($1, $2, $3)",
            &[&role, parent],
        )?;
    }
    Ok(())
}

/// Forgets a role that nobody has.
pub(crate) fn delete(unit: &Unit<'_>, id: Id<kind::Role>) -> Result<(), DbError> {
    unit.execute("DELETE FROM custom_roles WHERE org_id = $1 AND id = $2", &[&id])?;
    Ok(())
}

/// Up to this many of those who have a role are counted.
pub(crate) const COUNTED: i64 = 1000;

/// How many have the role now, themselves.
pub(crate) fn count_holders(tx: &Tx<'_>, role: Id<kind::Role>, now: Timestamp) -> Result<i64, DbError> {
    let count: Option<(i64,)> = tx.one(
        "SELECT count(*) FROM (
            SELECT 1 FROM member_roles WHERE org_id = $1 AND role_id = $2
                AND (expires_at IS NULL OR expires_at > $3) LIMIT $4
         ) AS holders",
        &[&role, &now, &COUNTED],
    )?;
    Ok(count.map_or(0, |(count,)| count))
}

/// Somebody who has a role, and until when.
type Holder = (Id<kind::User>, Option<Timestamp>);

/// Those who have the role, or had it until it ended; so many at the most.
pub(crate) fn holders(tx: &Tx<'_>, role: Id<kind::Role>, most: i64) -> Result<Vec<Holder>, DbError> {
    tx.all(
        "SELECT user_id, expires_at FROM member_roles WHERE org_id = $1 AND role_id = $2 ORDER BY user_id LIMIT $3",
        &[&role, &most],
    )
}

record! {
    /// An assignment with who made it, and when.
    pub(crate) struct GivenRow {
        pub(crate) role_id: Id<kind::Role>,
        pub(crate) expires_at: Option<Timestamp>,
        pub(crate) assigned_by: Option<Id<kind::User>>,
        pub(crate) created_at: Timestamp,
    }
}

/// The roles that a member was given themselves.
pub(crate) fn given(tx: &Tx<'_>, user: Id<kind::User>) -> Result<Vec<GivenRow>, DbError> {
    tx.all(
        "SELECT role_id, expires_at, assigned_by, created_at FROM member_roles WHERE org_id = $1 AND user_id = $2",
        &[&user],
    )
}

/// Members whose roles one statement reads.
const BATCH: usize = 20;

/// The roles of several members, as a page of them needs it.
pub(crate) fn of_each(
    tx: &Tx<'_>,
    users: &[Id<kind::User>],
) -> Result<HashMap<Id<kind::User>, Vec<Assignment>>, DbError> {
    let mut found: HashMap<_, Vec<_>> = HashMap::with_capacity(users.len());
    for batch in users.chunks(BATCH) {
        // A text that never changes stays prepared; a batch that is not full repeats its last.
        let Some(last) = batch.last() else { break };
        let params: [&dyn Bind; BATCH] = std::array::from_fn(|at| batch.get(at).unwrap_or(last) as &dyn Bind);
        let rows: Vec<AssignmentRow> = tx.all(
            "SELECT user_id, role_id, expires_at FROM member_roles WHERE org_id = $1 AND user_id IN ($2, $3, $4, \
             $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)",
            &params,
        )?;
        for row in &rows {
            found.entry(row.user_id).or_default().push(row.into());
        }
    }
    Ok(found)
}

/// Gives a role, or gives it another end.
pub(crate) fn assign(
    unit: &Unit<'_>,
    user: Id<kind::User>,
    assignment: Assignment,
    by: Option<Id<kind::User>>,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO member_roles (org_id, user_id, role_id, expires_at, assigned_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (org_id, user_id, role_id) DO UPDATE SET expires_at = excluded.expires_at,
            assigned_by = excluded.assigned_by, created_at = excluded.created_at",
        &[&user, &assignment.role, &assignment.expires_at, &by, &now],
    )?;
    Ok(())
}

/// Takes a role.
pub(crate) fn revoke(unit: &Unit<'_>, user: Id<kind::User>, role: Id<kind::Role>) -> Result<(), DbError> {
    unit.execute(
        "DELETE FROM member_roles WHERE org_id = $1 AND user_id = $2 AND role_id = $3",
        &[&user, &role],
    )?;
    Ok(())
}

/// Takes a role from everybody.
pub(crate) fn revoke_all(unit: &Unit<'_>, role: Id<kind::Role>) -> Result<(), DbError> {
    unit.execute("DELETE FROM member_roles WHERE org_id = $1 AND role_id = $2", &[&role])?;
    Ok(())
}

/// Is there an owner who can act?
pub(crate) fn has_owner(tx: &Tx<'_>, now: Timestamp) -> Result<bool, DbError> {
    let owner: Option<(i64,)> = tx.one(
        "SELECT 1 FROM member_roles r JOIN server_users u ON u.id = r.user_id
         WHERE r.org_id = $1 AND r.role_id = $2 AND (r.expires_at IS NULL OR r.expires_at > $3)
           AND u.status = 'active' LIMIT 1",
        &[&system::OWNER, &now],
    )?;
    Ok(owner.is_some())
}

/// Is there an owner who can act, and whose role doesn't end?
pub(crate) fn has_lasting_owner(tx: &Tx<'_>) -> Result<bool, DbError> {
    let owner: Option<(i64,)> = tx.one(
        "SELECT 1 FROM member_roles r JOIN server_users u ON u.id = r.user_id
         WHERE r.org_id = $1 AND r.role_id = $2 AND r.expires_at IS NULL AND u.status = 'active' LIMIT 1",
        &[&system::OWNER],
    )?;
    Ok(owner.is_some())
}
