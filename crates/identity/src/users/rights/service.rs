//! What can be done with somebody's roles.

use kernel::{
    Actor, Error, FieldErrors, Permission, Timestamp,
    list::{ListRequest, Page},
};
use platform::db::{Tx, Unit};

use super::model::{AllRoles, EffectivePermissions, HeldRole, NewHeldRole, PermissionAnswer};
use crate::{
    ids::UserId,
    roles::{self, Catalogue, Effective, Holdings, Role, names, system},
    sessions,
    users::{
        Users,
        change::{self, RoleChange},
        policy::UserError,
        service::{apply_roles, lock},
        store::Account,
    },
};

type Result<T> = std::result::Result<T, UserError>;

/// Roles that are named at once.
const MOST: usize = 100;

fn held(tx: &Tx<'_>, user: UserId) -> Result<Holdings> {
    roles::store::holdings(tx, user)?.ok_or(UserError::NotFound)
}

/// A member whose roles are about to change, and what they have.
struct Subject {
    account: Account,
    present: Effective,
}

impl Subject {
    /// Locked until the unit ends. Nobody touches the roles of who stands above them.
    fn lock(unit: &Unit<'_>, who: &Actor, user: UserId, now: Timestamp) -> Result<Self> {
        let (account, present) = lock(unit, user, now)?;
        if !who.is(user) && present.level > who.level {
            return Err(UserError::LevelTooHigh("This person has a higher rank than yours.".to_owned()));
        }
        Ok(Self { account, present })
    }

    fn has(&self, role: &Role) -> bool {
        self.present.direct.iter().any(|own| own.id == role.id)
    }
}

impl Users {
    /// Somebody's roles. The gateway has seen to it that it is the caller, or one who may administer roles.
    pub async fn roles_of(&self, who: &Actor, user: UserId, request: ListRequest) -> Result<Page<HeldRole>> {
        let now = self.world.now();
        self.db
            .read(who.org, move |tx| {
                let holdings = held(tx, user)?;
                let mut found = HeldRole::direct(roles::store::given(tx, user)?, &holdings, now);
                found.extend(HeldRole::by_groups(&holdings));
                let asked = request.filters.iter().find(|(field, _)| *field == "source");
                found.retain(|role| asked.is_none_or(|(_, values)| values.iter().any(|v| v == role.source)));
                let placed = found.into_iter().map(|role| (role.place(request.sort), role));
                Ok(request.cut(placed.collect()))
            })
            .await
    }

    /// Gives a role, or another end to one that they have.
    pub async fn give_role(&self, who: &Actor, user: UserId, new: NewHeldRole) -> Result<HeldRole> {
        let (now, callers, actor) = (self.world.now(), self.callers.clone(), who.clone());
        let this = self.clone();
        let given = self
            .db
            .write(who.org, move |unit| {
                let subject = Subject::lock(unit, &actor, user, now)?;
                let (role, catalogue) = named(unit, &new, now)?;
                let change = if subject.has(&role) {
                    again(unit, &actor, &subject, &role, new.expires_at)?
                } else {
                    let mut wanted = subject.present.direct.clone();
                    wanted.push(role.clone());
                    change::change_roles(&subject.present, &wanted, &actor, actor.is(user))?
                };
                if let Some(change) = change {
                    apply_roles(unit, &actor, &subject.account, &change, new.expires_at, now)?;
                    this.tell_of_roles(unit, &subject.account, &change)?;
                    keep_an_owner(unit, role.id == system::OWNER)?;
                    sessions::rights_changed(unit.server(), &callers, user, now)?;
                }
                let holdings = Holdings { catalogue, ..Holdings::default() };
                let given = roles::store::given(unit, user)?.into_iter().filter(|row| row.role_id == role.id);
                let shown = HeldRole::direct(given.collect(), &holdings, now).pop();
                shown.ok_or(UserError::NotFound)
            })
            .await;
        self.answer(who, given).await
    }

    /// Makes these the roles that somebody was given.
    pub async fn set_roles(&self, who: &Actor, user: UserId, all: AllRoles) -> Result<Page<HeldRole>> {
        let (now, callers, actor) = (self.world.now(), self.callers.clone(), who.clone());
        let this = self.clone();
        if all.roles.len() > MOST {
            return Err(Error::invalid("roles", "must have at most 100 entries").into());
        }
        let set = self
            .db
            .write(who.org, move |unit| {
                let subject = Subject::lock(unit, &actor, user, now)?;
                let catalogue = roles::store::catalogue_for(unit, &all.roles)?;
                let mut wrong = FieldErrors::default();
                let wanted = change::roles_named("roles", &all.roles, &catalogue, &mut wrong);
                wrong.finish()?;
                let change = change::change_roles(&subject.present, &wanted, &actor, actor.is(user))?;
                if let Some(change) = change {
                    apply_roles(unit, &actor, &subject.account, &change, None, now)?;
                    this.tell_of_roles(unit, &subject.account, &change)?;
                    keep_an_owner(unit, change.takes_owner())?;
                    sessions::rights_changed(unit.server(), &callers, user, now)?;
                }
                let holdings = held(unit, user)?;
                let mut roles = HeldRole::direct(roles::store::given(unit, user)?, &holdings, now);
                roles.sort_by(|a, b| (b.hierarchy_level, &a.name).cmp(&(a.hierarchy_level, &b.name)));
                Ok(Page::of_all(roles))
            })
            .await;
        self.answer(who, set).await
    }

    /// Takes a role that somebody was given.
    pub async fn take_role(&self, who: &Actor, user: UserId, named: String) -> Result<()> {
        let (now, callers, actor) = (self.world.now(), self.callers.clone(), who.clone());
        let this = self.clone();
        let taken = self
            .db
            .write(who.org, move |unit| {
                let subject = Subject::lock(unit, &actor, user, now)?;
                let meant = system::by_name(&named).map_or(named.as_str(), |role| &role.name);
                let id = named.parse::<crate::ids::RoleId>().ok();
                let mut wanted = subject.present.direct.clone();
                wanted.retain(|role| role.name != meant && Some(role.id) != id);
                let change = change::change_roles(&subject.present, &wanted, &actor, actor.is(user))?;
                let change = change.ok_or(UserError::NoSuchRole)?;
                apply_roles(unit, &actor, &subject.account, &change, None, now)?;
                this.tell_of_roles(unit, &subject.account, &change)?;
                keep_an_owner(unit, change.takes_owner())?;
                Ok(sessions::rights_changed(unit.server(), &callers, user, now)?)
            })
            .await;
        self.answer(who, taken).await
    }

    /// All that somebody may do, and where it comes from.
    pub async fn permissions(&self, who: &Actor, user: UserId) -> Result<EffectivePermissions> {
        let now = self.world.now();
        self.db.read(who.org, move |tx| Ok(EffectivePermissions::of(user, &held(tx, user)?, now))).await
    }

    /// Whether somebody may do one thing, and why.
    pub async fn permission(&self, who: &Actor, user: UserId, text: String) -> Result<PermissionAnswer> {
        let now = self.world.now();
        let wanted = text.replace('.', ":");
        let permission = Permission::all().find(|permission| permission.as_str() == wanted);
        let permission = permission.ok_or(UserError::NoSuchPermission)?;
        self.db
            .read(who.org, move |tx| Ok(PermissionAnswer::of(user, permission, &held(tx, user)?, now)))
            .await
    }
}

/// The role that is to be given, among those that there are.
fn named(tx: &Tx<'_>, new: &NewHeldRole, now: Timestamp) -> Result<(Role, Catalogue)> {
    let catalogue = roles::store::catalogue_for(tx, [&new.role_id])?;
    let mut wrong = FieldErrors::default();
    let role = catalogue.named(new.role_id.trim());
    wrong.check(role.is_some(), "role_id", "must be the id or name of a role");
    wrong.check(new.expires_at.is_none_or(|end| now < end), "expires_at", "must be in the future");
    wrong.finish()?;
    Ok((role.ok_or(UserError::NoSuchRole)?, catalogue))
}

/// Gives a role once more, with another end. Nobody sets an end to their own rank.
fn again(
    tx: &Tx<'_>,
    who: &Actor,
    subject: &Subject,
    role: &Role,
    expires_at: Option<Timestamp>,
) -> Result<Option<RoleChange>> {
    let present = roles::store::given(tx, subject.account.id)?.into_iter().find(|row| row.role_id == role.id);
    let present = present.and_then(|row| row.expires_at);
    if present == expires_at {
        return Ok(None);
    }
    let ends_sooner = expires_at.is_some_and(|end| present.is_none_or(|present| end < present));
    if who.is(subject.account.id) && ends_sooner && role.level > 0 {
        return Err(UserError::SelfDemotion);
    }
    crate::users::policy::may_give(who, role)?;
    let names = names(&subject.present.direct);
    Ok(Some(RoleChange { given: vec![role.clone()], taken: Vec::new(), before: names.clone(), after: names }))
}

fn keep_an_owner(tx: &Tx<'_>, may_lose_one: bool) -> Result<()> {
    if may_lose_one && !roles::store::has_lasting_owner(tx)? { Err(UserError::LastOwner) } else { Ok(()) }
}
