//! Compiling the scripts of a package.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use basic::{Known, commands::DECLARED, schema::Table};

use super::{
    PackageError, ScriptEntry, ScriptKind, ScriptReport, ScriptStatus,
    install::Program,
    layout::{self, Role},
    places::Places,
    state::State,
};
use crate::{config::known::variable, conversations::OF_DIALOGS, tables::definition::folded};

/// The names of a state's scripts, by path.
pub(super) fn script_names(state: &State) -> BTreeMap<String, String> {
    layout::script_names(
        state.files.keys().map(String::as_str).filter(|path| layout::role(path) == Role::Script),
    )
}

/// A script's path, name and text.
pub(super) type Source = (String, String, String);

/// What the scripts of a package may name without saying what it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Compiling {
    scripts: Vec<String>,
    variables: Vec<String>,
    tables: Vec<String>,
    /// What the modules of the server perform. None where that is not known.
    performed: Option<Arc<[&'static str]>>,
}

/// What compiling the scripts of a package gives beside their state.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    /// The programs of those without errors.
    pub(super) programs: Vec<Program>,
    /// The tables that they declare, with the indexes on them; of two of one name the first.
    pub(super) tables: Vec<Table>,
    /// Tables of those with errors, folded: declared, and not to be read.
    pub(super) unread: BTreeSet<String>,
    pub(super) warnings: Vec<String>,
}

impl Compiling {
    /// What scripts of a package with these scripts and settings may name.
    pub(crate) fn of<'a>(
        scripts: impl Iterator<Item = &'a str>,
        settings: impl Iterator<Item = &'a str>,
    ) -> Self {
        Self {
            scripts: scripts.map(str::to_owned).collect(),
            variables: settings.filter_map(variable).collect(),
            tables: Vec::new(),
            performed: None,
        }
    }

    /// The same where these commands are performed by the modules of the server.
    pub(crate) fn on(mut self, performed: Option<Arc<[&'static str]>>) -> Self {
        self.performed = performed;
        self
    }

    /// The same with tables that they may refer to.
    pub(crate) fn with_tables(mut self, tables: impl IntoIterator<Item = String>) -> Self {
        self.tables.extend(tables);
        self
    }

    /// The same as the compiler takes it.
    pub(crate) fn known(&self) -> Known<'_> {
        let own = self.variables.iter().map(String::as_str);
        let commands = |performed: &Arc<[&'static str]>| {
            performed.iter().chain(OF_DIALOGS).chain(DECLARED).copied().collect()
        };
        Known {
            variables: crate::conversations::PROVIDED.iter().copied().chain(own).collect(),
            scripts: Some(self.scripts.iter().map(String::as_str).collect()),
            tables: Some(self.tables.iter().map(String::as_str).collect()),
            commands: self.performed.as_ref().map(commands),
            ..Known::default()
        }
    }
}

/// Packages that are compiled at once. Each holds a core for as long as it takes.
pub(super) const COMPILED_AT_ONCE: usize = 2;

/// Compiles every script of a state. A script with errors keeps the program that ran before.
pub(super) async fn compile_all(
    places: &Places,
    old: &State,
    state: &mut State,
    sources: Vec<Source>,
    compiling: Compiling,
) -> Result<Compiled, PackageError> {
    let compiled = places.run(move || {
        let declared = sources.iter().map(|(_, _, source)| tables_in(source)).collect::<Vec<_>>();
        let compiling = compiling.with_tables(declared.concat());
        let known = compiling.known();
        let compile = |((path, name, source), tables): (Source, Vec<String>)| {
            let compiled = basic::compile(&name, &source, &known);
            (path, name, tables, compiled)
        };
        sources.into_iter().zip(declared).map(compile).collect::<Vec<_>>()
    });
    let mut all = Compiled::default();
    let mut indexes = Vec::new();
    for (path, name, tables, compiled) in compiled.await? {
        let diagnostics: Vec<_> = compiled.diagnostics.iter().map(ScriptReport::from).collect();
        let mut script = ScriptEntry {
            kind: if kernel::text::key(&name) == "start" { ScriptKind::Start } else { ScriptKind::Dialog },
            name,
            path: path.clone(),
            status: ScriptStatus::Error,
            diagnostics,
            program: old.scripts.get(&path).and_then(|script| script.program.clone()),
            tool: old.scripts.get(&path).and_then(|script| script.tool.clone()),
            schedules: old.scripts.get(&path).map(|script| script.schedules.clone()).unwrap_or_default(),
            webhooks: old.scripts.get(&path).map(|script| script.webhooks.clone()).unwrap_or_default(),
        };
        if let Some(program) = &compiled.program {
            let hash = program.hash();
            all.programs.push((hash.0, program.to_bytes()));
            script.program = Some(hash.to_string());
            script.status = ScriptStatus::Compiled;
            script.kind = kind_of(script.kind, program);
            script.tool.clone_from(&program.declarations().tool);
            script.webhooks.clone_from(&program.declarations().webhooks);
            script.schedules = program.declarations().schedules.iter().map(ToString::to_string).collect();
            for table in &program.declarations().tables {
                if all.tables.iter().any(|other| folded(&other.name) == folded(&table.name)) {
                    let table = &table.name;
                    all.warnings
                        .push(format!("{path} declares the table {table}, and another script did before."));
                } else {
                    all.tables.push(table.clone());
                }
            }
            indexes.extend(
                program
                    .declarations()
                    .indexes
                    .iter()
                    .map(basic::Index::of_table)
                    .map(|(table, index)| (folded(table), index)),
            );
        } else {
            all.unread.extend(tables.iter().map(|table| folded(table)));
        }
        state.scripts.insert(path, script);
    }
    for (name, index) in indexes {
        let table = all.tables.iter_mut().find(|table| folded(&table.name) == name);
        if let Some(table) =
            table.filter(|table| index.columns.iter().all(|column| table.column(column).is_some()))
        {
            table.indexes.push(index);
        } else if !all.unread.contains(&name) {
            let index = &index.name;
            all.warnings
                .push(format!("The index {index} isn't made: no script declares such columns of {name}."));
        }
    }
    Ok(all)
}

/// The tables that a script declares. Most declare none, and need not be read twice.
fn tables_in(source: &str) -> Vec<String> {
    let word = b"table";
    let may = source.as_bytes().windows(word.len()).any(|bytes| bytes.eq_ignore_ascii_case(word));
    if may { basic::tables_in(source) } else { Vec::new() }
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
    } else if !declared.handlers.is_empty() {
        ScriptKind::Handler
    } else {
        ScriptKind::Dialog
    }
}
