//! Bots: packages of scripts and settings, the conversations that people hold with them, and the webhooks that tell
//! other servers.

pub mod bots;
pub mod conversations;
pub mod memory;
mod migrations;
pub mod packages;
pub mod scripts;
mod settings;
#[cfg(test)]
mod testing;
pub mod webhooks;

use std::path::Path;

use gateway::{Module, command::Commands};
use kernel::{Error, Id, Surroundings, id::kind::Organization};
use platform::{
    bus::Bus,
    db::{Db, Migration},
    objects::Objects,
    settings::Live,
};

pub use settings::Settings;

use crate::{
    bots::{Bot, BotService},
    conversations::Conversations,
    memory::Memories,
    packages::{
        Packages,
        import::{Imported, NotImported},
    },
    scripts::Scripts,
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
    conversations: Conversations,
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
    ) -> Self {
        let programs = scripts::programs::Programs::new(db.clone(), settings.get().program_cache_bytes);
        let bots = BotService::new(db.clone(), surroundings.clone(), settings.clone());
        let packages =
            Packages::new(db.clone(), objects.clone(), bots.clone(), surroundings.clone(), settings.clone());
        let scripts = Scripts::new(packages.clone());
        let memories = Memories::new(db.clone(), surroundings.clone(), settings.clone());
        let conversations =
            Conversations::new(db, objects, bus, programs, memories.clone(), surroundings, settings);
        Self { service: bots, packages, scripts, memories, conversations }
    }

    /// What the domains of this room hand to the server.
    pub fn modules(&self) -> Vec<Module> {
        vec![
            bots::module(&self.service),
            packages::module(&self.packages),
            scripts::module(&self.scripts),
            memory::module(&self.memories),
            conversations::module(&self.conversations),
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
    ) -> Result<Imported, NotImported> {
        self.packages.import(org, package, name).await
    }

    /// Every bot of the organization, for whoever operates the server.
    pub async fn list_all(&self, org: Id<Organization>) -> Result<Vec<Bot>, Error> {
        self.service.list_all(org).await
    }
}
