//! Bots: packages of scripts and settings, and the conversations that people hold with them.

pub mod bots;
pub mod conversations;
mod migrations;
pub mod packages;
pub mod scripts;
mod settings;

use std::path::Path;

use gateway::Module;
use kernel::{Error, Id, Surroundings, id::kind::Organization};
use platform::{
    db::{Db, Migration},
    objects::Objects,
};

pub use settings::Settings;

use crate::{
    bots::{Bot, BotService},
    conversations::Conversations,
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
    conversations: Conversations,
}

impl Bots {
    /// The services over the given adapters.
    pub fn new(db: Db, objects: Objects, surroundings: Surroundings, settings: Settings) -> Self {
        let programs = scripts::programs::Programs::new(db.clone(), settings.program_cache_bytes);
        let bots = BotService::new(db.clone(), surroundings.clone(), settings.clone());
        let packages =
            Packages::new(db.clone(), objects, bots.clone(), surroundings.clone(), settings.clone());
        let scripts = Scripts::new(packages.clone());
        let conversations = Conversations::new(db, programs, surroundings, settings);
        Self { service: bots, packages, scripts, conversations }
    }

    /// What the domains of this room hand to the server.
    pub fn modules(&self) -> Vec<Module> {
        vec![
            bots::module(&self.service),
            packages::module(&self.packages),
            scripts::module(&self.scripts),
            conversations::module(&self.conversations),
        ]
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

    /// Removes what bots that were deleted left behind when the server stopped in the middle.
    pub async fn finish_deletions(&self) -> Result<(), Error> {
        self.service.finish_deletions().await
    }
}
