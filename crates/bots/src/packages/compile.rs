//! Compiling the scripts of a package.

use std::collections::BTreeMap;

use basic::Known;
use kernel::Error;
use tokio::task::spawn_blocking;

use super::{
    PackageError, ScriptEntry, ScriptKind, ScriptReport, ScriptStatus,
    layout::{self, Role},
    state::State,
};

/// The names of a state's scripts, by path.
pub(super) fn script_names(state: &State) -> BTreeMap<String, String> {
    layout::script_names(
        state.files.keys().map(String::as_str).filter(|path| layout::role(path) == Role::Script),
    )
}

/// Compiles every script of a state, off the async threads. A script with errors keeps the program that ran before.
pub(super) async fn compile_all(
    old: &State,
    state: &mut State,
    sources: Vec<(String, String, String)>,
) -> Result<Vec<([u8; 32], Vec<u8>)>, PackageError> {
    let compiled = spawn_blocking(move || {
        let compile = |(path, name, source): (String, String, String)| {
            let compiled = basic::compile(&name, &source, &known());
            (path, name, compiled)
        };
        sources.into_iter().map(compile).collect::<Vec<_>>()
    });
    let mut programs = Vec::new();
    for (path, name, compiled) in compiled.await.map_err(Error::internal)? {
        let diagnostics: Vec<_> = compiled.diagnostics.iter().map(ScriptReport::from).collect();
        let mut script = ScriptEntry {
            kind: if kernel::text::key(&name) == "start" { ScriptKind::Start } else { ScriptKind::Dialog },
            name,
            path: path.clone(),
            status: ScriptStatus::Error,
            diagnostics,
            program: old.scripts.get(&path).and_then(|script| script.program.clone()),
        };
        if let Some(program) = &compiled.program {
            let hash = program.hash();
            programs.push((hash.0, program.to_bytes()));
            script.program = Some(hash.to_string());
            script.status = ScriptStatus::Compiled;
            script.kind = kind_of(script.kind, program);
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
    } else {
        ScriptKind::Dialog
    }
}

/// What scripts find without saying so.
pub(crate) fn known() -> Known<'static> {
    Known { variables: crate::conversations::PROVIDED.to_vec(), ..Known::default() }
}
