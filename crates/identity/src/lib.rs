//! Who somebody is, what they belong to and what they may do: sign-in, users, sessions, roles, organizations.
//!
//! One folder a domain. [`Identity`] holds their services; the composition root makes it, hands its modules to the
//! server and itself to the edge, which asks it whose token it was shown.

pub mod audit;
pub mod auth;
pub mod ids;
pub mod membership;
mod migrations;
mod organizations;
mod passwords;
mod roles;
pub mod sessions;
pub mod settings;
#[cfg(test)]
mod testing;
pub mod tokens;
pub mod users;
pub mod visitors;

use std::sync::Arc;

use gateway::{Authenticator, Module, Visit, module::BoxFuture};
use kernel::{Id, Origin, PermissionSet, Principal, Result, Secret, Surroundings, Timestamp, id::kind};
use platform::{
    bus::Bus,
    counters::Counters,
    db::{Db, Migration},
};

pub use auth::{Auth, FirstAdministrator};
pub use sessions::{SessionEnded, Sessions};
pub use settings::Settings;
pub use users::Users;

use auth::{Attempts, Founding, PasswordLinks};
use passwords::Passwords;
use sessions::{authenticator, revocation::Callers};
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
    sessions: Sessions,
    visitors: Visitors,
    callers: Callers,
    authenticator: authenticator::Authenticator,
}

impl Identity {
    /// The services on an open database. Needs a running Tokio: two small tasks hear revocations and write down when
    /// sessions are used, until the last clone is gone.
    ///
    /// With a `bootstrap_secret` the first administrator is made over HTTP by who knows it, and not at start. Links
    /// for people begin with `public_url`.
    pub fn new(
        db: Db,
        world: Surroundings,
        counters: Counters,
        bus: Bus,
        settings: Settings,
        bootstrap_secret: Option<Secret>,
        public_url: impl AsRef<str>,
    ) -> Self {
        let settings = Arc::new(settings);
        let passwords = Passwords::new(&settings.hashing, world.clone());
        let links = PasswordLinks::new(public_url.as_ref(), &settings);
        let callers = Callers::new(bus);
        let visitors = Visitors::new(db.clone(), world.clone(), callers.clone());
        let attempts = Attempts::new(db.clone(), counters, Arc::clone(&settings));
        Self {
            auth: Auth::new(
                db.clone(),
                world.clone(),
                Arc::clone(&settings),
                passwords.clone(),
                callers.clone(),
                attempts,
                visitors.clone(),
            ),
            founding: Founding::new(
                db.clone(),
                world.clone(),
                Arc::clone(&settings),
                passwords.clone(),
                bootstrap_secret,
            ),
            users: Users::new(db.clone(), world.clone(), settings, passwords, links, callers.clone()),
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
            sessions::module(&self.sessions),
            visitors::module(&self.visitors),
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

    /// Sign-in sessions.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
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
    fn authenticate<'a>(&'a self, token: &'a str, now: Timestamp) -> BoxFuture<'a, Result<Arc<Principal>>> {
        Box::pin(self.authenticator.authenticate(token, now))
    }

    fn visit<'a>(&'a self, bot: Option<&'a str>, origin: &'a Origin) -> BoxFuture<'a, Result<Visit>> {
        Box::pin(async move {
            let begun = self.visitors.enter(origin, bot.map(str::to_owned)).await?;
            let token = Secret::new(begun.token.reveal());
            Ok(Visit { token, principal: Arc::new(begun.row.principal()) })
        })
    }

    fn remembered(&self, token: &str, now: Timestamp) -> Option<Arc<Principal>> {
        self.authenticator.remembered(token, now)
    }
}
