//! Where things are in a package: folders by their suffix, scripts by theirs.

use std::collections::BTreeMap;

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

/// A path that stays in the package: parted by slashes, relative, with nothing that a file system takes specially.
/// None for folders.
pub(crate) fn safe_path(name: &str) -> Result<Option<String>, PackageError> {
    let refused = || Err(PackageError::UnsafePath(name.chars().take(LONGEST).collect()));
    let is_folder = name.ends_with('/');
    let path = name.strip_suffix('/').unwrap_or(name);
    let parts: Vec<_> = path.split('/').collect();
    let bad_part = |part: &&str| {
        part.is_empty() || matches!(*part, "." | "..") || part.ends_with([' ', '.']) || part.starts_with(' ')
    };
    let bad_character = |c: char| c.is_control() || matches!(c, '\\' | ':' | '\u{202e}' | '\u{202d}');
    if path.chars().count() > LONGEST
        || parts.len() > DEEPEST
        || parts.iter().any(bad_part)
        || path.chars().any(bad_character)
    {
        return refused();
    }
    Ok((!is_folder).then(|| path.to_owned()))
}

/// The paths without the package's own folder (`name.gbai`, or the one folder that holds everything), with its name.
pub(crate) fn rooted(paths: &[String]) -> (Vec<String>, Option<String>) {
    let root = paths.first().and_then(|path| path.split_once('/')).map(|(root, _)| root.to_owned());
    let Some(root) = root.filter(|root| {
        let within =
            |path: &String| path.strip_prefix(root.as_str()).is_some_and(|rest| rest.starts_with('/'));
        !KNOWN.contains(&suffix(root).unwrap_or_default()) && paths.iter().all(within)
    }) else {
        return (paths.to_vec(), None);
    };
    let name = root.strip_suffix(".gbai").unwrap_or(&root).to_owned();
    (paths.iter().map(|path| path[root.len() + 1..].to_owned()).collect(), Some(name))
}

const KNOWN: [&str; 7] = ["gbdialog", "gbot", "gbkb", "gbdata", "gbdrive", "gbtheme", "gbui"];

const SETTINGS: &str = "config.csv";

fn suffix(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(_, suffix)| suffix)
}

fn is_script(file: &str) -> bool {
    suffix(file).is_some_and(|suffix| suffix.eq_ignore_ascii_case("bas"))
}

/// What a file is. Any folder with a known suffix counts, whatever its name; scripts in the root count, too.
pub(crate) fn role(path: &str) -> Role {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let top = path.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let in_root = folder.is_empty();
    let kind = if in_root { None } else { suffix(&top) };
    match kind {
        Some("gbdialog") if is_script(file) => Role::Script,
        Some("gbot") if file.eq_ignore_ascii_case(SETTINGS) => Role::Settings,
        Some("gbkb") => Role::Knowledge,
        Some(kind) if KNOWN.contains(&kind) => Role::Kept,
        None if in_root && is_script(file) => Role::Script,
        None if in_root && file.eq_ignore_ascii_case(SETTINGS) => Role::Settings,
        None if in_root => Role::Kept,
        _ => Role::Unknown,
    }
}

/// The names of scripts by their paths: the file's name, or `folder/name` where another script has it already.
pub(crate) fn script_names<'a>(paths: impl Iterator<Item = &'a str>) -> BTreeMap<String, String> {
    let mut paths: Vec<_> = paths.collect();
    // What lies higher keeps the short name.
    paths.sort_by_key(|path| (path.matches('/').count(), path.to_owned()));
    let mut taken = BTreeMap::new();
    for path in paths {
        let stem = |file: &str| file.rsplit_once('.').map_or(file, |(stem, _)| stem).to_owned();
        let mut parts: Vec<_> = path.rsplit('/').collect();
        let mut name = stem(parts.remove(0));
        for folder in parts {
            if !taken.contains_key(&kernel::text::key(&name)) {
                break;
            }
            name = format!("{folder}/{name}");
        }
        taken.entry(kernel::text::key(&name)).or_insert((path.to_owned(), name));
    }
    taken.into_values().collect()
}
