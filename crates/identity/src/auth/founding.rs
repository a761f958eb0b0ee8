//! The server's first organization and administrator: made at the first start, or by who knows the secret.

use std::sync::Arc;

use kernel::{FieldErrors, Id, Origin, Secret, Surroundings, Timestamp, id::kind};
use platform::{
    audit::{Audit, Category},
    db::{Db, DbError, ServerUnit},
};

use super::{
    AuthError,
    model::{Bootstrap, Bootstrapped},
    store,
};
use crate::{
    Settings, organizations,
    passwords::Passwords,
    roles::{self, Catalogue, system},
    tokens::{self, Disclosed},
    users::{self, change::CheckedUser, fields, model::NewUser},
};

/// The administrator that the first start makes.
#[derive(Debug, Clone)]
pub struct FirstAdministrator {
    /// The name to sign in with.
    pub username: String,
    /// The password: to be shown once, and kept nowhere.
    pub password: Disclosed,
}

/// Makes what everything else hangs on. A cheap handle.
#[derive(Clone)]
pub struct Founding {
    db: Db,
    world: Surroundings,
    settings: Arc<Settings>,
    passwords: Passwords,
    secret: Option<Arc<Secret>>,
}

/// An organization's first administrator about to be.
#[derive(Clone)]
struct Founder {
    organization: String,
    user: CheckedUser,
    password_hash: String,
    audit: Audit,
}

impl Founding {
    pub(crate) fn new(
        db: Db,
        world: Surroundings,
        settings: Arc<Settings>,
        passwords: Passwords,
        secret: Option<Secret>,
    ) -> Self {
        Self { db, world, settings, passwords, secret: secret.map(Arc::new) }
    }

    /// The server's first organization, made if there is none.
    pub async fn first_organization(&self) -> kernel::Result<Id<kind::Organization>> {
        let first: Result<_, DbError> = self.db.read_server(organizations::store::first).await;
        if let Some(first) = first? {
            return Ok(first);
        }
        let (world, name) = (self.world.clone(), self.settings.organization_name.clone());
        let made = self.db.write_server(move |unit| organizations::found(unit, &world, &name)).await;
        made.map_err(|error: DbError| error.into())
    }

    /// Makes the first organization and `admin`, unless there is an administrator or bootstrap waits for one.
    /// Of several nodes that start together one makes them.
    pub async fn first_administrator(&self) -> Result<Option<FirstAdministrator>, AuthError> {
        if self.secret.is_some() || self.has_owner().await? {
            return Ok(None);
        }
        let password = self.settings.password.generate(&self.world);
        let new = NewUser {
            username: "admin".to_owned(),
            email: "admin@localhost".to_owned(),
            display_name: Some("Administrator".to_owned()),
            ..NewUser::default()
        };
        let user = users::change::check_new(
            &new,
            &Catalogue::default(),
            &self.settings.password,
            FieldErrors::default(),
        )?;
        let founder = Founder {
            organization: self.settings.organization_name.clone(),
            user,
            password_hash: self.passwords.hash(Secret::new(password.reveal())).await?,
            audit: Audit::system("user_created", Category::Administrative),
        };
        match self.establish(founder).await {
            Ok(_) => Ok(Some(FirstAdministrator { username: new.username, password })),
            Err(AuthError::AdminExists) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the first organization and its administrator for who knows the bootstrap secret.
    pub async fn bootstrap(&self, origin: &Origin, wanted: Bootstrap) -> Result<Bootstrapped, AuthError> {
        let secret = self.secret.as_deref().ok_or(AuthError::NoBootstrap)?;
        if !tokens::same(secret, &wanted.bootstrap_secret) {
            return Err(AuthError::BadToken("The bootstrap secret is wrong.", "invalid_credentials"));
        }
        if self.has_owner().await? {
            return Err(AuthError::AdminExists);
        }
        let Bootstrap { organization_name, password, .. } = wanted;
        let new = NewUser {
            username: wanted.username,
            email: wanted.email,
            first_name: Some(wanted.first_name),
            last_name: Some(wanted.last_name),
            password: Some(password.clone()),
            ..NewUser::default()
        };
        let mut wrong = FieldErrors::default();
        let organization = wrong.take("organization_name", fields::display_name(&organization_name));
        let user = users::change::check_new(&new, &Catalogue::default(), &self.settings.password, wrong)?;
        let founder = Founder {
            organization: organization.unwrap_or_default(),
            user,
            password_hash: self.passwords.hash(password).await?,
            audit: Audit::anonymous(origin, "user_created", Category::Administrative),
        };
        self.establish(founder).await
    }

    async fn has_owner(&self) -> Result<bool, AuthError> {
        let first: Result<_, DbError> = self.db.read_server(organizations::store::first).await;
        let Some(org) = first? else { return Ok(false) };
        let now = self.world.now();
        self.db.read(org, move |tx| Ok(roles::store::has_owner(tx, now)?)).await
    }

    async fn establish(&self, founder: Founder) -> Result<Bootstrapped, AuthError> {
        let (world, now) = (self.world.clone(), self.world.now());
        self.db.write_server(move |unit| establish(unit, &world, founder, now)).await
    }
}

/// One unit, in which nobody else founds anything: the organization is locked, or is being made.
fn establish(
    unit: &ServerUnit<'_>,
    world: &Surroundings,
    founder: Founder,
    now: Timestamp,
) -> Result<Bootstrapped, AuthError> {
    let org = organizations::found(unit, world, &founder.organization)?;
    organizations::store::lock(unit, org)?;
    let scoped = unit.org(org);
    if roles::store::has_owner(&scoped, now)? {
        return Err(AuthError::AdminExists);
    }
    // It may have been made earlier, by importing a bot before the first start.
    let slug = organizations::slug(&founder.organization);
    organizations::store::rename(unit, org, &founder.organization, &slug, now)?;
    let account = founder.user.account(world.id_at(now), org, true, now);
    let owner: Vec<_> = system::by_id(system::OWNER).into_iter().cloned().collect();
    users::insert(&scoped, &account, &owner, None, now)?;
    store::insert_credential(unit, account.id, &founder.password_hash, now)?;
    let entry = founder.audit.on("user", account.id).named(account.username.as_str());
    scoped.audit(entry.change("roles", Vec::<&str>::new(), ["owner"]))?;
    Ok(Bootstrapped { user_id: account.id, organization_id: org })
}
