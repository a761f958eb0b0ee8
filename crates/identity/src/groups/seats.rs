//! Memberships in the database.

use kernel::{
    Id, Timestamp,
    id::kind,
    list::{ListRequest, Page},
    text,
};
use platform::{
    db::{Bind, DbError, Extra, Filter, ListError, ListOf, Lookup, Tx, Unit},
    objects::ObjectHash,
    record,
};
use sea_query::{Condition, Expr, ExprTrait, LikeExpr, Query};

use super::policy::{Powers, Seat};

record! {
    /// A membership with its person.
    #[derive(Debug, Clone, PartialEq)]
    pub(crate) struct SeatRow {
        pub(crate) id: Id<kind::Membership>,
        pub(crate) rev: i64,
        pub(crate) group_id: Id<kind::Group>,
        pub(crate) user_id: Id<kind::User>,
        pub(crate) role: String,
        pub(crate) permissions: String,
        pub(crate) status: String,
        pub(crate) joined_at: Timestamp,
        pub(crate) updated_at: Timestamp,
        pub(crate) username: String,
        pub(crate) display_name: String,
        pub(crate) avatar_url: Option<String>,
        pub(crate) avatar_hash: Option<ObjectHash>,
        pub(crate) email: String,
    }
}

const COLUMNS: &str = "m.id, m.rev, m.group_id, m.user_id, m.role, m.permissions, m.status, m.joined_at, m.updated_at, \
                       u.username, u.display_name, u.avatar_url, u.avatar_hash, u.email";

/// The members of one group, which an extra condition names.
pub(crate) const LIST: ListOf = ListOf {
    from: "group_members m LEFT JOIN server_users u ON u.id = m.user_id",
    columns: COLUMNS,
    org: "m.org_id",
    id: "m.user_id",
    sorts: &[("joined_at", "m.joined_at"), ("role", "m.role")],
    filters: &[
        ("role", Filter::Text("m.role")),
        (
            "status",
            Filter::OneOf(
                "m.status",
                &[("active", "active"), ("pending", "pending"), ("suspended", "suspended")],
            ),
        ),
    ],
    search: None,
};

/// The members of everyone's group: those of the organization.
pub(crate) const LIST_OF_EVERYONE: ListOf = ListOf {
    from: "members m LEFT JOIN server_users u ON u.id = m.user_id",
    columns: "m.user_id, 1, m.user_id, m.user_id, 'member', 'read write', 'active', m.joined_at, m.joined_at, \
              u.username, u.display_name, u.avatar_url, u.avatar_hash, u.email",
    org: "m.org_id",
    id: "m.user_id",
    // All have one role, so that any order is one by it.
    sorts: &[("joined_at", "m.created_at"), ("role", "m.created_at")],
    filters: &[
        ("role", Filter::OneOf("'member'", &[("member", "member"), ("owner", "owner"), ("admin", "admin")])),
        (
            "status",
            Filter::OneOf(
                "'active'",
                &[("active", "active"), ("pending", "pending"), ("suspended", "suspended")],
            ),
        ),
    ],
    search: None,
};

/// Only people whose names hold the text.
fn named(text: &str) -> Condition {
    let escaped = text::key(text).replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let pattern = LikeExpr::new(format!("%{escaped}%")).escape('\\');
    let names = Query::select()
        .expr(Expr::cust("1"))
        .from_as("members", "n")
        .and_where(Expr::cust("n.org_id = m.org_id AND n.user_id = m.user_id"))
        .and_where(Expr::col(("n", "names_key")).like(pattern))
        .take();
    Condition::all().add(Expr::exists(names))
}

/// Whose members are listed: those of the first group, and of the others those that are active and no members of one
/// before.
pub(crate) fn extra(org: Id<kind::Organization>, groups: &[Id<kind::Group>], search: Option<&str>) -> Extra {
    let bytes = |group: &Id<kind::Group>| group.as_bytes().to_vec();
    let mut each = Condition::all();
    if let Some(text) = search {
        each = each.add(named(text));
    }
    if let [group] = groups {
        let within = Condition::all().add(Expr::cust("m.group_id").eq(bytes(group)));
        let extra = Extra::within(within);
        return if each.is_empty() { extra } else { extra.each(each) };
    }
    let mut any = Condition::any();
    let mut lookups = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        let mut own = Condition::all().add(Expr::cust("m.group_id").eq(bytes(group)));
        if at > 0 {
            let nearer = Query::select()
                .expr(Expr::cust("1"))
                .from_as("group_members", "n")
                .and_where(Expr::cust("n.org_id = m.org_id AND n.user_id = m.user_id"))
                .and_where(Expr::col(("n", "group_id")).is_in(groups.iter().take(at).map(bytes)))
                .take();
            own = own.add(Expr::col(("m", "status")).eq("active")).add(Expr::exists(nearer).not());
        }
        any = any.add(own);
        lookups.push(Lookup {
            before: String::new(),
            condition: Condition::all()
                .add(Expr::cust("m.org_id").eq(org.as_bytes().to_vec()))
                .add(Expr::cust("m.group_id").eq(bytes(group))),
            order: vec!["m.joined_at"],
        });
    }
    Extra::default().each(each.add(any)).found_by(lookups)
}

/// The same for everyone's group.
pub(crate) fn extra_of_everyone(search: Option<&str>) -> Extra {
    search.map_or_else(Extra::default, |text| Extra::default().each(named(text)))
}

pub(crate) fn list(
    tx: &Tx<'_>,
    of: &ListOf,
    request: &ListRequest,
    extra: Extra,
) -> Result<Page<SeatRow>, ListError> {
    tx.list(of, request, extra)
}

/// Somebody's membership by themselves.
pub(crate) fn find(
    tx: &Tx<'_>,
    group: Id<kind::Group>,
    user: Id<kind::User>,
) -> Result<Option<SeatRow>, DbError> {
    tx.one(
        "SELECT m.id, m.rev, m.group_id, m.user_id, m.role, m.permissions, m.status, m.joined_at, m.updated_at,
            u.username, u.display_name, u.avatar_url, u.avatar_hash, u.email
         FROM group_members m JOIN server_users u ON u.id = m.user_id
         WHERE m.org_id = $1 AND m.group_id = $2 AND m.user_id = $3",
        &[&group, &user],
    )
}

/// Somebody's membership in the group of everyone.
pub(crate) fn of_everyone(tx: &Tx<'_>, user: Id<kind::User>) -> Result<Option<SeatRow>, DbError> {
    tx.one(
        "SELECT m.user_id, 1, m.user_id, m.user_id, 'member', 'read write', 'active', m.joined_at, m.joined_at,
            u.username, u.display_name, u.avatar_url, u.avatar_hash, u.email
         FROM members m JOIN server_users u ON u.id = m.user_id WHERE m.org_id = $1 AND m.user_id = $2",
        &[&user],
    )
}

/// Groups that somebody's memberships are looked for in at once: as many as may stand above each other.
const AT_ONCE: usize = 8;

record! {
    struct HeldSeat {
        group_id: Id<kind::Group>,
        role: String,
        permissions: String,
        of_role: Option<String>,
    }
}

/// How somebody is a member of the first group: by themselves, or through one of the others. Suspended ones are none.
pub(crate) fn seat(
    tx: &Tx<'_>,
    groups: &[Id<kind::Group>],
    user: Id<kind::User>,
) -> Result<Option<Seat>, DbError> {
    let Some(first) = groups.first() else { return Ok(None) };
    // A text that never changes stays prepared; a line that is shorter repeats its first.
    let groups: [&dyn Bind; AT_ONCE] = std::array::from_fn(|at| groups.get(at).unwrap_or(first) as &dyn Bind);
    let mut params: Vec<&dyn Bind> = vec![&user];
    params.extend(groups);
    let rows: Vec<HeldSeat> = tx.all(
        "SELECT m.group_id, m.role, m.permissions, r.permissions FROM group_members m
         LEFT JOIN group_roles r ON r.org_id = m.org_id AND r.group_id = m.group_id AND r.name = m.role
         WHERE m.org_id = $1 AND m.user_id = $2 AND m.status = 'active'
            AND m.group_id IN ($3, $4, $5, $6, $7, $8, $9, $10)",
        &params,
    )?;
    let own = rows.iter().find(|row| row.group_id == *first);
    let own = own.map(|row| {
        let of_role = row.of_role.as_deref().map(Powers::stored);
        Seat::of(row.role.clone(), of_role.as_ref(), &Powers::stored(&row.permissions))
    });
    Ok(own.or_else(|| (!rows.is_empty()).then(Seat::inherited)))
}

/// Somebody's roles in the groups of which they are active members by themselves.
pub(crate) fn roles_of(
    tx: &Tx<'_>,
    user: Id<kind::User>,
) -> Result<Vec<(Id<kind::Group>, String, Timestamp)>, DbError> {
    tx.all(
        "SELECT group_id, role, joined_at FROM group_members WHERE org_id = $1 AND user_id = $2 AND status = 'active'",
        &[&user],
    )
}

/// Makes somebody a member.
pub(crate) fn insert(
    unit: &Unit<'_>,
    row: &NewSeat<'_>,
    id: Id<kind::Membership>,
    by: Option<Id<kind::User>>,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO group_members (org_id, group_id, user_id, id, role, permissions, status, added_by, rev, joined_at,
            updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, 'active', $7, 1, $8, $8)",
        &[&row.group, &row.user, &id, &row.role, &row.powers.to_stored(), &by, &now],
    )?;
    Ok(())
}

/// A membership that is about to begin.
pub(crate) struct NewSeat<'a> {
    pub(crate) group: Id<kind::Group>,
    pub(crate) user: Id<kind::User>,
    pub(crate) role: &'a str,
    pub(crate) powers: &'a Powers,
}

/// Writes what may change of a membership.
pub(crate) fn save(unit: &Unit<'_>, row: &SeatRow, now: Timestamp) -> Result<(), DbError> {
    unit.execute(
        "UPDATE group_members SET role = $4, permissions = $5, status = $6, updated_at = $7, rev = rev + 1
         WHERE org_id = $1 AND group_id = $2 AND user_id = $3",
        &[&row.group_id, &row.user_id, &row.role, &row.permissions, &row.status, &now],
    )?;
    Ok(())
}

pub(crate) fn delete(unit: &Unit<'_>, group: Id<kind::Group>, user: Id<kind::User>) -> Result<(), DbError> {
    unit.execute(
        "DELETE FROM group_members WHERE org_id = $1 AND group_id = $2 AND user_id = $3",
        &[&group, &user],
    )?;
    Ok(())
}

/// Is there an owner who can act?
pub(crate) fn has_owner(tx: &Tx<'_>, group: Id<kind::Group>) -> Result<bool, DbError> {
    let owner: Option<(i64,)> = tx.one(
        "SELECT 1 FROM group_members WHERE org_id = $1 AND group_id = $2 AND role = 'owner' AND status = 'active' LIMIT 1",
        &[&group],
    )?;
    Ok(owner.is_some())
}
