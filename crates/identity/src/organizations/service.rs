//! What can be done with organizations.

use std::sync::{Arc, OnceLock};

use gateway::module::Eraser;
use kernel::{
    Actor, Expected, FieldErrors, Id, Patch, Surroundings, Versioned,
    id::kind,
    list::{ListRequest, Page},
};
use platform::{
    audit::{Audit, Category},
    db::{Db, ServerUnit, Tx},
    mail::Mailer,
};

use super::{
    error::OrganizationError,
    members,
    model::{CreatedOrganization, Described, FirstGroup, NewOrganization, Organization, OrganizationPatch},
    settings::{OrganizationSettings, OrganizationSettingsPatch},
    store,
};
use crate::{
    roles::{self, Assignment, system},
    sessions::revocation::Callers,
    users::{self, Users, policy},
};

pub(super) type Result<T> = std::result::Result<T, OrganizationError>;

/// Slugs that are tried for a name before somebody has to choose one.
const SLUGS: usize = 20;

/// Organizations. A cheap handle.
#[derive(Clone)]
pub struct Organizations {
    pub(super) db: Db,
    pub(super) world: Surroundings,
    pub(super) callers: Callers,
    pub(super) users: Users,
    pub(super) mailer: Mailer,
    /// Links for people begin with it.
    pub(super) public_url: Arc<str>,
    /// What the modules of the server do themselves to erase what an organization has.
    pub(super) erasers: Arc<OnceLock<Vec<Eraser>>>,
}

/// Everything but a look at it is done in the organization that the caller acts in.
pub(super) fn acting(who: &Actor, org: Id<kind::Organization>) -> Result<()> {
    if who.org == org { Ok(()) } else { Err(OrganizationError::NotFound) }
}

impl Organizations {
    pub(crate) fn new(
        db: Db,
        world: Surroundings,
        callers: Callers,
        users: Users,
        mailer: Mailer,
        public_url: &str,
    ) -> Self {
        let public_url = public_url.trim_end_matches('/').into();
        Self { db, world, callers, users, mailer, public_url, erasers: Arc::default() }
    }

    /// Says what the modules do themselves when an organization is erased. Once, before jobs run.
    pub fn erased_by(&self, erasers: Vec<Eraser>) {
        let _ = self.erasers.set(erasers);
    }

    /// The organizations that the caller belongs to.
    pub(super) async fn list(&self, who: &Actor, request: ListRequest) -> Result<Page<Organization>> {
        let user = who.user;
        let rows =
            self.db.read_server(move |tx| Ok::<_, OrganizationError>(store::of_user(tx, user)?)).await?;
        let placed = rows.into_iter().map(|row| (row.place(request.sort), row)).collect();
        Ok(request.cut(placed).map(Organization::from))
    }

    /// One of them.
    pub(super) async fn get(
        &self,
        who: &Actor,
        org: Id<kind::Organization>,
    ) -> Result<Versioned<Organization>> {
        let user = who.user;
        self.db
            .read_server(move |tx| {
                let row = store::one_of_user(tx, user, org)?.ok_or(OrganizationError::NotFound)?;
                Ok(Versioned::new(row.rev, row.into()))
            })
            .await
    }

    /// Makes another one, whose owner the caller is. Their account stays where it is.
    pub(super) async fn create(&self, who: &Actor, new: NewOrganization) -> Result<CreatedOrganization> {
        let described = Described::new(&new)?;
        let (now, who) = (self.world.now(), who.clone());
        let id: Id<kind::Organization> = self.world.id_at(now);
        self.db
            .write(who.org, move |unit| {
                let server = unit.server();
                let mut described = described;
                if described.slug.is_empty() {
                    described.slug = free_slug(server, &described.name)?;
                }
                store::insert(server, id, &described, now)?;
                let account = users::store::find(server, who.user)?.ok_or(OrganizationError::NotFound)?;
                let there = server.org(id);
                users::store::join(&there, &account, now)?;
                roles::store::assign(&there, account.id, Assignment::lasting(system::OWNER), None, now)?;
                for unit in [unit, &there] {
                    let entry = Audit::by(&who, "organization_created", Category::Administrative);
                    unit.audit(entry.on("organization", id).named(described.name.as_str()))?;
                }
                let row = store::one_of_user(server, who.user, id)?.ok_or(OrganizationError::NotFound)?;
                Ok(CreatedOrganization {
                    organization: row.into(),
                    roles: roles_by_rank(),
                    groups: first_groups(&there)?,
                    owner_member: members::load(&there, who.user, now)?,
                    owner_role: "owner",
                })
            })
            .await
    }

    /// Changes what it is called and how it is described, if it is as expected.
    pub(super) async fn change(
        &self,
        who: &Actor,
        org: Id<kind::Organization>,
        expected: Expected,
        patch: OrganizationPatch,
    ) -> Result<Versioned<Organization>> {
        acting(who, org)?;
        let (now, who) = (self.world.now(), who.clone());
        self.db
            .write(org, move |unit| {
                let server = unit.server();
                store::lock(server, org)?;
                let row = store::one_of_user(server, who.user, org)?.ok_or(OrganizationError::NotFound)?;
                expected.check(row.rev)?;
                let before = Described::from(&row);
                let after = before.clone().patched(&patch)?;
                if after != before {
                    store::save(server, org, &after, now)?;
                    let entry = Audit::by(&who, "organization_updated", Category::Administrative);
                    let entry = entry.on("organization", org).named(after.name.as_str());
                    let differences = before.differences(&after).into_iter();
                    unit.audit(
                        differences.fold(entry, |entry, (field, old, new)| entry.change(field, old, new)),
                    )?;
                }
                let row = store::one_of_user(server, who.user, org)?.ok_or(OrganizationError::NotFound)?;
                Ok(Versioned::new(row.rev, row.into()))
            })
            .await
    }

    /// What it decides for itself.
    pub(super) async fn settings(
        &self,
        who: &Actor,
        org: Id<kind::Organization>,
    ) -> Result<Versioned<OrganizationSettings>> {
        acting(who, org)?;
        self.db
            .read_server(move |tx| {
                let (decided, rev) = store::decided(tx, org)?;
                Ok(Versioned::new(rev, decided.shown()))
            })
            .await
    }

    /// Changes that, if it is as expected. Nobody shuts out their own address.
    pub(super) async fn change_settings(
        &self,
        who: &Actor,
        org: Id<kind::Organization>,
        expected: Expected,
        patch: OrganizationSettingsPatch,
    ) -> Result<Versioned<OrganizationSettings>> {
        acting(who, org)?;
        let (who, callers) = (who.clone(), self.callers.clone());
        self.db
            .write(org, move |unit| {
                let server = unit.server();
                // Of two changes at once the second merges into what the first left.
                store::lock(server, org)?;
                let (present, rev) = store::decided(server, org)?;
                expected.check(rev)?;
                let (before, mut wrong) = (present.shown(), FieldErrors::default());
                let role = default_role(unit, &who, &patch.default_user_role, &mut wrong)?;
                let mut decided = present.clone().patched(patch, &mut wrong);
                wrong.finish()?;
                match role {
                    Patch::Keep => {}
                    Patch::Clear => decided.default_user_role = None,
                    Patch::Set(name) => decided.default_user_role = Some(name),
                }
                let from = who.origin.address;
                if !decided.networks()?.allow(from) {
                    return Err(OrganizationError::LocksOut(from));
                }
                if decided != present {
                    store::save_settings(server, org, &decided)?;
                    // From where they are good is remembered with each caller.
                    callers.organization_changed(server, org);
                    let entry = Audit::by(&who, "config_changed", Category::Security);
                    let entry = entry.on("organization_settings", org);
                    let differences = before.differences(&decided.shown()).into_iter();
                    unit.audit(
                        differences.fold(entry, |entry, (field, old, new)| entry.change(field, old, new)),
                    )?;
                }
                let (decided, rev) = store::decided(server, org)?;
                Ok(Versioned::new(rev, decided.shown()))
            })
            .await
    }
}

/// A slug for that name that is nobody's yet.
fn free_slug(unit: &ServerUnit<'_>, name: &str) -> Result<String> {
    let first = super::slug(name);
    if !store::is_taken(unit, &first)? {
        return Ok(first);
    }
    for number in 2..SLUGS {
        let mut beginning = first.clone();
        beginning.truncate(60);
        let next = format!("{}-{number}", beginning.trim_end_matches('-'));
        if !store::is_taken(unit, &next)? {
            return Ok(next);
        }
    }
    Err(OrganizationError::SlugTaken)
}

fn roles_by_rank() -> Vec<String> {
    let mut roles: Vec<_> = system::ROLES.iter().collect();
    roles.sort_by(|one, other| (other.level, &one.name).cmp(&(one.level, &other.name)));
    roles.into_iter().map(|role| role.name.to_string()).collect()
}

fn first_groups(tx: &Tx<'_>) -> Result<Vec<FirstGroup>> {
    let found: Vec<(Id<kind::Group>, String)> =
        tx.all("SELECT id, name FROM user_groups WHERE org_id = $1 AND is_default ORDER BY id", &[])?;
    Ok(found.into_iter().map(|(group_id, name)| FirstGroup { group_id, name }).collect())
}

/// The name of the role that is to be the usual one. Nobody lets others be more than they could make them.
fn default_role(
    tx: &Tx<'_>,
    who: &Actor,
    patch: &Patch<String>,
    wrong: &mut FieldErrors,
) -> Result<Patch<String>> {
    let Patch::Set(name) = patch else {
        return Ok(if patch.is_keep() { Patch::Keep } else { Patch::Clear });
    };
    let named = [name.clone()];
    let catalogue = roles::store::catalogue_for(tx, &named)?;
    let found = users::change::roles_named("default_user_role", &named, &catalogue, wrong);
    let Some(role) = found.first() else { return Ok(Patch::Keep) };
    policy::may_give(who, role)?;
    Ok(Patch::Set(role.name.to_string()))
}
