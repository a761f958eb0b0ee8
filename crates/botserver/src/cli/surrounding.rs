//! The package around a script: what it says the script may use.

use std::path::{Path, PathBuf};

use basic::{Data, Known};

/// What the package around a script says it may use: scripts, collections, tables, and the variables of its settings.
#[derive(Debug, Default)]
pub(super) struct Surrounding {
    /// `param-x` of the settings as `x`, each with its value.
    pub(super) variables: Vec<(String, Data)>,
    scripts: Option<Vec<String>>,
    kbs: Option<Vec<String>>,
    tables: Option<Vec<String>>,
}

impl Surrounding {
    /// What the package a script lies in has. A script of its own has none, and nothing is known then.
    pub(super) fn of(file: &Path) -> Self {
        package_of(file).map(Self::in_package).unwrap_or_default()
    }

    fn in_package(package: &Path) -> Self {
        let mut found = Self { scripts: Some(Vec::new()), kbs: Some(Vec::new()), ..Self::default() };
        for folder in folders(package) {
            if has_suffix(&folder, "gbdialog") {
                found.scripts.get_or_insert_default().extend(names(&folder, Some("bas")));
            } else if has_suffix(&folder, "gbkb") {
                found.kbs.get_or_insert_default().extend(names(&folder, None));
            } else if has_suffix(&folder, "gbot") {
                let settings = std::fs::read_to_string(folder.join("config.csv")).unwrap_or_default();
                found.variables.extend(settings.lines().filter_map(parameter));
            }
        }
        found.scripts.get_or_insert_default().extend(names(package, Some("bas")));
        let sources =
            paths(package, Some("bas")).into_iter().filter_map(|path| std::fs::read_to_string(path).ok());
        found.tables = Some(sources.flat_map(|source| basic::tables_in(&source)).collect());
        found
    }

    pub(super) fn known(&self) -> Known<'_> {
        fn borrowed(names: &[String]) -> Vec<&str> {
            names.iter().map(String::as_str).collect()
        }
        Known {
            variables: self.variables.iter().map(|(name, _)| name.as_str()).collect(),
            scripts: self.scripts.as_deref().map(borrowed),
            tools: self.scripts.as_deref().map(borrowed),
            kbs: self.kbs.as_deref().map(borrowed),
            tables: self.tables.as_deref().map(borrowed),
            // A script at a desk is for any server.
            commands: None,
        }
    }
}

/// The folder of the package that a file lies in.
pub(super) fn package_of(file: &Path) -> Option<&Path> {
    file.ancestors().find(|folder| has_suffix(folder, "gbai"))
}

/// The variable that a row of settings gives scripts: `param-limit,5`, whose key may be written `Param Limit`.
fn parameter(row: &str) -> Option<(String, Data)> {
    let unquoted = |cell: &str| {
        let cell = cell.trim();
        let inside = cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"'));
        inside.map_or_else(|| cell.to_owned(), |inside| inside.replace("\"\"", "\""))
    };
    let (key, value) = row.split_once(',')?;
    let key = unquoted(key).to_lowercase();
    let name = key.strip_prefix("param")?.strip_prefix(['-', '_', ' '])?.trim();
    let value = unquoted(value);
    let plain = serde_json::from_str(&value)
        .ok()
        .filter(|read| matches!(read, Data::Bool(_) | Data::Integer(_) | Data::Number(_)));
    (!name.is_empty()).then(|| (name.to_owned(), plain.unwrap_or(Data::Text(value))))
}

fn has_suffix(path: &Path, suffix: &str) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(suffix))
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(of).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// The names in a folder and its folders, without their suffix: files of a kind, or folders where no kind is given.
fn names(folder: &Path, kind: Option<&str>) -> Vec<String> {
    paths(folder, kind).iter().map(|path| script_name(path)).collect()
}

/// What lies in a folder and its folders: files of a kind, or folders where no kind is given.
fn paths(folder: &Path, kind: Option<&str>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let wanted = match kind {
                Some(kind) => has_suffix(&path, kind),
                None => path.is_dir(),
            };
            // Not through links, which may lead in a circle.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(path.clone());
            }
            if wanted {
                found.push(path);
            }
        }
    }
    found
}

pub(super) fn script_name(file: &Path) -> String {
    file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}
