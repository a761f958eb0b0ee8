//! What can be done with groups.

use kernel::{
    Actor, Expected, FieldErrors, Id, Permission, PermissionSet, Surroundings, Versioned,
    id::kind,
    list::{Cursor, ListRequest, ListSpec, Listed, Page, SortField, SortValue},
};
use platform::{
    audit::{Audit, Category},
    db::{Db, Tx, Unit},
};

use super::{
    GroupError,
    events::{About, GroupDeleted},
    model::{self, Group, GroupPatch, GroupPermission, GroupPermissionChange, NewGroup},
    policy::{OWNER, Power, Powers, Seat, Stance, may_bestow},
    seats::{self, NewSeat},
    store::{self, GroupRow, Narrowing},
};
use crate::{
    ids::GroupId,
    organizations,
    roles::{self, change::finish, permissions::Granted},
    sessions::{self, revocation::Callers},
};

pub(super) type Result<T> = std::result::Result<T, GroupError>;

/// Groups that stand above each other at the most.
const DEPTH: usize = 8;
/// Groups that are deleted with one above them at the most.
const MOST_DELETED: i64 = 1000;

/// The groups of an organization. A cheap handle.
#[derive(Clone)]
pub struct Groups {
    pub(super) db: Db,
    pub(super) world: Surroundings,
    pub(super) callers: Callers,
}

/// The list of a group's permissions.
pub(crate) enum GroupPermissionList {}

impl Listed for GroupPermissionList {
    const SPEC: ListSpec = ListSpec { sorts: &[SortField::asc("permission")], filters: &[], search: None };
}

/// How the caller stands to a group.
pub(super) fn stance(tx: &Tx<'_>, who: &Actor, group: &GroupRow) -> Result<Stance> {
    Ok(Stance::of(who, seat_of(tx, group, who.user)?))
}

/// How somebody is a member of a group, if they are.
pub(super) fn seat_of(tx: &Tx<'_>, group: &GroupRow, user: Id<kind::User>) -> Result<Option<Seat>> {
    if store::is_everyone(group.id) {
        return Ok(Some(Seat::inherited()));
    }
    Ok(seats::seat(tx, &counting(tx, group)?, user)?)
}

/// The groups whose members are members of this one.
pub(super) fn counting(tx: &Tx<'_>, group: &GroupRow) -> Result<Vec<Id<kind::Group>>> {
    if !group.inherit_members {
        return Ok(vec![group.id]);
    }
    Ok(store::whose_members_count(&store::line(tx, group.id)?))
}

/// A group that the caller may know of.
pub(super) fn known(tx: &Tx<'_>, who: &Actor, id: GroupId) -> Result<(GroupRow, Stance)> {
    seen(tx, who, store::find(tx, id)?)
}

/// The same, locked until the unit ends.
pub(super) fn lock(unit: &Unit<'_>, who: &Actor, id: GroupId) -> Result<(GroupRow, Stance)> {
    seen(unit, who, store::lock(unit, id)?)
}

fn seen(tx: &Tx<'_>, who: &Actor, group: Option<GroupRow>) -> Result<(GroupRow, Stance)> {
    let group = group.ok_or(GroupError::NotFound)?;
    let stance = stance(tx, who, &group)?;
    if stance.sees(group.is_public()) { Ok((group, stance)) } else { Err(GroupError::NotFound) }
}

fn shown(tx: &Tx<'_>, who: &Actor, id: GroupId) -> Result<Versioned<Group>> {
    let (group, stance) = known(tx, who, id)?;
    let rev = group.rev;
    Ok(Versioned::new(rev, Group::of(group, stance.seat.map(|seat| seat.role))))
}

impl Groups {
    pub(crate) fn new(db: Db, world: Surroundings, callers: Callers) -> Self {
        Self { db, world, callers }
    }

    /// The groups that the caller may know of.
    pub async fn list(&self, who: &Actor, mut request: ListRequest) -> Result<Page<Group>> {
        let who = who.clone();
        let mut members = None;
        if let Some(at) = request.filters.iter().position(|(field, _)| *field == "member") {
            let (_, values) = request.filters.remove(at);
            let users: Vec<Id<kind::User>> = values.iter().filter_map(|value| value.parse().ok()).collect();
            if !who.may(Permission::ADMIN_GROUPS) && users.iter().any(|user| !who.is(*user)) {
                return Err(GroupError::Lacks(Permission::ADMIN_GROUPS));
            }
            members = Some(users);
        }
        self.db.read(who.org, move |tx| page(tx, &who, &request, members)).await
    }

    /// The groups right below one.
    pub async fn subgroups(&self, who: &Actor, id: GroupId, mut request: ListRequest) -> Result<Page<Group>> {
        let who = who.clone();
        request.filters.push(("parent_id", vec![id.to_string()]));
        self.db
            .read(who.org, move |tx| {
                known(tx, &who, id)?;
                page(tx, &who, &request, None)
            })
            .await
    }

    /// One group.
    pub async fn get(&self, who: &Actor, id: GroupId) -> Result<Versioned<Group>> {
        let who = who.clone();
        self.db.read(who.org, move |tx| shown(tx, &who, id)).await
    }

    /// Makes a group, of which the caller is the owner.
    pub async fn create(&self, who: &Actor, new: NewGroup) -> Result<Versioned<Group>> {
        let (now, who, callers) = (self.world.now(), who.clone(), self.callers.clone());
        if !new.permissions.is_empty() {
            who.require(Permission::ADMIN_GROUPS)?;
        }
        let (id, seat) = (self.world.id_at(now), self.world.id_at(now));
        let group = model::check_new(&new, id, who.user, now)?;
        self.db
            .write(who.org, move |unit| {
                organizations::store::lock(unit.server(), unit.org())?;
                if let Some(parent) = group.parent_id {
                    may_stand_below(unit, &who, parent, 1)?;
                }
                store::write(unit, &group)?;
                let owner = NewSeat { group: id, user: who.user, role: OWNER, powers: &Powers::default() };
                seats::insert(unit, &owner, seat, None, now)?;
                may_bestow(&who, store::bestowed(unit, id)?)?;
                if group.inherit_members {
                    callers.organization_changed(unit.server(), unit.org());
                } else {
                    sessions::rights_changed(unit.server(), &callers, who.user, now)?;
                }
                let entry = Audit::by(&who, "group_created", Category::Administrative);
                let entry = entry.on("group", id).named(&group.name);
                unit.audit(
                    entry.detail("parent_id", group.parent_id).detail("permissions", &group.permissions),
                )?;
                shown(unit, &who, id)
            })
            .await
    }

    /// Makes a group below one.
    pub async fn create_below(
        &self,
        who: &Actor,
        parent: GroupId,
        new: NewGroup,
    ) -> Result<Versioned<Group>> {
        // Whoever may not know of the parent is told that there is none, and not that a field is wrong.
        let actor = who.clone();
        self.db.read(who.org, move |tx| known(tx, &actor, parent).map(|_| ())).await?;
        if new.parent_id.is_some_and(|named| named != parent) {
            return Err(
                kernel::Error::invalid("parent_id", "must be the group of the address, or absent").into()
            );
        }
        self.create(who, NewGroup { parent_id: Some(parent), ..new }).await
    }

    /// Changes a group, if it is as expected.
    pub async fn change(
        &self,
        who: &Actor,
        id: GroupId,
        expected: Expected,
        patch: GroupPatch,
    ) -> Result<Versioned<Group>> {
        let (now, who, callers) = (self.world.now(), who.clone(), self.callers.clone());
        self.db
            .write(who.org, move |unit| {
                if patch.moves() {
                    organizations::store::lock(unit.server(), unit.org())?;
                }
                let (before, stance) = lock(unit, &who, id)?;
                stance.must_have(Power::ManageSettings)?;
                expected.check(before.rev)?;
                let after = model::plan(&patch, &before, now)?;
                if before.is_default && (after.name != before.name || after.parent_id != before.parent_id) {
                    return Err(GroupError::Default(
                        "A default group keeps its name and stands below no other.",
                    ));
                }
                may_bestow(&who, store::bestowed(unit, id)?)?;
                if let Some(parent) = after.parent_id.filter(|parent| Some(*parent) != before.parent_id) {
                    may_move(unit, &who, id, parent)?;
                }
                if after != before {
                    store::write(unit, &after)?;
                    may_bestow(&who, store::bestowed(unit, id)?)?;
                    unit.audit(changes(&who, &before, &after))?;
                }
                if patch.moves() {
                    callers.organization_changed(unit.server(), unit.org());
                }
                shown(unit, &who, id)
            })
            .await
    }

    /// Deletes a group, and those below it if asked to.
    pub async fn delete(&self, who: &Actor, id: GroupId, expected: Expected, cascade: bool) -> Result<()> {
        let (who, callers) = (who.clone(), self.callers.clone());
        self.db
            .write(who.org, move |unit| {
                organizations::store::lock(unit.server(), unit.org())?;
                let (group, stance) = lock(unit, &who, id)?;
                stance.must_own()?;
                if group.is_default {
                    return Err(GroupError::Default("A default group can't be deleted."));
                }
                expected.check(group.rev)?;
                let below = store::below(unit, id, MOST_DELETED + 1)?;
                if (!cascade && !below.is_empty()) || below.len() as i64 > MOST_DELETED {
                    return Err(GroupError::HasSubgroups);
                }
                for group in below.into_iter().map(|(below, _)| below).chain([id]) {
                    let group = store::lock(unit, group)?.ok_or(GroupError::NotFound)?;
                    may_bestow(&who, store::bestowed(unit, group.id)?)?;
                    store::delete(unit, group.id)?;
                    unit.emit(&GroupDeleted { group: About::from(&group) })?;
                    let entry = Audit::by(&who, "group_deleted", Category::Administrative);
                    unit.audit(entry.on("group", group.id).named(&group.name))?;
                }
                callers.organization_changed(unit.server(), unit.org());
                Ok(())
            })
            .await
    }

    /// What a group allows its members, and what of it comes from above.
    pub async fn permissions(
        &self,
        who: &Actor,
        id: GroupId,
        request: ListRequest,
    ) -> Result<Page<GroupPermission>> {
        let who = who.clone();
        self.db
            .read(who.org, move |tx| {
                let (_, stance) = known(tx, &who, id)?;
                stance.must_be_member()?;
                permissions(tx, id, &request)
            })
            .await
    }

    /// Changes what a group allows.
    pub async fn change_permissions(
        &self,
        who: &Actor,
        id: GroupId,
        change: GroupPermissionChange,
    ) -> Result<Page<GroupPermission>> {
        let (now, who, callers) = (self.world.now(), who.clone(), self.callers.clone());
        let mut wrong = FieldErrors::default();
        let add = Granted::read("add", &change.add, &mut wrong);
        let remove = Granted::read("remove", &change.remove, &mut wrong);
        finish(wrong, [&change.add, &change.remove])?;
        self.db
            .write(who.org, move |unit| {
                organizations::store::lock(unit.server(), unit.org())?;
                let (before, _) = lock(unit, &who, id)?;
                may_bestow(&who, store::bestowed(unit, id)?)?;
                let mut wrong = FieldErrors::default();
                let mut granted = Granted::stored(&before.permissions);
                granted.change(&add, &remove, "remove", &mut wrong);
                wrong.finish()?;
                let mut after = GroupRow { permissions: granted.to_stored(), ..before.clone() };
                if after != before {
                    after.updated_at = now;
                    store::write(unit, &after)?;
                    may_bestow(&who, store::bestowed(unit, id)?)?;
                    callers.organization_changed(unit.server(), unit.org());
                    let entry = Audit::by(&who, "permission_change", Category::Administrative);
                    let entry = entry.on("group", id).named(&after.name);
                    unit.audit(entry.change("permissions", &before.permissions, &after.permissions))?;
                }
                let all = GroupPermissionList::SPEC.read([("limit", "100")])?;
                permissions(unit, id, &all)
            })
            .await
    }
}

/// A page of groups that the caller may know of.
fn page(
    tx: &Tx<'_>,
    who: &Actor,
    request: &ListRequest,
    members: Option<Vec<Id<kind::User>>>,
) -> Result<Page<Group>> {
    let own: std::collections::HashMap<_, _> =
        seats::roles_of(tx, who.user)?.into_iter().map(|(group, role, _)| (group, role)).collect();
    let held = roles::store::holdings(tx, who.user)?.unwrap_or_default();
    let inside: Vec<_> = held.groups.iter().filter(|group| group.is_member).map(|group| group.id).collect();
    let known = (!who.may(Permission::ADMIN_GROUPS)).then(|| inside.clone());
    let page = store::list(tx, request, Narrowing { known, members })?;
    Ok(page.map(|row| {
        let through_parent = || inside.contains(&row.id).then(|| super::policy::MEMBER.to_owned());
        let role = own.get(&row.id).cloned().or_else(through_parent);
        Group::of(row, role)
    }))
}

/// May the caller put something of that height below the group?
fn may_stand_below(unit: &Unit<'_>, who: &Actor, parent: GroupId, height: usize) -> Result<()> {
    let refused = || kernel::Error::invalid("parent_id", "must be a group that you administer");
    let (parent, stance) = known(unit, who, parent).map_err(|error| match error {
        GroupError::NotFound => refused().into(),
        other => other,
    })?;
    if store::is_everyone(parent.id) {
        return Err(GroupError::Default("Nothing stands below the group of everyone."));
    }
    stance.must_have(Power::ManageSettings)?;
    if store::line(unit, parent.id)?.len() + height > DEPTH { Err(GroupError::TooDeep) } else { Ok(()) }
}

fn may_move(unit: &Unit<'_>, who: &Actor, id: GroupId, parent: GroupId) -> Result<()> {
    if store::line(unit, parent)?.iter().any(|above| above.id == id) {
        return Err(GroupError::Cycle);
    }
    let below = store::below(unit, id, 1)?;
    let height = 1 + below.first().map_or(0, |(_, steps)| usize::try_from(*steps).unwrap_or(DEPTH));
    may_stand_below(unit, who, parent, height)
}

fn permissions(tx: &Tx<'_>, id: GroupId, request: &ListRequest) -> Result<Page<GroupPermission>> {
    let (mut found, mut have) = (Vec::new(), PermissionSet::EMPTY);
    for above in store::line(tx, id)? {
        for permission in above.allows().iter().filter(|permission| !have.contains(*permission)) {
            let shown = GroupPermission {
                permission,
                description: permission.meaning(),
                inherited_from: (above.id != id).then_some(above.id),
            };
            let value = SortValue::Text(permission.as_str().to_owned());
            found.push((Cursor { value, id: [0; 16], skip: 0 }, shown));
        }
        have = have.union(above.allows());
        if !above.inherit_permissions {
            break;
        }
    }
    Ok(request.cut(found))
}

fn changes(who: &Actor, before: &GroupRow, after: &GroupRow) -> Audit {
    let mut entry = Audit::by(who, "group_updated", Category::Administrative);
    entry = entry.on("group", after.id).named(&after.name);
    for (field, old, new) in [
        ("name", Some(&before.name), Some(&after.name)),
        ("description", before.description.as_ref(), after.description.as_ref()),
        ("type", Some(&before.kind), Some(&after.kind)),
        ("visibility", Some(&before.visibility), Some(&after.visibility)),
        ("domain", before.domain.as_ref(), after.domain.as_ref()),
    ] {
        if old != new {
            entry = entry.change(field, old, new);
        }
    }
    for (field, old, new) in [
        ("allow_join_requests", before.allow_join_requests, after.allow_join_requests),
        ("require_approval", before.require_approval, after.require_approval),
        ("inherit_permissions", before.inherit_permissions, after.inherit_permissions),
        ("inherit_members", before.inherit_members, after.inherit_members),
    ] {
        if old != new {
            entry = entry.change(field, old, new);
        }
    }
    if before.parent_id != after.parent_id {
        entry = entry.change("parent_id", before.parent_id, after.parent_id);
    }
    if before.max_members != after.max_members {
        entry = entry.change("max_members", before.max_members, after.max_members);
    }
    entry
}
