//! The one way to another state of a package: the files that it is to have, compiled, checked, and written in one unit
//! of work. An upload, a saved script, a changed setting and a return to an earlier state all go it.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use bytes::Bytes;
use kernel::{
    Error, Id, Secret,
    id::kind::{Bot as BotKind, Organization, User},
};
use platform::{
    audit::Audit,
    db::{Json, Unit},
    objects::Stored,
    secrets::{Secrets as Sealing, SecretsError},
};

use super::{
    FileEntry, PackageError, Packages, ScriptKind,
    archive::{Unpacked, hide},
    compile::{Compiling, compile_all},
    layout, settings_csv,
    state::{State, hash_bytes},
    store::{self, Made, VersionRow},
};
use crate::{
    bots::{
        BotError,
        events::{About, BotUpdated},
        store::BotRow,
    },
    config::{
        self,
        known::{HIDDEN, Secrets, is_secret},
    },
    hooks, schedules,
    tables::{
        self,
        definition::Tables,
        plan::{Plan, Planning},
    },
};

/// What made a version that differs from the one before in data files only.
const DATA_SAVED: &str = "bot_data_saved";

/// The files that a package is to have.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// All of them.
    pub(super) files: BTreeMap<String, FileEntry>,
    /// Those that the organization may not have had before.
    pub(super) objects: Vec<Stored>,
    /// Scripts and settings whose text is at hand.
    pub(super) texts: BTreeMap<String, String>,
    /// What the settings in these files hide.
    pub(super) secrets: BTreeMap<String, Secrets>,
}

/// A state to be written, with what was compiled for it.
#[derive(Clone)]
pub(super) struct Change {
    pub(super) state: State,
    programs: Arc<[Program]>,
    objects: Vec<Stored>,
    /// What brings the bot's tables to what the scripts declare.
    tables: Arc<Plan>,
    pub(super) warnings: Vec<String>,
}

/// A program's hash and bytes.
pub(super) type Program = ([u8; 32], Vec<u8>);

impl From<Unpacked> for Wanted {
    fn from(unpacked: Unpacked) -> Self {
        let Unpacked { files, objects, texts, secrets, .. } = unpacked;
        Self { files, objects, texts, secrets }
    }
}

impl Wanted {
    /// One file, with its text if that is at hand. What nobody may see must be hidden in it already.
    pub(super) fn file(path: String, stored: Stored, text: Option<String>) -> Self {
        let file = FileEntry::of(path.clone(), &stored);
        Self {
            texts: text.map(|text| (path.clone(), text)).into_iter().collect(),
            files: [(path, file)].into(),
            objects: vec![stored],
            secrets: BTreeMap::new(),
        }
    }

    /// What there is, with these files in addition, or in place of those at the same paths.
    pub(super) fn over(mut self, old: &State) -> Self {
        for (path, file) in &old.files {
            self.files.entry(path.clone()).or_insert_with(|| file.clone());
        }
        self
    }
}

impl Packages {
    /// Compiles and checks a state; nothing is written. A script with errors keeps the program that ran before.
    pub(super) async fn prepare(
        &self,
        org: Id<Organization>,
        bot: Id<BotKind>,
        old: &State,
        wanted: Wanted,
    ) -> Result<Change, PackageError> {
        let mut state = State { files: wanted.files, ..State::default() };
        state.check(&self.settings.get())?;
        let mut warnings = Vec::new();
        let mut settings = BTreeMap::new();
        let mut secrets = Secrets::default();
        let mut rewritten = None;
        let mut found = layout::settings_of(state.files.keys().map(String::as_str)).into_iter();
        if let Some(path) = found.next() {
            let text = self.text_at(&state, path, &wanted.texts).await?;
            let mut new = wanted.secrets.get(path).cloned().unwrap_or_default();
            // A file that was kept before its name was known to be one of a secret shows it still.
            let (hidden, found) = hide(path, &text)?;
            new.extend(found);
            if hidden != text {
                rewritten =
                    Some((path.to_owned(), self.objects.put_bytes(Bytes::from(hidden.clone())).await?));
            }
            settings = settings_csv::read(&hidden);
            secrets = keep_secrets(&mut settings, &mut warnings, new, self.unsealed(bot, old)?);
        }
        warnings.extend(found.map(|path| format!("{path} is passed over: another config.csv counts.")));
        warnings.extend(settings.iter().filter_map(|(key, value)| config::warning(key, value)));
        let mut objects = wanted.objects;
        if let Some((path, stored)) = rewritten {
            objects.push(stored);
            state.files.insert(path.clone(), FileEntry::of(path, &stored));
        }
        let mut sources = Vec::new();
        for (path, name) in super::compile::script_names(&state) {
            let source = self.text_at(&state, &path, &wanted.texts).await?;
            sources.push((path, name, source));
        }
        let names = sources.iter().map(|(_, name, _)| name.as_str());
        // The tables of the version that was looked at: a change of them makes another version.
        let existing = self.tables_of(org, bot).await?;
        let compiling = Compiling::of(names, settings.keys().map(String::as_str))
            .with_tables(existing.values().map(|table| table.definition.name.clone()))
            .on(self.performed());
        let compiled = compile_all(&self.compiling, old, &mut state, sources, compiling).await?;
        warnings.extend(compiled.warnings);
        let planning = Planning {
            surroundings: &self.surroundings,
            most: self.settings.get().tables_per_bot,
            unread: &compiled.unread,
        };
        let tables = Plan::of(&existing, compiled.tables, &planning);
        warnings.extend(tables.warnings.iter().cloned());
        let programs = compiled.programs.into();
        state.check(&self.settings.get())?;
        state.sealed = self.seal(bot, &secrets)?;
        state.settings = settings;
        Ok(Change { state, programs, objects, tables: Arc::new(tables), warnings })
    }

    /// The tables of a bot.
    pub(crate) async fn tables_of(
        &self,
        org: Id<Organization>,
        bot: Id<BotKind>,
    ) -> Result<Tables, PackageError> {
        Ok(self.db.read(org, move |tx| tables::store::of_bot(tx, bot)).await?)
    }

    /// The secrets that a state hides.
    pub(crate) fn unsealed(&self, bot: Id<BotKind>, state: &State) -> Result<Secrets, PackageError> {
        let Some(sealed) = &state.sealed else { return Ok(Secrets::default()) };
        Ok(unseal(&self.secrets, bot, sealed)?)
    }

    fn seal(&self, bot: Id<BotKind>, secrets: &Secrets) -> Result<Option<Vec<u8>>, PackageError> {
        if secrets.is_empty() {
            return Ok(None);
        }
        let shown: BTreeMap<_, _> = secrets.iter().map(|(key, secret)| (key, secret.reveal())).collect();
        let text = serde_json::to_vec(&shown).map_err(Error::internal)?;
        Ok(Some(self.secrets.seal(&context(bot), &text).map_err(Error::from)?))
    }

    async fn text_at(
        &self,
        state: &State,
        path: &str,
        at_hand: &BTreeMap<String, String>,
    ) -> Result<String, PackageError> {
        match at_hand.get(path) {
            Some(text) => Ok(text.clone()),
            None => self.text(state.file(path)?).await,
        }
    }

    /// Writes a new state of a bot, unless it has another one by now than the one that was looked at.
    pub(super) async fn write(
        &self,
        org: Id<Organization>,
        bot: &BotRow,
        change: Change,
        by: Option<Id<User>>,
        audit: Audit,
    ) -> Result<u64, PackageError> {
        let (bot, this, action) = (bot.clone(), self.clone(), audit.action());
        self.db
            .write(org, move |unit| {
                crate::bots::store::lock(unit, bot.id)?;
                let present = crate::bots::store::by_id(unit, bot.id)?.ok_or(BotError::NotFound)?;
                if present.version != bot.version {
                    return Err(PackageError::Changed);
                }
                let bot = this.write_next(unit, &present, &change, action, by)?;
                this.declare(unit, bot.id, &change.state)?;
                unit.emit(&BotUpdated(About::from(&bot)))?;
                unit.audit(audit.on("bot", bot.id).named(&bot.name).detail("version", bot.version))?;
                Ok(bot.version.unsigned_abs())
            })
            .await
    }

    /// Writes a new bot with the first state of its package.
    pub(super) fn make(
        &self,
        unit: &Unit<'_>,
        bot: BotRow,
        change: &Change,
        audit: Audit,
    ) -> Result<BotRow, PackageError> {
        let (limit, action, by) = (self.settings.get().bots_per_organization, audit.action(), bot.created_by);
        // Whoever hears that it was made hears in which state it is with its package.
        let bot = crate::bots::service::make(unit, standing(bot, &change.state), limit, audit)?;
        let bot = self.write_next(unit, &bot, change, action, by)?;
        self.declare(unit, bot.id, &change.state)?;
        Ok(bot)
    }

    /// Puts up what the scripts of a state say of themselves.
    fn declare(&self, unit: &Unit<'_>, bot: Id<BotKind>, state: &State) -> Result<(), PackageError> {
        let now = self.surroundings.now();
        schedules::declare(unit, bot, state, now)?;
        hooks::declare(unit, &self.secrets, bot, state, now).map_err(Error::from)?;
        Ok(())
    }

    /// The next state of a bot that the unit has locked, or made; gives the bot with it.
    fn write_next(
        &self,
        unit: &Unit<'_>,
        bot: &BotRow,
        change: &Change,
        action: &'static str,
        by: Option<Id<User>>,
    ) -> Result<BotRow, PackageError> {
        let (now, keep) = (self.surroundings.now(), i64::from(self.settings.get().versions_kept));
        let number = bot.version + 1;
        for (hash, bytes) in change.programs.iter() {
            store::keep_program(unit, bot.id, hash, bytes, number)?;
        }
        let compiled: HashSet<_> = change.programs.iter().map(|(hash, _)| *hash).collect();
        for hash in change.state.scripts.values().filter_map(|script| script.program.as_deref()) {
            let hash = hash_bytes(hash)?;
            if !compiled.contains(&hash) {
                store::renew_program(unit, bot.id, &hash, number)?;
            }
        }
        let summary = Json::of(&change.state.summary());
        let settings = Json::of(&change.state.settings);
        let made = Made { action, summary: &summary, by, at: now };
        let row = VersionRow {
            number,
            files: Json::of(&change.state.files.values().collect::<Vec<_>>()),
            scripts: Json::of(&change.state.scripts.values().collect::<Vec<_>>()),
            config: Some(settings.clone()),
            secrets: change.state.sealed.clone(),
        };
        store::insert_version(unit, bot.id, &row, &made)?;
        for object in &change.objects {
            unit.record_object(*object)?;
        }
        if let Some(why) = tables::store::apply(unit, bot.id, &change.tables, now)? {
            return Err(PackageError::Tables(why));
        }
        let start = change.state.start_program()?;
        let stands = standing(bot.clone(), &change.state);
        store::set_current(unit, bot.id, number, start, &summary, &settings, now)?;
        crate::bots::store::set_status(unit, bot.id, &stands.status, stands.status_reason.as_deref())?;
        if let Some(oldest) = store::oldest_kept(unit, bot.id, keep)? {
            store::forget_before(unit, bot.id, oldest)?;
        }
        Ok(crate::bots::store::by_id(unit, bot.id)?.ok_or(BotError::NotFound)?)
    }

    /// Writes a state that differs from the present one in its data files only, of a bot that the unit has locked. The
    /// version before it goes if it came about so, too: scripts that count would leave no room for the others.
    pub(crate) fn write_data(
        &self,
        unit: &Unit<'_>,
        present: &BotRow,
        state: State,
        objects: Vec<Stored>,
        by: Id<User>,
    ) -> Result<(), PackageError> {
        state.check(&self.settings.get())?;
        let change =
            Change { state, programs: Arc::default(), objects, tables: Arc::default(), warnings: Vec::new() };
        self.write_next(unit, present, &change, DATA_SAVED, Some(by))?;
        store::forget_data_version(unit, present.id, present.version, DATA_SAVED)?;
        Ok(())
    }

    /// Keeps content as an object, which is a version's when that is written.
    pub(crate) async fn keep(&self, content: bytes::Bytes) -> Result<Stored, Error> {
        Ok(self.objects.put_bytes(content).await?)
    }

    /// The bytes of an object.
    pub(crate) async fn bytes(&self, stored: &Stored) -> Result<bytes::Bytes, Error> {
        self.objects.bytes(&stored.hash).await
    }

    /// The first bytes of an object.
    pub(crate) async fn head(&self, stored: &Stored, most: usize) -> Result<bytes::Bytes, Error> {
        if stored.size == 0 {
            // It has no part.
            return Ok(bytes::Bytes::new());
        }
        let content = self.objects.content(&stored.hash, Some(0..stored.size.min(most as u64))).await?;
        let mut head = bytes::BytesMut::new();
        let mut chunks = std::pin::pin!(content.stream());
        while let Some(chunk) = futures_util::StreamExt::next(&mut chunks).await {
            head.extend_from_slice(&chunk.map_err(Error::internal)?);
        }
        Ok(head.freeze())
    }

    /// A bot with the present state of its package.
    pub(crate) async fn present(
        &self,
        org: Id<Organization>,
        bot: Id<BotKind>,
    ) -> Result<(BotRow, Arc<State>), PackageError> {
        let bot = self.db.read(org, move |tx| crate::bots::store::by_id(tx, bot)).await?;
        let bot = bot.ok_or(BotError::NotFound)?;
        let state = self.state(org, bot.id, bot.version).await?;
        Ok((bot, state))
    }

    /// The text of a file.
    pub(crate) async fn text(&self, file: &FileEntry) -> Result<String, PackageError> {
        let content = self.objects.bytes(&file.hash()?).await?;
        Ok(String::from_utf8_lossy(&content).into_owned())
    }
}

/// What is sealed for a bot opens for that bot only.
fn context(bot: Id<BotKind>) -> Vec<u8> {
    format!("bot_versions/{bot}/secrets").into_bytes()
}

/// The secrets that were sealed for a state of the bot.
pub(crate) fn unseal(sealing: &Sealing, bot: Id<BotKind>, sealed: &[u8]) -> Result<Secrets, Error> {
    let text = sealing.unseal(&context(bot), sealed)?;
    let shown: BTreeMap<String, String> = serde_json::from_slice(&text).map_err(|_| SecretsError::Corrupt)?;
    Ok(shown.into_iter().map(|(key, value)| (key, Secret::new(value))).collect())
}

/// The secrets of the settings: new ones, and those that are to stay as they are.
fn keep_secrets(
    settings: &mut BTreeMap<String, String>,
    warnings: &mut Vec<String>,
    mut new: Secrets,
    mut old: Secrets,
) -> Secrets {
    let mut kept = Secrets::default();
    settings.retain(|key, value| {
        if !is_secret(key) || value != HIDDEN {
            return true;
        }
        let secret = new.remove(key).or_else(|| old.remove(key));
        let is_known = secret.is_some();
        if let Some(secret) = secret {
            kept.insert(key.clone(), secret);
        } else {
            warnings
                .push(format!("{key} has no value: {HIDDEN} stands for the present one, and there is none."));
        }
        is_known
    });
    kept
}

/// The bot as it stands with that state of its package: one whose start script can't run is in error, for as long as
/// that lasts.
pub(crate) fn standing(bot: BotRow, state: &State) -> BotRow {
    let start = state.scripts.values().find(|script| script.kind == ScriptKind::Start);
    let broken = start.filter(|script| script.program.is_none());
    let (status, status_reason) = match (bot.status.as_str(), broken) {
        ("active" | "error", Some(script)) => {
            ("error", Some(format!("The script {} has errors and never ran.", script.name)))
        }
        ("error", None) => ("active", None),
        _ => return bot,
    };
    BotRow { status: status.to_owned(), status_reason, ..bot }
}
