//! Bots: packages of scripts and settings, the conversations that people hold with them, and the webhooks that tell
//! other servers.

pub mod bots;
pub mod config;
pub mod conversations;
mod files;
mod hooks;
mod logs;
pub mod memory;
mod migrations;
pub mod packages;
mod requests;
mod schedules;
pub mod scripts;
mod settings;
pub mod tables;
#[cfg(test)]
mod testing;
pub mod webhooks;
mod zipping;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use gateway::{Module, OwnApi, command::Commands};
use identity::visitors::Host;
use kernel::{Error, Id, Surroundings, id::kind::Organization};
use platform::{
    bus::Bus,
    counters::Counters,
    db::{Db, Migration},
    egress::Egress,
    objects::Objects,
    secrets::Secrets,
    settings::Live,
};

pub use settings::Settings;

use crate::{
    bots::{Bot, BotService},
    conversations::{Conversations, Messenger},
    files::Files,
    hooks::Hooks,
    logs::Logs,
    memory::Memories,
    packages::{
        Packages, Watch,
        import::{Imported, NotImported},
    },
    requests::Requests,
    schedules::Schedules,
    scripts::Scripts,
    tables::BotTables,
};

/// The steps of this room's schema.
pub const fn migrations() -> &'static [Migration] {
    migrations::ALL
}

/// What the services of this room work with.
#[derive(Clone)]
pub struct Parts {
    /// The database.
    pub db: Db,
    /// Where files are kept.
    pub objects: Objects,
    /// The way to other nodes.
    pub bus: Bus,
    /// Clock and randomness.
    pub surroundings: Surroundings,
    /// Limits.
    pub settings: Live<Settings>,
    /// What seals.
    pub secrets: Secrets,
    /// The way to other servers.
    pub egress: Egress,
    /// The way of scripts to this server's own API.
    pub own_api: OwnApi,
    /// What counts calls.
    pub counters: Counters,
}

/// Every service of this room. A cheap handle.
#[derive(Clone)]
pub struct Bots(Arc<Services>);

struct Services {
    service: BotService,
    packages: Packages,
    scripts: Scripts,
    memories: Memories,
    requests: Requests,
    tables: BotTables,
    files: Files,
    conversations: Conversations,
    schedules: Schedules,
    hooks: Hooks,
    logs: Logs,
}

impl Bots {
    /// The services over the given adapters.
    ///
    /// Needs a running Tokio if the bus reaches other nodes.
    pub fn new(parts: Parts) -> Self {
        let Parts { db, objects, surroundings, settings, secrets, egress, own_api, .. } = parts.clone();
        let programs =
            scripts::programs::Programs::new(db.clone(), secrets.clone(), settings.get().program_cache_bytes);
        let bots = BotService::new(db.clone(), surroundings.clone(), settings.clone());
        let packages = Packages::new(
            db.clone(),
            objects,
            bots.clone(),
            surroundings.clone(),
            settings.clone(),
            secrets.clone(),
        );
        let memories = Memories::new(db.clone(), surroundings.clone(), settings.clone());
        let tables = BotTables::new(db.clone(), surroundings.clone(), settings.clone());
        let logs = Logs::new(db.clone(), surroundings.clone(), settings.clone());
        let requests = Requests::new(egress, own_api, settings.clone());
        let files = Files::new(
            packages.clone(),
            requests.clone(),
            Messenger::new(db.clone(), settings.clone()),
            db.clone(),
            settings.clone(),
            surroundings.clone(),
        );
        let conversations = Conversations::new(parts.clone(), programs.clone(), memories.clone());
        let schedules = Schedules::new(db.clone(), conversations.clone(), settings);
        let hooks = Hooks::new(parts, programs, conversations.clone());
        let scripts = Scripts::new(packages.clone(), conversations.clone(), hooks.clone());
        Self(Arc::new(Services {
            service: bots,
            packages,
            scripts,
            memories,
            requests,
            tables,
            files,
            conversations,
            schedules,
            hooks,
            logs,
        }))
    }

    /// What the domains of this room hand to the server.
    pub fn modules(&self) -> Vec<Module> {
        vec![
            bots::module(&self.0.service, &self.0.packages),
            packages::module(&self.0.packages),
            config::module(&self.0.packages),
            scripts::module(&self.0.scripts),
            memory::module(&self.0.memories),
            requests::module(&self.0.requests),
            files::module(&self.0.files),
            tables::module(&self.0.tables),
            conversations::module(&self.0.conversations),
            schedules::module(&self.0.schedules),
            hooks::module(&self.0.hooks),
            logs::module(&self.0.logs),
        ]
    }

    /// What receives visitors.
    pub fn host(&self) -> Arc<dyn Host> {
        Arc::new(self.0.conversations.clone())
    }

    /// What the modules of the server do for scripts. Until it is said, scripts can only talk.
    pub fn perform(&self, commands: Commands) {
        self.0.packages.perform(&commands);
        self.0.conversations.perform(commands);
    }

    /// Installs a package from a folder or a zip, for whoever operates the server.
    pub async fn import(
        &self,
        org: Id<Organization>,
        package: &Path,
        name: Option<String>,
        watch: Watch,
    ) -> Result<Imported, NotImported> {
        self.0.packages.import(org, package, name, watch).await
    }

    /// Writes a bot's package into a file, for whoever operates the server; gives its path.
    pub async fn export(
        &self,
        org: Id<Organization>,
        bot: &str,
        path: Option<PathBuf>,
        replaces: bool,
        watch: Watch,
    ) -> Result<PathBuf, Error> {
        Box::pin(self.0.packages.export_to(org, bot, path, replaces, watch)).await
    }

    /// Every bot of the organization, for whoever operates the server.
    pub async fn list_all(&self, org: Id<Organization>) -> Result<Vec<Bot>, Error> {
        self.0.service.list_all(org).await
    }
}
