//! A house of its own for each test: a database in a fresh folder, a clock that the test moves, an administrator.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, TimeDelta};
use kernel::{
    Actor, Clock, Error, Id, Origin, Secret, Surroundings, Timestamp, clock::SystemRandom, id::kind,
};
use platform::{
    bus::Bus,
    counters::Counters,
    db::{Db, DbError, DbOptions},
    mail::{self, Mailer},
    objects::Objects,
    secrets::Secrets,
};
use test_database::TestDatabase;

use crate::{
    Auth, Identity, Parts, Settings,
    auth::{AuthError, Login, LoginAnswer, SignedIn},
    settings::Within,
    users::{CreatedUser, NewUser},
};

/// The password of every user that tests make.
pub(crate) const PASSWORD: &str = "Correct-Horse-7-Battery";

/// A clock that stands still until it is moved.
#[derive(Clone)]
struct TestClock(Arc<AtomicI64>);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

pub(crate) struct House {
    pub(crate) identity: Identity,
    pub(crate) db: Db,
    pub(crate) org: Id<kind::Organization>,
    pub(crate) admin: Actor,
    clock: TestClock,
    _database: TestDatabase,
}

/// An empty database with the schema, of the engine that the test is about.
pub(crate) async fn database() -> (Db, TestDatabase) {
    database_in(&Surroundings::system()).await
}

/// The same, whose entries of the audit log have the time of that world.
async fn database_in(world: &Surroundings) -> (Db, TestDatabase) {
    let fill = |url: String| async move {
        let db = open(&url, &Surroundings::system());
        let migrations: Vec<_> = platform::migrations().iter().copied().chain(crate::migrations()).collect();
        db.migrate(&migrations).await.unwrap();
        db.close().await;
        String::new()
    };
    let database = TestDatabase::filled("identity", fill).await;
    (open(database.url(), world), database)
}

fn open(url: &str, world: &Surroundings) -> Db {
    Db::open(&DbOptions { connections: 4, surroundings: world.clone(), ..DbOptions::new(url) }).unwrap()
}

/// Services on that database, with cheap hashing and without limits that tests don't mean.
pub(crate) async fn identity(db: &Db, world: &Surroundings, change: impl FnOnce(&mut Settings)) -> Identity {
    let mut settings = Settings { logins_per_minute: 0, ..Settings::default() };
    settings.two_factor.codes_per_minute = 0;
    settings.lockout.slow_max_milliseconds = Within::new(0);
    settings.fast_hashing_for_tests();
    change(&mut settings);
    identity_over(db, world, Bus::default(), settings).await
}

async fn identity_over(db: &Db, world: &Surroundings, bus: Bus, settings: Settings) -> Identity {
    let secrets = secrets(db, world).await;
    let mailer = no_mail(db, &secrets, world);
    Identity::new(Parts {
        db: db.clone(),
        world: world.clone(),
        counters: Counters::default(),
        bus,
        objects: objects(),
        secrets,
        settings,
        bootstrap_secret: None,
        public_url: "http://localhost:8080".to_owned(),
        mailer,
    })
}

/// What sends no mail.
pub(crate) fn no_mail(db: &Db, secrets: &Secrets, world: &Surroundings) -> Mailer {
    let unset = mail::Settings::default();
    Mailer::new(&unset, "http://localhost:8080", db.clone(), secrets.clone(), world.clone()).unwrap()
}

/// Where no test looks: pictures are tried over HTTP.
pub(crate) fn objects() -> Objects {
    static OBJECTS: OnceLock<(tempfile::TempDir, Objects)> = OnceLock::new();
    let made = OBJECTS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::local(folder.path()).unwrap();
        (folder, objects)
    });
    made.1.clone()
}

/// What seals secrets in that database, with one master key for all nodes.
pub(crate) async fn secrets(db: &Db, world: &Surroundings) -> Secrets {
    let key = Secret::new("dGhlIG1hc3RlciBrZXkgb2YgYWxsIHRoZSB0ZXN0cyE=");
    Secrets::open(std::path::Path::new("."), Some(&key), db, world).await.unwrap()
}

impl Auth {
    /// A sign-in that is complete with the password.
    pub(crate) async fn login(&self, origin: &Arc<Origin>, login: Login) -> Result<SignedIn, AuthError> {
        match self.login_over(origin, login, None).await? {
            LoginAnswer::SignedIn(signed_in) => Ok(*signed_in),
            LoginAnswer::Challenge(_) => panic!("the second factor is asked for"),
        }
    }
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        // The beginning of a window of every counter.
        let clock = TestClock(Arc::new(AtomicI64::new(1_800_000_000_000_000)));
        let world = Surroundings::new(clock.clone(), SystemRandom);
        let (db, database) = database_in(&world).await;
        let identity = identity(&db, &world, change).await;
        let first = identity.first_administrator().await.unwrap().unwrap();
        let org = identity.first_organization().await.unwrap();
        let signed_in =
            identity.auth().login(&origin(), login(&first.username, first.password.reveal())).await.unwrap();
        let admin = actor(&identity, signed_in.access_token.reveal(), clock.now()).await.unwrap();
        Self { identity, db, org, admin, clock, _database: database }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn advance(&self, by: TimeDelta) {
        self.clock.0.fetch_add(by.num_microseconds().unwrap(), Ordering::SeqCst);
    }

    /// Another node on the same database, which hears the others over that bus.
    pub(crate) async fn node(&self, bus: Bus) -> Identity {
        let mut settings = Settings { logins_per_minute: 0, ..Settings::default() };
        settings.two_factor.codes_per_minute = 0;
        settings.fast_hashing_for_tests();
        let world = Surroundings::new(self.clock.clone(), SystemRandom);
        identity_over(&self.db, &world, bus, settings).await
    }

    /// Makes a user with a password.
    pub(crate) async fn make(&self, name: &str, roles: &[&str]) -> CreatedUser {
        self.identity.users().create(&self.admin, new_user(name, roles)).await.unwrap()
    }

    /// Makes a user and signs them in.
    pub(crate) async fn user(&self, name: &str, roles: &[&str]) -> Actor {
        self.make(name, roles).await;
        let signed_in = self.sign_in(name).await.unwrap();
        self.actor(signed_in.access_token.reveal()).await.unwrap()
    }

    pub(crate) async fn sign_in(&self, name: &str) -> Result<SignedIn, AuthError> {
        self.identity.auth().login(&origin(), login(name, PASSWORD)).await
    }

    /// Whoever shows the token.
    pub(crate) async fn actor(&self, token: &str) -> Result<Actor, Error> {
        actor(&self.identity, token, self.now()).await
    }

    /// Results and reasons of the audit's entries of that action, in order.
    pub(crate) async fn audited(&self, action: &'static str) -> Vec<(String, Option<String>)> {
        let entries: Result<_, DbError> = self
            .db
            .read(self.org, move |tx| {
                tx.all(
                    "SELECT result, reason FROM audit WHERE org_id = $1 AND action = $2 ORDER BY id",
                    &[&action],
                )
            })
            .await;
        entries.unwrap()
    }
}

async fn actor(identity: &Identity, token: &str, now: Timestamp) -> Result<Actor, Error> {
    let principal = gateway::Authenticator::authenticate(identity, token, origin().address, now).await?;
    Ok(Actor { principal, origin: origin() })
}

pub(crate) fn login(username: &str, password: &str) -> Login {
    Login { username: Some(username.to_owned()), password: Secret::new(password), ..Login::default() }
}

pub(crate) fn new_user(name: &str, roles: &[&str]) -> NewUser {
    NewUser {
        username: name.to_owned(),
        email: format!("{name}@example.com"),
        password: Some(Secret::new(PASSWORD)),
        roles: Some(roles.iter().map(|role| (*role).to_owned()).collect()),
        ..NewUser::default()
    }
}

pub(crate) fn origin() -> Arc<Origin> {
    origin_at("203.0.113.7")
}

pub(crate) fn origin_at(address: &str) -> Arc<Origin> {
    Arc::new(Origin {
        address: address.parse().unwrap(),
        secure: false,
        user_agent: Some("curl/8.7.1".to_owned()),
        request_id: "req".into(),
        asked_within: Vec::new(),
    })
}

/// What an error says to programs.
pub(crate) fn told(error: impl Into<Error>) -> (u16, String) {
    let error: Error = error.into();
    (error.kind().status(), error.reason_code().unwrap_or_default().to_owned())
}
