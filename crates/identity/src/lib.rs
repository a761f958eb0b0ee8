//! Who somebody is, what they belong to and what they may do: sign-in, users, sessions, roles, organizations.
//!
//! One folder a domain. [`Identity`] holds their services; the composition root makes it, hands its modules to the
//! server and itself to the edge, which asks it whose token it was shown.

pub mod api_keys;
pub mod audit;
pub mod auth;
mod avatars;
pub mod groups;
pub mod ids;
mod mails;
pub mod membership;
mod migrations;
pub mod organizations;
mod page;
mod passwords;
pub mod preferences;
mod roles;
pub mod security;
pub mod sessions;
pub mod settings;
#[cfg(test)]
mod testing;
pub mod tickets;
pub mod tokens;
pub mod two_factor;
pub mod users;
pub mod visitors;

use std::{net::IpAddr, sync::Arc};

use gateway::{Authenticator, Module, Stub, Visit, module::BoxFuture};
use kernel::{Id, Origin, PermissionSet, Principal, Result, Secret, Surroundings, Timestamp, id::kind};
use platform::{
    bus::Bus,
    counters::Counters,
    db::{Db, Migration},
    mail::Mailer,
    objects::Objects,
    secrets::Secrets,
};

pub use api_keys::ApiKeys;
pub use auth::{Auth, FirstAdministrator};
pub use groups::Groups;
pub use organizations::Organizations;
pub use preferences::Preferences;
pub use roles::Roles;
pub use security::Security;
pub use sessions::{SessionEnded, Sessions};
pub use settings::Settings;
pub use tickets::Tickets;
pub use two_factor::TwoFactor;
pub use users::Users;

use auth::{Allowance, Attempts, Founding};
use avatars::Avatars;
use mails::Mails;
use passwords::Passwords;
use sessions::{authenticator, revocation::Callers};
use tokens::TokenKind;
use users::{CreatedUser, NewUser};
use visitors::{Host, Visitors};

/// The schema's steps.
pub fn migrations() -> Vec<Migration> {
    migrations::MIGRATIONS.to_vec()
}

/// The services of identity. A cheap handle.
#[derive(Clone)]
pub struct Identity {
    auth: Auth,
    founding: Founding,
    users: Users,
    roles: Roles,
    groups: Groups,
    sessions: Sessions,
    api_keys: ApiKeys,
    two_factor: TwoFactor,
    security: Security,
    preferences: Preferences,
    avatars: Avatars,
    organizations: Organizations,
    visitors: Visitors,
    tickets: Tickets,
    callers: Callers,
    authenticator: authenticator::Authenticator,
}

/// What identity is made of.
pub struct Parts {
    /// Where everything is kept.
    pub db: Db,
    /// Clock and randomness.
    pub world: Surroundings,
    /// Where attempts are counted.
    pub counters: Counters,
    /// What tells other nodes of revocations.
    pub bus: Bus,
    /// Where pictures are kept.
    pub objects: Objects,
    /// What sends mail.
    pub mailer: Mailer,
    /// What seals second factors.
    pub secrets: Secrets,
    /// What the operator set.
    pub settings: Settings,
    /// With it the first administrator is made over HTTP by who knows it, and not at start.
    pub bootstrap_secret: Option<Secret>,
    /// Links for people begin with it.
    pub public_url: String,
}

impl Identity {
    /// The services on an open database. Needs a running Tokio: two small tasks hear revocations and write down when
    /// sessions are used, until the last clone is gone.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            db,
            world,
            counters,
            bus,
            objects,
            mailer,
            secrets,
            settings,
            bootstrap_secret,
            public_url,
        } = parts;
        let settings = Arc::new(settings);
        let passwords = Passwords::new(&settings.hashing, world.clone());
        let mails = Mails::new(mailer.clone(), &public_url, Arc::clone(&settings));
        let callers = Callers::new(bus);
        let allowance = Allowance::new(counters.clone(), Arc::clone(&settings));
        let users = Users::new(
            db.clone(),
            world.clone(),
            Arc::clone(&settings),
            passwords.clone(),
            mails.clone(),
            callers.clone(),
            allowance.clone(),
        );
        let visitors = Visitors::new(db.clone(), world.clone(), callers.clone());
        let attempts = Attempts::new(db.clone(), counters.clone(), Arc::clone(&settings));
        let two_factor = TwoFactor {
            db: db.clone(),
            world: world.clone(),
            settings: Arc::clone(&settings),
            secrets: secrets.clone(),
            passwords: passwords.clone(),
            counters: counters.clone(),
            callers: callers.clone(),
            mails: mails.clone(),
        };
        Self {
            auth: Auth {
                db: db.clone(),
                world: world.clone(),
                settings: Arc::clone(&settings),
                passwords: passwords.clone(),
                callers: callers.clone(),
                attempts,
                visitors: visitors.clone(),
                two_factor: two_factor.clone(),
                mails: mails.clone(),
                secrets,
                allowance,
            },
            two_factor,
            security: Security::new(db.clone(), world.clone(), Arc::clone(&settings)),
            founding: Founding::new(
                db.clone(),
                world.clone(),
                Arc::clone(&settings),
                passwords.clone(),
                bootstrap_secret,
            ),
            avatars: Avatars::new(db.clone(), world.clone(), objects),
            preferences: Preferences::new(db.clone(), world.clone(), visitors.clone()),
            roles: Roles::new(db.clone(), world.clone(), callers.clone()),
            groups: Groups::new(db.clone(), world.clone(), callers.clone()),
            api_keys: ApiKeys::new(db.clone(), world.clone(), Arc::clone(&settings), callers.clone()),
            tickets: Tickets::new(db.clone(), world.clone()),
            organizations: Organizations::new(
                db.clone(),
                world.clone(),
                callers.clone(),
                users.clone(),
                mailer,
                &public_url,
            ),
            users,
            sessions: Sessions::new(db.clone(), world, callers.clone(), visitors.clone()),
            authenticator: authenticator::Authenticator::new(db, callers.clone()),
            visitors,
            callers,
        }
    }

    /// What the server serves of identity.
    pub fn modules(&self) -> Vec<Module> {
        vec![
            auth::module(&self.auth, &self.founding),
            users::module(&self.users),
            avatars::module(&self.avatars),
            organizations::module(&self.organizations),
            preferences::module(&self.preferences),
            roles::module(&self.roles),
            groups::module(&self.groups),
            sessions::module(&self.sessions),
            api_keys::module(&self.api_keys),
            two_factor::module(&self.two_factor),
            security::module(&self.security),
            visitors::module(&self.visitors),
            tickets::module(&self.tickets),
        ]
    }

    /// Sign-in.
    pub fn auth(&self) -> &Auth {
        &self.auth
    }

    /// People.
    pub fn users(&self) -> &Users {
        &self.users
    }

    /// Organizations.
    pub fn organizations(&self) -> &Organizations {
        &self.organizations
    }

    /// Roles and what they allow.
    pub fn roles(&self) -> &Roles {
        &self.roles
    }

    /// Groups of people.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Sign-in sessions.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// API keys.
    pub fn api_keys(&self) -> &ApiKeys {
        &self.api_keys
    }

    /// Second factors.
    pub fn two_factor(&self) -> &TwoFactor {
        &self.two_factor
    }

    /// Makes the first organization and its administrator, once in the life of a server. The password is in the
    /// answer and nowhere else. None if there is an administrator, or a bootstrap secret waits for one.
    pub async fn first_administrator(&self) -> Result<Option<FirstAdministrator>> {
        Ok(self.founding.first_administrator().await?)
    }

    /// The server's first organization, made if there is none: what calls without an organization mean.
    pub async fn first_organization(&self) -> Result<Id<kind::Organization>> {
        self.founding.first_organization().await
    }

    /// What somebody may do in an organization at the moment. None if they are no member of it who can sign in.
    pub async fn permissions_of(
        &self,
        org: Id<kind::Organization>,
        user: Id<kind::User>,
    ) -> Result<Option<PermissionSet>> {
        Ok(self.users.permissions_of(org, user).await?)
    }

    /// Makes a user of the first organization by the word of whoever operates the server.
    pub async fn create_user_as_operator(&self, new: NewUser) -> Result<CreatedUser> {
        let org = self.founding.first_organization().await?;
        Ok(self.users.create_as_operator(org, new).await?)
    }

    /// Says who has the bots that visitors may talk with.
    pub fn visitors_go_to(&self, host: Arc<dyn Host>) {
        self.visitors.hosted_by(host);
    }

    /// Runs for each session that ends. It must not wait for anything.
    pub fn on_session_end(&self, listener: impl Fn(SessionEnded) + Send + Sync + 'static) {
        self.callers.on_end(listener);
    }

    /// Runs when sessions may have ended on other nodes without being heard of. It must not wait for anything.
    pub fn on_doubt(&self, doubter: impl Fn() + Send + Sync + 'static) {
        self.callers.on_doubt(doubter);
    }
}

impl Authenticator for Identity {
    fn authenticate<'a>(
        &'a self,
        token: &'a str,
        from: IpAddr,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Arc<Principal>>> {
        Box::pin(self.authenticator.authenticate(token, from, now))
    }

    fn visit<'a>(&'a self, bot: Option<&'a str>, origin: &'a Origin) -> BoxFuture<'a, Result<Visit>> {
        Box::pin(async move {
            let begun = self.visitors.enter(origin, bot.map(str::to_owned)).await?;
            let token = Secret::new(begun.token.reveal());
            Ok(Visit { token, principal: Arc::new(begun.row.principal()) })
        })
    }

    fn redeem<'a>(
        &'a self,
        ticket: &'a str,
        from: IpAddr,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(Arc<Principal>, Stub)>> {
        Box::pin(async move {
            let (kind, hash) = self.tickets.spend(ticket).await?;
            let who = self.authenticator.known_by(kind, hash, from, now).await?;
            Ok((who, Stub::of(hash)))
        })
    }

    fn recall<'a>(
        &'a self,
        stub: &'a Stub,
        who: &'a Principal,
        from: IpAddr,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Arc<Principal>>> {
        let kind = if who.is_visitor() { TokenKind::Visitor } else { TokenKind::Access };
        Box::pin(self.authenticator.known_by(kind, stub.hash(), from, now))
    }

    fn again<'a>(&'a self, who: &'a Principal, now: Timestamp) -> BoxFuture<'a, Result<Arc<Principal>>> {
        Box::pin(self.authenticator.again(who, now))
    }

    fn remembered(&self, token: &str, from: IpAddr, now: Timestamp) -> Option<Arc<Principal>> {
        self.authenticator.remembered(token, from, now)
    }
}
