//! The one configuration: defaults here, then `botserver.toml`, then `BOTSERVER_…` variables, then flags.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use kernel::Secret;
use platform::{
    config::{ConfigError, Layers, Sources},
    db::DbOptions,
    settings::Live,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Everything that can be set. A key is a path through these structs, such as `rate_limit.anonymous`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The folder that holds everything the server keeps.
    pub data: PathBuf,
    /// Where the server listens.
    pub listen: SocketAddr,
    /// The address under which people reach the server; made of `listen` if absent.
    pub public_url: Option<String>,
    /// The master key for secrets at rest, 32 bytes in base64; a file in the data folder if absent.
    pub secret_key: Option<Secret>,
    /// Who knows it may make the first administrator over HTTP; without it one is made at the first start.
    pub bootstrap_secret: Option<Secret>,
    /// Where rows are kept.
    pub database: Database,
    /// Where nodes share counters and tell each other what changed.
    pub cache: platform::cache::Settings,
    /// Where files are kept.
    pub objects: platform::objects::Settings,
    /// Where requests to the outside may go: those of webhooks and scripts.
    pub egress: platform::egress::Settings,
    /// How mail is sent.
    pub mail: platform::mail::Settings,
    /// Requests an hour by kind of caller.
    pub rate_limit: gateway::RateLimits,
    /// What is logged, and how.
    pub log: operations::log::Settings,
    /// Where traces and metrics go.
    pub telemetry: operations::telemetry::Settings,
    /// The edge: sizes, time limits, sockets.
    pub http: gateway::Settings,
    /// Work in the background.
    pub jobs: platform::jobs::Settings,
    /// How long the audit log is kept.
    pub audit: platform::audit::Settings,
    /// The certificate, if the server itself speaks TLS.
    pub tls: gateway::TlsSettings,
    /// Sign-in, passwords, sessions.
    pub identity: identity::Settings,
    /// Bots, packages, conversations.
    pub bots: bots::Settings,
}

/// Where rows are kept.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `sqlite:` and a path, or `postgres://user:password@host:port/database?option=value`; a file in the data folder
    /// if absent.
    pub url: Option<Secret>,
    /// Connections to PostgreSQL at the most.
    #[schemars(range(min = 1, max = 10_000))]
    pub connections: u32,
    /// Seconds that PostgreSQL may work on a statement.
    #[schemars(range(min = 1, max = 86_400))]
    pub statement_timeout_seconds: u32,
    /// Seconds that a statement may wait for a lock, on PostgreSQL.
    #[schemars(range(min = 1, max = 86_400))]
    pub lock_timeout_seconds: u32,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: None, connections: 16, statement_timeout_seconds: 30, lock_timeout_seconds: 10 }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            secret_key: None,
            bootstrap_secret: None,
            database: Database::default(),
            cache: platform::cache::Settings::default(),
            objects: platform::objects::Settings::default(),
            egress: platform::egress::Settings::default(),
            mail: platform::mail::Settings::default(),
            rate_limit: gateway::RateLimits::default(),
            log: operations::log::Settings::default(),
            telemetry: operations::telemetry::Settings::default(),
            http: gateway::Settings::default(),
            jobs: platform::jobs::Settings::default(),
            audit: platform::audit::Settings::default(),
            tls: gateway::TlsSettings::default(),
            identity: identity::Settings::default(),
            bots: bots::Settings::default(),
        }
    }
}

/// What the command line says of the configuration.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Flags {
    /// The folder that holds everything the server keeps [default: ./data]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where the server listens [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// The configuration file [default: botserver.toml beside the data folder, then in the working folder]
    #[arg(long, global = true, value_name = "FILE", env = "BOTSERVER_CONFIG")]
    pub config: Option<PathBuf>,
    /// The address under which people reach the server
    #[arg(long, global = true, value_name = "URL")]
    pub public_url: Option<String>,
}

impl Config {
    /// Reads everything that has a say. Unknown keys are errors that name them.
    pub fn read(flags: &Flags) -> Result<Layers<Self>, ConfigError> {
        let mut sources = Sources::new("BOTSERVER_").ignore_variable("BOTSERVER_CONFIG");
        if let Some(file) = flags.file() {
            sources = sources.file(file);
        }
        if let Some(data) = &flags.data {
            sources = sources.flag("data", data.display().to_string());
        }
        if let Some(listen) = &flags.listen {
            sources = sources.flag("listen", listen.to_string());
        }
        if let Some(url) = &flags.public_url {
            sources = sources.flag("public_url", url.clone());
        }
        sources.read()
    }

    /// The address under which people reach the server, without a slash at the end.
    pub fn public_url(&self) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None if self.tls.is_on() => format!("https://{}", self.listen),
            None => format!("http://{}", self.listen),
        }
    }

    /// How the database is opened.
    pub fn database(&self) -> DbOptions {
        let Database { url, connections, statement_timeout_seconds, lock_timeout_seconds } = &self.database;
        let url = match url {
            Some(url) => url.reveal().to_owned(),
            None => format!("sqlite:{}", self.data.join("botserver.db").display()),
        };
        DbOptions {
            connections: *connections as usize,
            statement_timeout: Duration::from_secs((*statement_timeout_seconds).into()),
            lock_timeout: Duration::from_secs((*lock_timeout_seconds).into()),
            ..DbOptions::new(&url)
        }
    }
}

/// The sections that may change while the server runs, as the rooms read them.
#[derive(Clone)]
pub struct LiveConfig {
    /// Requests an hour by kind of caller.
    pub rate_limit: Live<gateway::RateLimits>,
    /// The edge.
    pub http: Live<gateway::Settings>,
    /// Bots, packages, conversations.
    pub bots: Live<bots::Settings>,
    /// How long the audit log is kept.
    pub audit: Live<platform::audit::Settings>,
}

impl LiveConfig {
    /// The sections as they are now.
    pub fn of(config: &Config) -> Self {
        Self {
            rate_limit: config.rate_limit.clone().into(),
            http: config.http.clone().into(),
            bots: config.bots.clone().into(),
            audit: config.audit.clone().into(),
        }
    }

    /// Puts the sections of another configuration in force.
    pub fn install(&self, config: &Config) {
        self.rate_limit.set(config.rate_limit.clone());
        self.http.set(config.http.clone());
        self.bots.set(config.bots.clone());
        self.audit.set(config.audit.clone());
        operations::log::change_level(&config.log.level);
    }
}

impl Flags {
    /// The file named, or the first that exists where one is looked for.
    fn file(&self) -> Option<PathBuf> {
        const NAME: &str = "botserver.toml";
        if self.config.is_some() {
            return self.config.clone();
        }
        let named = || std::env::var_os("BOTSERVER_DATA").map(PathBuf::from);
        let data = self.data.clone().or_else(named).unwrap_or_else(|| PathBuf::from("data"));
        let beside = data.parent().map(|parent| parent.join(NAME));
        beside.into_iter().chain([PathBuf::from(NAME)]).find(|file| file.is_file())
    }
}
