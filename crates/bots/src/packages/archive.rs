//! Reading packages: zips from strangers, folders from whoever operates the server.
//!
//! Nothing that an archive says of itself is believed: names are checked before anything is read, and sizes are
//! counted while inflating.

use std::{
    collections::{BTreeMap, HashSet},
    fs::File,
    io::{Read, Seek},
    path::Path,
};

use platform::objects::{ObjectError, Objects, Stored};
use zip::{ZipArchive, result::ZipError};

use super::{
    FileEntry, PackageError,
    layout::{self, Role},
};
use crate::Settings;

/// A package that was read: its files stand in the object store, scripts and settings are in memory as well.
#[derive(Debug, Default)]
pub(super) struct Unpacked {
    /// The name of the folder that held everything.
    pub(super) name: Option<String>,
    pub(super) files: BTreeMap<String, FileEntry>,
    pub(super) objects: Vec<Stored>,
    /// Scripts and settings by path.
    pub(super) texts: BTreeMap<String, String>,
    pub(super) warnings: Vec<String>,
}

fn invalid(error: &ZipError) -> PackageError {
    PackageError::Invalid(format!("it is no good zip ({error})"))
}

/// What is still allowed.
struct Budget<'a> {
    settings: &'a Settings,
    bytes: u64,
}

impl Budget<'_> {
    fn too_large(&self) -> PackageError {
        PackageError::TooLarge(format!("{} bytes unpacked", self.settings.unpacked_bytes))
    }
}

/// Reads a zip. Runs off the async threads.
pub(super) fn read_zip(
    source: impl Read + Seek,
    objects: &Objects,
    settings: &Settings,
) -> Result<Unpacked, PackageError> {
    let mut archive = ZipArchive::new(source).map_err(|error| invalid(&error))?;
    if archive.len() > settings.package_files {
        return Err(PackageError::TooLarge(format!("{} files", settings.package_files)));
    }
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|error| invalid(&error))?;
        let name = entry.name().map_err(|error| invalid(&error))?;
        if entry.is_symlink() {
            return Err(PackageError::UnsafePath(name.into_owned()));
        }
        if let Some(path) = layout::safe_path(&name)? {
            entries.push((index, path));
        }
    }
    let paths: Vec<_> = entries.iter().map(|(_, path)| path.clone()).collect();
    let (paths, name) = distinct(&paths)?;

    let mut unpacked = Unpacked { name, ..Unpacked::default() };
    let mut budget = Budget { settings, bytes: settings.unpacked_bytes };
    for ((index, _), path) in entries.into_iter().zip(paths) {
        let entry = archive.by_index(index).map_err(|error| invalid(&error))?;
        unpacked.take(path, entry, objects, &mut budget)?;
    }
    Ok(unpacked)
}

/// Reads a folder. Runs off the async threads.
pub(super) fn read_folder(
    folder: &Path,
    objects: &Objects,
    settings: &Settings,
) -> Result<Unpacked, PackageError> {
    let failed = |cause: std::io::Error| PackageError::Invalid(format!("{}: {cause}", folder.display()));
    let mut found = Vec::new();
    walk(folder, "", &mut found).map_err(failed)?;
    found.sort();
    if found.len() > settings.package_files {
        return Err(PackageError::TooLarge(format!("{} files", settings.package_files)));
    }
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.map(|name| name.strip_suffix(".gbai").unwrap_or(&name).to_owned());
    let mut unpacked = Unpacked { name, ..Unpacked::default() };
    let mut budget = Budget { settings, bytes: settings.unpacked_bytes };
    for path in found {
        let file = File::open(folder.join(&path)).map_err(failed)?;
        unpacked.take(path, file, objects, &mut budget)?;
    }
    Ok(unpacked)
}

fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&entry.path(), &format!("{path}/"), found)?;
        } else if kind.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

/// The paths without their common root. Two that differ only in case would be one file elsewhere.
fn distinct(paths: &[String]) -> Result<(Vec<String>, Option<String>), PackageError> {
    if paths.is_empty() {
        return Err(PackageError::Invalid("it holds no files".to_owned()));
    }
    let (paths, name) = layout::rooted(paths);
    let mut seen = HashSet::new();
    match paths.iter().find(|path| !seen.insert(kernel::text::key(path))) {
        Some(twice) => Err(PackageError::UnsafePath(twice.clone())),
        None => Ok((paths, name)),
    }
}

impl Unpacked {
    fn take(
        &mut self,
        path: String,
        content: impl Read,
        objects: &Objects,
        budget: &mut Budget<'_>,
    ) -> Result<(), PackageError> {
        let role = layout::role(&path);
        let stored = if matches!(role, Role::Script | Role::Settings) {
            self.take_text(&path, content, objects, budget)?
        } else {
            let kept = objects.put_reader(content, budget.bytes);
            kept.map_err(|error| match error {
                ObjectError::TooLarge(_) => budget.too_large(),
                ObjectError::Io(cause) if cause.kind() == std::io::ErrorKind::InvalidData => {
                    PackageError::Invalid(format!("{path} is damaged"))
                }
                other => other.into(),
            })?
        };
        budget.bytes = budget.bytes.checked_sub(stored.size).ok_or_else(|| budget.too_large())?;
        if role == Role::Unknown {
            self.warnings.push(format!("{path} lies in a folder that nobody reads."));
        }
        self.objects.push(stored);
        let entry = FileEntry { path: path.clone(), checksum: stored.hash.to_string(), size: stored.size };
        self.files.insert(path, entry);
        Ok(())
    }

    fn take_text(
        &mut self,
        path: &str,
        content: impl Read,
        objects: &Objects,
        budget: &Budget<'_>,
    ) -> Result<Stored, PackageError> {
        let limit = budget.settings.script_bytes.min(budget.bytes);
        let mut bytes = Vec::new();
        let read = content.take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|_| PackageError::Invalid(format!("{path} is damaged")))?;
        if bytes.len() as u64 > limit {
            return Err(PackageError::TooLarge(format!("{limit} bytes for {path}")));
        }
        let stored = objects.put_reader(bytes.as_slice(), limit)?;
        let text =
            String::from_utf8(bytes).map_err(|_| PackageError::Invalid(format!("{path} is not UTF-8")))?;
        self.texts.insert(path.to_owned(), text);
        Ok(stored)
    }
}
