//! Installing packages. Uploading one and saving a script are one path: compile, then write the new state in one
//! unit of work.

use std::{collections::BTreeMap, path::Path};

use bytes::Bytes;
use gateway::Upload;
use kernel::{
    Actor, Error, Expected, Id, Revision, Surroundings,
    id::kind::{Bot as BotKind, Organization, User},
};
use platform::{
    audit::{Audit, Category},
    db::{Db, Json, Unit},
    objects::{Objects, Stored},
    settings::Live,
};

use super::{
    FileEntry, Installation, PackageError, ScriptEntry,
    archive::Unpacked,
    compile::{compile_all, script_names},
    layout::{self, Role},
    settings_csv,
    state::{State, difference, hash_bytes, reports},
    store::{self, VersionRow},
    upload::Unpacking,
};
use crate::{
    Settings,
    bots::{
        BotService,
        events::{About, BotUpdated},
        store::BotRow,
    },
};

/// How a package is installed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// Keep files that the package doesn't have?
    pub(super) merge: bool,
    /// Only tell what would happen?
    pub(super) dry_run: bool,
    /// Refuse scripts with errors?
    pub(super) strict: bool,
}

/// The service of packages. A cheap handle.
#[derive(Clone)]
pub struct Packages {
    db: Db,
    objects: Objects,
    bots: BotService,
    surroundings: Surroundings,
    settings: Live<Settings>,
    unpacking: Unpacking,
}

/// A state to be written, with what was compiled for it.
#[derive(Clone)]
struct Change {
    state: State,
    programs: Vec<([u8; 32], Vec<u8>)>,
    objects: Vec<Stored>,
    config: Option<BTreeMap<String, String>>,
}

impl Packages {
    /// The service over the given adapters.
    pub fn new(
        db: Db,
        objects: Objects,
        bots: BotService,
        surroundings: Surroundings,
        settings: Live<Settings>,
    ) -> Self {
        let unpacking = Unpacking::new(objects.clone(), settings.clone());
        Self { db, objects, bots, surroundings, settings, unpacking }
    }

    pub(super) fn bots(&self) -> &BotService {
        &self.bots
    }

    /// Installs an uploaded package.
    pub(super) async fn install(
        &self,
        who: Actor,
        named: String,
        expected: Expected,
        upload: Upload,
        manner: Manner,
    ) -> Result<Installation, PackageError> {
        // Whoever may not change the bot doesn't get anything unpacked. Writing makes sure that the version is still
        // the one that was looked at.
        let bot = self.bot(&who, &named).await?;
        expected.check(bot.version)?;
        let unpacked = self.unpacking.upload(upload).await?;
        let audit = Audit::by(&who, "bot_package_installed", Category::DataModification);
        self.install_unpacked(who.org, bot, unpacked, manner, Some(who.user), audit).await
    }

    pub(crate) async fn bot(&self, who: &Actor, named: &str) -> Result<BotRow, PackageError> {
        let (who, named) = (who.clone(), named.to_owned());
        Ok(self.db.read(who.org, move |tx| crate::bots::service::usable(tx, &who, Some(&named))).await?)
    }

    pub(super) async fn read_path(&self, path: &Path) -> Result<Unpacked, PackageError> {
        self.unpacking.path(path).await
    }

    pub(super) async fn install_unpacked(
        &self,
        org: Id<Organization>,
        bot: BotRow,
        unpacked: Unpacked,
        manner: Manner,
        by: Option<Id<User>>,
        audit: Audit,
    ) -> Result<Installation, PackageError> {
        let old = self.state(org, bot.id, bot.version).await?;
        let warnings = unpacked.warnings.clone();
        let change = self.prepare(&old, unpacked, manner.merge).await?;
        let installed = difference(&old, &change.state);
        let diagnostics = reports(&change.state);
        let failed: Vec<_> = diagnostics.iter().filter(|report| report.report.is_error()).cloned().collect();
        if manner.strict && !failed.is_empty() {
            return Err(PackageError::Compile(failed));
        }
        let mut version = bot.version.unsigned_abs();
        if !manner.dry_run {
            version = self.write(org, &bot, change, by, audit).await?;
        }
        Ok(Installation { installed, diagnostics, warnings, version })
    }

    /// The present state of a bot's package.
    pub(crate) async fn state(
        &self,
        org: Id<Organization>,
        bot: Id<BotKind>,
        version: i64,
    ) -> Result<State, PackageError> {
        let row = self.db.read(org, move |tx| store::version(tx, bot, version)).await?;
        row.map_or_else(|| Ok(State::default()), |row| State::read(&row))
    }

    pub(super) async fn in_unit<T: Send + 'static, E: From<platform::db::DbError> + Send + 'static>(
        &self,
        org: Id<Organization>,
        work: impl FnOnce(&Unit<'_>) -> Result<T, E> + Clone + Send + 'static,
    ) -> Result<T, E> {
        self.db.write(org, work).await
    }

    /// The text of a file.
    pub(crate) async fn text(&self, file: &FileEntry) -> Result<String, PackageError> {
        let content = self.objects.read(&file.hash()?).await?;
        let content =
            content.ok_or_else(|| Error::internal(format!("the object {} is gone", file.checksum)))?;
        Ok(String::from_utf8_lossy(&content).into_owned())
    }

    async fn prepare(&self, old: &State, unpacked: Unpacked, merge: bool) -> Result<Change, PackageError> {
        let mut state = State { files: unpacked.files, scripts: BTreeMap::new() };
        if merge {
            for (path, file) in &old.files {
                state.files.entry(path.clone()).or_insert_with(|| file.clone());
            }
        }
        let mut sources = Vec::new();
        for (path, name) in script_names(&state) {
            let source = match unpacked.texts.get(&path) {
                Some(text) => text.clone(),
                None => self.text(&state.files[&path]).await?,
            };
            sources.push((path, name, source));
        }
        let config = unpacked.texts.iter().find(|(path, _)| layout::role(path) == Role::Settings);
        let config = match config {
            Some((_, text)) => Some(settings_csv::read(text)),
            None if merge => None,
            None => Some(BTreeMap::new()),
        };
        let programs = compile_all(old, &mut state, sources).await?;
        Ok(Change { state, programs, objects: unpacked.objects, config })
    }

    /// Saves one script and gives it as it stands now.
    pub(crate) async fn save_script(
        &self,
        who: Actor,
        named: &str,
        name: &str,
        expected: &Expected,
        source: String,
    ) -> Result<(ScriptEntry, FileEntry), PackageError> {
        if source.len() as u64 > self.settings.get().script_bytes {
            return Err(PackageError::TooLarge(format!(
                "{} bytes for a script",
                self.settings.get().script_bytes
            )));
        }
        let bot = self.bot(&who, named).await?;
        let old = self.state(who.org, bot.id, bot.version).await?;
        let known =
            old.scripts.values().find(|script| kernel::text::key(&script.name) == kernel::text::key(name));
        let present = known.and_then(|script| old.files.get(&script.path));
        // A script that isn't there yet has a revision that no tag of ours names.
        expected.check(present.map_or(Ok(Revision(0)), FileEntry::revision)?)?;
        let path = match known {
            Some(script) => script.path.clone(),
            None => layout::safe_path(&format!("{}.gbdialog/{name}.bas", bot.slug))?
                .ok_or(PackageError::ScriptNotFound)?,
        };
        let stored = self.objects.put_bytes(Bytes::from(source.clone())).await?;
        let file = FileEntry { path: path.clone(), checksum: stored.hash.to_string(), size: stored.size };
        let unpacked = Unpacked {
            files: [(path.clone(), file.clone())].into(),
            objects: vec![stored],
            texts: [(path.clone(), source)].into(),
            ..Unpacked::default()
        };
        let change = self.prepare(&old, unpacked, true).await?;
        let script = change.state.scripts.get(&path).cloned().ok_or(PackageError::ScriptNotFound)?;
        let audit = Audit::by(&who, "bot_script_saved", Category::DataModification).detail("script", name);
        self.write(who.org, &bot, change, Some(who.user), audit).await?;
        Ok((script, file))
    }

    /// Removes one script.
    pub(crate) async fn delete_script(
        &self,
        who: Actor,
        named: &str,
        name: &str,
        expected: &Expected,
    ) -> Result<(), PackageError> {
        let bot = self.bot(&who, named).await?;
        let mut state = self.state(who.org, bot.id, bot.version).await?;
        let known =
            state.scripts.values().find(|script| kernel::text::key(&script.name) == kernel::text::key(name));
        let path = known.ok_or(PackageError::ScriptNotFound)?.path.clone();
        state.scripts.remove(&path);
        let file = state.files.remove(&path).ok_or(PackageError::ScriptNotFound)?;
        expected.check(file.revision()?)?;
        let audit = Audit::by(&who, "bot_script_deleted", Category::DataModification).detail("script", name);
        let change = Change { state, programs: Vec::new(), objects: Vec::new(), config: None };
        self.write(who.org, &bot, change, Some(who.user), audit).await?;
        Ok(())
    }

    /// The one place where a new state is written: all of it, or nothing.
    async fn write(
        &self,
        org: Id<Organization>,
        bot: &BotRow,
        change: Change,
        by: Option<Id<User>>,
        audit: Audit,
    ) -> Result<u64, PackageError> {
        let (bot, now, keep) =
            (bot.clone(), self.surroundings.now(), i64::from(self.settings.get().versions_kept));
        self.db
            .write(org, move |unit| {
                crate::bots::store::lock(unit, bot.id)?;
                let present =
                    crate::bots::store::by_id(unit, bot.id)?.ok_or(crate::bots::BotError::NotFound)?;
                if present.version != bot.version {
                    return Err(PackageError::Changed);
                }
                let number = bot.version + 1;
                keep_programs(unit, &bot, &change, number)?;
                let row = VersionRow {
                    number,
                    files: Json::of(&change.state.files.values().collect::<Vec<_>>()),
                    scripts: Json::of(&change.state.scripts.values().collect::<Vec<_>>()),
                };
                store::insert_version(unit, bot.id, &row, by, now)?;
                for object in &change.objects {
                    unit.record_object(*object)?;
                }
                let config = change.config.as_ref().map_or(present.config, Json::of);
                let summary = Json::of(&change.state.summary());
                let start = change.state.start_program()?;
                store::set_current(unit, bot.id, number, start, &summary, &config, now)?;
                store::forget_before(unit, bot.id, number - keep)?;
                unit.emit(&BotUpdated(About::from(&bot)))?;
                unit.audit(audit.on("bot", bot.id).named(&bot.name).detail("version", number))?;
                Ok(number.unsigned_abs())
            })
            .await
    }
}

fn keep_programs(unit: &Unit<'_>, bot: &BotRow, change: &Change, number: i64) -> Result<(), PackageError> {
    for (hash, bytes) in &change.programs {
        store::keep_program(unit, bot.id, hash, bytes, number)?;
    }
    for hash in change.state.scripts.values().filter_map(|script| script.program.as_deref()) {
        store::renew_program(unit, bot.id, &hash_bytes(hash)?, number)?;
    }
    Ok(())
}
