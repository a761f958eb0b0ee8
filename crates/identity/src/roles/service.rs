//! What can be done with roles.

use kernel::{
    Actor, Expected, Id, Surroundings, Timestamp, Versioned,
    id::kind,
    list::{ListRequest, Page},
};
use platform::{
    audit::{Audit, Category},
    db::{Db, Tx, Unit},
};

use super::{
    Assignment, Catalogue, Role,
    change::{self, Draft, may_shape},
    model::{
        MOST, MOST_MOVED, NewRole, PermissionChange, PermissionChanges, RoleError, RolePatch, ShownRole,
    },
    store, system,
};
use crate::{
    organizations, security,
    sessions::revocation::Callers,
    users::{
        self,
        events::{About, RoleAssigned, RoleRevoked},
    },
};

type Result<T> = std::result::Result<T, RoleError>;

/// The roles of an organization. A cheap handle.
#[derive(Clone)]
pub struct Roles {
    db: Db,
    world: Surroundings,
    callers: Callers,
}

impl Roles {
    pub(crate) fn new(db: Db, world: Surroundings, callers: Callers) -> Self {
        Self { db, world, callers }
    }

    /// The server's roles and the organization's own. They are few: the page is cut from all of them.
    pub async fn list(&self, who: &Actor, request: ListRequest) -> Result<Page<ShownRole>> {
        let now = self.world.now();
        self.db
            .read(who.org, move |tx| {
                let catalogue = store::catalogue(tx)?;
                let customs = store::all(tx)?;
                let system = system::ROLES.iter().map(|role| ShownRole::of_server(role, 0));
                let customs = customs.into_iter().map(|row| ShownRole::custom(row, &catalogue, 0));
                let wanted = |role: &ShownRole| {
                    request
                        .filters
                        .iter()
                        .all(|(_, values)| values.iter().any(|v| *v == role.system.to_string()))
                };
                let found = system.chain(customs).filter(wanted);
                let mut page = request.cut(found.map(|role| (role.place(request.sort), role)).collect());
                for role in &mut page.items {
                    role.member_count = store::count_holders(tx, role.role_id, now)?;
                }
                Ok(page)
            })
            .await
    }

    /// One role, with all that it allows.
    pub async fn get(&self, who: &Actor, named: String) -> Result<Versioned<ShownRole>> {
        let now = self.world.now();
        self.db
            .read(who.org, move |tx| {
                let catalogue = store::catalogue(tx)?;
                let role = catalogue.named(&named).ok_or(RoleError::NotFound)?;
                shown(tx, &role, &catalogue, now)
            })
            .await
    }

    /// Makes a role.
    pub async fn create(&self, who: &Actor, new: NewRole) -> Result<Versioned<ShownRole>> {
        let (now, who) = (self.world.now(), who.clone());
        let id = self.world.id_at(now);
        self.db
            .write(who.org, move |unit| {
                organizations::store::lock(unit.server(), unit.org())?;
                let catalogue = store::catalogue(unit)?;
                let draft = change::check_new(&new, id, &catalogue, now)?;
                let after = draft.permitted(&who, &catalogue)?;
                if store::count(unit)? >= MOST {
                    return Err(RoleError::Limit);
                }
                store::insert(unit, &draft.row, &draft.parents, who.user)?;
                let entry = Audit::by(&who, "role_created", Category::Administrative);
                let entry = entry.on("role", id).named(&draft.row.name);
                unit.audit(
                    entry.detail("permissions", &draft.row.permissions).detail("level", draft.row.level),
                )?;
                let role = after.by_id(id).ok_or(RoleError::NotFound)?;
                shown(unit, &role, &after, now)
            })
            .await
    }

    /// Changes a role of the organization, if it is as expected.
    pub async fn change(
        &self,
        who: &Actor,
        named: String,
        expected: Expected,
        patch: RolePatch,
    ) -> Result<Versioned<ShownRole>> {
        let (now, who, callers) = (self.world.now(), who.clone(), self.callers.clone());
        self.db
            .write(who.org, move |unit| {
                let (before, catalogue) = lock(unit, &named)?;
                expected.check(before.row.rev)?;
                let draft = change::plan(&patch, &before, &catalogue, now)?;
                let after = apply(unit, &who, &before, &draft, &catalogue)?;
                callers.organization_changed(unit.server(), unit.org());
                let role = after.by_id(before.row.id).ok_or(RoleError::NotFound)?;
                shown(unit, &role, &after, now)
            })
            .await
    }

    /// Changes what several roles allow: all of it, or nothing.
    pub async fn change_permissions(&self, who: &Actor, asked: PermissionChanges) -> Result<Page<ShownRole>> {
        let (now, who, callers) = (self.world.now(), who.clone(), self.callers.clone());
        if !(1..=100).contains(&asked.changes.len()) {
            return Err(kernel::Error::invalid("changes", "must have 1 to 100 entries").into());
        }
        self.db
            .write(who.org, move |unit| {
                organizations::store::lock(unit.server(), unit.org())?;
                let mut catalogue = store::catalogue(unit)?;
                let mut changed = Vec::new();
                for PermissionChange { role, .. } in &asked.changes {
                    let role = catalogue.named(role.trim()).ok_or_else(|| unknown(role))?;
                    if changed.contains(&role.id) {
                        return Err(kernel::Error::invalid("changes", "must name each role once").into());
                    }
                    changed.push(role.id);
                }
                for (change, id) in asked.changes.iter().zip(&changed) {
                    let before = draft(unit, *id, &catalogue)?;
                    let draft = change::change(change, &before, now)?;
                    catalogue = apply(unit, &who, &before, &draft, &catalogue)?;
                }
                callers.organization_changed(unit.server(), unit.org());
                let mut roles = Vec::with_capacity(changed.len());
                for role in changed.iter().filter_map(|id| catalogue.by_id(*id)) {
                    roles.push(shown(unit, &role, &catalogue, now)?.value);
                }
                Ok(Page::of_all(roles))
            })
            .await
    }

    /// Deletes a role of the organization. Those who have it are given the other one, if one is named.
    pub async fn delete(
        &self,
        who: &Actor,
        named: String,
        expected: Expected,
        reassign_to: Option<String>,
    ) -> Result<()> {
        let (now, who, callers) = (self.world.now(), who.clone(), self.callers.clone());
        self.db
            .write(who.org, move |unit| {
                let (before, catalogue) = lock(unit, &named)?;
                expected.check(before.row.rev)?;
                let role = catalogue.by_id(before.row.id).ok_or(RoleError::NotFound)?;
                may_shape(&who, &role)?;
                let children: Vec<_> = catalogue
                    .customs()
                    .filter(|other| other.parents.contains(&role.id))
                    .map(|child| child.id)
                    .collect();
                let members = store::count_holders(unit, role.id, now)?;
                match reassign_to {
                    None if members > 0 || !children.is_empty() => {
                        return Err(RoleError::InUse { members, children: children.len() });
                    }
                    None => {}
                    Some(other) => {
                        let other = catalogue.named(other.trim()).filter(|other| other.id != role.id);
                        let other = other.ok_or_else(|| {
                            kernel::Error::invalid("reassign_to", "must be the id or name of another role")
                        })?;
                        may_shape(&who, &other)?;
                        replace_parent(unit, &who, &children, &role, &other, catalogue, now)?;
                        reassign(unit, &who, &role, &other, now)?;
                    }
                }
                store::revoke_all(unit, role.id)?;
                store::delete(unit, role.id)?;
                callers.organization_changed(unit.server(), unit.org());
                let entry = Audit::by(&who, "role_deleted", Category::Administrative);
                unit.audit(entry.on("role", role.id).named(&before.row.name))?;
                Ok(())
            })
            .await
    }
}

fn unknown(role: &str) -> RoleError {
    kernel::Error::invalid("changes", format!("there is no role \"{}\"", role.escape_debug())).into()
}

/// A custom role, while nobody else in the organization changes rights.
fn lock(unit: &Unit<'_>, named: &str) -> Result<(Draft, Catalogue)> {
    organizations::store::lock(unit.server(), unit.org())?;
    let catalogue = store::catalogue(unit)?;
    let role = catalogue.named(named).ok_or(RoleError::NotFound)?;
    Ok((draft(unit, role.id, &catalogue)?, catalogue))
}

fn draft(unit: &Unit<'_>, id: Id<kind::Role>, catalogue: &Catalogue) -> Result<Draft> {
    if system::by_id(id).is_some() {
        return Err(RoleError::SystemRole);
    }
    let row = store::find(unit, id)?.ok_or(RoleError::NotFound)?;
    Ok(Draft::of(row, catalogue))
}

/// Writes a role that has changed; gives the roles as they are then.
fn apply(
    unit: &Unit<'_>,
    who: &Actor,
    before: &Draft,
    after: &Draft,
    catalogue: &Catalogue,
) -> Result<Catalogue> {
    let roles = after.permitted(who, catalogue)?;
    if before == after {
        return Ok(roles);
    }
    store::save(unit, &after.row, &after.parents)?;
    if before.row.name != after.row.name {
        security::store::rename_role(unit, &before.row.name, &after.row.name, after.row.updated_at)?;
    }
    let names = |parents: &[Id<kind::Role>]| -> Vec<_> {
        parents.iter().filter_map(|id| roles.by_id(*id)).map(|role| role.name).collect()
    };
    let (old, new) = (&before.row, &after.row);
    let mut entry = Audit::by(who, "permission_change", Category::Administrative);
    entry = entry.on("role", new.id).named(&new.name);
    for (field, old, new) in [
        ("name", Some(&old.name), Some(&new.name)),
        ("display_name", Some(&old.display_name), Some(&new.display_name)),
        ("description", old.description.as_ref(), new.description.as_ref()),
        ("permissions", Some(&old.permissions), Some(&new.permissions)),
    ] {
        if old != new {
            entry = entry.change(field, old, new);
        }
    }
    if old.level != new.level {
        entry = entry.change("hierarchy_level", old.level, new.level);
    }
    if before.parents != after.parents {
        entry = entry.change("parent_roles", names(&before.parents), names(&after.parents));
    }
    unit.audit(entry)?;
    Ok(roles)
}

/// Puts another role where the one that goes was a parent.
fn replace_parent(
    unit: &Unit<'_>,
    who: &Actor,
    children: &[Id<kind::Role>],
    role: &Role,
    other: &Role,
    mut catalogue: Catalogue,
    now: Timestamp,
) -> Result<()> {
    for child in children {
        let before = draft(unit, *child, &catalogue)?;
        let mut after = before.clone();
        after.parents.retain(|parent| *parent != role.id);
        if *child != other.id && !after.parents.contains(&other.id) {
            after.parents.push(other.id);
            after.parents.sort_unstable();
        }
        after.row.updated_at = now;
        catalogue = apply(unit, who, &before, &after, &catalogue)?;
    }
    Ok(())
}

/// Gives the other role to whoever has the one, until the same time or later.
fn reassign(unit: &Unit<'_>, who: &Actor, role: &Role, other: &Role, now: Timestamp) -> Result<()> {
    let holders = store::holders(unit, role.id, MOST_MOVED as i64 + 1)?;
    if holders.len() > MOST_MOVED {
        return Err(RoleError::TooMany);
    }
    let living = holders.into_iter().filter(|(_, end)| end.is_none_or(|end| now < end));
    for (user, end) in living {
        let present = store::given(unit, user)?.into_iter().find(|given| given.role_id == other.id);
        let later = present.map_or(end, |present| Some(present.expires_at?.max(end?)));
        store::assign(unit, user, Assignment { role: other.id, expires_at: later }, Some(who.user), now)?;
        users::store::touch(unit.server(), user)?;
        if let Some(account) = users::store::find(unit.server(), user)? {
            unit.emit(&RoleRevoked { user: About::from(&account), role: role.name.clone() })?;
            unit.emit(&RoleAssigned { user: About::from(&account), role: other.name.clone() })?;
        }
        let entry = Audit::by(who, "role_changed", Category::Administrative);
        unit.audit(entry.on("user", user).change("roles", [&role.name], [&other.name]))?;
    }
    Ok(())
}

fn shown(tx: &Tx<'_>, role: &Role, catalogue: &Catalogue, now: Timestamp) -> Result<Versioned<ShownRole>> {
    let members = store::count_holders(tx, role.id, now)?;
    if system::by_id(role.id).is_some() {
        return Ok(Versioned::new(1_i64, ShownRole::of_server(role, members).in_full(catalogue)));
    }
    let row = store::find(tx, role.id)?.ok_or(RoleError::NotFound)?;
    let rev = row.rev;
    Ok(Versioned::new(rev, ShownRole::custom(row, catalogue, members).in_full(catalogue)))
}
