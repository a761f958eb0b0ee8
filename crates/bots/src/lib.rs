//! Bots: packages of scripts and settings, the conversations that people hold with them, and the webhooks that tell
//! other servers.

pub mod bots;
pub mod config;
pub mod conversations;
mod logs;
pub mod memory;
mod migrations;
pub mod packages;
pub mod scripts;
mod settings;
pub mod tables;
#[cfg(test)]
mod testing;
pub mod webhooks;

use std::path::{Path, PathBuf};

use gateway::{Module, command::Commands};
use kernel::{Error, Id, Surroundings, id::kind::Organization};
use platform::{
    bus::Bus,
    db::{Db, Migration},
    objects::Objects,
    secrets::Secrets,
    settings::Live,
};

pub use settings::Settings;

use crate::{
    bots::{Bot, BotService},
    conversations::Conversations,
    logs::Logs,
    memory::Memories,
    packages::{
        Packages, Watch,
        import::{Imported, NotImported},
    },
    scripts::Scripts,
    tables::BotTables,
};

/// The steps of this room's schema.
pub const fn migrations() -> &'static [Migration] {
    migrations::ALL
}

/// Every service of this room. A cheap handle.
#[derive(Clone)]
pub struct Bots {
    service: BotService,
    packages: Packages,
    scripts: Scripts,
    memories: Memories,
    tables: BotTables,
    conversations: Conversations,
    logs: Logs,
    surroundings: Surroundings,
}

impl Bots {
    /// The services over the given adapters.
    ///
    /// Needs a running Tokio if the bus reaches other nodes.
    pub fn new(
        db: Db,
        objects: Objects,
        bus: Bus,
        surroundings: Surroundings,
        settings: Live<Settings>,
        secrets: Secrets,
    ) -> Self {
        let programs =
            scripts::programs::Programs::new(db.clone(), secrets.clone(), settings.get().program_cache_bytes);
        let bots = BotService::new(db.clone(), surroundings.clone(), settings.clone());
        let packages = Packages::new(
            db.clone(),
            objects.clone(),
            bots.clone(),
            surroundings.clone(),
            settings.clone(),
            secrets,
        );
        let memories = Memories::new(db.clone(), surroundings.clone(), settings.clone());
        let tables = BotTables::new(db.clone(), surroundings.clone(), settings.clone());
        let logs = Logs::new(db.clone(), surroundings.clone(), settings.clone());
        let conversations =
            Conversations::new(db, objects, bus, programs, memories.clone(), surroundings.clone(), settings);
        let scripts = Scripts::new(packages.clone(), conversations.clone());
        Self { service: bots, packages, scripts, memories, tables, conversations, logs, surroundings }
    }

    /// What the domains of this room hand to the server.
    pub fn modules(&self) -> Vec<Module> {
        vec![
            bots::module(&self.service, &self.packages),
            packages::module(&self.packages),
            config::module(&self.packages),
            scripts::module(&self.scripts),
            memory::module(&self.memories),
            tables::module(&self.tables, &self.packages, &self.surroundings),
            conversations::module(&self.conversations),
            logs::module(&self.logs),
        ]
    }

    /// What the modules of the server do for scripts. Until it is said, scripts can only talk.
    pub fn perform(&self, commands: Commands) {
        self.conversations.perform(commands);
    }

    /// Installs a package from a folder or a zip, for whoever operates the server.
    pub async fn import(
        &self,
        org: Id<Organization>,
        package: &Path,
        name: Option<String>,
        watch: Watch,
    ) -> Result<Imported, NotImported> {
        self.packages.import(org, package, name, watch).await
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
        Box::pin(self.packages.export_to(org, bot, path, replaces, watch)).await
    }

    /// Every bot of the organization, for whoever operates the server.
    pub async fn list_all(&self, org: Id<Organization>) -> Result<Vec<Bot>, Error> {
        self.service.list_all(org).await
    }
}
