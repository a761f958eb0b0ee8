//! Where things are in a package: folders by their suffix, scripts by theirs.

use std::collections::{BTreeMap, HashMap};

use super::PackageError;

/// Characters of a path at the most.
const LONGEST: usize = 400;
/// Folders within folders at the most.
const DEEPEST: usize = 16;

/// What a file of a package is, by where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A script.
    Script,
    /// The settings, `config.csv`.
    Settings,
    /// A document of a collection.
    Knowledge,
    /// Kept for other parts of the server.
    Kept,
    /// Kept, though nobody reads it.
    Unknown,
}

impl Role {
    /// Is it read as text when it is installed?
    pub(super) const fn is_text(self) -> bool {
        matches!(self, Self::Script | Self::Settings)
    }
}

/// A path that stays in the package: parted by slashes, relative, with nothing that a file system takes specially.
/// None for folders.
pub(crate) fn safe_path(name: &str) -> Result<Option<String>, PackageError> {
    let refused = || Err(PackageError::UnsafePath(name.chars().take(LONGEST).collect()));
    let is_folder = name.ends_with('/');
    let path = name.strip_suffix('/').unwrap_or(name);
    let parts: Vec<_> = path.split('/').collect();
    let bad_part = |part: &&str| {
        part.is_empty()
            || matches!(*part, "." | "..")
            || part.ends_with([' ', '.'])
            || part.starts_with(' ')
            || is_device(part)
    };
    let bad_character = |c: char| matches!(c, '\\' | ':') || kernel::text::disturbs(c);
    if path.chars().count() > LONGEST
        || parts.len() > DEEPEST
        || parts.iter().any(bad_part)
        || path.chars().any(bad_character)
    {
        return refused();
    }
    Ok((!is_folder).then(|| path.to_owned()))
}

/// Names that mean a device on Windows, with any ending.
fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul")
        || numbered.is_some_and(|number| matches!(number.as_bytes(), [b'1'..=b'9']))
}

/// What operating systems leave in folders and archives beside people's files.
pub(super) fn is_litter(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or_default();
    path.split('/').any(|part| part == "__MACOSX")
        || matches!(file, ".DS_Store" | "Thumbs.db" | "desktop.ini")
}

/// Each of these paths must be a place of its own: two that differ only in case would be one file elsewhere, and what
/// is a file can't be a folder, too.
pub(crate) fn check_distinct<'a>(paths: impl Iterator<Item = &'a str>) -> Result<(), PackageError> {
    let mut files = HashMap::new();
    for path in paths {
        if files.insert(kernel::text::key(path), path).is_some() {
            return Err(PackageError::UnsafePath(path.to_owned()));
        }
    }
    let is_inside = |path: &&String| path.match_indices('/').any(|(at, _)| files.contains_key(&path[..at]));
    match files.keys().find(is_inside) {
        Some(inside) => Err(PackageError::UnsafePath(files[inside].to_owned())),
        None => Ok(()),
    }
}

/// The paths without the package's own folder (`name.gbai`, or the one folder that holds everything, or one in the
/// other), with its name.
pub(crate) fn rooted(paths: &[String]) -> (Vec<String>, Option<String>) {
    let Some(root) = common_root(paths) else { return (paths.to_vec(), None) };
    let inner: Vec<String> = paths.iter().map(|path| path[root.len() + 1..].to_owned()).collect();
    if let Some(name) = package_name(root) {
        return (inner, Some(name.to_owned()));
    }
    if common_root(&inner).and_then(package_name).is_some() {
        return rooted(&inner);
    }
    let name = Some(root.to_owned());
    (inner, name)
}

/// The folder that holds all of these, unless it is one of a package.
fn common_root(paths: &[String]) -> Option<&str> {
    let (root, _) = paths.first()?.split_once('/')?;
    let within = |path: &String| path.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
    (folder_kind(root).is_none() && paths.iter().all(within)).then_some(root)
}

/// The name of the package whose folder it is.
pub(super) fn package_name(folder: &str) -> Option<&str> {
    let at = folder.len().checked_sub(".gbai".len())?;
    folder.get(at..).filter(|end| end.eq_ignore_ascii_case(".gbai")).map(|_| &folder[..at])
}

/// Two packages in one can't be installed into one bot.
pub(super) fn check_single(paths: &[String]) -> Result<(), PackageError> {
    let mut packages: Vec<_> =
        paths.iter().filter_map(|path| path.split_once('/')).map(|(top, _)| top).collect();
    packages.retain(|top| package_name(top).is_some());
    packages.sort_unstable();
    packages.dedup();
    if packages.len() > 1 {
        return Err(PackageError::Invalid(format!("it holds several packages: {}", packages.join(", "))));
    }
    Ok(())
}

const KNOWN: [&str; 7] = ["gbdialog", "gbot", "gbkb", "gbdata", "gbdrive", "gbtheme", "gbui"];

const SETTINGS: &str = "config.csv";
/// A package in the older form: one file with the text of its script.
const OLD_START: &str = "default.gbdialog";

/// What a folder of a package holds, by its suffix; the name before it doesn't matter and may be missing.
fn folder_kind(folder: &str) -> Option<&'static str> {
    let folder = folder.to_ascii_lowercase();
    let kind = folder.rsplit_once('.').map_or(folder.as_str(), |(_, suffix)| suffix);
    KNOWN.into_iter().find(|known| *known == kind)
}

fn is_script(file: &str) -> bool {
    file.rsplit_once('.').is_some_and(|(_, suffix)| suffix.eq_ignore_ascii_case("bas"))
}

/// What a file is. Any folder with a known suffix counts, whatever its name; scripts in the root count, too.
pub(crate) fn role(path: &str) -> Role {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let is_settings = file.eq_ignore_ascii_case(SETTINGS);
    if folder.is_empty() {
        return match file {
            _ if is_script(file) || file.eq_ignore_ascii_case(OLD_START) => Role::Script,
            _ if is_settings => Role::Settings,
            _ => Role::Kept,
        };
    }
    match folder_kind(path.split('/').next().unwrap_or_default()) {
        Some("gbdialog") if is_script(file) => Role::Script,
        Some("gbot") if is_settings => Role::Settings,
        Some("gbkb") => Role::Knowledge,
        Some(_) => Role::Kept,
        None => Role::Unknown,
    }
}

/// The settings of a package: those in its `.gbot` folder before those in its root.
pub(super) fn settings_of<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found: Vec<_> = paths.filter(|path| role(path) == Role::Settings).collect();
    found.sort_by_key(|path| (!path.contains('/'), *path));
    found
}

/// The data file of that name among these paths: what stands after the folder, ignoring case.
pub(crate) fn data_file<'a>(paths: impl Iterator<Item = &'a str>, name: &str) -> Option<&'a str> {
    let name = kernel::text::key(name.trim_start_matches('/'));
    data_files(paths).find(|(_, rest)| kernel::text::key(rest) == name).map(|(path, _)| path)
}

/// Where a new data file of that name goes; none if no file can have the name.
pub(crate) fn new_data_file<'a>(
    paths: impl Iterator<Item = &'a str>,
    slug: &str,
    name: &str,
) -> Option<String> {
    let present = data_files(paths).next().and_then(|(path, _)| path.split_once('/'));
    let folder = present.map_or_else(|| format!("{slug}.gbdata"), |(folder, _)| folder.to_owned());
    safe_path(&format!("{folder}/{name}")).ok().flatten()
}

/// The file of the drive of that name among these paths: what stands after the folder, ignoring case.
pub(crate) fn drive_file<'a>(paths: impl Iterator<Item = &'a str>, name: &str) -> Option<&'a str> {
    let name = kernel::text::key(name);
    drive_files(paths).find(|(_, rest)| kernel::text::key(rest) == name).map(|(path, _)| path)
}

/// Where a new file of the drive of that name goes; none if no file can have the name.
pub(crate) fn new_drive_file<'a>(
    paths: impl Iterator<Item = &'a str>,
    slug: &str,
    name: &str,
) -> Option<String> {
    let present = drive_files(paths).next().and_then(|(path, _)| path.split_once('/'));
    let folder = present.map_or_else(|| format!("{slug}.gbdrive"), |(folder, _)| folder.to_owned());
    safe_path(name).ok().flatten()?;
    safe_path(&format!("{folder}/{name}")).ok().flatten()
}

/// The files of the drive, with what stands after the folder.
pub(crate) fn drive_files<'a>(
    paths: impl Iterator<Item = &'a str>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    files_in("gbdrive", paths)
}

/// The file of the theme of that name among these paths: what stands after the folder.
pub(crate) fn theme_file<'a>(paths: impl Iterator<Item = &'a str>, name: &str) -> Option<&'a str> {
    theme_files(paths).find(|(_, rest)| *rest == name).map(|(path, _)| path)
}

/// The files of the theme, with what stands after the folder.
pub(crate) fn theme_files<'a>(
    paths: impl Iterator<Item = &'a str>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    files_in("gbtheme", paths)
}

/// The files of data folders, with what stands after the folder.
fn data_files<'a>(paths: impl Iterator<Item = &'a str>) -> impl Iterator<Item = (&'a str, &'a str)> {
    files_in("gbdata", paths)
}

fn files_in<'a>(
    kind: &'static str,
    paths: impl Iterator<Item = &'a str>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    paths.filter_map(move |path| {
        let (folder, rest) = path.split_once('/')?;
        (folder_kind(folder) == Some(kind)).then_some((path, rest))
    })
}

/// What is to be said of a file in a folder of no known kind.
pub(super) fn nobody_reads(path: &str) -> String {
    format!("{path} lies in a folder that nobody reads.")
}

/// The names of scripts by their paths: the file's name, or `folder/name` where another script has it already.
pub(crate) fn script_names<'a>(paths: impl Iterator<Item = &'a str>) -> BTreeMap<String, String> {
    let mut paths: Vec<_> = paths.collect();
    // What lies higher keeps the short name; the older form gives way.
    let is_old = |path: &str| path.eq_ignore_ascii_case(OLD_START);
    paths.sort_by_key(|path| (is_old(path), path.matches('/').count(), path.to_owned()));
    let mut taken = BTreeMap::new();
    for path in paths {
        let stem = |file: &str| file.rsplit_once('.').map_or(file, |(stem, _)| stem).to_owned();
        let mut longer: Vec<String> = Vec::new();
        if is_old(path) {
            longer.extend(["default".to_owned(), path.to_owned()]);
            longer.insert(0, "start".to_owned());
        } else {
            let mut parts = path.rsplit('/');
            let mut name = parts.next().map(stem).unwrap_or_default();
            longer.push(name.clone());
            for folder in parts {
                name = format!("{folder}/{name}");
                longer.push(name.clone());
            }
        }
        let free = longer.into_iter().find(|name| !taken.contains_key(&kernel::text::key(name)));
        if let Some(name) = free {
            taken.insert(kernel::text::key(&name), (path.to_owned(), name));
        }
    }
    taken.into_values().collect()
}
