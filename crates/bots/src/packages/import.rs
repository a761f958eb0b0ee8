//! Installing a package from the disk, for whoever operates the server.

use std::path::Path;

use kernel::{
    Error, Id,
    id::kind::{Bot as BotKind, Organization},
};
use platform::audit::{Audit, Category};

use super::{PackageError, Packages, service::Manner};
use crate::bots::BotError;

/// What was installed.
#[derive(Debug)]
pub struct Imported {
    /// The bot.
    pub bot_id: Id<BotKind>,
    /// Its name.
    pub name: String,
    /// The number of its new state.
    pub version: u64,
    /// Lines to show: warnings of scripts, folders that nobody reads.
    pub warnings: Vec<String>,
}

/// Why nothing was installed.
#[derive(Debug)]
pub struct NotImported {
    /// The refusal.
    pub error: Error,
    /// Lines to show: what is wrong with which script.
    pub diagnostics: Vec<String>,
}

impl<E: Into<PackageError>> From<E> for NotImported {
    fn from(error: E) -> Self {
        let error = error.into();
        let diagnostics = match &error {
            PackageError::Compile(reports) => reports.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        };
        Self { error: error.into(), diagnostics }
    }
}

impl Packages {
    /// Installs a folder or a zip into the bot of that name, which is made if there is none.
    pub(crate) async fn import(
        &self,
        org: Id<Organization>,
        package: &Path,
        name: Option<String>,
    ) -> Result<Imported, NotImported> {
        let unpacked = self.read_path(package).await?;
        let name = name.or_else(|| unpacked.name.clone()).unwrap_or_else(|| "Bot".to_owned());
        let bots = self.bots().clone();
        let slug = kernel::text::slug(&name);
        let bot = self.in_unit(org, move |unit| match crate::bots::store::by_slug(unit, &slug)? {
            Some(bot) => Ok::<_, BotError>(bot),
            None => bots.create_in(unit, &name),
        });
        let bot = bot.await.map_err(PackageError::from)?;
        let (bot_id, name) = (bot.id, bot.name.clone());
        let audit = Audit::system("bot_package_installed", Category::DataModification);
        let manner = Manner { merge: false, dry_run: false, strict: true };
        let done = self.install_unpacked(org, bot, unpacked, manner, None, audit).await?;
        let mut warnings: Vec<_> = done.diagnostics.iter().map(ToString::to_string).collect();
        warnings.extend(done.warnings);
        Ok(Imported { bot_id, name, version: done.version, warnings })
    }
}
