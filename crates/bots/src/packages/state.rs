//! A state of a package: its files, and what became of its scripts.

use std::collections::BTreeMap;

use kernel::Error;

use super::{
    FileEntry, Installed, PackageError, ScriptEntry, ScriptKind,
    layout::{self, Role},
    model::FileReport,
    store::VersionRow,
};
use crate::bots::PackageSummary;

/// A state of a package: its files, and its scripts by path.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) files: BTreeMap<String, FileEntry>,
    pub(crate) scripts: BTreeMap<String, ScriptEntry>,
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

    pub(super) fn start_program(&self) -> Result<Option<[u8; 32]>, PackageError> {
        let start = self.scripts.values().find(|script| script.kind == ScriptKind::Start);
        start.and_then(|script| script.program.as_deref()).map(hash_bytes).transpose()
    }

    pub(super) fn summary(&self) -> PackageSummary {
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

/// What is to be said of its scripts.
pub(super) fn reports(state: &State) -> Vec<FileReport> {
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
