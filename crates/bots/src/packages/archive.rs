//! Reading packages: zips from strangers, folders from whoever operates the server.
//!
//! Nothing that an archive says of itself is believed: names are checked before anything is read, and sizes are
//! counted while inflating.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Seek},
    path::Path,
};

use platform::objects::{ObjectError, Objects, Stored};
use zip::{ZipArchive, read::Config, result::ZipError, unstable::read::ZipIterable};

use super::{
    FileEntry, PackageError, Watch,
    layout::{self, Role},
    settings_csv::{self, Unclosed},
};
use crate::{Settings, config::known::Secrets};

/// A package that was read: its files stand in the object store, scripts and settings are in memory as well.
#[derive(Debug, Default)]
pub(super) struct Unpacked {
    /// The name of the folder that held everything.
    pub(super) name: Option<String>,
    pub(super) files: BTreeMap<String, FileEntry>,
    pub(super) objects: Vec<Stored>,
    /// Scripts and settings by path.
    pub(super) texts: BTreeMap<String, String>,
    /// What stood in the settings and nobody may see.
    pub(super) secrets: BTreeMap<String, Secrets>,
    pub(super) warnings: Vec<String>,
}

fn invalid(error: &ZipError) -> PackageError {
    PackageError::Invalid(format!("it is no good zip ({error})"))
}

/// What is still allowed.
struct Budget<'a> {
    settings: &'a Settings,
    bytes: u64,
    /// Of what stands in memory as text.
    text_bytes: u64,
}

impl<'a> Budget<'a> {
    fn of(settings: &'a Settings) -> Self {
        Self { settings, bytes: settings.unpacked_bytes, text_bytes: settings.package_script_bytes }
    }

    fn too_large(&self) -> PackageError {
        PackageError::TooLarge(format!("{} bytes unpacked", self.settings.unpacked_bytes))
    }
}

/// Looks through the directory of a zip, an entry at a time. [`ZipArchive`] keeps all that there are, however many
/// that is, and where the last directory is damaged it goes on to an earlier one, whose number nobody has looked at.
fn check_entries(source: impl Read + Seek, settings: &Settings) -> Result<(), PackageError> {
    let mut entries = ZipIterable::try_new(source, Config::default()).map_err(|error| invalid(&error))?;
    if entries.len() > settings.package_files {
        return Err(PackageError::TooLarge(format!("{} files", settings.package_files)));
    }
    let entries = entries.files().map_err(|error| invalid(&error))?;
    entries.try_for_each(|entry| entry.map(drop)).map_err(|error| invalid(&error))
}

/// Reads a zip. Runs off the async threads.
pub(super) fn read_zip(
    mut source: impl Read + Seek,
    objects: &Objects,
    settings: &Settings,
    watch: &Watch,
) -> Result<Unpacked, PackageError> {
    check_entries(&mut source, settings)?;
    let mut archive = ZipArchive::new(source).map_err(|error| invalid(&error))?;
    if archive.has_duplicate_names() {
        return Err(PackageError::Invalid("it holds two files of one name".to_owned()));
    }
    let (mut indexes, mut paths, mut litter) = (Vec::new(), Vec::new(), 0);
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|error| invalid(&error))?;
        let name = entry.name().map_err(|error| invalid(&error))?;
        if entry.is_symlink() {
            return Err(PackageError::UnsafePath(name.into_owned()));
        }
        if entry.encrypted() {
            return Err(PackageError::Invalid(format!("{name} is encrypted")));
        }
        match layout::safe_path(&name)? {
            Some(path) if layout::is_litter(&path) => litter += 1,
            Some(path) => {
                indexes.push(index);
                paths.push(path);
            }
            None => {}
        }
    }
    let mut unpacked = Unpacked::begin(litter);
    let paths = unpacked.root(&paths)?;
    let mut budget = Budget::of(settings);
    let all = paths.len();
    for (done, (index, path)) in indexes.into_iter().zip(paths).enumerate() {
        watch(done, all);
        let entry = archive.by_index(index).map_err(|error| invalid(&error))?;
        unpacked.take(path, entry, objects, &mut budget)?;
    }
    watch(all, all);
    Ok(unpacked)
}

/// Reads a folder. Runs off the async threads.
pub(super) fn read_folder(
    folder: &Path,
    objects: &Objects,
    settings: &Settings,
    watch: &Watch,
) -> Result<Unpacked, PackageError> {
    let failed = |cause: std::io::Error| PackageError::Invalid(format!("{}: {cause}", folder.display()));
    let mut found = Vec::new();
    walk(folder, "", &mut found).map_err(failed)?;
    found.sort();
    let all = found.len();
    found.retain(|path| !layout::is_litter(path));
    if found.len() > settings.package_files {
        return Err(PackageError::TooLarge(format!("{} files", settings.package_files)));
    }
    for path in &found {
        layout::safe_path(path)?;
    }
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let mut unpacked = Unpacked::begin(all - found.len());
    // A folder that is no package may hold one.
    let paths = if let Some(name) = name.as_deref().and_then(layout::package_name) {
        unpacked.name = Some(name.to_owned());
        check(&found)?;
        found.clone()
    } else {
        let rooted = unpacked.root(&found)?;
        unpacked.name = unpacked.name.take().or(name);
        rooted
    };
    let mut budget = Budget::of(settings);
    let all = found.len();
    for (done, (lies_at, path)) in found.iter().zip(paths).enumerate() {
        watch(done, all);
        let file = File::open(folder.join(lies_at)).map_err(failed)?;
        unpacked.take(path, file, objects, &mut budget)?;
    }
    watch(all, all);
    Ok(unpacked)
}

/// Reads files that are in memory. Runs off the async threads.
pub(super) fn read_files<'a>(
    files: impl Iterator<Item = (&'a str, &'a [u8])>,
    objects: &Objects,
    settings: &Settings,
) -> Result<Unpacked, PackageError> {
    let mut unpacked = Unpacked::default();
    let mut budget = Budget::of(settings);
    for (path, content) in files {
        unpacked.take(path.to_owned(), content, objects, &mut budget)?;
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

/// Are these the files of one package?
fn check(paths: &[String]) -> Result<(), PackageError> {
    if paths.is_empty() {
        return Err(PackageError::Invalid("it holds no files".to_owned()));
    }
    layout::check_single(paths)?;
    layout::check_distinct(paths.iter().map(String::as_str))
}

impl Unpacked {
    fn begin(litter: usize) -> Self {
        let passed_over = (litter > 0)
            .then(|| format!("{litter} files that an operating system left there were passed over."));
        Self { warnings: passed_over.into_iter().collect(), ..Self::default() }
    }

    /// The paths without the package's own folder, which gives the name.
    fn root(&mut self, paths: &[String]) -> Result<Vec<String>, PackageError> {
        check(paths)?;
        let (paths, name) = layout::rooted(paths);
        self.name = name;
        Ok(paths)
    }

    fn take(
        &mut self,
        path: String,
        content: impl Read,
        objects: &Objects,
        budget: &mut Budget<'_>,
    ) -> Result<(), PackageError> {
        let role = layout::role(&path);
        let stored = if role.is_text() {
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
            self.warnings.push(layout::nobody_reads(&path));
        }
        self.objects.push(stored);
        self.files.insert(path.clone(), FileEntry::of(path, &stored));
        Ok(())
    }

    fn take_text(
        &mut self,
        path: &str,
        content: impl Read,
        objects: &Objects,
        budget: &mut Budget<'_>,
    ) -> Result<Stored, PackageError> {
        let limit = budget.settings.script_bytes.min(budget.bytes);
        let mut bytes = Vec::new();
        let read = content.take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|_| PackageError::Invalid(format!("{path} is damaged")))?;
        let size = bytes.len() as u64;
        if size > limit {
            return Err(PackageError::TooLarge(format!("{limit} bytes for {path}")));
        }
        budget.text_bytes = budget.text_bytes.checked_sub(size).ok_or_else(|| {
            PackageError::TooLarge(format!("{} bytes of scripts", budget.settings.package_script_bytes))
        })?;
        let mut text = text_of(path, bytes)?;
        if layout::role(path) == Role::Settings {
            let (hidden, secrets) = hide(path, &text)?;
            text = hidden;
            self.secrets.insert(path.to_owned(), secrets);
        }
        let stored = objects.put_reader(text.as_bytes(), u64::MAX)?;
        self.texts.insert(path.to_owned(), text);
        Ok(stored)
    }
}

/// The text of settings without its secrets, and these.
pub(super) fn hide(path: &str, text: &str) -> Result<(String, Secrets), PackageError> {
    settings_csv::hide(text).map_err(|Unclosed(name)| {
        PackageError::Invalid(format!(
            "in {path} the value of {name} begins with a quote that nothing closes"
        ))
    })
}

/// Scripts and settings are UTF-8, and hold no U+0000, which no database keeps.
pub(super) fn text_of(path: &str, bytes: Vec<u8>) -> Result<String, PackageError> {
    let text = String::from_utf8(bytes).map_err(|_| PackageError::Invalid(format!("{path} is not UTF-8")))?;
    if text.contains('\0') {
        return Err(PackageError::Invalid(format!("{path} holds the character U+0000")));
    }
    Ok(text)
}
