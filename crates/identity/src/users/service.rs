//! What can be done with users.

use std::sync::Arc;

use kernel::{
    Actor, Error, Expected, FieldErrors, Id, Permission, PermissionSet, Principal, Surroundings, Timestamp,
    Versioned,
    id::kind,
    list::{ListRequest, Page},
};
use platform::{
    audit::{Audit, Category},
    db::{Db, DbError, ListError, Tx, Unit},
};

use super::{
    change,
    events::{About, RoleAssigned, RoleRevoked, UserActivated, UserCreated, UserSuspended, UserUpdated},
    model::{CreatedUser, NewUser, Person, Status, User, UserCard, UserPatch},
    policy::{self, Subject, UserError},
    store::{self, Account},
};
use crate::{
    Settings, api_keys,
    auth::{self, Allowance, store::Purpose},
    mails::Mails,
    membership, organizations,
    passwords::Passwords,
    roles::{self, Assignment, Effective, Holdings, OWNER_LEVEL, Role, system},
    security,
    sessions::{self, revocation::Callers},
};

impl From<DbError> for UserError {
    fn from(error: DbError) -> Self {
        if error.violates("server_users_username_key_key") {
            Self::UsernameTaken
        } else if error.violates("server_users_email_key_key") {
            Self::EmailTaken
        } else {
            Self::Other(error.into())
        }
    }
}

impl From<ListError> for UserError {
    fn from(error: ListError) -> Self {
        Self::Other(error.into())
    }
}

impl From<FieldErrors> for UserError {
    fn from(fields: FieldErrors) -> Self {
        Self::Other(fields.into())
    }
}

type Result<T> = std::result::Result<T, UserError>;

/// People of an organization. A cheap handle.
#[derive(Clone)]
pub struct Users {
    pub(super) db: Db,
    pub(super) world: Surroundings,
    pub(super) settings: Arc<Settings>,
    passwords: Passwords,
    pub(super) mails: Mails,
    pub(super) callers: Callers,
    pub(super) allowance: Allowance,
}

/// Who makes a user: somebody signed in, or whoever operates the server.
#[derive(Clone)]
enum Maker {
    User(Actor),
    Operator,
}

impl Maker {
    fn rank(&self) -> (u8, kernel::PermissionSet) {
        match self {
            Self::User(who) => (who.level, who.permissions),
            Self::Operator => (OWNER_LEVEL, kernel::PermissionSet::all()),
        }
    }

    fn audit(&self, action: &'static str) -> Audit {
        match self {
            Self::User(who) => Audit::by(who, action, Category::Administrative),
            Self::Operator => Audit::system(action, Category::Administrative),
        }
    }

    fn id(&self) -> Option<Id<kind::User>> {
        match self {
            Self::User(who) => Some(who.user),
            Self::Operator => None,
        }
    }
}

impl Users {
    pub(crate) fn new(
        db: Db,
        world: Surroundings,
        settings: Arc<Settings>,
        passwords: Passwords,
        mails: Mails,
        callers: Callers,
        allowance: Allowance,
    ) -> Self {
        Self { db, world, settings, passwords, mails, callers, allowance }
    }

    /// What a member who can sign in may do at the moment. None if there is no such member.
    pub(crate) async fn permissions_of(
        &self,
        org: Id<kind::Organization>,
        user: Id<kind::User>,
    ) -> Result<Option<PermissionSet>> {
        let now = self.world.now();
        self.db.read(org, move |tx| Ok(membership::permissions_of(tx, user, now)?)).await
    }

    /// The people of the organization: in full for who administers users, else as cards.
    pub async fn list(&self, who: &Actor, mut request: ListRequest) -> Result<Page<Person>> {
        let (now, who) = (self.world.now(), who.clone());
        self.db
            .read(who.org, move |tx| {
                let asked = request.filters.iter().filter(|(field, _)| *field == "role");
                let catalogue = roles::store::catalogue_for(tx, asked.flat_map(|(_, names)| names))?;
                let in_full = who.may(Permission::ADMIN_USERS);
                let narrowing = change::narrow(&mut request, in_full, &catalogue, now)?;
                let page = store::list(tx, &request, narrowing)?;
                let ids: Vec<_> = page.items.iter().map(|account| account.id).collect();
                let mut given = roles::store::of_each(tx, &ids)?;
                let catalogue = roles::store::catalogue_with(tx, given.values().flatten())?;
                page.try_map(|account| {
                    let assignments = given.remove(&account.id).unwrap_or_default();
                    let holdings = Holdings { assignments, catalogue: catalogue.clone(), groups: Vec::new() };
                    seen(&who, account, &Effective::of(&holdings, now))
                })
            })
            .await
    }

    /// One person, as the caller may see them.
    pub async fn get(&self, who: &Actor, user: Id<kind::User>) -> Result<Versioned<Person>> {
        let (now, who) = (self.world.now(), who.clone());
        self.db
            .read(who.org, move |tx| {
                let (account, roles) = load(tx, user, now)?;
                Ok(Versioned::new(account.rev, seen(&who, account, &roles)?))
            })
            .await
    }

    /// The caller, in full.
    pub async fn me(&self, who: &Actor) -> Result<Versioned<User>> {
        let (now, user) = (self.world.now(), who.user);
        self.db
            .read(who.org, move |tx| {
                let (account, roles) = load(tx, user, now)?;
                Ok(Versioned::new(account.rev, full(account, &roles)?))
            })
            .await
    }

    /// Makes a user whose home is the caller's organization.
    pub async fn create(&self, who: &Actor, new: NewUser) -> Result<CreatedUser> {
        let permitted = change::may_create(who, &new);
        self.answer(who, permitted).await?;
        self.make(who.org, Maker::User(who.clone()), new).await
    }

    /// Makes a user by the word of whoever operates the server.
    pub(crate) async fn create_as_operator(
        &self,
        org: Id<kind::Organization>,
        new: NewUser,
    ) -> Result<CreatedUser> {
        self.make(org, Maker::Operator, new).await
    }

    async fn make(&self, org: Id<kind::Organization>, maker: Maker, new: NewUser) -> Result<CreatedUser> {
        let now = self.world.now();
        let names = new.roles.clone().unwrap_or_default();
        let looked_up = self.db.read(org, move |tx| {
            let (decided, _) = organizations::store::decided(tx.server(), org)?;
            Ok::<_, DbError>((roles::store::catalogue_for(tx, &names)?, decided.role(tx)?, decided))
        });
        let (catalogue, usual, decided) = looked_up.await?;
        let settings = Arc::clone(&self.settings);
        let policies: std::result::Result<_, DbError> =
            self.db.read_server(move |tx| security::store::policies(tx, &settings, org)).await;
        let mut checked = change::check_new(&new, &catalogue, &policies?.password, FieldErrors::default())?;
        if new.roles.is_none() {
            checked.roles = usual;
        }
        if !decided.takes_address(new.email.trim()) {
            return Err(UserError::EmailDomain);
        }
        let (level, permissions) = maker.rank();
        policy::may_change_roles(level, permissions, false, &[], &checked.roles)?;
        let password_hash = match new.password {
            Some(password) => Some(self.passwords.hash(password).await?),
            None => None,
        };
        let account = checked.account(self.world.id_at(now), org, password_hash.is_some(), now);
        let link = password_hash.is_none().then(|| self.mails.invitation_link(&self.world));
        // Whoever operates the server is at its console, and hands the link over.
        let by_mail = link.is_some() && self.mails.are_sent() && matches!(maker, Maker::User(_));
        let (roles, mails) = (checked.roles, self.mails.clone());

        self.db
            .write(org, move |unit| {
                organizations::settings::make_room(unit)?;
                keep(unit, &roles)?;
                insert(unit, &account, &roles, maker.id(), now)?;
                unit.emit(&UserCreated { user: About::from(&account) })?;
                if let Some(hash) = &password_hash {
                    auth::store::insert_credential(unit.server(), account.id, hash, now)?;
                }
                if let Some(link) = &link {
                    let address = by_mail.then_some(account.email.as_str());
                    let purpose = Purpose::SetPassword;
                    auth::store::insert_token(unit.server(), purpose, link, account.id, address)?;
                    if by_mail {
                        mails.invite(unit, &account, link)?;
                    }
                }
                let names = roles::names(&roles);
                let entry =
                    maker.audit("user_created").on("user", account.id).named(account.username.as_str());
                unit.audit(entry.change("roles", Vec::<&str>::new(), names))?;
                let (account, roles) = load(unit, account.id, now)?;
                Ok(CreatedUser {
                    user: full(account, &roles)?,
                    password_link_expires_at: link.as_ref().map(|link| link.expires_at),
                    invitation_mailed: by_mail,
                    password_link: link.filter(|_| !by_mail).map(|link| link.url),
                })
            })
            .await
    }

    /// Changes a user, if the account is as expected.
    pub async fn change(
        &self,
        who: &Actor,
        user: Id<kind::User>,
        expected: Expected,
        patch: UserPatch,
    ) -> Result<Versioned<Person>> {
        let (now, callers) = (self.world.now(), self.callers.clone());
        let (actor, this) = (who.clone(), self.clone());
        let confirms = self.mails.are_sent();
        if who.is(user) && !patch.email.is_keep() {
            policy::may_give_address(who)?;
            if !who.may(Permission::ADMIN_USERS) {
                self.mails.require()?;
            }
            if let Some(wanted) = patch.email.set().filter(|_| confirms) {
                self.admit_address(who, wanted).await?;
            }
        }
        let changed = self
            .db
            .write(who.org, move |unit| {
                let (before, present) = lock(unit, user, now)?;
                let subject = Subject { id: user, home: before.home_org_id, roles: present };
                policy::may_change(&actor, &subject, &patch)?;
                expected.check(before.rev)?;
                let named = patch.roles.set().into_iter().flatten();
                let catalogue = roles::store::catalogue_for(unit, named)?;
                let change =
                    change::plan(&patch, &before, &subject.roles, &catalogue, &actor, confirms, now)?;
                if change.account.email != before.email {
                    let (home, wanted) = (before.home_org_id, &change.account.email);
                    organizations::settings::check_address(unit.server(), home, wanted)?;
                }
                apply(unit, &actor, &before, &change, now)?;
                this.tell_of(unit, &before, &change)?;
                if change.loses_owner(&subject.roles) && !roles::store::has_lasting_owner(unit)? {
                    return Err(UserError::LastOwner);
                }
                if change.shuts_out(&before) {
                    auth::forget_links(unit.server(), user)?;
                    sessions::end_all_of(unit.server(), &callers, user, now)?;
                    api_keys::stop_all_of(unit.server(), &callers, user)?;
                } else if change.roles.is_some() {
                    sessions::rights_changed(unit.server(), &callers, user, now)?;
                }
                let (account, roles) = load(unit, user, now)?;
                Ok(Versioned::new(account.rev, seen(&actor, account, &roles)?))
            })
            .await;
        self.answer(who, changed).await
    }

    /// Passes a result on; a denial is audited first, apart from the unit that it undid.
    pub(crate) async fn answer<T>(&self, who: &Actor, result: Result<T>) -> Result<T> {
        if let Err(UserError::Lacks(permission)) = &result {
            let entry = Audit::by(who, "permission_denied", Category::Authorization)
                .denied("permission_missing")
                .detail("permission", permission);
            self.db.write(who.org, move |unit| Ok::<_, UserError>(unit.audit(entry)?)).await?;
        }
        result
    }
}

/// Custom roles that were looked up before the unit may be gone; from here on they stay until it ends.
fn keep(unit: &Unit<'_>, roles: &[Role]) -> Result<()> {
    let mut customs = roles.iter().filter(|role| system::by_id(role.id).is_none()).peekable();
    if customs.peek().is_some() {
        organizations::store::lock(unit.server(), unit.org())?;
    }
    for role in customs {
        if roles::store::find(unit, role.id)?.is_none() {
            return Err(Error::invalid("roles", format!("there is no role \"{}\"", role.name)).into());
        }
    }
    Ok(())
}

/// Inserts an account with its roles.
pub(crate) fn insert(
    unit: &Unit<'_>,
    account: &Account,
    roles: &[Role],
    by: Option<Id<kind::User>>,
    now: Timestamp,
) -> std::result::Result<(), DbError> {
    store::insert(unit, account)?;
    for role in roles {
        roles::store::assign(unit, account.id, Assignment::lasting(role.id), by, now)?;
    }
    Ok(())
}

/// A member with their roles.
pub(crate) fn load(tx: &Tx<'_>, user: Id<kind::User>, now: Timestamp) -> Result<(Account, Effective)> {
    let (account, assignments) = store::member_with_roles(tx, user)?.ok_or(UserError::NotFound)?;
    let catalogue = roles::store::catalogue_of(tx, user, &assignments)?;
    Ok((account, Effective::of(&Holdings { assignments, catalogue, groups: Vec::new() }, now)))
}

/// The same, locked until the unit ends. The organization's lock comes first, and keeps two units that each take one
/// of the last two owners away from passing each other.
pub(crate) fn lock(unit: &Unit<'_>, user: Id<kind::User>, now: Timestamp) -> Result<(Account, Effective)> {
    organizations::store::lock(unit.server(), unit.org())?;
    if !store::lock(unit.server(), user)? {
        return Err(UserError::NotFound);
    }
    let holdings = roles::store::holdings(unit, user)?.ok_or(UserError::NotFound)?;
    let account = store::find(unit.server(), user)?.ok_or(UserError::NotFound)?;
    Ok((account, Effective::of(&holdings, now)))
}

fn apply(
    unit: &Unit<'_>,
    who: &Actor,
    before: &Account,
    change: &change::Change,
    now: Timestamp,
) -> std::result::Result<(), DbError> {
    let entry = |action| {
        let entry = Audit::by(who, action, Category::Administrative);
        entry.on("user", before.id).named(before.username.as_str())
    };
    if change.account != *before {
        // Wherever the account is changed from, its home hears of it, and only that.
        let home = unit.server().org(before.home_org_id);
        store::save(unit.server(), &change.account)?;
        let changes = change::differences(before, &change.account);
        tell(&home, before, &change.account, &changes)?;
        let entry = changes.into_iter().fold(entry("user_updated"), |entry, difference| {
            entry.change(difference.field, difference.old, difference.new)
        });
        home.audit(entry)?;
    }
    if let Some(roles) = &change.roles {
        apply_roles(unit, who, &change.account, roles, None, now)?;
    }
    Ok(())
}

/// Gives and takes roles. Those that are given end then, if there is an end.
pub(crate) fn apply_roles(
    unit: &Unit<'_>,
    who: &Actor,
    account: &Account,
    roles: &change::RoleChange,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> std::result::Result<(), DbError> {
    for role in &roles.taken {
        roles::store::revoke(unit, account.id, role.id)?;
        unit.emit(&RoleRevoked { user: About::from(account), role: role.name.clone() })?;
    }
    for role in &roles.given {
        let assignment = Assignment { role: role.id, expires_at };
        roles::store::assign(unit, account.id, assignment, Some(who.user), now)?;
        unit.emit(&RoleAssigned { user: About::from(account), role: role.name.clone() })?;
    }
    store::touch(unit.server(), account.id)?;
    let mut entry = Audit::by(who, "role_changed", Category::Administrative)
        .on("user", account.id)
        .named(account.username.as_str())
        .change("roles", &roles.before, &roles.after);
    if let Some(end) = expires_at {
        entry = entry.detail("expires_at", end);
    }
    unit.audit(entry)
}

/// Tells of a changed account, and of what its status became.
pub(crate) fn tell(
    unit: &Unit<'_>,
    before: &Account,
    after: &Account,
    changes: &[change::Difference],
) -> std::result::Result<(), DbError> {
    let fields = changes.iter().map(|difference| difference.field).collect();
    unit.emit(&UserUpdated { user: About::from(after), changed: fields })?;
    match after.status {
        status if status == before.status => Ok(()),
        Status::Active => unit.emit(&UserActivated { user: About::from(after) }),
        Status::Suspended => unit.emit(&UserSuspended { user: About::from(after) }),
        _ => Ok(()),
    }
}

/// A user as the caller may see them.
pub(crate) fn seen(who: &Principal, account: Account, roles: &Effective) -> Result<Person> {
    if policy::sees_in_full(who, account.id, account.home_org_id) {
        Ok(Person::Full(Box::new(full(account, roles)?)))
    } else {
        Ok(Person::Card(UserCard {
            user_id: account.id,
            avatar_url: account.picture(),
            username: account.username,
            display_name: account.display_name,
            status: account.status,
        }))
    }
}

/// A user in full.
pub(crate) fn full(account: Account, roles: &Effective) -> Result<User> {
    Ok(User {
        user_id: account.id,
        avatar_url: account.picture(),
        username: account.username,
        email: account.email,
        email_verified: account.email_verified,
        pending_email: account.pending_email,
        display_name: account.display_name.clone(),
        full_name: account.display_name,
        first_name: account.first_name,
        last_name: account.last_name,
        status: account.status,
        role: roles.direct.first().map(|role| role.name.clone()),
        roles: roles::names(&roles.direct),
        organization_id: account.home_org_id,
        metadata: account.metadata.read().map_err(Error::from)?,
        two_factor_enabled: account.two_factor_enabled,
        last_login: (account.last_login > Timestamp::UNIX_EPOCH).then_some(account.last_login),
        suspended_at: account.suspended_at,
        suspend_reason: account.suspend_reason,
        created_at: account.created_at,
        updated_at: account.updated_at,
    })
}
