//! The one configuration: defaults here, then `botserver.toml`, then `BOTSERVER_…` variables, then flags.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use kernel::Secret;
use platform::config::{ConfigError, Loaded, Sources};
use serde::{Deserialize, Serialize};

/// Everything that can be set. A key is a path through these structs, such as `rate_limit.anonymous`.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    /// Requests an hour by kind of caller.
    pub rate_limit: gateway::RateLimits,
    /// What is logged, and how.
    pub log: operations::log::Settings,
    /// The edge: sizes, time limits, sockets.
    pub http: gateway::Settings,
    /// Sign-in, passwords, sessions.
    pub identity: identity::Settings,
    /// Bots, packages, conversations.
    pub bots: bots::Settings,
}

/// Where rows are kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `sqlite:` and a path; a file in the data folder if absent.
    pub url: Option<Secret>,
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
            rate_limit: gateway::RateLimits::default(),
            log: operations::log::Settings::default(),
            http: gateway::Settings::default(),
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
    pub fn load(flags: &Flags) -> Result<Loaded<Self>, ConfigError> {
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
        sources.load(&Self::default())
    }

    /// The address under which people reach the server, without a slash at the end.
    pub fn public_url(&self) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", self.listen),
        }
    }

    /// Where rows are kept.
    pub fn database_url(&self) -> String {
        match &self.database.url {
            Some(url) => url.reveal().to_owned(),
            None => format!("sqlite:{}", self.data.join("botserver.db").display()),
        }
    }
}

impl Flags {
    /// The file named, or the first that exists where one is looked for.
    fn file(&self) -> Option<PathBuf> {
        const NAME: &str = "botserver.toml";
        if self.config.is_some() {
            return self.config.clone();
        }
        let data = self.data.as_deref().unwrap_or(Path::new("data"));
        let beside = data.parent().map(|parent| parent.join(NAME));
        beside.into_iter().chain([PathBuf::from(NAME)]).find(|file| file.is_file())
    }
}
