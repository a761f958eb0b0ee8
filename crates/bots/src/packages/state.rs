//! A state of a package: its files, and what became of its scripts.

use std::collections::BTreeMap;

use kernel::Error;
use platform::db::Json;

use super::{
    FileEntry, Installed, PackageError, ScriptEntry, ScriptKind, ScriptReport,
    compile::Compiling,
    layout::{self, Role},
    model::FileReport,
    store::VersionRow,
};
use crate::{Settings, bots::PackageSummary};

/// A state of a package: its files, and its scripts by path.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) files: BTreeMap<String, FileEntry>,
    pub(crate) scripts: BTreeMap<String, ScriptEntry>,
    /// Its settings, secrets hidden.
    pub(crate) settings: BTreeMap<String, String>,
    /// What they hide.
    pub(crate) sealed: Option<Vec<u8>>,
}

impl State {
    pub(crate) fn read(row: &VersionRow) -> Result<Self, PackageError> {
        let files: Vec<FileEntry> = row.files.read()?;
        let scripts: Vec<ScriptEntry> = row.scripts.read()?;
        Ok(Self {
            files: files.into_iter().map(|file| (file.path.clone(), file)).collect(),
            scripts: scripts.into_iter().map(|script| (script.path.clone(), script)).collect(),
            settings: row.config.as_ref().map(Json::read).transpose()?.unwrap_or_default(),
            sealed: row.secrets.clone(),
        })
    }

    /// The scripts that a model may call.
    pub(crate) fn tools(&self) -> impl Iterator<Item = &ScriptEntry> {
        self.scripts.values().filter(|script| script.tool.is_some())
    }

    /// The script of that name.
    pub(crate) fn script(&self, name: &str) -> Option<&ScriptEntry> {
        let wanted = kernel::text::key(name);
        self.scripts.values().find(|script| kernel::text::key(&script.name) == wanted)
    }

    /// What its scripts may name without saying what it is.
    pub(crate) fn compiling(&self) -> Compiling {
        let names = self.scripts.values().map(|script| script.name.as_str());
        Compiling::of(names, self.settings.keys().map(String::as_str))
    }

    /// The tool of that name: as the model calls it, or as the script is called.
    pub(crate) fn tool(&self, name: &str) -> Result<&ScriptEntry, PackageError> {
        let named = |script: &&ScriptEntry| script.tool.as_ref().is_some_and(|tool| tool.name == name);
        if let Some(script) = self.tools().find(named) {
            return Ok(script);
        }
        let script = self.script(name).ok_or(PackageError::ScriptNotFound)?;
        script.tool.is_some().then_some(script).ok_or(PackageError::NotATool)
    }

    /// A file of the package as a request names it.
    pub(crate) fn file(&self, path: &str) -> Result<&FileEntry, PackageError> {
        self.files.get(path).ok_or(PackageError::FileNotFound)
    }

    /// What holds for any package, wherever its files came from.
    pub(super) fn check(&self, settings: &Settings) -> Result<(), PackageError> {
        let too_large = |what: String| Err(PackageError::TooLarge(what));
        if self.files.len() > settings.package_files {
            return too_large(format!("{} files", settings.package_files));
        }
        if self.files.values().map(|file| file.size).sum::<u64>() > settings.unpacked_bytes {
            return too_large(format!("{} bytes unpacked", settings.unpacked_bytes));
        }
        let texts = self.files.values().filter(|file| layout::role(&file.path).is_text());
        if texts.map(|file| file.size).sum::<u64>() > settings.package_script_bytes {
            return too_large(format!("{} bytes of scripts", settings.package_script_bytes));
        }
        if self.tools().count() > settings.tools_per_bot {
            return Err(PackageError::ToolLimit(settings.tools_per_bot));
        }
        if self.scripts.values().map(|script| script.schedules.len()).sum::<usize>()
            > settings.schedules_per_bot
        {
            return Err(PackageError::ScheduleLimit(settings.schedules_per_bot));
        }
        if self.scripts.values().map(|script| script.webhooks.len()).sum::<usize>() > settings.hooks_per_bot {
            return Err(PackageError::HookLimit(settings.hooks_per_bot));
        }
        layout::check_distinct(self.files.keys().map(String::as_str))
    }

    pub(super) fn start_program(&self) -> Result<Option<[u8; 32]>, PackageError> {
        let start = self.scripts.values().find(|script| script.kind == ScriptKind::Start);
        start.and_then(|script| script.program.as_deref()).map(hash_bytes).transpose()
    }

    pub(super) fn summary(&self) -> PackageSummary {
        let mut collections: Vec<_> = self
            .files
            .keys()
            .filter(|path| layout::role(path) == Role::Knowledge)
            // Each folder within is one; what lies beside them is of none.
            .filter_map(|path| path.split_once('/')?.1.split_once('/'))
            .map(|(collection, _)| collection)
            .collect();
        collections.sort_unstable();
        collections.dedup();
        PackageSummary {
            scripts: self.scripts.len() as u64,
            tools: self.tools().count() as u64,
            kb_collections: collections.len() as u64,
            size: self.files.values().map(|file| file.size).sum(),
        }
    }
}

pub(crate) fn hash_bytes(text: &str) -> Result<[u8; 32], PackageError> {
    let hash = text.parse::<platform::objects::ObjectHash>();
    hash.map(|hash| hash.0).map_err(|cause| PackageError::Other(Error::internal(cause)))
}

/// What is to be said of its scripts.
pub(super) fn reports(state: &State) -> Vec<FileReport> {
    state.scripts.values().flat_map(reports_of).collect()
}

/// Refuses scripts with errors, where that is wanted.
pub(super) fn refuse_errors(strict: bool, reports: &[FileReport]) -> Result<(), PackageError> {
    let failed: Vec<_> = reports.iter().filter(|report| report.report.is_error()).cloned().collect();
    if strict && !failed.is_empty() { Err(PackageError::Compile(failed)) } else { Ok(()) }
}

/// What is to be said of one.
pub(super) fn reports_of(script: &ScriptEntry) -> Vec<FileReport> {
    let of_file = |report: &ScriptReport| FileReport { file: script.path.clone(), report: report.clone() };
    script.diagnostics.iter().map(of_file).collect()
}

/// What an installation changes.
pub(super) fn difference(old: &State, new: &State) -> Installed {
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
