//! Packages from the disk and onto it, for whoever operates the server.

use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use kernel::{
    Error, Id, Kind,
    id::kind::{Bot as BotKind, Organization},
};
use platform::audit::{Audit, Category};
use tokio::io::AsyncWriteExt;

use super::{
    FileReport, PackageError, Packages, Watch, archive::Unpacked, create::Beginning, export, service::Manner,
};
use crate::bots::{self, BotError, NewBot};

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
        let named = name.clone();
        let present = self.db.read(org, move |tx| bots::service::called(tx, &named)).await;
        let Some(bot) = present.map_err(PackageError::from)? else {
            return Ok(self.import_new(org, unpacked, name).await?);
        };
        let (bot_id, name) = (bot.id, bot.name.clone());
        let audit = Audit::system("bot_package_installed", Category::DataModification);
        let manner = Manner { merge: false, dry_run: false, strict: true };
        let done = self.install_unpacked(org, bot, unpacked, manner, None, audit).await?;
        Ok(Imported {
            bot_id,
            name,
            version: done.version,
            warnings: warnings(&done.diagnostics, done.warnings),
        })
    }

    /// Makes the bot and installs the package into it, in one unit: a refused package leaves no bot.
    async fn import_new(
        &self,
        org: Id<Organization>,
        unpacked: Unpacked,
        name: String,
    ) -> Result<Imported, PackageError> {
        let row = self.bots.row(&NewBot { name, ..NewBot::default() }, self.surroundings.now())?;
        let mut notes = unpacked.warnings.clone();
        let audit = Audit::system("bot_created", Category::DataModification);
        let begins = Beginning { row, wanted: unpacked.into(), strict: true, audit, original: None };
        let begun = self.begin(org, begins).await?;
        notes.extend(begun.warnings);
        let bot = begun.bot;
        Ok(Imported {
            bot_id: bot.id,
            name: bot.name,
            version: bot.version.unsigned_abs(),
            warnings: warnings(&begun.diagnostics, notes),
        })
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
        let bot = self.db.read(org, move |tx| bots::service::find(tx, Some(&named))).await?;
        let bot = bot.ok_or(BotError::NotFound)?;
        let state = self.state(org, bot.id, bot.version).await?;
        let path = path.unwrap_or_else(|| format!("{}.gbai.zip", bot.slug).into());
        let failed =
            |cause: std::io::Error| Error::new(Kind::Validation, format!("{}: {cause}", path.display()));
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        let mut output = tokio::fs::File::from_std(file.reopen().map_err(failed)?);
        let mut zip = std::pin::pin!(export::zip(self.objects.clone(), &bot.slug, &state, watch));
        while let Some(bytes) = zip.next().await {
            output.write_all(&bytes.map_err(failed)?).await.map_err(failed)?;
        }
        output.sync_all().await.map_err(failed)?;
        let kept = if replaces { file.persist(&path) } else { file.persist_noclobber(&path) };
        kept.map_err(|error| failed(error.error))?;
        Ok(path)
    }
}

/// The lines to show of an installation.
fn warnings(diagnostics: &[FileReport], notes: Vec<String>) -> Vec<String> {
    diagnostics.iter().map(ToString::to_string).chain(notes).collect()
}
