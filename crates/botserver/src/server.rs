//! Putting the house together: adapters, services, modules, edge; then serving until told to stop.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use bots::{
    Bots,
    webhooks::{self, Webhooks},
};
use gateway::{
    Door, Edge, Finding, Health, HealthCheck, Module, OwnApi, Sockets, Tls, command::Commands,
    contract::Contract,
};
use identity::{
    Identity,
    audit::{self as audit_api, Audits, denials},
};
use kernel::Surroundings;
use operations::{
    configuration::{self, Configuration},
    jobs as jobs_api,
    meters::Meters,
    monitoring::{self, Monitor},
    upkeep,
};
use platform::{
    audit::{AuditLog, Sealer},
    bus::Bus,
    cache::Cache,
    config::Layers,
    counters::Counters,
    db::Db,
    egress::Egress,
    idempotency::Idempotency,
    jobs::{Jobs, Runner},
    lock::DataLock,
    mail::Mailer,
    objects::Objects,
    secrets::Secrets,
    settings::Runtime,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{Config, config::LiveConfig};

/// The services of a house whose data folder is open, without the edge: what the command line works with, too.
pub struct House {
    /// The database.
    pub db: Db,
    /// Who somebody is and what they may do.
    pub identity: Identity,
    /// Bots and conversations.
    pub bots: Bots,
    webhooks: Webhooks,
    mailer: Mailer,
    /// The audit log.
    pub audits: Audits,
    /// The configuration in force.
    pub settings: Runtime,
    live: LiveConfig,
    /// Work in the background.
    pub jobs: Jobs,
    own_api: OwnApi,
    meters: Meters,
    counters: Counters,
    cache: Option<Cache>,
    bus: Bus,
    objects: Objects,
    surroundings: Surroundings,
    _lock: DataLock,
}

/// The audit log without a house around it.
pub struct OpenLog {
    /// The log.
    pub log: AuditLog,
    /// The database it is in.
    pub db: Db,
    _lock: Option<DataLock>,
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
        // Opening takes many steps: kept apart, they do not weigh on whoever waits for them.
        Box::pin(Self::open_layered(config, Layers::of(config)?, surroundings)).await
    }

    /// The same with all that was said of the configuration, which `config` is made of.
    pub async fn open_layered(
        config: &Config,
        layers: Layers<Config>,
        surroundings: Surroundings,
    ) -> anyhow::Result<Opened> {
        private_folder(&config.data)?;
        let lock = DataLock::acquire(&config.data)?;
        let meters = Meters::install()?;
        let (db, migrated) = database(config).await?;
        let secrets = Secrets::open(&config.data, config.secret_key.as_ref(), &db, &surroundings).await?;
        tracing::debug!(?secrets, "secrets at rest can be read");
        let objects = Objects::connect(&config.objects, &config.data).await?;
        let cache = Cache::connect(&config.cache).await?;
        let counters = Counters::new(cache.clone());
        let bus = bus(config, &surroundings)?;
        let live = LiveConfig::of(config);
        let install = {
            let live = live.clone();
            move |config: &Config| live.install(config)
        };
        let settings = Runtime::open(layers, db.clone(), bus.clone(), surroundings.clone(), install)
            .await
            .context("the changed settings can't be read")?;
        let mailer = Mailer::new(
            &config.mail,
            &config.public_url(),
            db.clone(),
            secrets.clone(),
            surroundings.clone(),
        )
        .context("mail can't be sent as it is configured")?;
        let identity = Identity::new(identity::Parts {
            db: db.clone(),
            world: surroundings.clone(),
            counters: counters.clone(),
            bus: bus.clone(),
            objects: objects.clone(),
            mailer: mailer.clone(),
            secrets: secrets.clone(),
            settings: config.identity.clone(),
            bootstrap_secret: config.bootstrap_secret.clone(),
            public_url: config.public_url(),
        });
        let egress = Egress::new(&config.egress);
        let own_api = OwnApi::default();
        let bots = Bots::new(bots::Parts {
            db: db.clone(),
            objects: objects.clone(),
            bus: bus.clone(),
            surroundings: surroundings.clone(),
            settings: live.bots.clone(),
            secrets: secrets.clone(),
            egress: egress.clone(),
            counters: counters.clone(),
            own_api: own_api.clone(),
        });
        identity.visitors_go_to(bots.host());
        let webhooks = Webhooks::new(webhooks::Parts {
            db: db.clone(),
            identity: identity.clone(),
            egress,
            secrets: secrets.clone(),
            surroundings: surroundings.clone(),
            settings: live.bots.clone(),
        });
        let log = AuditLog::new(db.clone(), secrets, live.audit.clone());
        let audits = Audits::new(db.clone(), log, objects.clone(), surroundings.clone());
        let jobs = Jobs::new(db.clone(), bus.clone(), surroundings.clone(), config.jobs.clone());
        let house = Self {
            db,
            identity,
            bots,
            webhooks,
            mailer,
            audits,
            settings,
            live,
            jobs,
            own_api,
            meters,
            counters,
            cache,
            bus,
            objects,
            surroundings,
            _lock: lock,
        };
        Ok(Opened { house, migrated })
    }

    /// Brings the schema up to date and does nothing else. On a database server that may happen beside running nodes.
    /// Gives the names of the migrations that were applied.
    pub async fn migrate(config: &Config) -> anyhow::Result<Vec<String>> {
        private_folder(&config.data)?;
        let _lock = if config.database().is_shared() { None } else { Some(DataLock::acquire(&config.data)?) };
        let (db, migrated) = database(config).await?;
        db.close().await;
        Ok(migrated)
    }

    /// The audit log of a server that may be running, for who only looks at it. On a database of its own it must not be.
    pub async fn audit_log(config: &Config, surroundings: Surroundings) -> anyhow::Result<OpenLog> {
        private_folder(&config.data)?;
        let lock = if config.database().is_shared() { None } else { Some(DataLock::acquire(&config.data)?) };
        let (db, _) = database(config).await?;
        let secrets = Secrets::open(&config.data, config.secret_key.as_ref(), &db, &surroundings).await?;
        let log = AuditLog::new(db.clone(), secrets, config.audit.clone().into());
        Ok(OpenLog { log, db, _lock: lock })
    }

    /// Every module of the server but the edge's own.
    pub fn modules(&self) -> Vec<Module> {
        let mut modules = self.identity.modules();
        modules.extend(self.bots.modules());
        modules.push(audit_api::module(&self.audits));
        modules.push(jobs_api::module(&self.db, &self.jobs, &self.surroundings));
        modules.push(upkeep::module(&self.db, &self.objects, &self.mailer, &self.surroundings));
        modules.push(web::module());
        modules
    }

    /// The contract of all that is built.
    pub fn contract_modules(&self) -> Vec<Module> {
        let stop = CancellationToken::new();
        self.assembled(&Sockets::default(), &stop, &stop).0
    }

    fn assembled(
        &self,
        sockets: &Sockets,
        draining: &CancellationToken,
        stop: &CancellationToken,
    ) -> (Vec<Module>, Edge) {
        let edge = Edge::new(
            Arc::new(self.identity.clone()),
            self.counters.clone(),
            Idempotency::new(self.db.clone()),
            self.surroundings.clone(),
            self.live.http.clone(),
            self.live.rate_limit.clone(),
        );
        let mut modules = self.modules();
        let mut checks = vec![self.database_check(), self.cache_check(), self.storage_check()];
        checks.extend(modules.iter().flat_map(|module| module.health_checks().iter().cloned()));
        let monitor = Monitor::new(checks, self.meters.clone(), self.surroundings.clone(), draining.clone());
        modules.push(monitoring::module(&monitor));
        let configuration = Configuration::new(self.settings.clone(), self.identity.clone());
        modules.push(configuration::module(&configuration));
        modules.push(webhooks::module(&self.webhooks, &modules));
        modules.push(gateway::socket::module(&modules, edge.clone(), sockets.clone(), stop.clone()));
        (modules, edge)
    }

    fn database_check(&self) -> HealthCheck {
        let db = self.db.clone();
        HealthCheck::new("database", move || {
            let db = db.clone();
            async move {
                match db.ping().await {
                    Ok(()) => Finding::from(Health::Healthy),
                    Err(error) => {
                        tracing::warn!(%error, "the database does not answer");
                        Finding::new(Health::Unhealthy, "The database does not answer.")
                    }
                }
            }
        })
    }

    /// Counters go on in the process, and callers are read from the database, while the cache or the bus is away.
    fn cache_check(&self) -> HealthCheck {
        let (cache, bus) = (self.cache.clone(), self.bus.clone());
        HealthCheck::new("cache", move || {
            let (cache, bus) = (cache.clone(), bus.clone());
            async move {
                let answers = match &cache {
                    Some(cache) => cache.ping().await,
                    None => true,
                };
                if answers && bus.coherence().is_some() { Health::Healthy } else { Health::Degraded }
            }
        })
    }

    fn storage_check(&self) -> HealthCheck {
        let objects = self.objects.clone();
        HealthCheck::new("storage", move || {
            let objects = objects.clone();
            async move { if objects.is_writable().await { Health::Healthy } else { Health::Unhealthy } }
        })
    }

    /// Waits until what other nodes say is heard.
    pub async fn hears_others(&self) {
        self.bus.connected().await;
    }

    /// Writes and tells what is under way, and lets go of the folder.
    pub async fn close(self) {
        self.bus.flush().await;
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
    drain: Duration,
    draining: CancellationToken,
    stop: CancellationToken,
    sockets: Sockets,
    runner: Runner,
    denials: denials::Keeper,
    sealer: Sealer,
    tls: Option<Tls>,
    serving: JoinHandle<()>,
    upkeep: JoinHandle<()>,
    watching: JoinHandle<()>,
}

impl Server {
    /// Binds the address and serves the house.
    pub async fn start(config: &Config, house: House) -> anyhow::Result<Self> {
        let tls = Tls::open(&config.tls).context("the server can't speak TLS")?;
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("the server can't listen on {}", config.listen))?;
        let address = listener.local_addr()?;
        let (draining, stop) = (CancellationToken::new(), CancellationToken::new());
        let sockets = Sockets::default();
        let (modules, edge) = house.assembled(&sockets, &draining, &stop);
        house.identity.on_session_end({
            let sockets = sockets.clone();
            move |ended| sockets.end_session(ended.user, ended.session)
        });
        house.identity.on_doubt({
            let sockets = sockets.clone();
            move || sockets.check_all()
        });
        let (told, denials) = denials::Keeper::start(&house.db, &house.surroundings);
        edge.on_denial(told);
        let sealer = Sealer::start(house.audits.log());
        let home = house.identity.first_organization().await?;
        let work = Module::work(&modules)?;
        house.bots.perform(Commands::of(&modules)?);
        house.identity.organizations().erased_by(Module::erasers(&modules));
        let contract = Contract::of(&modules);
        let door = Door::new(modules, edge, contract, config.public_url().starts_with("https:"))?;
        door.is_reached_by(&house.own_api);
        let runner = house.jobs.start(work, home);
        let serving = gateway::serve(listener, door, config.http.clone(), tls.clone(), stop.clone());
        let serving = tokio::spawn(serving);
        let upkeep = tokio::spawn(upkeep(house.meters.clone(), config.data.clone(), stop.clone()));
        let watching = tokio::spawn(house.settings.clone().watch(stop.clone()));
        let drain = Duration::from_secs(config.http.drain_seconds);
        Ok(Self {
            address,
            house,
            drain,
            draining,
            stop,
            sockets,
            runner,
            denials,
            sealer,
            tls,
            serving,
            upkeep,
            watching,
        })
    }

    /// Reads the certificate again. One that can't be used is reported in the log and not taken. False if there is none
    /// at all.
    pub async fn reload_certificate(&self) -> bool {
        let Some(tls) = &self.tls else { return false };
        tls.report(tls.reload().await);
        true
    }

    /// Is no longer ready, for as long as load balancers need to see it; then stops taking requests, lets those under
    /// way finish, and closes the house.
    pub async fn stop(self) {
        self.draining.cancel();
        tokio::time::sleep(self.drain).await;
        self.stop.cancel();
        let sockets = async {
            if tokio::time::timeout(LAST_FRAMES, self.sockets.drained()).await.is_err() {
                tracing::warn!("some sockets did not take their last frame in time");
            }
        };
        tokio::join!(self.runner.stop(), sockets);
        for task in [self.serving, self.upkeep, self.watching] {
            if let Err(cause) = task.await {
                tracing::error!(%cause, "a task of the server failed");
            }
        }
        // What the last requests did is audited, and what is audited is sealed.
        self.denials.stop().await;
        self.sealer.stop().await;
        self.house.close().await;
    }
}

/// Looks at the machine, and counts waiting samples into their buckets, which otherwise happens only when somebody
/// asks for the meters.
async fn upkeep(meters: Meters, data: PathBuf, stop: CancellationToken) {
    let mut beat = tokio::time::interval(Duration::from_secs(5));
    while stop.run_until_cancelled(beat.tick()).await.is_some() {
        let (meters, data) = (meters.clone(), data.clone());
        // A volume that doesn't answer must hold up nothing, not even the stop.
        let look = tokio::task::spawn_blocking(move || meters.upkeep(&data));
        stop.run_until_cancelled(look).await;
    }
}

/// Opens the database and brings its schema up to date; gives the names of the migrations that were applied.
async fn database(config: &Config) -> anyhow::Result<(Db, Vec<String>)> {
    let db = Db::open(&config.database()).context("the database can't be opened")?;
    let mut migrations: Vec<_> = platform::migrations().to_vec();
    migrations.extend(identity::migrations());
    migrations.extend(bots::migrations());
    let applied = db.migrate(&migrations).await.context("the schema can't be brought up to date")?;
    Ok((db, applied.names))
}

/// Over what nodes hear each other. One that has its database for itself is alone.
fn bus(config: &Config, world: &Surroundings) -> anyhow::Result<Bus> {
    if let Some(bus) = Bus::over_valkey(&config.cache, world)? {
        return Ok(bus);
    }
    let database = config.database();
    if !database.is_shared() {
        return Ok(Bus::default());
    }
    tracing::info!("without a cache.url each node counts rate limits for itself");
    Ok(Bus::over_postgres(&database, world)?)
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
