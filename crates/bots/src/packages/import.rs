//! Packages from the disk and onto it, for whoever operates the server.

use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use kernel::{
    Error, Id, Kind,
    id::kind::{Bot as BotKind, Organization},
};
use platform::audit::{Audit, Category};
use tokio::io::AsyncWriteExt;

use super::{PackageError, Packages, Watch, export, service::Manner};
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
        watch: Watch,
    ) -> Result<Imported, NotImported> {
        let unpacked = self.unpacking.path(package, watch).await?;
        let name = name.or_else(|| unpacked.name.clone()).unwrap_or_else(|| "Bot".to_owned());
        let bots = self.bots.clone();
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

    /// Writes the package of the bot of that name into a file, as it would be sent: at that path, or beside the
    /// program under the bot's slug. A file that is there is only replaced if that is wanted. Gives the path.
    pub(crate) async fn export_to(
        &self,
        org: Id<Organization>,
        named: &str,
        path: Option<PathBuf>,
        replaces: bool,
        watch: Watch,
    ) -> Result<PathBuf, Error> {
        let named = named.to_owned();
        let bot = self.db.read(org, move |tx| crate::bots::service::find(tx, Some(&named))).await?;
        let bot = bot.ok_or(BotError::NotFound)?;
        let state = self.state(org, bot.id, bot.version).await?;
        let path = path.unwrap_or_else(|| format!("{}.gbai.zip", bot.slug).into());
        let failed =
            |cause: std::io::Error| Error::new(Kind::Validation, format!("{}: {cause}", path.display()));
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        let mut output = tokio::fs::File::from_std(file.reopen().map_err(failed)?);
        let mut zip = std::pin::pin!(export::zip(self.objects.clone(), &bot.slug, state, watch));
        while let Some(bytes) = zip.next().await {
            output.write_all(&bytes.map_err(failed)?).await.map_err(failed)?;
        }
        output.sync_all().await.map_err(failed)?;
        let kept = if replaces { file.persist(&path) } else { file.persist_noclobber(&path) };
        kept.map_err(|error| failed(error.error))?;
        Ok(path)
    }
}
