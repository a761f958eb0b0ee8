//! Groups in the database: the rows, how they stand above each other, and the lists of them.

use kernel::{
    Id, Timestamp,
    id::kind,
    list::{ListRequest, Page},
    text,
};
use platform::{
    db::{DbError, Extra, Filter, ListError, ListOf, Lookup, SearchOn, Tx, Unit},
    record,
};
use sea_query::{Condition, Expr, ExprTrait, Query};

use super::{EVERYONE, model::GroupSettings};
use crate::roles::{Grant, HeldGroup, permissions};

record! {
    /// A group's row.
    #[derive(Debug, Clone, PartialEq)]
    #[allow(clippy::struct_excessive_bools, reason = "they are columns")]
    pub(crate) struct GroupRow {
        pub(crate) id: Id<kind::Group>,
        pub(crate) rev: i64,
        pub(crate) name: String,
        pub(crate) description: Option<String>,
        pub(crate) kind: String,
        pub(crate) visibility: String,
        pub(crate) domain: Option<String>,
        pub(crate) parent_id: Option<Id<kind::Group>>,
        pub(crate) allow_join_requests: bool,
        pub(crate) require_approval: bool,
        pub(crate) max_members: i64,
        pub(crate) permissions: String,
        pub(crate) inherit_permissions: bool,
        pub(crate) inherit_members: bool,
        pub(crate) is_default: bool,
        pub(crate) member_count: i64,
        pub(crate) created_by: Option<Id<kind::User>>,
        pub(crate) created_at: Timestamp,
        pub(crate) updated_at: Timestamp,
    }
}

impl GroupRow {
    pub(crate) fn is_public(&self) -> bool {
        self.visibility == "public"
    }

    /// May it take another active member?
    pub(crate) fn has_room(&self) -> bool {
        self.max_members == 0 || self.member_count < self.max_members
    }

    pub(crate) fn settings(&self) -> GroupSettings {
        GroupSettings {
            allow_join_requests: self.allow_join_requests,
            require_approval: self.require_approval,
            max_members: u32::try_from(self.max_members).unwrap_or(u32::MAX),
        }
    }

    fn search_key(&self) -> String {
        text::key(&format!("{} {}", self.name, self.description.as_deref().unwrap_or_default()))
    }
}

/// The list of an organization's groups.
pub(crate) const LIST: ListOf = ListOf {
    from: "user_groups g",
    columns: "g.id, g.rev, g.name, g.description, g.kind, g.visibility, g.domain, g.parent_id, g.allow_join_requests, \
              g.require_approval, g.max_members, g.permissions, g.inherit_permissions, g.inherit_members, \
              g.is_default, g.member_count, g.created_by, g.created_at, g.updated_at",
    org: "g.org_id",
    id: "g.id",
    sorts: &[("created_at", "g.created_at"), ("name", "g.name_key"), ("member_count", "g.member_count")],
    filters: &[
        (
            "type",
            Filter::OneOf(
                "g.kind",
                &[("team", "team"), ("department", "department"), ("project", "project")],
            ),
        ),
        ("visibility", Filter::OneOf("g.visibility", &[("public", "public"), ("private", "private")])),
        ("parent_id", Filter::Indexed(&Filter::Id("g.parent_id", "grp"), &["created_at"])),
    ],
    search: Some(SearchOn {
        table: "user_groups",
        alias: "g",
        column: "search_key",
        begins: &["g.name_key"],
    }),
};

/// What narrows the list besides its filters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Narrowing {
    /// Only public groups, and these.
    pub(crate) known: Option<Vec<Id<kind::Group>>>,
    /// Only groups with one of these as a member by themselves.
    pub(crate) members: Option<Vec<Id<kind::User>>>,
}

impl Narrowing {
    pub(crate) fn of(self, org: Id<kind::Organization>) -> Extra {
        let (mut all, mut lookups) = (Condition::all(), Vec::new());
        if let Some(groups) = self.known {
            let ids = groups.iter().map(|group| group.as_bytes().to_vec());
            let public = Expr::col(("g", "visibility")).eq("public");
            all = all.add(Condition::any().add(public).add(Expr::col(("g", "id")).is_in(ids)));
        }
        if let Some(users) = self.members {
            let ids: Vec<_> = users.iter().map(|user| user.as_bytes().to_vec()).collect();
            lookups.extend(ids.iter().map(|user| {
                Lookup {
                    before: "group_members f CROSS JOIN ".to_owned(),
                    condition: Condition::all()
                        .add(Expr::cust("f.org_id").eq(org.as_bytes().to_vec()))
                        .add(Expr::cust("f.user_id").eq(user.clone()))
                        .add(Expr::cust("g.org_id = f.org_id AND g.id = f.group_id")),
                    order: vec!["f.group_id"],
                }
            }));
            let seats = Query::select()
                .expr(Expr::cust("1"))
                .from_as("group_members", "f")
                .and_where(Expr::cust("f.org_id = g.org_id AND f.group_id = g.id"))
                .and_where(Expr::col(("f", "status")).eq("active"))
                .and_where(Expr::col(("f", "user_id")).is_in(ids))
                .take();
            all = all.add(Expr::exists(seats));
        }
        if all.is_empty() { Extra::default() } else { Extra::default().each(all).found_by(lookups) }
    }
}

pub(crate) fn list(
    tx: &Tx<'_>,
    request: &ListRequest,
    narrowing: Narrowing,
) -> Result<Page<GroupRow>, ListError> {
    tx.list(&LIST, request, narrowing.of(tx.org()))
}

/// A statement that reads [`GroupRow`]s.
macro_rules! select_group {
    ($rest:literal) => {
        concat!(
            "SELECT g.id, g.rev, g.name, g.description, g.kind, g.visibility, g.domain, g.parent_id, \
             g.allow_join_requests, g.require_approval, g.max_members, g.permissions, g.inherit_permissions, \
             g.inherit_members, g.is_default, g.member_count, g.created_by, g.created_at, g.updated_at \
             FROM user_groups g WHERE g.org_id = $1 AND ",
            $rest
        )
    };
}

/// One group.
pub(crate) fn find(tx: &Tx<'_>, id: Id<kind::Group>) -> Result<Option<GroupRow>, DbError> {
    tx.one(select_group!("g.id = $2"), &[&id])
}

/// The same, locked against other units that would change it or its members.
pub(crate) fn lock(unit: &Unit<'_>, id: Id<kind::Group>) -> Result<Option<GroupRow>, DbError> {
    // An UPDATE locks the row on every database; SELECT … FOR UPDATE does not exist on SQLite.
    unit.execute("UPDATE user_groups SET rev = rev WHERE org_id = $1 AND id = $2", &[&id])?;
    find(unit, id)
}

/// Writes a group: a new one, or what may change of one that there is.
pub(crate) fn write(unit: &Unit<'_>, group: &GroupRow) -> Result<(), DbError> {
    let (name_key, search_key) = (text::key(&group.name), group.search_key());
    let beside = beside(unit, group);
    unit.execute(
        "INSERT INTO user_groups (org_id, id, name, name_key, description, kind, visibility, domain, parent_id, beside,
            allow_join_requests, require_approval, max_members, permissions, inherit_permissions, inherit_members,
            search_key, updated_at, is_default, created_by, created_at, member_count, rev)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, 0, 1)
         ON CONFLICT (org_id, id) DO UPDATE SET name = excluded.name, name_key = excluded.name_key,
            description = excluded.description, kind = excluded.kind, visibility = excluded.visibility,
            domain = excluded.domain, parent_id = excluded.parent_id, beside = excluded.beside,
            allow_join_requests = excluded.allow_join_requests, require_approval = excluded.require_approval,
            max_members = excluded.max_members, permissions = excluded.permissions,
            inherit_permissions = excluded.inherit_permissions, inherit_members = excluded.inherit_members,
            search_key = excluded.search_key, updated_at = excluded.updated_at, rev = user_groups.rev + 1",
        &[
            &group.id,
            &group.name,
            &name_key,
            &group.description,
            &group.kind,
            &group.visibility,
            &group.domain,
            &group.parent_id,
            &beside,
            &group.allow_join_requests,
            &group.require_approval,
            &group.max_members,
            &group.permissions,
            &group.inherit_permissions,
            &group.inherit_members,
            &search_key,
            &group.updated_at,
            &group.is_default,
            &group.created_by,
            &group.created_at,
        ],
    )?;
    Ok(())
}

/// What names are unique in: the parent, or the organization.
fn beside(unit: &Unit<'_>, group: &GroupRow) -> [u8; 16] {
    group.parent_id.map_or_else(|| *unit.org().as_bytes(), |parent| *parent.as_bytes())
}

/// Forgets a group that nothing stands below, with its members, roles and requests.
pub(crate) fn delete(unit: &Unit<'_>, id: Id<kind::Group>) -> Result<(), DbError> {
    unit.execute("DELETE FROM user_groups WHERE org_id = $1 AND id = $2", &[&id])?;
    Ok(())
}

record! {
    /// A group on the way from one up to the root.
    #[derive(Debug, Clone, PartialEq)]
    pub(crate) struct Above {
        pub(crate) id: Id<kind::Group>,
        pub(crate) inherit_permissions: bool,
        pub(crate) inherit_members: bool,
        pub(crate) permissions: String,
        pub(crate) carries: Option<Id<kind::Role>>,
        pub(crate) steps: i64,
    }
}

/// The group and those above it, upwards.
pub(crate) fn line(tx: &Tx<'_>, id: Id<kind::Group>) -> Result<Vec<Above>, DbError> {
    tx.all(
        "WITH RECURSIVE line (id, steps) AS (
            SELECT id, 0 FROM user_groups WHERE org_id = $1 AND id = $2
            UNION ALL
            SELECT g.parent_id, l.steps + 1 FROM line l JOIN user_groups g ON g.org_id = $1 AND g.id = l.id
            WHERE g.parent_id IS NOT NULL AND l.steps < 16
         )
         SELECT g.id, g.inherit_permissions, g.inherit_members, g.permissions, g.carries, l.steps
         FROM line l JOIN user_groups g ON g.org_id = $1 AND g.id = l.id ORDER BY l.steps",
        &[&id],
    )
}

/// The groups below one, with how far they are, the farthest first; so many at the most.
pub(crate) fn below(
    tx: &Tx<'_>,
    id: Id<kind::Group>,
    most: i64,
) -> Result<Vec<(Id<kind::Group>, i64)>, DbError> {
    tx.all(
        "WITH RECURSIVE below (id, steps) AS (
            SELECT id, 1 FROM user_groups WHERE org_id = $1 AND parent_id = $2
            UNION ALL
            SELECT g.id, b.steps + 1 FROM below b JOIN user_groups g ON g.org_id = $1 AND g.parent_id = b.id
            WHERE b.steps < 16
         )
         SELECT id, steps FROM below ORDER BY steps DESC, id LIMIT $3",
        &[&id, &most],
    )
}

record! {
    struct BestowedRow {
        id: Id<kind::Group>,
        permissions: String,
        carries: Option<Id<kind::Role>>,
    }
}

/// All that comes with being a member of the group: through it, those that inherit its members, and those whose
/// permissions all of these inherit.
pub(crate) fn bestowed(tx: &Tx<'_>, id: Id<kind::Group>) -> Result<Grant, DbError> {
    let rows: Vec<BestowedRow> = tx.all(
        "WITH RECURSIVE inside (id) AS (
            SELECT id FROM user_groups WHERE org_id = $1 AND id = $2
            UNION
            SELECT c.id FROM inside i
            JOIN user_groups c ON c.org_id = $1 AND c.parent_id = i.id AND c.inherit_members
         ), reached (id) AS (
            SELECT id FROM inside
            UNION
            SELECT g.parent_id FROM reached r JOIN user_groups g ON g.org_id = $1 AND g.id = r.id
            WHERE g.inherit_permissions AND g.parent_id IS NOT NULL
         )
         SELECT g.id, g.permissions, g.carries FROM reached r JOIN user_groups g ON g.org_id = $1 AND g.id = r.id",
        &[&id],
    )?;
    let groups: Vec<_> = rows
        .into_iter()
        .map(|row| HeldGroup {
            id: row.id,
            name: String::new(),
            permissions: permissions::stored(&row.permissions),
            carries: row.carries,
            is_member: true,
        })
        .collect();
    Ok(Grant::of(&groups))
}

/// The groups whose members are members of this one, too, itself first: those above it, as far as members are inherited.
pub(crate) fn whose_members_count(line: &[Above]) -> Vec<Id<kind::Group>> {
    let mut groups = Vec::new();
    for group in line {
        groups.push(group.id);
        if !group.inherit_members {
            break;
        }
    }
    groups
}

impl Above {
    /// All that it allows, but for what it inherits.
    pub(crate) fn allows(&self) -> kernel::PermissionSet {
        let group = HeldGroup {
            id: self.id,
            name: String::new(),
            permissions: permissions::stored(&self.permissions),
            carries: self.carries,
            is_member: true,
        };
        group.allows()
    }
}

/// Is it the group whose members are all of the organization?
pub(crate) fn is_everyone(id: Id<kind::Group>) -> bool {
    id == EVERYONE
}
