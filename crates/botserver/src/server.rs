//! Putting the house together: adapters, services, modules, edge; then serving until told to stop.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use bots::Bots;
use gateway::{Door, Edge, Health, HealthCheck, Module, Sockets, contract::Contract};
use identity::Identity;
use kernel::Surroundings;
use operations::{
    meters::Meters,
    monitoring::{self, Monitor},
};
use platform::{
    bus::Bus,
    counters::Counters,
    db::{Db, DbOptions},
    lock::DataLock,
    objects::Objects,
    secrets::Secrets,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::Config;

/// The services of a house whose data folder is open, without the edge: what the command line works with, too.
pub struct House {
    /// The database.
    pub db: Db,
    /// Who somebody is and what they may do.
    pub identity: Identity,
    /// Bots and conversations.
    pub bots: Bots,
    meters: Meters,
    counters: Counters,
    surroundings: Surroundings,
    _lock: DataLock,
}

/// What the schema needed when the house was opened.
pub struct Opened {
    /// The house.
    pub house: House,
    /// Names of the migrations that were applied now.
    pub migrated: Vec<String>,
}

impl House {
    /// Opens the data folder and brings the schema up to date. Fails if another process has the folder open.
    pub async fn open(config: &Config, surroundings: Surroundings) -> anyhow::Result<Opened> {
        private_folder(&config.data)?;
        let lock = DataLock::acquire(&config.data)?;
        let meters = Meters::install()?;
        let db = Db::open(&DbOptions::new(&config.database_url())).context("the database can't be opened")?;
        let mut migrations: Vec<_> = platform::migrations().to_vec();
        migrations.extend(identity::migrations());
        migrations.extend(bots::migrations());
        let applied = db.migrate(&migrations).await.context("the schema can't be brought up to date")?;
        let secrets = Secrets::open(&config.data, config.secret_key.as_ref(), &db, &surroundings).await?;
        tracing::debug!(?secrets, "secrets at rest can be read");
        let objects = Objects::local(&config.data.join("objects"))?;
        let counters = Counters::default();
        let identity = Identity::new(
            db.clone(),
            surroundings.clone(),
            counters.clone(),
            Bus::default(),
            config.identity.clone(),
            config.bootstrap_secret.clone(),
            config.public_url(),
        );
        let bots = Bots::new(db.clone(), objects, surroundings.clone(), config.bots.clone());
        bots.finish_deletions().await?;
        let house = Self { db, identity, bots, meters, counters, surroundings, _lock: lock };
        Ok(Opened { house, migrated: applied.names })
    }

    /// Every module of the server but the edge's own.
    pub fn modules(&self) -> Vec<Module> {
        let mut modules = self.identity.modules();
        modules.extend(self.bots.modules());
        modules
    }

    /// The contract of all that is built.
    pub fn contract_modules(&self, config: &Config) -> Vec<Module> {
        let stop = CancellationToken::new();
        self.assembled(config, &Sockets::default(), &stop).0
    }

    fn assembled(&self, config: &Config, sockets: &Sockets, stop: &CancellationToken) -> (Vec<Module>, Edge) {
        let edge = Edge::new(
            Arc::new(self.identity.clone()),
            self.counters.clone(),
            self.surroundings.clone(),
            config.http.clone(),
            config.rate_limit.clone(),
        );
        let mut modules = self.modules();
        let mut checks = vec![self.database_check()];
        checks.extend(modules.iter().flat_map(|module| module.health_checks().iter().cloned()));
        let monitor = Monitor::new(checks, self.meters.clone(), self.surroundings.clone(), stop.clone());
        modules.push(monitoring::module(&monitor));
        modules.push(gateway::socket::module(&modules, edge.clone(), sockets.clone(), stop.clone()));
        (modules, edge)
    }

    fn database_check(&self) -> HealthCheck {
        let db = self.db.clone();
        HealthCheck::new("database", move || {
            let db = db.clone();
            async move { if db.ping().await.is_ok() { Health::Healthy } else { Health::Unhealthy } }
        })
    }

    /// Writes what is under way and lets go of the folder.
    pub async fn close(self) {
        self.db.close().await;
    }
}

/// How long sockets get to write their last frame when the server stops.
const LAST_FRAMES: Duration = Duration::from_secs(5);

/// A server that runs.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// The house it serves.
    pub house: House,
    stop: CancellationToken,
    sockets: Sockets,
    serving: JoinHandle<()>,
    upkeep: JoinHandle<()>,
}

impl Server {
    /// Binds the address and serves the house.
    pub async fn start(config: &Config, house: House) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("the server can't listen on {}", config.listen))?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let sockets = Sockets::default();
        let (modules, edge) = house.assembled(config, &sockets, &stop);
        house.identity.on_session_end({
            let sockets = sockets.clone();
            move |ended| sockets.end_session(ended.user, ended.session)
        });
        let contract = Contract::of(&modules);
        let door = Door::new(modules, edge, contract, config.public_url().starts_with("https:"));
        let serving = tokio::spawn(gateway::server::serve(listener, door, config.http.clone(), stop.clone()));
        let upkeep = tokio::spawn(upkeep(house.meters.clone(), stop.clone()));
        Ok(Self { address, house, stop, sockets, serving, upkeep })
    }

    /// Stops taking requests, lets those under way finish, and closes the house.
    pub async fn stop(self) {
        self.stop.cancel();
        if tokio::time::timeout(LAST_FRAMES, self.sockets.drained()).await.is_err() {
            tracing::warn!("some sockets did not take their last frame in time");
        }
        for task in [self.serving, self.upkeep] {
            if let Err(cause) = task.await {
                tracing::error!(%cause, "a task of the server failed");
            }
        }
        self.house.close().await;
    }
}

/// Folds samples of histograms into their buckets, which otherwise happens only when somebody asks for the meters.
async fn upkeep(meters: Meters, stop: CancellationToken) {
    let mut beat = tokio::time::interval(Duration::from_secs(5));
    while stop.run_until_cancelled(beat.tick()).await.is_some() {
        meters.upkeep();
    }
}

/// Makes the data folder, readable by its owner only.
fn private_folder(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("the data folder {} can't be made", path.display()))
}
