//! Installing packages. Uploading one and saving a script are one path: compile, then write the new state in one
//! unit of work.

use std::{collections::BTreeMap, io::Seek, path::Path, sync::Arc};

use basic::Known;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use gateway::Upload;
use kernel::{
    Actor, Error, Id, Surroundings,
    id::kind::{Bot as BotKind, Organization, User},
};
use platform::{
    audit::{Audit, Category},
    db::{Db, Json, Unit},
    objects::{Objects, Stored},
};
use tokio::{io::AsyncWriteExt, sync::Semaphore, task::spawn_blocking};

use super::{
    FileEntry, Installation, Installed, PackageError, ScriptEntry, ScriptKind, ScriptReport, ScriptStatus,
    archive::{self, Unpacked},
    layout::{self, Role},
    model::FileReport,
    settings_csv,
    store::{self, VersionRow},
};
use crate::{
    Settings,
    bots::{BotService, PackageSummary, store::BotRow},
};

/// Packages that are read at once. Each may hold a core for as long as it takes to inflate.
const READ_AT_ONCE: usize = 2;

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
    settings: Settings,
    reading: Arc<Semaphore>,
}

/// A state of a package: its files, and its scripts by path.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) files: BTreeMap<String, FileEntry>,
    pub(crate) scripts: BTreeMap<String, ScriptEntry>,
}

/// A state to be written, with what was compiled for it.
struct Change {
    state: State,
    programs: Vec<([u8; 32], Vec<u8>)>,
    objects: Vec<Stored>,
    config: Option<BTreeMap<String, String>>,
}

impl State {
    pub(crate) fn read(row: &VersionRow) -> Result<Self, PackageError> {
        let files: Vec<FileEntry> = row.files.read()?;
        let scripts: Vec<ScriptEntry> = row.scripts.read()?;
        Ok(Self {
            files: files.into_iter().map(|file| (file.path.clone(), file)).collect(),
            scripts: scripts.into_iter().map(|script| (script.path.clone(), script)).collect(),
        })
    }

    fn start_program(&self) -> Result<Option<[u8; 32]>, PackageError> {
        let start = self.scripts.values().find(|script| script.kind == ScriptKind::Start);
        start.and_then(|script| script.program.as_deref()).map(hash_bytes).transpose()
    }

    fn summary(&self) -> PackageSummary {
        let mut collections: Vec<_> = self
            .files
            .keys()
            .filter(|path| layout::role(path) == Role::Knowledge)
            .map(|path| path.rsplit_once('/').map_or("", |(folder, _)| folder))
            .collect();
        collections.sort_unstable();
        collections.dedup();
        PackageSummary {
            scripts: self.scripts.len() as u64,
            tools: self.scripts.values().filter(|script| script.kind == ScriptKind::Tool).count() as u64,
            kb_collections: collections.len() as u64,
            size: self.files.values().map(|file| file.size).sum(),
        }
    }
}

pub(crate) fn hash_bytes(text: &str) -> Result<[u8; 32], PackageError> {
    let hash = text.parse::<platform::objects::ObjectHash>();
    hash.map(|hash| hash.0).map_err(|cause| PackageError::Other(Error::internal(cause)))
}

impl Packages {
    /// The service over the given adapters.
    pub fn new(
        db: Db,
        objects: Objects,
        bots: BotService,
        surroundings: Surroundings,
        settings: Settings,
    ) -> Self {
        Self { db, objects, bots, surroundings, settings, reading: Arc::new(Semaphore::new(READ_AT_ONCE)) }
    }

    pub(super) fn body_limit(&self) -> usize {
        usize::try_from(self.settings.package_bytes).unwrap_or(usize::MAX)
    }

    pub(super) fn bots(&self) -> &BotService {
        &self.bots
    }

    /// Installs an uploaded package.
    pub(super) async fn install(
        &self,
        who: Actor,
        named: String,
        upload: Upload,
        manner: Manner,
    ) -> Result<Installation, PackageError> {
        // Whoever may not change the bot doesn't get anything unpacked.
        let bot = self.bot(&who, &named).await?;
        let unpacked = self.unpack(upload).await?;
        let audit = Audit::by(&who, "bot_package_installed", Category::DataModification);
        self.install_unpacked(who.org, bot, unpacked, manner, Some(who.user), audit).await
    }

    pub(crate) async fn bot(&self, who: &Actor, named: &str) -> Result<BotRow, PackageError> {
        let (who, named) = (who.clone(), named.to_owned());
        Ok(self.db.read(who.org, move |tx| crate::bots::service::usable(tx, &who, Some(&named))).await?)
    }

    async fn unpack(&self, upload: Upload) -> Result<Unpacked, PackageError> {
        let kind = upload.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let boundary = kind.and_then(|kind| multer::parse_boundary(kind).ok());
        let is_zip = kind.is_some_and(|kind| {
            ["application/zip", "application/octet-stream", "application/x-zip-compressed"]
                .contains(&kind.split(';').next().unwrap_or_default().trim())
        });
        let file = match boundary {
            Some(boundary) => {
                spool(file_part(multer::Multipart::new(upload.stream(), boundary)).await?).await?
            }
            None if is_zip => spool(upload.stream()).await?,
            None => {
                let error = Error::new(
                    kernel::Kind::UnsupportedMediaType,
                    "A package is sent as application/zip, or as the part \"file\" of multipart/form-data.",
                );
                return Err(error.into());
            }
        };
        self.off_the_async_threads(move |objects, settings| archive::read_zip(file, objects, settings)).await
    }

    async fn off_the_async_threads(
        &self,
        read: impl FnOnce(&Objects, &Settings) -> Result<Unpacked, PackageError> + Send + 'static,
    ) -> Result<Unpacked, PackageError> {
        let place = Arc::clone(&self.reading).acquire_owned().await.map_err(Error::internal)?;
        let (objects, settings) = (self.objects.clone(), self.settings.clone());
        let unpacked = spawn_blocking(move || {
            let _place = place;
            read(&objects, &settings)
        });
        unpacked.await.map_err(Error::internal)?
    }

    pub(super) async fn read_path(&self, path: &Path) -> Result<Unpacked, PackageError> {
        let path = path.to_owned();
        self.off_the_async_threads(move |objects, settings| {
            if path.is_dir() {
                return archive::read_folder(&path, objects, settings);
            }
            let file = std::fs::File::open(&path)
                .map_err(|cause| PackageError::Invalid(format!("{}: {cause}", path.display())))?;
            archive::read_zip(file, objects, settings)
        })
        .await
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
        work: impl FnOnce(&Unit<'_>) -> Result<T, E> + Send + 'static,
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
        source: String,
    ) -> Result<(ScriptEntry, FileEntry), PackageError> {
        if source.len() as u64 > self.settings.script_bytes {
            return Err(PackageError::TooLarge(format!("{} bytes for a script", self.settings.script_bytes)));
        }
        let bot = self.bot(&who, named).await?;
        let old = self.state(who.org, bot.id, bot.version).await?;
        let known =
            old.scripts.values().find(|script| kernel::text::key(&script.name) == kernel::text::key(name));
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
    ) -> Result<(), PackageError> {
        let bot = self.bot(&who, named).await?;
        let mut state = self.state(who.org, bot.id, bot.version).await?;
        let known =
            state.scripts.values().find(|script| kernel::text::key(&script.name) == kernel::text::key(name));
        let path = known.ok_or(PackageError::ScriptNotFound)?.path.clone();
        state.scripts.remove(&path);
        state.files.remove(&path);
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
        let (bot, now, keep) = (bot.clone(), self.surroundings.now(), i64::from(self.settings.versions_kept));
        self.db
            .write(org, move |unit| {
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

fn script_names(state: &State) -> BTreeMap<String, String> {
    layout::script_names(
        state.files.keys().map(String::as_str).filter(|path| layout::role(path) == Role::Script),
    )
}

/// Compiles every script of a state, off the async threads. A script with errors keeps the program that ran before.
async fn compile_all(
    old: &State,
    state: &mut State,
    sources: Vec<(String, String, String)>,
) -> Result<Vec<([u8; 32], Vec<u8>)>, PackageError> {
    let compiled = spawn_blocking(move || {
        let compile = |(path, name, source): (String, String, String)| {
            let compiled = basic::compile(&name, &source, &Known::default());
            (path, name, compiled)
        };
        sources.into_iter().map(compile).collect::<Vec<_>>()
    });
    let mut programs = Vec::new();
    for (path, name, compiled) in compiled.await.map_err(Error::internal)? {
        let diagnostics: Vec<_> = compiled.diagnostics.iter().map(ScriptReport::from).collect();
        let mut script = ScriptEntry {
            kind: if kernel::text::key(&name) == "start" { ScriptKind::Start } else { ScriptKind::Dialog },
            name,
            path: path.clone(),
            status: ScriptStatus::Error,
            diagnostics,
            program: old.scripts.get(&path).and_then(|script| script.program.clone()),
        };
        if let Some(program) = &compiled.program {
            let hash = program.hash();
            programs.push((hash.0, program.to_bytes()));
            script.program = Some(hash.to_string());
            script.status = ScriptStatus::Compiled;
            script.kind = kind_of(script.kind, program);
        }
        state.scripts.insert(path, script);
    }
    Ok(programs)
}

fn kind_of(by_name: ScriptKind, program: &basic::Program) -> ScriptKind {
    let declared = program.declarations();
    if by_name == ScriptKind::Start {
        by_name
    } else if !declared.webhooks.is_empty() {
        ScriptKind::Webhook
    } else if !declared.schedules.is_empty() {
        ScriptKind::Scheduled
    } else if declared.tool.is_some() {
        ScriptKind::Tool
    } else {
        ScriptKind::Dialog
    }
}

fn reports(state: &State) -> Vec<FileReport> {
    let of_script = |script: &ScriptEntry| {
        let file = script.path.clone();
        script
            .diagnostics
            .iter()
            .map(move |report| FileReport { file: file.clone(), report: report.clone() })
            .collect()
    };
    state.scripts.values().flat_map::<Vec<_>, _>(of_script).collect()
}

fn difference(old: &State, new: &State) -> Installed {
    let mut installed = Installed::default();
    for (path, file) in &new.files {
        match old.files.get(path) {
            None => installed.added.push(path.clone()),
            Some(before) if before.checksum != file.checksum => installed.changed.push(path.clone()),
            Some(_) => {}
        }
    }
    installed.removed = old.files.keys().filter(|path| !new.files.contains_key(*path)).cloned().collect();
    installed
}

/// The part of a form that holds the package.
async fn file_part(
    mut form: multer::Multipart<'static>,
) -> Result<impl Stream<Item = Result<Bytes, Error>>, PackageError> {
    let unreadable = |cause: multer::Error| match cause {
        multer::Error::StreamReadFailed(cause) => match cause.downcast::<Error>() {
            Ok(error) => *error,
            Err(cause) => Error::bad_request("The form can't be read.").caused_by(cause),
        },
        other => Error::bad_request("The form can't be read.").caused_by(other),
    };
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        if field.name() == Some("file") {
            return Ok(field.map(move |chunk| chunk.map_err(unreadable)));
        }
    }
    Err(Error::bad_request("The form has no part named \"file\".").into())
}

/// Writes what arrives to a file without a name, so that memory doesn't grow with the package.
async fn spool(content: impl Stream<Item = Result<Bytes, Error>>) -> Result<std::fs::File, PackageError> {
    let file = spawn_blocking(tempfile::tempfile).await.map_err(Error::internal)?.map_err(Error::internal)?;
    let mut output = tokio::fs::File::from_std(file);
    let mut content = std::pin::pin!(content);
    while let Some(chunk) = content.next().await {
        output.write_all(&chunk?).await.map_err(Error::internal)?;
    }
    output.flush().await.map_err(Error::internal)?;
    let mut file = output.into_std().await;
    file.rewind().map_err(Error::internal)?;
    Ok(file)
}
