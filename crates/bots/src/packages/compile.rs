//! Compiling the scripts of a package.

use std::collections::BTreeMap;

use basic::Known;

use super::{
    PackageError, ScriptEntry, ScriptKind, ScriptReport, ScriptStatus,
    install::Program,
    layout::{self, Role},
    places::Places,
    state::State,
};
use crate::config::known::variable;

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
        }
    }

    /// The same as the compiler takes it.
    pub(crate) fn known(&self) -> Known<'_> {
        let own = self.variables.iter().map(String::as_str);
        Known {
            variables: crate::conversations::PROVIDED.iter().copied().chain(own).collect(),
            scripts: Some(self.scripts.iter().map(String::as_str).collect()),
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
) -> Result<Vec<Program>, PackageError> {
    let compiled = places.run(move || {
        let known = compiling.known();
        let compile = |(path, name, source): Source| {
            let compiled = basic::compile(&name, &source, &known);
            (path, name, compiled)
        };
        sources.into_iter().map(compile).collect::<Vec<_>>()
    });
    let mut programs = Vec::new();
    for (path, name, compiled) in compiled.await? {
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
            programs.push((hash.0, program.to_bytes()));
            script.program = Some(hash.to_string());
            script.status = ScriptStatus::Compiled;
            script.kind = kind_of(script.kind, program);
            script.tool.clone_from(&program.declarations().tool);
            script.webhooks.clone_from(&program.declarations().webhooks);
            script.schedules = program.declarations().schedules.iter().map(ToString::to_string).collect();
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
    } else if !declared.handlers.is_empty() {
        ScriptKind::Handler
    } else {
        ScriptKind::Dialog
    }
}
